"""Notice that files of a user's code have changed, without loading any of them.

That is for code which cannot be loaded yet; a worker that runs watches what it has loaded itself.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

MAX_FILES = 5_000
"""Files that are watched, at most."""

INTERVAL = 0.25
"""Seconds between two looks."""

_SUFFIXES = (".py", ".json")
_LEFT_OUT = {"__pycache__", "node_modules", "site-packages", "venv"}


class CodeFiles:
    """The Python files and machines below the folders of some sources."""

    def __init__(self, sources: Iterable[str]) -> None:
        """`sources` are files, or names of modules, which are looked for below this folder."""
        self._folders = {_folder_of(one) for one in sources}
        self._times = self._look()

    def changed(self) -> str | None:
        """Return a file that was changed, made or removed since the last call."""
        before, self._times = self._times, self._look()
        for path in before.keys() | self._times.keys():
            if before.get(path) != self._times.get(path):
                return path
        return None

    def wait(self, sleep: Callable[[float], None] = time.sleep) -> str:
        """Wait for a change; return the file."""
        while (path := self.changed()) is None:
            sleep(INTERVAL)
        return path

    def _look(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for entry in self._files():
            if len(found) == MAX_FILES:
                break
            try:
                found[entry.path] = entry.stat().st_mtime_ns
            except OSError:  # an editor may be replacing it
                continue
        return found

    def _files(self) -> Iterator[os.DirEntry[str]]:
        left = list(self._folders)
        while left:
            try:
                entries = list(os.scandir(left.pop()))
            except OSError:
                continue
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    if not entry.name.startswith(".") and entry.name not in _LEFT_OUT:
                        left.append(Path(entry.path))
                elif entry.name.endswith(_SUFFIXES):
                    yield entry


def _folder_of(source: str) -> Path:
    is_file = source.endswith(_SUFFIXES) or "/" in source
    return Path(source).absolute().parent if is_file else Path.cwd()
