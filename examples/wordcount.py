"""Count the words of every text file below a folder: fan out, merge, name the most frequent.

    partita run examples/wordcount.py:top_words --input '["src", 5]'
    python examples/wordcount.py

Hidden files and folders are skipped, and so is what is not a text. Counts are merged in the
order in which they arrive; a replay sees the same order.
"""

import re
from collections import Counter
from pathlib import Path

from partita import activity, as_completed, workflow


@activity
def find_files(folder: str) -> list[str]:
    root = Path(folder)
    if not root.is_dir():
        raise NotADirectoryError(f"no folder {folder}")
    found = (path.relative_to(root) for path in root.rglob("*") if path.is_file())
    return sorted(str(root / path) for path in found if not is_hidden(path))


def is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


@activity
def count_words(path: str) -> dict[str, int]:
    try:
        text = Path(path).read_text("utf-8")
    except (OSError, UnicodeDecodeError):  # gone, forbidden, or binary
        return {}
    return {} if "\0" in text else Counter(re.findall(r"[^\W\d_]+", text.lower()))


@workflow
def top_words(folder: str, n: int = 10) -> list[tuple[str, int]]:
    total: Counter[str] = Counter()
    for counted in as_completed(count_words.map(find_files(folder))):
        total.update(counted.result())
    return sorted(total.items(), key=lambda item: (-item[1], item[0]))[:n]


if __name__ == "__main__":
    print(top_words(str(Path(__file__).parents[1] / "src"), 5))
