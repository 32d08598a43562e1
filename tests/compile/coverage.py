"""Report how often random programs have each row of the table of what is compiled, and each pair.

.venv/bin/python -m tests.compile.coverage [COUNT]
"""

from __future__ import annotations

import sys
from collections import Counter
from itertools import combinations

from tests.compile.generated_parts import ONLY_ASYNC, ONLY_SYNC, PARTS
from tests.compile.generator import Generator

ROWS = list(PARTS)
_BY_PART = {
    **dict.fromkeys(["assign", "augment", "append", "item", "swap"], "assignment"),
    **dict.fromkeys(["call", "calls"], "calls"),
    **dict.fromkeys(["if", "ternary", "and", "or", "not", "compare", "chain"], "choice"),
    **dict.fromkeys(["while", "for xs", "for range", "break", "continue"], "loops"),
    **dict.fromkeys(["comp", "any", "agg", "sorted"], "comprehensions"),
    **dict.fromkeys(["try", "raise"], "errors"),
    **dict.fromkeys(["text", "slice"], "texts"),
}


def rows_of(seed: int) -> set[str]:
    """Return the rows of the table that one program has."""
    made = Generator(seed)
    made.program()
    found = set(made.rows) | {_BY_PART[part] for part in made.parts if part in _BY_PART}
    alone = made.parts["parallel"] and not made.is_async
    return found | ({"concurrency"} if alone else set())


def counts(programs: int) -> tuple[Counter[str], Counter[tuple[str, str]]]:
    """Return how many of the first programs have each row, and each pair of rows."""
    rows: Counter[str] = Counter()
    pairs: Counter[tuple[str, str]] = Counter()
    for seed in range(programs):
        found = sorted(rows_of(seed))
        rows.update(found)
        pairs.update(combinations(found, 2))
    return rows, pairs


def possible() -> list[tuple[str, str]]:
    """Return the pairs that a program can have."""
    apart = {(one, other) for one in ONLY_ASYNC for other in ONLY_SYNC}
    pairs = combinations(sorted(ROWS), 2)
    return [pair for pair in pairs if pair not in apart and pair[::-1] not in apart]


def main(programs: int) -> None:
    """Print the counts as a table of rows by rows."""
    rows, pairs = counts(programs)
    names = sorted(ROWS)
    print(f"{programs} programs".ljust(16), *(name[:6].rjust(6) for name in names))
    for name in names:
        cells = [
            rows[name] if one == name else pairs[min(name, one), max(name, one)] for one in names
        ]
        print(name.ljust(16), *(str(cell).rjust(6) for cell in cells))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2_000)
