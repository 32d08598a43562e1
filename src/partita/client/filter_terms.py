"""Read and write filters of executions: `status:failed type:checkout id:order-* started:>2h`.

A filter is a list of terms, all of which must hold. A term is a field, a colon and a value, or
several values with commas between them, one of which must fit; or a text alone, which must be
somewhere in the execution's id, type, tags or attributes. A minus sign negates a term. `*` stands
for any text, except within quotes and behind a backslash. Knows no service.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from msgspec import Struct

from partita.client.spans import moment_of
from partita.errors import InvalidFilterError
from partita.ports.matching import ATTRIBUTE, ITEMS, Pattern
from partita.ports.state import Status

TEXT = "text"
"""The field of a term that is a text alone."""

TIMES = ("started", "closed")
WAITS = (*ITEMS, "signal")
STATUSES = tuple(status.name.lower() for status in Status)
FIELDS = (
    *("status", "type", "id", "run", "tag", "started", "closed", "error", "waiting"),
    *("version", "list"),
)
"""What may stand before a colon; besides these there are the attributes, `attr.NAME`."""

_KNOWN = {"status": STATUSES, "waiting": WAITS}
_OPERATORS = ("<=", ">=", "<", ">")
_FIELD = re.compile(r"([A-Za-z_][\w.\-]*)([:=])")
_SPECIAL = re.compile(r'[\s,"\\*]')


class Term(Struct, frozen=True, kw_only=True):
    """One condition of a filter."""

    field: str  # of FIELDS, `attr.NAME` or TEXT
    values: tuple[Pattern, ...]
    operator: str = ""  # of times: "<", "<=", ">" or ">="
    negated: bool = False

    def __str__(self) -> str:
        """Return the term as filters write it."""
        sign = "-" if self.negated else ""
        if self.field == TEXT:
            return sign + _quoted(self.values[0][0])
        values = ",".join(map(_written, self.values))
        return f"{sign}{_field_written(self.field)}:{self.operator}{values}"


def written(terms: Iterable[Term]) -> str:
    """Return the filter that these terms make."""
    return " ".join(map(str, terms))


def _field_written(field: str) -> str:
    name = field.removeprefix(ATTRIBUTE)
    if name == field or re.fullmatch(r"[\w.\-]+", name):
        return field
    return ATTRIBUTE + _quoted(name)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _written(pattern: Pattern) -> str:
    if pattern == ("",):
        return '""'
    parts = (_SPECIAL.sub(lambda found: "\\" + found[0], part) for part in pattern)
    text = "*".join(parts)
    return "\\" + text if text[:1] in "<>=" and text else text


class _Reader:
    """The text of a filter, and how far it was read."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def refuse(self, what: str, start: int, end: int | None = None) -> InvalidFilterError:
        return InvalidFilterError(what, self.text, start, self.at if end is None else end)

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def skip_spaces(self) -> None:
        while self.peek().isspace():
            self.at += 1

    def quoted(self) -> str:
        """Read a text in quotes."""
        start, found = self.at, []
        self.at += 1
        while (char := self.peek()) != '"':
            if not char:
                raise self.refuse("a quotation mark is not closed", start, start + 1)
            if char == "\\":
                self.at += 1
                char = self.peek()
            found.append(char)
            self.at += 1
        self.at += 1
        return "".join(found)

    def value(self) -> Pattern:
        """Read a value: texts, and wildcards between them."""
        parts = [""]
        while (char := self.peek()) and not char.isspace() and char != ",":
            if char == '"':
                parts[-1] += self.quoted()
                continue
            if char == "*":
                parts.append("")
            elif char == "\\":
                self.at += 1
                if not self.peek():
                    raise self.refuse("a backslash is followed by nothing", self.at - 1)
                parts[-1] += self.peek()
            else:
                parts[-1] += char
            self.at += 1
        return tuple(parts)


def parse(text: str) -> tuple[Term, ...]:
    """Read a filter.

    Raises:
        InvalidFilterError: it is none; the error knows where.
    """
    reader = _Reader(text)
    found = []
    reader.skip_spaces()
    while reader.peek():
        found.append(_term(reader))
        reader.skip_spaces()
    return tuple(found)


def _term(reader: _Reader) -> Term:
    negated = reader.peek() == "-"
    reader.at += negated
    start = reader.at
    field = _field(reader)
    if field is None:
        pattern = reader.value()
        if len(pattern) > 1 or not pattern[0] or reader.peek() == ",":
            reader.at += reader.peek() == ","
            raise reader.refuse(
                "a text alone has no wildcards and commas; put it in quotes, or write FIELD:VALUE",
                start,
            )
        return Term(field=TEXT, values=(pattern,), negated=negated)
    if field in TIMES:
        return _time(reader, field, negated=negated)
    values = [_checked(reader, field)]
    while reader.peek() == ",":
        reader.at += 1
        values.append(_checked(reader, field))
    return Term(field=field, values=tuple(values), negated=negated)


def _field(reader: _Reader) -> str | None:
    """Read a field and its colon; None if there is none."""
    start = reader.at
    if reader.text.startswith(ATTRIBUTE + '"', start):
        reader.at += len(ATTRIBUTE)
        name = ATTRIBUTE + reader.quoted()
        if reader.peek() not in (":", "="):
            raise reader.refuse("an attribute needs a value: write attr.NAME:VALUE", start)
        reader.at += 1
        return name
    found = _FIELD.match(reader.text, start)
    if found is None:
        return None
    name = found[1]
    reader.at = found.end()
    is_attribute = name.startswith(ATTRIBUTE) and name != ATTRIBUTE
    if name not in FIELDS and not is_attribute:
        near = _near(name, FIELDS) or f"there are {', '.join(FIELDS)} and attr.NAME"
        raise reader.refuse(f"no field {name!r}; {near}", start, start + len(name))
    return name


def _near(name: str, known: Sequence[str]) -> str:
    close = get_close_matches(name.lower(), known, n=2, cutoff=0.6)
    return f"did you mean {' or '.join(close)}?" if close else ""


def _checked(reader: _Reader, field: str) -> Pattern:
    """Read a value that the field can have."""
    start = reader.at
    value = reader.value()
    if reader.at == start:
        raise reader.refuse(f"{field} has no value", start, start + 1)
    known = _KNOWN.get(field)
    if known is None:
        return value
    text = "*".join(value).lower()
    if text not in known:
        near = _near(text, known)
        hint = near or f"there are {', '.join(known)}"
        raise reader.refuse(f"no {field} {text!r}; {hint}", start)
    return (text,)


def _time(reader: _Reader, field: str, *, negated: bool) -> Term:
    start = reader.at
    operator = next((one for one in _OPERATORS if reader.text.startswith(one, start)), "")
    if not operator:
        reader.value()
        raise reader.refuse(
            f"{field} needs < or > before its moment or span, such as {field}:>2h (longer ago) "
            f"or {field}:>2026-11-21 (later)",
            start,
            max(reader.at, start + 1),
        )
    reader.at += len(operator)
    value = reader.value()
    if len(value) > 1 or not is_time(value[0]):
        raise reader.refuse(
            f"{''.join(value)!r} is no moment; give a date such as 2026-11-21 or "
            "2026-11-21T18:30, or a span of time ago such as 90s, 15m, 2h, 3d or 1w",
            start,
            max(reader.at, start + 1),
        )
    return Term(field=field, values=(value,), operator=operator, negated=negated)


def is_time(text: str) -> bool:
    """Whether a text is a span of time, or a moment."""
    try:
        moment_of(text, 0.0)
    except ValueError:
        return False
    return True
