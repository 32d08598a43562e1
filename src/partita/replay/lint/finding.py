"""Say what was found, and where; and which findings a comment in the source silences.

Knows how a finding is written down. Knows no rule, and not what makes code a workflow's.
"""

from __future__ import annotations

import io
import re
import tokenize
from typing import Any

import msgspec


class Place(msgspec.Struct, frozen=True, order=True):
    """A position in a file; both count from 1, columns in characters."""

    row: int
    column: int


class Finding(msgspec.Struct, frozen=True, order=True):
    """Something that a replay would not repeat. Findings sort by file, row and column."""

    filename: str
    location: Place
    end_location: Place  # behind the last character
    code: str  # such as PAR101
    message: str  # one line: what, in which workflow, why; then what to do instead

    def __str__(self) -> str:
        """Write it as one line, as compilers do."""
        where = f"{self.filename}:{self.location.row}:{self.location.column}"
        return f"{where}: {self.code} {self.message}"

    def row(self) -> dict[str, Any]:
        """Return it as a JSON object with the fields that ruff gives its findings.

        Source: `ruff check --output-format json`, 0.8 and newer.
        """
        return {
            "cell": None,
            "code": self.code,
            "end_location": msgspec.to_builtins(self.end_location),
            "filename": self.filename,
            "fix": None,
            "location": msgspec.to_builtins(self.location),
            "message": self.message,
            "noqa_row": self.location.row,
            "url": None,
        }


_IGNORE = re.compile(r"#\s*partita:\s*ignore(?:\[([A-Z0-9,\s]*)\])?(?=$|[\s#;,.])")

Ignored = dict[int, frozenset[str] | None]
"""Which codes are silenced on which row; None: all of them."""


def ignored(source: str) -> Ignored:
    """Return what `# partita: ignore` and `# partita: ignore[PAR101, PAR201]` silence.

    The source must be such as Python can parse.
    """
    found: Ignored = {}
    if "partita:" not in source:
        return found
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        comment = token.type == tokenize.COMMENT and _IGNORE.search(token.string)
        if comment:
            codes = comment[1]
            found[token.start[0]] = (
                None if codes is None else frozenset(re.split(r"[,\s]+", codes.strip()))
            )
    return found


def is_silenced(finding: Finding, silenced: Ignored) -> bool:
    """Return whether a comment stands on the finding's first or last row."""
    for row in (finding.location.row, finding.end_location.row):
        if row in silenced:
            codes = silenced[row]
            if codes is None or finding.code in codes:
                return True
    return False
