"""What @activity, @workflow, @query and @update take works, or is refused where it is written."""

from __future__ import annotations

import abc
import asyncio
import functools
import importlib
import logging
import math
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, overload

import pytest

from partita import Activity, Workflow, activity, query, update, workflow
from partita.authoring import registry
from partita.authoring.activity import ActivityFunction, AsyncActivityFunction
from partita.authoring.definition import ActivityDefinition
from partita.authoring.programs.program import program, python
from partita.authoring.registry import known
from partita.authoring.workflow import WorkflowDefinition
from partita.client import Client
from partita.errors import DuplicateTypeError, InvalidOptionError, UsageError
from partita.worker import Worker
from tests.conftest import Rig
from tests.language.conftest import Stage

# -- what works ------------------------------------------------------------------------------


def add(x: int, y: int = 1) -> int:
    return x + y


async def add_later(x: int, y: int = 1) -> int:
    return x + y


def logged(function: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a function as most decorators do."""

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return wrapper


def logged_async(function: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a coroutine function by another."""

    @functools.wraps(function)
    async def wrapper(*args: Any, **kwargs: Any) -> Any:
        return await function(*args, **kwargs)

    return wrapper


def run_to_its_end(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make a plain function of a coroutine function."""

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return asyncio.run(function(*args, **kwargs))

    return wrapper


class Shop:
    """Static functions, decorated in both orders."""

    @staticmethod
    @activity(name="inner")
    def inner(x: int) -> int:
        return x + 1

    @activity(name="outer")
    @staticmethod
    def outer(x: int) -> int:
        return x + 1


@activity(name="positional")
def positional(x: int, /, *more: int, key: int = 0, **rest: int) -> int:
    return x + sum(more) + key + sum(rest.values())


wrapped = activity(name="wrapped")(logged(add))
wrapped_async = activity(name="wrapped_async")(logged_async(add_later))
ended = activity(name="ended")(run_to_its_end(add_later))
anonymous = activity(name="anonymous")(lambda x: x + 1)
builtin = activity(name="builtin")(math.factorial)
inner, outer = Shop.inner, Shop.outer
cached = activity(name="cached")(logged(functools.wraps(add)(functools.lru_cache(add))))


class Doubled(Activity):
    """An activity in class form."""

    def execute(self, x: int) -> int:
        return 2 * x


@workflow
def calls(what: str) -> int:
    results: dict[str, Callable[[], Any]] = {
        "wrapped": lambda: wrapped(1),
        "wrapped async": lambda: wrapped_async(1),
        "run to its end": lambda: ended(1),
        "lambda with a name": lambda: anonymous(1),
        "builtin": lambda: builtin(2),
        "static inside": lambda: inner(1),
        "static outside": lambda: outer(1),
        "static of the class": lambda: Shop.outer(1),
        "static of an instance": lambda: Shop().inner(1),
        "positional only": lambda: positional(1, 1),
        "variadic": lambda: positional(0, 1, 1),
        "keywords": lambda: positional(0, key=1, other=1),
        "cached": lambda: cached(1),
        "class form": lambda: Doubled.call(1),
    }
    found: int = results[what]()
    return found


WORKING = ["wrapped", "wrapped async", "run to its end", "lambda with a name", "builtin"]
WORKING += ["static inside", "static outside", "static of the class", "static of an instance"]
WORKING += ["positional only", "variadic", "keywords", "cached", "class form"]


@pytest.mark.parametrize("what", WORKING)
def test_what_an_activity_may_be_works_the_same_everywhere(what: str, stage: Stage) -> None:
    assert stage.run(calls, what) == calls(what) == 2


def test_a_wrapped_coroutine_function_is_async_and_one_run_to_its_end_is_not() -> None:
    assert isinstance(wrapped_async, AsyncActivityFunction)
    assert isinstance(ended, ActivityFunction)
    assert isinstance(wrapped, ActivityFunction)


# -- what is refused -------------------------------------------------------------------------


class Caller:
    """An instance that can be called."""

    def __call__(self, x: int) -> int:
        return x


class AsyncCallable:
    """An instance whose call is a coroutine."""

    async def __call__(self, x: int) -> int:
        return x


class Methods:
    """Methods of all kinds."""

    def method(self, x: int) -> int:
        return x

    @classmethod
    def of_class(cls, x: int) -> int:
        return x


@abc.abstractmethod  # type: ignore[misc]
def abstract(x: int) -> int:
    return x


BOUND: Any = Methods().method


def generator(x: int) -> Iterator[int]:
    yield x


async def async_generator(x: int) -> AsyncIterator[int]:
    yield x


def gives_coroutine(x: int) -> Coroutine[Any, Any, int]:
    return add_later(x)


def gives_awaitable(x: int) -> Awaitable[int]:
    return add_later(x)


def overloaded() -> Any:
    """Return what is left of an overload."""

    @overload
    def inner(x: int) -> int: ...
    @overload
    def inner(x: str) -> str: ...
    def inner(x: Any) -> Any:
        return x

    return overload(inner)


REFUSED: dict[str, tuple[Any, str]] = {
    "partial": (functools.partial(add, 1), "functools.partial of add"),
    "partial of async": (functools.partial(add_later, 1), "functools.partial of add_later"),
    "partial of a partial": (functools.partial(functools.partial(add, 1), 2), "functools.partial"),
    "callable instance": (Caller(), "an instance of Caller can be called"),
    "async callable instance": (AsyncCallable(), "an instance of AsyncCallable"),
    "cached function": (functools.lru_cache(add), "an instance of _lru_cache_wrapper"),
    "class": (Methods, "Methods is a class; derive it from partita."),
    "builtin class": (int, "int is a class"),
    "bound method": (BOUND, "Methods.method is bound to an object"),
    "class method": (Methods.of_class, "Methods.of_class is bound to an object"),
    "class method object": (vars(Methods)["of_class"], "of_class is bound to an object"),
    "method": (Methods.method, "Methods.method is a method, whose self is in no history"),
    "static method of a method": (staticmethod(Methods.method), "is a method"),
    "abstract": (abstract, "is abstract"),
    "generator": (generator, "generator is a generator"),
    "async generator": (async_generator, "async_generator is a generator"),
    "lambda": (lambda x: x, "a lambda has no name"),
    "coroutine hint": (gives_coroutine, "gives_coroutine returns a coroutine"),
    "awaitable hint": (gives_awaitable, "gives_awaitable returns a coroutine"),
    "wrapper of async": (logged(add_later), "is an async def inside a plain function"),
    "two wrappers of async": (logged(logged(add_later)), "is an async def inside a plain"),
    "overload": (overloaded(), "an @overload has no code"),
    "an activity": (wrapped, "activity wrapped is defined already"),
    "a workflow": (calls, "workflow calls is defined already"),
    "number": (3, "it is for functions, not 3"),
    "name": ("add", "it is for functions, not 'add'"),
}


@pytest.mark.parametrize("kind", [activity, workflow])
@pytest.mark.parametrize("what", REFUSED)
def test_what_no_worker_could_call_is_refused_at_its_definition(kind: Any, what: str) -> None:
    given, why = REFUSED[what]
    before = known(ActivityDefinition), known(WorkflowDefinition)
    for define in (kind, kind()):
        with pytest.raises(InvalidOptionError) as caught:
            define(given)
        assert str(caught.value).startswith(f"@{kind.__name__}: ")
        assert why in str(caught.value)
        assert "\n" not in str(caught.value)
    assert (known(ActivityDefinition), known(WorkflowDefinition)) == before


def test_a_method_is_refused_while_its_class_is_made() -> None:
    with pytest.raises(InvalidOptionError, match=r"Shop\.charge is a method, whose self"):

        class Shop:
            @activity
            def charge(self, cents: int) -> int:
                return cents

    with pytest.raises(InvalidOptionError, match=r"Other\.run is a method, whose cls"):

        class Other:
            @classmethod
            @workflow
            def run(cls) -> int:
                return 1


def test_a_method_is_refused_whatever_its_first_parameter_is_called() -> None:
    with pytest.raises(InvalidOptionError, match=r"Shop\.charge is a method, whose this"):

        class Shop:
            @activity
            def charge(this, cents: int) -> int:  # noqa: N805
                return cents

    with pytest.raises(InvalidOptionError, match=r"Typed\.charge is a method, whose shop"):

        class Typed:
            @workflow
            def charge(shop: Typed) -> int:  # noqa: N805
                return 1


def test_static_methods_without_types_are_no_methods() -> None:
    class Shop:
        @staticmethod
        @activity
        def above(x):  # type: ignore[no-untyped-def]
            return x

        @activity
        @staticmethod
        def below(x):  # type: ignore[no-untyped-def]
            return x

        @activity
        def typed(x: int) -> int:  # noqa: N805
            return x

    assert [Shop.above(1), Shop.below(2), Shop.typed(3)] == [1, 2, 3]


def test_a_builtin_without_a_signature_is_refused() -> None:
    with pytest.raises(InvalidOptionError, match="@activity: "):
        activity(vars)
    with pytest.raises(InvalidOptionError, match="@workflow: "):
        workflow(math.factorial)


def class_forms() -> dict[str, Callable[[], Any]]:
    """Return class statements whose code cannot run."""

    def yields() -> None:
        class Yields(Activity):
            def execute(self) -> Any:
                yield 1

    def yields_later() -> None:
        class Yields(Workflow):
            async def run(self) -> Any:
                yield 1

    def abstract_activity() -> None:
        class Abstract(Activity, abc.ABC):
            @abc.abstractmethod
            def execute(self) -> Any: ...

    def abstract_flow() -> None:
        class Abstract(Workflow, abc.ABC):
            @abc.abstractmethod
            def run(self) -> Any: ...

    return {one.__name__: one for one in (yields, yields_later, abstract_activity, abstract_flow)}


@pytest.mark.parametrize("name", class_forms())
def test_so_is_a_class_whose_code_cannot_run(name: str) -> None:
    with pytest.raises(InvalidOptionError, match=r"(run|execute) is (a generator|abstract)"):
        class_forms()[name]()


def test_an_abstract_class_that_says_so_is_a_base() -> None:
    class Base(Activity, abc.ABC, abstract=True):
        @abc.abstractmethod
        def execute(self, x: int) -> int: ...

    class Derived(Base):
        name = "derived"

        def execute(self, x: int) -> int:
            return x

    assert Derived.call(1) == 1


HANDLERS: dict[str, tuple[Any, str]] = {
    "async": (add_later, "is answered by an async def"),
    "partial of async": (functools.partial(add_later, 1), "has no name"),
    "partial": (functools.partial(add, 1), "has no name; give name="),
    "instance": (Caller(), "has no name; give name="),
    "generator": (generator, "is answered by a generator"),
    "class": (Methods, "is for functions"),
    "property": (property(generator), "is for functions"),
    "number": (3, "is for functions, not 3"),
}


@pytest.mark.parametrize("kind", [query, update])
@pytest.mark.parametrize("what", HANDLERS)
def test_a_handler_that_cannot_answer_is_refused_at_its_definition(kind: Any, what: str) -> None:
    given, why = HANDLERS[what]
    with pytest.raises(UsageError, match=why):
        kind(given)


@pytest.mark.parametrize("make", [program("true"), python(sys.executable)])
@pytest.mark.parametrize(
    "what", ["generator", "async generator", "partial", "class", "bound method"]
)
def test_a_program_is_a_function_too(make: Any, what: str) -> None:
    with pytest.raises(InvalidOptionError, match="is for functions made by def"):
        make(REFUSED[what][0])


class Answers(Workflow):
    """Handlers that need no instance."""

    def run(self) -> int:
        from partita import wait_signal

        wait_signal("stop")
        return 1

    @query
    @staticmethod
    def outside() -> int:
        return 1

    @staticmethod
    @query
    def inside() -> int:
        return 2

    @update
    @classmethod
    def of_class(cls) -> str:
        return cls.__name__


def test_static_and_class_methods_answer_in_both_orders(stage: Stage) -> None:
    handle = stage.start(Answers)
    stage.settled(handle)
    assert [handle.query("outside"), handle.query("inside")] == [1, 2]
    assert handle.update("of_class", timeout=20) == "Answers"
    handle.signal("stop")
    assert handle.result(timeout=20) == 1


# -- what is defined again -------------------------------------------------------------------


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing stay registered after a test, nor be there before."""
    monkeypatch.setattr(registry, "_known", {})


CELL = """
from partita import {kind}

@{kind}
{prefix}def again(x: int) -> int:
    return x + {more}
"""


def cell(
    namespace: dict[str, Any], file: str, more: int, kind: str = "activity", **gap: Any
) -> Any:
    """Run a cell that defines `again`, and return it."""
    source = "\n" * gap.get("lines", 0) + CELL.format(
        kind=kind, more=more, prefix=gap.get("prefix", "")
    )
    exec(compile(source, file, "exec"), namespace)
    return namespace["again"]


def served(rig: Rig, made: Any) -> int:
    """Return what a worker that serves all that is defined makes of 1."""
    flow = made
    if not isinstance(made, WorkflowDefinition):

        @workflow(name="uses_again")
        def flow(x: int) -> Any:
            return made.submit(x).result()

    workflows = [flow]
    activities = [one for one in known(ActivityDefinition) if one.key.lower() == "again@1"]
    with Worker(rig.engine, workflows=workflows, activities=activities):
        found: int = Client(rig.engine).start(flow, 1).result(timeout=20)
    return found


PLACES = {
    "ipython": ("<ipython-input-1-a>", "<ipython-input-2-b>"),
    "ipykernel": ("/tmp/ipykernel_1/1.py", "/tmp/ipykernel_1/2.py"),
    "python 3.13": ("<python-input-0>", "<python-input-1>"),
    "stdin": ("<stdin>", "<stdin>"),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", ["activity", "workflow"])
@pytest.mark.usefixtures("registered")
def test_another_cell_defines_it_again(memory_rig: Rig, kind: str, place: str) -> None:
    namespace: dict[str, Any] = {"__name__": "__main__", "__spec__": None}
    first, second = PLACES[place]
    cell(namespace, first, 1, kind)
    made = cell(namespace, second, 2, kind)
    every: Any = ActivityDefinition if kind == "activity" else WorkflowDefinition
    assert [one for one in known(every) if one.key == "again@1"] == [made]
    assert served(memory_rig, made) == 3


CLASS_CELL = """
from partita import {base}

class Again({base}):
    def {method}(self, x: int) -> int:
        return x + {more}
"""


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize(("base", "method"), [("Activity", "execute"), ("Workflow", "run")])
def test_another_cell_defines_a_class_again(memory_rig: Rig, base: str, method: str) -> None:
    namespace: dict[str, Any] = {"__name__": "__main__", "__spec__": None}
    for more in (1, 2):
        source = CLASS_CELL.format(base=base, method=method, more=more)
        exec(compile("\n" * more + source, f"<cell {more}>", "exec"), namespace)
    made = namespace["Again"].definition
    every: Any = ActivityDefinition if base == "Activity" else WorkflowDefinition
    assert known(every) == [made]
    assert served(memory_rig, made) == 3


@pytest.mark.usefixtures("registered")
def test_what_becomes_async_is_the_same_activity(memory_rig: Rig) -> None:
    namespace: dict[str, Any] = {"__name__": "__main__", "__spec__": None}
    cell(namespace, "<cell 1>", 1)
    made = cell(namespace, "<cell 2>", 2, prefix="async ")
    assert served(memory_rig, made) == 3


@pytest.mark.usefixtures("registered")
def test_the_same_file_run_again_by_an_interpreter(
    memory_rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "ps1", ">>> ", raising=False)
    namespace: dict[str, Any] = {"__name__": "__main__", "__spec__": None}
    cell(namespace, "/tmp/definitions.py", 1)
    made = cell(namespace, "/tmp/definitions.py", 2, lines=7)
    assert served(memory_rig, made) == 3


@pytest.mark.usefixtures("registered")
def test_a_reloaded_module_defines_it_again(
    memory_rig: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    file = tmp_path / "reloaded_definitions.py"
    file.write_text(CELL.format(kind="activity", more=1, prefix=""))
    module = importlib.import_module("reloaded_definitions")
    file.write_text("\n\n\n" + CELL.format(kind="activity", more=2, prefix=""))
    module = importlib.reload(module)
    assert served(memory_rig, module.again) == 3
    del sys.modules["reloaded_definitions"]


@pytest.mark.usefixtures("registered")
def test_a_worker_that_serves_the_old_code_says_so(
    memory_rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    namespace: dict[str, Any] = {"__name__": "__main__", "__spec__": None}
    old = cell(namespace, "<cell 1>", 1)
    flow = cell(dict(namespace), "<cell 1>", 1, "workflow")
    with Worker(memory_rig.engine, workflows=[flow], activities=[old]):
        with caplog.at_level(logging.WARNING, "partita"):
            cell(namespace, "<cell 2>", 2)
            cell(namespace, "<cell 2>", 2, "workflow")
        said = [record.getMessage() for record in caplog.records]
    assert said == [
        f"{kind} again is defined again at <cell 2>:4, but a worker of this process still runs "
        "the code of <cell 1>:4; stop that worker and start a new one"
        for kind in ("activity", "workflow")
    ]
    caplog.clear()
    cell(namespace, "<cell 3>", 3)
    assert caplog.records == []


@pytest.mark.usefixtures("registered")
def test_two_modules_with_one_name_stay_an_error(memory_rig: Rig) -> None:
    for name in ("one_module", "other_module"):
        cell(vars(ModuleType(name)), f"/tmp/{name}.py", 1)
    with pytest.raises(DuplicateTypeError, match=r"one_module.* and .*other_module"):
        Worker(
            memory_rig.engine,
            workflows=[],
            activities=[one for one in known(ActivityDefinition) if one.key == "again@1"],
        )


@pytest.mark.usefixtures("registered")
def test_so_do_two_functions_of_one_file(memory_rig: Rig) -> None:
    namespace = vars(ModuleType("twice_in_it"))
    source = CELL.format(kind="activity", more=1, prefix="")
    exec(compile(source + source, "/tmp/twice_in_it.py", "exec"), namespace)
    twice = [one for one in known(ActivityDefinition) if "twice_in_it" in one.function.__module__]
    assert len(twice) == 2
    with pytest.raises(DuplicateTypeError, match="twice_in_it"):
        Worker(memory_rig.engine, workflows=[], activities=twice)
