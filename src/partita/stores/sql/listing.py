"""Find executions by what a filter says, newest first, at a cost that a page bounds.

A condition that few executions meet is looked up by its own index (its *posting*), and what is
found is sorted. If all conditions are met by many, the executions are walked from the newest, in
an index that begins with the domain, the status or the type, until the page is full.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from msgspec import Struct

from partita.ports.matching import ATTRIBUTE, Match, Pattern
from partita.ports.state import ExecutionFilter, Status
from partita.stores.sql.records import to_json

FEW = 2_000
"""Executions up to which a condition is looked up by its own index."""

NEWEST = "ORDER BY e.started_at DESC, e.run DESC LIMIT ?"
COLUMNS = "SELECT e.run, e.execution, e.progress "
IN_DOMAIN = "SELECT run FROM @executions WHERE domain = ? AND "
STARTED = "SELECT started_at FROM @executions WHERE run <= ? ORDER BY run DESC LIMIT 1"
"""When the execution began that a page follows; the one before it, if it was removed."""

_COLUMNS = {"id": "e.workflow_id", "run": "e.run_id", "type": "e.type_name"}


class Conditions(Struct, frozen=True, kw_only=True):
    """What one database writes differently from others, in conditions."""

    glob: Callable[[str, Pattern], tuple[str, str]]  # a test of a column, and its parameter
    between: str  # whether column {0} is at least one parameter and below another, as bytes
    tags: str  # a table of the tags of `e`, with the column `value`
    tagged: Callable[[str, str], tuple[str, tuple[str, ...]]]  # runs with a domain's tag, or more


class Condition(Struct, frozen=True):
    """A test of an execution `e`, and its posting: the statement that looks up who passes."""

    clause: str
    parameters: tuple[Any, ...]
    posting: str | None = None
    sought: tuple[Any, ...] = ()


def conditions_of(filter: ExecutionFilter, how: Conditions) -> Iterator[Condition]:
    """Yield the conditions of a filter, without its domain, statuses and place."""
    domain = filter.domain
    if filter.workflow_id is not None:
        yield _column("workflow_id", filter.workflow_id, domain)
    if filter.type_name is not None:
        yield _column("type_name", filter.type_name, domain)
    if filter.started_after is not None:
        yield Condition("e.started_at >= ?", (filter.started_after,))
    if filter.started_before is not None:
        yield Condition("e.started_at < ?", (filter.started_before,))
    if filter.tag is not None:
        yield _of_tags(Match(field="tag", patterns=((filter.tag,),)), domain, how)
    for name, value in filter.attributes:
        match = Match(field=ATTRIBUTE + name, patterns=((to_json(value),),))
        yield _of_attributes(match, how)
    for one in filter.matches:
        yield _matched(one, domain, how)


def _column(name: str, value: str, domain: str) -> Condition:
    return Condition(f"e.{name} = ?", (value,), f"{IN_DOMAIN}{name} = ?", (domain, value))


def _matched(match: Match, domain: str, how: Conditions) -> Condition:
    if match.field == "tag":
        return _of_tags(match, domain, how)
    if match.field == "status":
        return _of_statuses(match)
    if match.field == "waiting":
        return _of_items(match)
    if match.field.startswith(ATTRIBUTE):
        return _of_attributes(match, how)
    column = _COLUMNS[match.field]
    clause, parameters = _any(column, match.patterns, how)
    bare = column.removeprefix("e.")
    if match.exact is not None and match.field != "run":
        return _column(bare, match.exact, domain)
    if match.prefix is not None and match.field == "id":
        low, high = match.prefix, after(match.prefix)
        posting = IN_DOMAIN + how.between.format(bare)
        return Condition(clause, parameters, posting, (domain, low, high))
    return Condition(_negated(clause, match), parameters)


def _any(column: str, patterns: Sequence[Pattern], how: Conditions) -> tuple[str, tuple[str, ...]]:
    tests = [
        (f"{column} = ?", one[0]) if len(one) == 1 else how.glob(column, one) for one in patterns
    ]
    return "(" + " OR ".join(text for text, _ in tests) + ")", tuple(value for _, value in tests)


def _negated(clause: str, match: Match) -> str:
    return f"NOT {clause}" if match.negated else clause


def _of_tags(match: Match, domain: str, how: Conditions) -> Condition:
    test, parameters = _any("t.value", match.patterns, how)
    clause = f"EXISTS (SELECT 1 FROM {how.tags} WHERE {test})"
    if match.exact is not None:
        return Condition(clause, parameters, *how.tagged(domain, match.exact))
    return Condition(_negated(clause, match), parameters)


def _of_attributes(match: Match, how: Conditions) -> Condition:
    name = match.field.removeprefix(ATTRIBUTE)
    patterns = tuple(dict.fromkeys(match.patterns))  # so that no posting has a run twice
    test, parameters = _any("a.value", patterns, how)
    exists = f"EXISTS (SELECT 1 FROM @attributes a WHERE a.run = e.run AND a.name = ? AND {test})"
    clause = _negated(exists, match)
    if match.negated or any(len(one) > 1 for one in match.patterns):
        return Condition(clause, (name, *parameters))
    each = ["SELECT run FROM @attributes WHERE name = ? AND value = ?"] * len(parameters)
    sought = tuple(part for value in parameters for part in (name, value))
    return Condition(clause, (name, *parameters), " UNION ALL ".join(each), sought)


def _of_statuses(match: Match) -> Condition:
    numbers = tuple(int(Status[one[0]]) for one in match.patterns)
    clause = f"e.status IN ({', '.join('?' * len(numbers))})"
    return Condition(_negated(clause, match), numbers)


def _of_items(match: Match) -> Condition:
    kinds = tuple(one[0] for one in match.patterns)
    exists = (
        "EXISTS (SELECT 1 FROM @items i WHERE i.run = e.run AND "
        f"i.kind IN ({', '.join('?' * len(kinds))}))"
    )
    return Condition(_negated(exists, match), kinds)


def after(prefix: str) -> str:
    """Return the least text that is greater than all that begin with a prefix."""
    while prefix:
        last = ord(prefix[-1]) + 1
        if last <= 0x10FFFF:
            return prefix[:-1] + chr(0xE000 if last == 0xD800 else last)
        prefix = prefix[:-1]
    return "\U0010ffff" * 600  # longer than any name
