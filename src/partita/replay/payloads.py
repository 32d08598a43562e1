"""Convert the values of one run to payloads, and count the bytes that payloads take."""

from __future__ import annotations

from typing import Any

from partita.codec import ANY, Converter, Form
from partita.errors import UsageError


class Payloads:
    """The payloads of one run."""

    def __init__(self, converter: Converter) -> None:
        self.converter = converter
        self.size = 0  # bytes, roughly, of the payloads that the run holds
        self.fault: UsageError | None = None  # the last value that could not be stored

    def dump(self, value: Any, what: str, form: Form | None = ANY) -> str:
        """Return a value as a payload; without a form as plain JSON, for what knows no types.

        Raises:
            UsageError: it cannot be stored. If the workflow lets that pass, the decision task
                fails, not the execution: the code can be corrected, and the run goes on.
        """
        try:
            return self.converter.dump(value, what, form)
        except UsageError as error:
            self.fault = error
            raise
