"""Read the items of many objects, one object after the other.

The objects are those of a listing (LOAD_AND_FLATTEN) or of a manifest. A position is the number
or the key of an object, and the position in it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from typing import Any, Protocol

from partita.asl.item_readers.listings import Listing
from partita.asl.item_readers.manifests import DataFile


class Items(Protocol):
    """Items from a position on."""

    @property
    def have_keys(self) -> bool:
        """Whether the items are an object's members, as `{"Key": ..., "Value": ...}`."""

    def __iter__(self) -> Iterator[Any]:
        """Return the items."""

    def position(self) -> Any:
        """Return where the next item is, as JSON. Never None."""

    def close(self) -> None:
        """Give up what the reading holds."""


Open = Callable[[DataFile, Any], Items]
"""Opens a file at a position; None is its beginning."""

Files = Callable[[Any], Iterator[tuple[Any, DataFile]]]
"""Returns the files from one on, by what finds each again; None is the first."""


class ManyFiles:
    """The items of many files from a position on."""

    def __init__(self, files: Files, open: Open, position: dict[str, Any] | None) -> None:
        position = position or {}
        self._file: Any = position.get("file")
        self._first = position.get("at")
        self._files, self._open = files, open
        self._items: Items | None = None
        self._left: Iterator[tuple[Any, DataFile]] = iter(())

    def __iter__(self) -> Iterator[Any]:
        """Return the items; fail if one of the files cannot be read."""
        at = self._first
        self._left = self._files(self._file)
        for found, file in self._left:
            self._file, self._items = found, self._open(file, at)
            yield from self._items
            self._items.close()
            at = None

    @property
    def have_keys(self) -> bool:
        """Whether the items of the file that is read are an object's members."""
        return self._items is not None and self._items.have_keys

    def position(self) -> Any:
        """Return where the next item is, as JSON."""
        return {"file": self._file, "at": self._items and self._items.position()}

    def close(self) -> None:
        """Give up the file that is read, and the manifest."""
        if self._items is not None:
            self._items.close()
        if isinstance(self._left, Generator):
            self._left.close()


def numbered(files: Callable[[], Generator[DataFile, None, None]]) -> Files:
    """Return the files of a manifest, found again by their number."""

    def from_number(number: int | None) -> Iterator[tuple[int, DataFile]]:
        with closing(files()) as found:
            for index, file in enumerate(found):
                if index >= (number or 0):
                    yield index, file

    return from_number


def listed(listing: Callable[[str | None], Listing], file: Callable[[str], DataFile]) -> Files:
    """Return the objects of a listing, found again by their key; folders are no files."""

    def from_key(key: str | None) -> Iterator[tuple[str, DataFile]]:
        if key is not None:
            yield key, file(key)
        for found in listing(key).objects():
            if found.size or not found.key.endswith("/"):
                yield found.key, file(found.key)

    return from_key
