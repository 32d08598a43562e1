"""Measure and wrap texts, without a font: by an average width of characters."""

from __future__ import annotations

import textwrap
import unicodedata

CHARACTER = 7.2  # width of an average character, in pixels
SMALL = 0.85  # size of details and labels of edges, relative to that of labels
LINE = 17.0  # height of a line
MAX_COLUMNS = 28  # characters of a line
MAX_LINES = 4


def lines(text: str, columns: int = MAX_COLUMNS) -> list[str]:
    """Wrap a text into a few lines; the last ends in an ellipsis if the text is longer."""
    wrapped = textwrap.wrap(text, columns, break_long_words=True, break_on_hyphens=False)
    if len(wrapped) <= MAX_LINES:
        return wrapped
    return [*wrapped[: MAX_LINES - 1], f"{wrapped[MAX_LINES - 1][: columns - 1]}…"]


def width(text: str) -> float:
    """Return the width of a line in pixels; characters of East Asia count twice."""
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    return (len(text) + wide) * CHARACTER


def widest(texts: list[str]) -> float:
    """Return the width of the widest line."""
    return max(map(width, texts), default=0.0)
