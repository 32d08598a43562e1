"""Drawn errors: classes, values, causes and groups cross as they are; drawn data does no harm."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from partita import activity, workflow
from partita.authoring.failure import Failure, describe, rebuild
from partita.stores.memory import MemoryStore
from partita.stores.sqlite.store import SqliteStore
from partita.worker import Worker
from tests.language.conftest import Stage
from tests.values.raised import Card, Colour, Declined, Holder, Keyworded, Several, Slotted
from tests.values.told import as_json, raised, seen, told

# -- drawn errors ----------------------------------------------------------------------------

texts = st.text(max_size=8)
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | texts
    | st.binary(max_size=8)
    | st.decimals()
    | st.dates()
    | st.datetimes(timezones=st.none() | st.timezones())
    | st.timedeltas()
    | st.uuids()
    | st.sampled_from(Colour)
    | st.builds(Card, texts, st.dates())
    | st.complex_numbers(allow_nan=False, allow_infinity=False)
)
keys = st.one_of(texts, st.integers(), st.tuples(st.integers(), texts), st.dates())
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(keys, inner, max_size=3)
        # a set's text depends on the order in which it was filled
        | st.frozensets(st.integers() | texts, max_size=1)
        | st.sets(st.dates(), max_size=1)
    ),
    max_leaves=8,
)
names = st.sampled_from(["code", "reason_", "when", "_hidden", "limit", "café"])
PLAIN = [Exception, ValueError, KeyError, OSError, ImportError, StopIteration, AttributeError]


def undecodable(at: int) -> Exception:
    return UnicodeDecodeError("utf-8", b"\xff" * 9, at, at + 1, "bad")


made = (
    st.builds(lambda kind, args: kind(*args), st.sampled_from(PLAIN), st.lists(values, max_size=3))
    | st.builds(Declined, st.integers())
    | st.builds(lambda a, b: Keyworded(account=a, amount=b), texts, st.decimals(allow_nan=False))
    | st.builds(Slotted, st.none() | st.integers())
    | st.builds(Holder.Inner, values)
    | st.builds(OSError, st.integers(1, 40), texts, texts | st.binary(max_size=4))
    | st.builds(
        lambda at: UnicodeDecodeError("utf-8", b"\xff" * 9, at, at + 1, "bad"), st.integers(0, 8)
    )
)


@st.composite
def errors(draw: Any, depth: int = 2) -> Exception:
    """Draw an error with attributes and notes, a cause or a context, and sometimes parts."""
    error: Exception = draw(made)
    if depth and draw(st.integers(0, 3)) == 0:
        parts = draw(st.lists(errors(depth - 1), min_size=1, max_size=3))
        groups = [ExceptionGroup(draw(texts), parts), Several(parts, draw(st.integers()))]
        error = draw(st.sampled_from(groups))
    for name, value in draw(st.dictionaries(names, values, max_size=2)).items():
        setattr(error, name, value)
    for note in draw(st.lists(texts, max_size=2)):
        error.add_note(note)
    if depth and draw(st.booleans()):
        other = draw(errors(depth - 1))
        if draw(st.booleans()):
            error.__cause__ = other
        else:
            error.__context__ = other
    return error


def thrown(error: Exception) -> None:
    raise error


@given(errors())
@example(OSError(None, "x"))
@example(PermissionError(1, None))
@example(ExceptionGroup("", [OSError(None, None)]))
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_drawn_error_crosses_as_it_is(error: Exception) -> None:
    expected = told(raised(lambda: thrown(error)))
    failure = describe(error)
    stored = Failure.load(failure.dump(), failure.reason)
    assert told(rebuild(stored)) == expected
    assert told(rebuild(describe(rebuild(stored)))) == expected


DRAWN: list[Exception] = []


@activity
def throw(number: int) -> None:
    raise copied(DRAWN[number])


def copied(error: Exception) -> Exception:
    return rebuild(describe(error))


@workflow
def throw_in_child(number: int) -> None:
    raise copied(DRAWN[number])


@workflow
def all_drawn() -> list[Any]:
    numbers = range(len(DRAWN))
    return [[seen(throw, number), seen(throw_in_child, number)] for number in numbers]


@given(st.lists(errors(), min_size=5, max_size=10))
@settings(
    max_examples=3,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],
)
def test_drawn_errors_are_the_same_in_plain_python_and_on_engines(
    tmp_path_factory: pytest.TempPathFactory, drawn: list[Exception]
) -> None:
    DRAWN[:] = [error for error in drawn if not isinstance(error, StopIteration)]
    expected = [[as_json(told(error))] * 2 for error in DRAWN]
    assert as_json(all_drawn()) == expected
    folder: Path = tmp_path_factory.mktemp("drawn")
    for store in (MemoryStore(), SqliteStore(folder / "drawn.db")):
        stage = Stage(store, sys.modules[__name__], Worker)
        stage.open()
        try:
            assert stage.run(all_drawn) == expected
        finally:
            stage.close()


# -- drawn data ------------------------------------------------------------------------------

tags = st.sampled_from(
    [
        *("tuple", "set", "dict", "exception", "class", "text", "headers", "left out", "float"),
        *("Decimal", "bytes", "datetime", "timedelta", "complex", "Path", "ZoneInfo", "nothing"),
        *("tests.values.raised:Card", "tests.values.raised:Colour", "os:system", "range"),
    ]
)
data = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | texts,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(texts, inner, max_size=3)
        | st.builds(lambda tag, value: {"$partita": tag, "value": value}, tags, inner)
        | st.builds(lambda tag: {"$partita": tag}, tags)
    ),
    max_leaves=10,
)
modules = st.sampled_from(["builtins", "os", "this", "__main__", "tests.values.raised", "json", ""])
types = st.sampled_from(
    [
        *("ValueError", "OSError", "ExceptionGroup", "SystemExit", "print", "system", "Several"),
        *("Declined", "Holder.Inner", "Holder", "a.<locals>.b", "", ".", "a\0b"),
    ]
)
numbers = st.none() | st.integers(-3, 4)


def drawn_failures(others: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {"type": types, "module": modules, "form": st.integers(0, 3)},
        optional={
            "bases": st.lists(types | st.just("partita.errors.CancelledError"), max_size=3),
            "message": texts,
            "args": st.none() | st.lists(data, max_size=3),
            "attributes": st.dictionaries(names | st.just("__notes__"), data, max_size=3),
            "fields": st.dictionaries(st.sampled_from(["message", "errno", "slot"]), data),
            "notes": st.lists(texts, max_size=2),
            "parts": st.lists(st.integers(-1, 4), max_size=3),
            "cause": numbers,
            "context": numbers,
            "suppresses_context": st.booleans(),
            "traceback": texts,
            "others": others,
        },
    )


@given(drawn_failures(st.lists(drawn_failures(st.just([])), max_size=3)))
@settings(max_examples=300, deadline=None)
def test_drawn_data_gives_an_error_and_imports_nothing(document: dict[str, Any]) -> None:
    sys.modules.pop("this", None)
    failure = Failure.load(msgspec.json.encode(document).decode(), "Reason")
    error = rebuild(failure)
    assert isinstance(error, Exception)
    assert len(failure.summary) < 100_000
    str(error), repr(error), describe(error)
    assert "this" not in sys.modules


def test_data_that_is_nested_without_an_end_gives_an_error() -> None:
    deep: Any = "x"
    for _ in range(900):
        deep = [deep]
    failure = Failure(form=2, type="ValueError", message="m", args=[deep])
    assert isinstance(rebuild(failure), ValueError)
    held: list[Any] = []
    held.append(held)
    assert str(rebuild(describe(ValueError(held)))).startswith("[[[")
