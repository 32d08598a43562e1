"""Drive small functions over a text: branches, errors, a retry, and two tasks at a time.

partita run examples/analyse_text.py:analyse --input '["LICENSE"]'
python examples/analyse_text.py
"""

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from partita import Retry, activity, activity_info, workflow


class BusyError(Exception):
    """The disk is busy; try again."""


@dataclass
class Report:
    """What there is to say about a text."""

    words: int
    size: str
    longest: str
    frequent: list[str]


@activity(retry=Retry(max_attempts=3, initial_interval=0.05))
def read(path: str) -> str:
    if activity_info().attempt == 1:
        raise BusyError(path)  # so that there is a retry to be seen
    return Path(path).read_text("utf-8")


@activity
def split(text: str) -> list[str]:
    return re.findall(r"[a-z']+", text.lower())


@activity
def longest_word(words: list[str]) -> str:
    return max(words, key=len)


@activity
def frequent_words(words: list[str], count: int) -> list[str]:
    return [word for word, _ in Counter(words).most_common(count)]


@workflow
def analyse(path: str) -> Report:
    try:
        words = split(read(path))
    except FileNotFoundError:
        return Report(0, "missing", "", [])
    if not words:
        return Report(0, "empty", "", [])
    longest = longest_word.submit(words)
    frequent = frequent_words.submit(words, 3)
    if len(words) < 1000:
        size = "short"
    elif len(words) < 100_000:
        size = "long"
    else:
        size = "a book"
    return Report(len(words), size, longest.result(), frequent.result())


if __name__ == "__main__":
    print(analyse(str(Path(__file__).parent.parent / "LICENSE")))
