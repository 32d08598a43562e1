"""Drive small functions over a text: try, branch, retry, and two tasks side by side.

    partita run examples/analyse_text.py:analyse --input '[]'
    python examples/analyse_text.py

Without a text it takes this repository's README. `guess_language` fails at its first attempt,
as a service may; its policy tries again, and `partita history` shows both attempts.
"""

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from partita import Retry, activity, activity_info, workflow

README = Path(__file__).parents[1] / "README.md"
COMMON = {
    "English": {"the", "and", "of", "to", "is", "that"},
    "French": {"le", "la", "et", "les", "des", "est"},
    "German": {"der", "die", "das", "und", "ist", "nicht"},
}


class BusyError(Exception):
    """The service has no time now; try again."""


class UnknownLanguageError(Exception):
    """No language has these words; trying again cannot help."""


@dataclass
class Report:
    """What there is to say about a text."""

    words: int
    size: str
    language: str
    longest: str
    frequent: list[str]


@activity
def read_readme() -> str:
    return README.read_text("utf-8")


@activity
def split(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]+", text.lower())


@activity(retry=Retry(max_attempts=3, initial_interval=0.05, non_retryable=(UnknownLanguageError,)))
def guess_language(words: list[str]) -> str:
    if activity_info().attempt == 1:
        raise BusyError("the language service starts up")  # so that there is a retry to see
    hits = {language: sum(map(words.count, common)) for language, common in COMMON.items()}
    best = max(hits, key=lambda language: hits[language])
    if not hits[best]:
        raise UnknownLanguageError("none of the words is a common one")
    return best


@activity
def longest_word(words: list[str]) -> str:
    return max(words, key=len)


@activity
def frequent_words(words: list[str], count: int) -> list[str]:
    return [word for word, _ in Counter(words).most_common(count)]


@workflow
def analyse(text: str | None = None) -> Report:
    words = split(read_readme() if text is None else text)
    if not words:
        return Report(0, "empty", "none", "", [])
    if len(words) < 100:
        size = "a note"
    elif len(words) < 10_000:
        size = "an article"
    else:
        size = "a book"
    longest = longest_word.submit(words)  # these two run while the language is guessed
    frequent = frequent_words.submit(words, 3)
    try:
        language = guess_language(words)
    except UnknownLanguageError:
        language = "unknown"
    return Report(len(words), size, language, longest.result(), frequent.result())


if __name__ == "__main__":
    print(analyse())
