"""Make files and folders that only their owner can read: databases, copies, exports, archives.

What is there already keeps its permissions. Never changes the umask, which other threads share.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

FILE_MODE, FOLDER_MODE = 0o600, 0o700


def opener(path: str, flags: int) -> int:
    """Open a file for `open(opener=...)`; a new one is private."""
    return os.open(path, flags, FILE_MODE)


def reserve(path: Path) -> None:
    """Make an empty private file, if there is none, for a library that opens it next.

    What goes wrong is left for that library to tell.
    """
    with suppress(OSError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE))


def make_folder(folder: Path) -> None:
    """Make a folder, if there is none, and those above it that are missing.

    Raises:
        OSError: it cannot be made.
    """
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    for one in reversed(missing):
        one.mkdir(mode=FOLDER_MODE, exist_ok=True)
    folder.mkdir(exist_ok=True)  # refuses what is no folder
