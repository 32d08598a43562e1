"""Read the items of a file in JSON Lines: one in each line that is not blank.

Source: AWS Step Functions Developer Guide, "ItemReader (Map)"; jsonlines.org.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from partita.asl.item_readers.content import Lines, Start
from partita.integrations.objects import Location, ObjectStore

_decode = msgspec.json.Decoder().decode


class JsonLines:
    """The items of one object from a position on."""

    have_keys = False

    def __init__(self, store: ObjectStore, at: Location, position: Any) -> None:
        self._lines = Lines(store, at, msgspec.convert(position, Start | None))

    def __iter__(self) -> Iterator[Any]:
        """Return the items; fail at a line that is not JSON."""
        for line in self._lines:
            if not line.strip():
                continue
            try:
                yield _decode(line)
            except msgspec.DecodeError as error:
                self._lines.fail(f"it is not JSON: {error}", error)

    def position(self) -> Any:
        """Return where the next item is, as JSON."""
        return msgspec.to_builtins(self._lines.start())

    def close(self) -> None:
        """Give up the object."""
        self._lines.close()
