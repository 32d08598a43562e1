"""Find and read the Python files below the paths that a user names. Knows no syntax."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from partita.errors import UnreadableSourceError

_SKIPPED = {"__pycache__", "node_modules"}


def sources(paths: Iterable[str]) -> list[Path]:
    """Return the files, and the Python files below the folders, each once, in order.

    Skips hidden folders, virtual environments and caches, unless they are named themselves.

    Raises:
        UnreadableSourceError: a path is not there, or a folder has no Python file.
    """
    found: set[Path] = set()
    for path in paths:
        found.update(_files(Path(path)))
    return sorted(found)


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    if not path.exists():
        raise UnreadableSourceError(f"no file or folder {path}; give a path to Python source")
    found = list(_below(path))
    if not found:
        raise UnreadableSourceError(f"no Python file below {path}; give one that has some")
    return found


def _below(folder: Path) -> Iterator[Path]:
    for at, folders, files in os.walk(folder, onerror=_raise_unreadable):
        folders[:] = [name for name in folders if not _is_skipped(Path(at, name))]
        yield from (Path(at, name) for name in files if name.endswith(".py"))


def _is_skipped(folder: Path) -> bool:
    hidden = folder.name.startswith(".") or folder.name in _SKIPPED
    return hidden or (folder / "pyvenv.cfg").exists()


def _raise_unreadable(error: OSError) -> None:
    raise UnreadableSourceError(f"cannot look into {error.filename}: {error.strerror}") from error


def read(path: Path) -> str:
    """Return a file's text.

    Raises:
        UnreadableSourceError: it is not UTF-8, or cannot be read.
    """
    try:
        return path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableSourceError(
            f"{path} is not UTF-8 (byte {error.start}); save it as UTF-8"
        ) from error
    except OSError as error:
        raise UnreadableSourceError(f"cannot read {path}: {error.strerror}") from error
