"""Check the texts of requests: what every store can keep, and how long it may be.

One table for all stores and all entrances, so that what one database takes another takes, too.
A name goes into indexes, of which PostgreSQL's have rows of 2,704 bytes at most.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from partita.errors import InvalidOptionError

NAME_LENGTH = 512
"""Characters of a name, at most: an id, a type, a task list, a tag, a signal, an attribute."""

TEXT_LENGTH = 32_768
"""Characters of other text, at most, such as a reason."""


def check_name(what: str, name: str | None, length: int = NAME_LENGTH) -> None:
    """Check a name; None and the empty one stand for no name.

    Raises:
        InvalidOptionError: it is too long, or has a character that cannot be stored.
    """
    if not name:
        return
    if len(name) > length:
        raise InvalidOptionError(
            f"{what} {name[:40]!r}... has {len(name):,} characters; give at most {length:,}"
        )
    if "\0" in name:
        raise InvalidOptionError(f"{what} {name[:60]!r} has a NUL character; leave it out")
    if not name.isascii():
        _check_characters(what, name)


def check_names(what: str, names: Iterable[str]) -> None:
    """Check several names of a kind; see `check_name`."""
    for name in names:
        check_name(what, name)


def check_reason(what: str, text: str | None) -> None:
    """Check a text for people.

    Raises:
        InvalidOptionError: it is too long, or has a character that cannot be stored.
    """
    check_name(what, text, TEXT_LENGTH)


def check_attributes(attributes: Mapping[str, Any]) -> None:
    """Check the names of search attributes, and their values that are text.

    Raises:
        InvalidOptionError: one is too long, or has a character that cannot be stored.
    """
    check_names("search attribute", attributes)
    for name, value in attributes.items():
        if isinstance(value, str):
            check_name(f"the value of search attribute {name}:", value)


def _check_characters(what: str, name: str) -> None:
    try:
        name.encode()
    except UnicodeEncodeError as error:
        half = error.object[error.start]
        raise InvalidOptionError(
            f"{what} {name[:60]!r} has surrogates, such as {half!a}, which are no characters; "
            "leave them out"
        ) from None
