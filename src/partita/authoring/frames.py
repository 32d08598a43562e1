"""Find the user's own code among the frames of a stack."""

from __future__ import annotations

import sys
from pathlib import Path
from types import FrameType

from partita import errors

_PACKAGE = str(Path(errors.__file__).parent)
ASYNCIO = sys.modules["os"].__file__.removesuffix("os.py") + "asyncio"  # type: ignore[union-attr]


def user_line(frame: FrameType | None) -> str | None:
    """Return file:line of the innermost frame of the user's own code."""
    while frame is not None:
        name = frame.f_code.co_filename
        if is_user_code(name):
            return f"{name}:{frame.f_lineno}"
        frame = frame.f_back
    return None


def is_user_code(file: str) -> bool:
    """Return whether a file is neither of this package nor of asyncio."""
    return not file.startswith((_PACKAGE, "<", ASYNCIO))
