"""Count words in every text file below a folder: fan out, merge, name the most frequent.

partita run examples/wordcount.py:top_words --input '["src", 5]'
python examples/wordcount.py
"""

import re
from collections import Counter
from pathlib import Path

from partita import activity, workflow


@activity
def text_files(folder: str) -> list[str]:
    root = Path(folder)
    return sorted(
        str(path)
        for path in root.rglob("*")
        if path.is_file() and not any(p.startswith(".") for p in path.relative_to(root).parts)
    )


@activity
def count_words(path: str) -> dict[str, int]:
    try:
        text = Path(path).read_text("utf-8")
    except UnicodeDecodeError:  # not a text
        return {}
    return Counter(re.findall(r"[^\W\d_]+", text.lower()))


@activity
def merge(counts: list[dict[str, int]], most: int) -> list[tuple[str, int]]:
    total: Counter[str] = Counter()
    for count in counts:
        total.update(count)
    return sorted(total.items(), key=lambda pair: (-pair[1], pair[0]))[:most]


@workflow
def top_words(folder: str, most: int = 10) -> list[tuple[str, int]]:
    counts = count_words.map(text_files(folder))
    return merge(counts.result(), most)


if __name__ == "__main__":
    for word, times in top_words(str(Path(__file__).parent.parent / "src"), 5):
        print(f"{times:6} {word}")
