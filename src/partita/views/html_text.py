"""Write HTML of texts that may hold anything: every text is escaped, every tag is written here.

`Markup` is a text that is HTML already; whatever is no `Markup` is escaped where it is put in.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence


class Markup(str):
    """A text that is HTML."""

    __slots__ = ()


def escaped_html(text: object) -> Markup:
    """Return a text as HTML; what no document may hold is replaced."""
    if isinstance(text, Markup):
        return text
    return Markup(html.escape(_INVALID.sub("\ufffd", str(text)), quote=True))


_INVALID = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
"""What no document may hold: control characters, halves of surrogate pairs."""


def tag(name: str, *content: object, style: str = "") -> Markup:
    """Return an element with this content, whose class is `style`."""
    named = f' class="{escaped_html(style)}"' if style else ""
    return Markup(f"<{name}{named}>{joined(content)}</{name}>")


def joined(parts: Iterable[object], between: str = "") -> Markup:
    """Return parts one after the other."""
    return Markup(between.join(map(escaped_html, parts)))


def table(headings: Sequence[str], rows: Iterable[Sequence[object]], style: str = "") -> Markup:
    """Return a table; without headings, the first cell of each row is one."""
    head = tag("thead", tag("tr", *(tag("th", one) for one in headings))) if headings else Markup()
    body = joined((_row(cells, has_head=not headings) for cells in rows), "\n")
    return tag("table", head, tag("tbody", body), style=style)


def _row(cells: Sequence[object], *, has_head: bool) -> Markup:
    first, *others = cells
    return tag("tr", tag("th" if has_head else "td", first), *(tag("td", one) for one in others))
