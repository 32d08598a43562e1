"""Drawn values and errors are the same in plain Python, in memory, replayed, and on SQLite."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime as dt
import decimal
import enum
import itertools
import json
import os
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypedDict, TypeVar

import msgspec
import pydantic
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from partita import activity, workflow
from partita.client import Client
from partita.engine import Engine
from partita.errors import WorkflowFailedError
from partita.worker import Worker
from tests.conftest import new_store
from tests.replay.conftest import ForgetfulWorker

EXAMPLES = 60 if os.environ.get("PARTITA_SOAK") else 8
PLACES = ("memory", "replayed", "sqlite")

T = TypeVar("T")
Drawn = st.SearchStrategy[Any]
Typed = tuple[Any, Any]
"""A hint and a value that fits it."""


class Colour(enum.Enum):
    RED = "red"
    BLUE = 2


class Access(enum.IntFlag):
    READ = 1
    WRITE = 2


@dataclasses.dataclass
class Card:
    number: str
    limit: decimal.Decimal = decimal.Decimal(0)


@dataclasses.dataclass
class GoldCard(Card):
    since: dt.date = dt.date(2020, 1, 1)


@dataclasses.dataclass
class Cash:
    cents: int
    notes: list[int] = dataclasses.field(default_factory=list)
    taken: int = dataclasses.field(default=0, init=False)


@dataclasses.dataclass
class Scaled:
    cents: int

    def __post_init__(self) -> None:
        self.cents *= 100


@dataclasses.dataclass
class Box(Generic[T]):
    item: T


class Place(NamedTuple):
    name: str
    at: tuple[float, float]


class Track(msgspec.Struct):
    name: str
    seconds: float | None = None


class Note(TypedDict, total=False):
    text: str
    at: dt.date


# -- drawn values, each with a hint that it fits ------------------------------------------------

_text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=6)
_zones = st.sampled_from([None, dt.UTC, dt.timezone(dt.timedelta(hours=5, minutes=30))])
_scalars: dict[Any, Drawn] = {
    int: st.integers() | st.integers(2**63 - 2, 2**64 + 2),
    str: _text,
    bool: st.booleans(),
    float: st.floats(allow_nan=False) | st.integers(-3, 3).map(float),
    bytes: st.binary(max_size=5),
    decimal.Decimal: st.decimals(allow_nan=False, allow_infinity=False),
    uuid.UUID: st.uuids(),
    dt.datetime: st.datetimes(timezones=_zones),
    dt.date: st.dates(),
    dt.time: st.times(),
    dt.timedelta: st.timedeltas(dt.timedelta(days=-(10**6)), dt.timedelta(days=10**6)),
    Colour: st.sampled_from(Colour),
    Access: st.sampled_from(list(Access)),
    None: st.none(),
}


def _typed(hint: Any, values: Drawn) -> st.SearchStrategy[Typed]:
    return values.map(lambda value: (hint, value))


def _dataclasses() -> Iterator[st.SearchStrategy[Typed]]:
    cards = st.builds(Card, _text, st.decimals(allow_nan=False, allow_infinity=False))
    cash = st.builds(Cash, st.integers(), st.lists(st.integers(), max_size=2))
    gold = st.builds(GoldCard, _text, since=st.dates())
    yield _typed(Card, cards | gold)
    yield _typed(Card | Cash, cards | cash | gold)
    yield _typed(Cash, cash.map(_taken))
    yield _typed(Scaled, st.builds(Scaled, st.integers(0, 5)))
    yield _typed(Box[int], st.builds(Box, st.integers()))
    yield _typed(Box[Card | None], st.builds(Box, st.none() | cards))
    yield _typed(Place, st.builds(Place, _text, st.tuples(st.just(0.5), st.floats(0, 9))))
    yield _typed(Track, st.builds(Track, _text, st.none() | st.floats(0, 9)))
    yield _typed(Note, st.fixed_dictionaries({"text": _text}, optional={"at": st.dates()}))


def _taken(cash: Cash) -> Cash:
    cash.taken = 7
    return cash


def _of(container: Any, *parts: Any) -> Any:
    """Return a hint such as `container[part]`, whose parts were drawn."""
    return container[parts if len(parts) > 1 else parts[0]]


def _containers(part: st.SearchStrategy[Typed]) -> st.SearchStrategy[Typed]:
    """Return a container of values of one drawn hint."""
    hashable = st.sampled_from([int, str, uuid.UUID, dt.date, Colour])
    return st.one_of(
        part.map(lambda one: (_of(list, one[0]), [one[1], one[1]])),
        part.map(lambda one: (_of(tuple, one[0], int), (one[1], 3))),
        part.map(lambda one: (_of(dict, str, one[0]), {"a": one[1]})),
        part.map(lambda one: (one[0] | None if one[0] else one[0], one[1])),
        hashable.flatmap(lambda one: _typed(_of(set, one), st.sets(_scalars[one], max_size=3))),
        hashable.flatmap(
            lambda one: _typed(_of(dict, one, int), st.dictionaries(_scalars[one], st.just(1)))
        ),
        st.tuples(st.sampled_from([dt.datetime, uuid.UUID, bytes, int]), _text).flatmap(
            lambda drawn: _typed(str | drawn[0], _scalars[drawn[0]] | st.just(drawn[1]))
        ),
    )


_leaves = st.one_of(*(_typed(hint, values) for hint, values in _scalars.items()), *_dataclasses())
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | _text,
    lambda part: st.lists(part, max_size=3) | st.dictionaries(_text, part, max_size=3),
    max_leaves=5,
)
typed_values = st.recursive(_leaves, _containers, max_leaves=3) | _typed(Any, _json)


# -- drawn errors ---------------------------------------------------------------------------


class Declined(Exception):
    def __init__(self, code: int) -> None:
        super().__init__(f"declined with code {code}")
        self.code = code


class KeywordOnly(ValueError):
    def __init__(self, *, field: str, at: dt.date) -> None:
        super().__init__()
        self.field, self.at = field, at

    def __str__(self) -> str:
        return f"{self.field} at {self.at}"


@dataclasses.dataclass(frozen=True)
class Frozen(Exception):
    code: int
    reason: str


class Ended(BaseException):
    """End what runs."""


class Quiet(KeyError):
    __slots__ = ("reason",)

    def __init__(self, reason: str) -> None:
        super().__init__("quiet", 1)
        self.reason = reason


def _local() -> type[Exception]:
    class Local(ArithmeticError):
        pass

    return Local


def _misfit(hint: Any, value: Any) -> Exception:
    try:
        pydantic.TypeAdapter(hint).validate_python([{"x": value}])
    except pydantic.ValidationError as error:
        return error
    raise AssertionError(hint)


LOCAL = _local()
BUILTINS: list[type[Exception]] = [ValueError, KeyError, OSError, ZeroDivisionError, LookupError]

_args = st.lists(st.integers() | _text | st.dates() | st.decimals(allow_nan=False), max_size=3)
_simple: st.SearchStrategy[Callable[[], Exception]] = st.one_of(
    st.tuples(st.sampled_from([*BUILTINS, LOCAL]), _args).map(lambda d: lambda: d[0](*d[1])),
    st.integers(0, 99).map(lambda code: lambda: Declined(code)),
    st.tuples(_text, st.dates()).map(lambda d: lambda: KeywordOnly(field=d[0], at=d[1])),
    _text.map(lambda reason: lambda: Quiet(reason)),
    _text.map(lambda reason: lambda: Frozen(1, reason)),
    st.just(lambda: UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte")),
    st.just(lambda: decimal.InvalidOperation([decimal.ConversionSyntax])),
    st.just(lambda: json.JSONDecodeError("Expecting value", "text", 2)),
    st.tuples(st.integers(1, 30), _text).map(lambda d: lambda: OSError(d[0], d[1], "a", None, "b")),
    st.just(lambda: OSError("odd", "name", "of", "errors")),
    st.tuples(st.sampled_from([Card, dt.date, list[int], Colour]), _text | st.floats()).map(
        lambda d: lambda: _misfit(*d)
    ),
)


def _nested(
    part: st.SearchStrategy[Callable[[], Exception]],
) -> st.SearchStrategy[Callable[[], Exception]]:
    def caused(outer: Callable[[], Exception], inner: Callable[[], Exception]) -> Any:
        def make() -> Exception:
            error = outer()
            CAUSE.__set__(error, inner())
            return error

        return make

    def marked(make: Callable[[], Exception], value: Any) -> Any:
        def marking() -> Exception:
            error = make()
            vars(error).update(mark=value, __notes__=["a note"])
            return error

        return marking

    return st.one_of(
        st.tuples(part, part).map(lambda drawn: caused(*drawn)),
        st.tuples(part, st.integers() | st.dates()).map(lambda drawn: marked(*drawn)),
        st.lists(part, min_size=1, max_size=3).map(
            lambda parts: lambda: ExceptionGroup("some", [make() for make in parts])
        ),
    )


CAUSE: Any = vars(BaseException)["__cause__"]
"""Sets the cause also of an exception that refuses to be changed."""

_ends: st.SearchStrategy[Callable[[], Exception]] = st.one_of(
    st.tuples(st.sampled_from([SystemExit, GeneratorExit, Ended, BaseException]), _args).map(
        lambda d: lambda: d[0](*d[1])
    ),
    _args.map(lambda args: lambda: BaseExceptionGroup("ends", [Ended(*args), ValueError()])),
    st.just(asyncio.CancelledError),
)
"""Exceptions that are no Exceptions, and that a workflow sees as such."""

errors = st.recursive(_simple, _nested, max_leaves=4)


def described(error: BaseException | None) -> Any:
    """Return what code can see of an error, but for notes of where it was raised."""
    if error is None:
        return None
    state = {name: repr(value) for name, value in vars(error).items() if name != "__notes__"}
    return [
        type(error).__qualname__,
        [base.__name__ for base in type(error).__mro__],
        repr(error),
        str(error),
        repr(error.args),
        state,
        getattr(error, "reason", None),
        repr(error.errors()) if isinstance(error, pydantic.ValidationError) else None,
        [note for note in getattr(error, "__notes__", []) if "raised" not in note],
        described(error.__cause__),
        [described(one) for one in getattr(error, "exceptions", [])],
    ]


# -- programs, and the places where they run -----------------------------------------------------

_numbers = itertools.count(1)


class Program:
    """A workflow with its activity; `outcome` in any place must be that of plain Python."""

    def __init__(
        self,
        function: Callable[[Any], Any],
        hint: Any,
        argument: Any,
        catches: bool = False,
    ) -> None:
        number = next(_numbers)
        self.argument = argument

        def through(value: Any) -> Any:
            return function(value)

        through.__annotations__ = {"value": hint, "return": hint}
        self.activity = called = activity(name=f"through{number}")(through)

        def flow(value: Any) -> Any:
            try:
                return called.submit(called(value)).result()
            except Exception as error:
                if not catches:
                    raise
                return repr(described(error))

        flow.__annotations__ = {"value": hint, "return": hint}
        self.workflow = workflow(name=f"flow{number}")(flow)


def outcome(run: Callable[[], Any]) -> Any:
    """Return what a program gives or raises, in a form that compares types, too."""
    try:
        value = run()
    except WorkflowFailedError as error:  # of a client
        return "raised", described(error.__cause__)
    except Exception as error:
        return "raised", described(error)
    return "gave", shown(value)


def shown(value: Any) -> str:
    """Return a text that is the same for equal values of equal types."""
    if isinstance(value, (set, frozenset)):
        return f"{type(value).__name__} {sorted(map(shown, value))}"
    if isinstance(value, dict):
        return f"{type(value).__name__} {[(shown(k), shown(v)) for k, v in value.items()]}"
    if type(value) in (list, tuple):
        return f"{type(value).__name__} {list(map(shown, value))}"
    return f"{type(value).__qualname__} {value!r}"


@contextmanager
def clients(programs: list[Program]) -> Iterator[list[Client]]:
    """Give a client of every place, each with a worker for the programs."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        found = []
        for place in PLACES:
            engine = Engine(new_store("memory" if place == "replayed" else place, folder))
            stack.callback(engine.close)
            worker = (ForgetfulWorker if place == "replayed" else Worker)(
                engine,
                workflows=[program.workflow for program in programs],
                activities=[program.activity for program in programs],
            )
            worker.start()
            stack.callback(worker.stop, grace=1.0)
            found.append(Client(engine))
        yield found


def agree(programs: list[Program]) -> None:
    """Check that every program has the same outcome in every place."""
    here = [outcome(partial(program.workflow, program.argument)) for program in programs]
    with clients(programs) as everywhere:
        for client in everywhere:
            handles = [client.start(program.workflow, program.argument) for program in programs]
            for program, handle, expected in zip(programs, handles, here, strict=True):
                assert outcome(partial(handle.result, timeout=30)) == expected, program.argument


def drawn(strategy: Drawn) -> Callable[[Callable[[Any], None]], Callable[..., None]]:
    """Return a decorator that draws an argument, more often in a soak than in the suite."""
    checks = [HealthCheck.too_slow, HealthCheck.data_too_large]
    limits = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=checks)
    return lambda test: limits(given(strategy)(test))


@drawn(st.lists(typed_values, min_size=8, max_size=12))
def test_values_agree(values: list[Typed]) -> None:
    agree([Program(lambda value: value, hint, value) for hint, value in values])


@drawn(st.tuples(st.lists(errors, min_size=6, max_size=9), st.lists(_ends, min_size=2, max_size=3)))
def test_errors_agree(makers: tuple[list[Callable[[], Exception]], ...]) -> None:
    """What is no Exception is caught by the workflow; everywhere it is one for it."""

    def failing(make: Callable[[], Exception], catches: bool) -> Program:
        def fail(_: Any) -> Any:
            raise make()

        return Program(fail, Any, 1, catches)

    errors, ends = makers
    agree([failing(make, False) for make in errors] + [failing(make, True) for make in ends])


@drawn(st.lists(st.tuples(typed_values, typed_values), min_size=8, max_size=12))
def test_misfits_agree(pairs: list[tuple[Typed, Typed]]) -> None:
    """A value under a hint that it may not fit is refused or carried alike."""

    def misfit(hint: Any, value: Any) -> Program:
        program = Program(lambda _: value, Any, 1)
        program.activity.function.__annotations__["return"] = hint
        return program

    agree([misfit(hint, value) for (hint, _), (_, value) in pairs])
