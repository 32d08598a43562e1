"""Describe functions that read data sets, which a distributed Map state reads by itself.

What they do elsewhere is given: whoever reads objects is above this package.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from partita.errors import InvalidInputError

Read = Callable[[str, dict[str, Any], dict[str, Any]], list[Any]]
"""Reads all items, given the resource, its arguments and the reader's configuration."""


_DELIMITERS = ("COMMA", "PIPE", "SEMICOLON", "SPACE", "TAB")


def _is_headers(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, str) for one in value)


_SETTINGS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "MaxItems": (lambda one: type(one) is int and one >= 1, "a number of items, 1 or more"),
    "CSVDelimiter": (lambda one: one in _DELIMITERS, f"one of {', '.join(_DELIMITERS)}"),
    "CSVHeaders": (_is_headers, "a list of strings"),
    "ItemsPointer": (lambda one: isinstance(one, str) and one[:1] == "/", "a JSON Pointer: /a/b"),
}
"""What members of ReaderConfig may be."""


@dataclass(frozen=True)
class ItemReader:
    """A function whose call is an ItemReader in a state machine."""

    name: str
    action: str  # of S3
    arguments: tuple[str, ...]  # the action's; the first ones are needed
    needed: int
    settings: tuple[str, ...]  # members of ReaderConfig that may be given
    config: Mapping[str, Any] = field(hash=False)  # those that are always there
    read: Read = field(repr=False)

    @property
    def resource(self) -> str:
        """The resource of the ItemReader."""
        return f"arn:aws:states:::s3:{self.action}"

    def problem(self, given: Mapping[str, Any]) -> str | None:
        """Return what is wrong with the names of arguments, or None."""
        for name in given:
            if name not in (*self.arguments, *self.settings):
                known = ", ".join((*self.arguments, *self.settings))
                return f"there is no argument {name}; it has {known}"
        missing = [name for name in self.arguments[: self.needed] if name not in given]
        return f"the argument {missing[0]} is missing" if missing else None

    def unfit(self, name: str, value: Any) -> str | None:
        """Return what is wrong with a member of ReaderConfig, or None."""
        fits, what = _SETTINGS[name]
        return None if fits(value) else f"{name}={value!r} is not {what}"

    def fixed(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the members of ReaderConfig that do not depend on values."""
        has_headers = "CSVHeaders" in given
        headers = {"CSVHeaderLocation": "GIVEN" if has_headers else "FIRST_ROW"}
        return {**self.config, **(headers if "CSVHeaders" in self.settings else {})}

    def __call__(self, /, **given: Any) -> list[Any]:
        """Return all items.

        Raises:
            InvalidInputError: there is no such argument, or no such value of it.
            TaskFailedError: States.ItemReaderFailed; the objects cannot be read.
        """
        settings = {name: one for name, one in given.items() if name in self.settings}
        problems = [self.problem(given), *(self.unfit(*one) for one in settings.items())]
        for problem in filter(None, problems):
            raise InvalidInputError(f"s3.{self.name}: {problem}")
        arguments = {name: one for name, one in given.items() if name in self.arguments}
        return self.read(self.resource, arguments, {**self.fixed(given), **settings})


@dataclass(frozen=True)
class ResultWriter:
    """A function that maps an activity and writes the results; in a machine, a Map state does."""

    write: Callable[[Any, Any, str, str, int | None], dict[str, str]] = field(repr=False)

    def __call__(
        self, activity: Any, items: Any, /, *, batch: int | None = None, **place: str
    ) -> dict[str, str]:
        """Map an activity to items; return the Bucket and the Key of the manifest of the results.

        Raises:
            InvalidInputError: the place is not given by Bucket, and Prefix perhaps.
            TaskFailedError: States.ExceedToleratedFailureThreshold, the activity failed for an
                item; or States.ResultWriterFailed.
        """
        if "Bucket" not in place or place.keys() - {"Bucket", "Prefix"}:
            raise InvalidInputError("s3.write_results: give Bucket, and Prefix perhaps")
        return self.write(activity, items, place["Bucket"], place.get("Prefix", ""), batch)
