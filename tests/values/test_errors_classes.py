"""An error is caught by its own class and its bases, wherever it was raised."""

from __future__ import annotations

import subprocess
import sys
import threading
from types import ModuleType
from typing import Any

import pytest
from msgspec.structs import replace

from partita import Retry, activity, errors, workflow
from partita.authoring.failure import Failure, classes, describe, rebuild
from partita.errors import (
    ActivityFailedError,
    ActivityTimedOutError,
    CancelledError,
    WorkflowFailedError,
)
from tests.conftest import Rig
from tests.language.conftest import Stage, stage
from tests.replay.conftest import MakeWorker, make_worker
from tests.values import farther_errors
from tests.values.raised import Counting, Declined, Several, act
from tests.values.raising import KINDS
from tests.values.told import as_json, raised, seen, shown, told

__all__ = ["make_worker", "stage"]


# -- which class it is: `except` as in plain Python ------------------------------------------

CATCHES: dict[str, tuple[str, Any]] = {
    "divided": ("ArithmeticError", ArithmeticError),
    "bad_json": ("ValueError", ValueError),
    "a_bad_url": ("OSError", OSError),
    "two_modules_down": ("ArithmeticError", ArithmeticError),
    "a_failed_process": ("SubprocessError", subprocess.SubprocessError),
    "a_class_in_a_function": ("ArithmeticError", ArithmeticError),
    "a_class_with_another_name": ("LookupError", LookupError),
    "a_group_of_ones_own": ("ExceptionGroup", ExceptionGroup),
}


@workflow
def catches() -> dict[str, str]:
    found = {}
    for name, (text, base) in CATCHES.items():
        try:
            act(name)
        except base:
            found[name] = text
        except Exception as error:
            found[name] = repr(error)
    return found


def test_errors_are_caught_by_their_bases(stage: Stage) -> None:
    assert stage.run(catches) == catches() == {name: text for name, (text, _) in CATCHES.items()}


@workflow
def catches_itself() -> list[Any]:
    found: list[Any] = []
    try:
        act("two_modules_down")
    except sys.modules["tests.values.farther_errors"].FartherError as error:
        found += [error.limit, type(error.__cause__).__name__]
    try:
        act("declined")
    except Declined as error:
        found.append(error.code + 1)
    try:
        act("a_group")
    except* Declined as group:
        found.append([part.code for part in group.exceptions])  # type: ignore[union-attr]
    except* (OSError, KeyError) as group:
        found.append(len(group.exceptions))
    try:
        act("a_class_with_another_name")
    except LookupError as error:
        found.append(error.retry_after())  # type: ignore[attr-defined]
    return found


def test_errors_are_caught_by_their_own_class(stage: Stage) -> None:
    assert stage.run(catches_itself) == catches_itself() == [5, "FarError", 52, [1], 2, 8]


def defined_in_a_function() -> tuple[Any, Any]:
    """Return a workflow and its activity, with a class that only they know."""

    class Local(Exception):
        def __init__(self, *, code: int) -> None:
            self.code = code

    @activity(name="raises_local")
    def raises_local() -> None:
        raise Local(code=8)

    @workflow(name="catches_local")
    def catches_local() -> int:
        try:
            raises_local()
        except Local as error:
            return error.code
        return 0

    return catches_local, raises_local


@pytest.mark.parametrize("forget", [False, True])
def test_a_class_in_a_function_is_found_by_who_catches_it(
    memory_rig: Rig, make_worker: MakeWorker, forget: bool
) -> None:
    flow, step = defined_in_a_function()
    failure = describe(raised(step.function))
    defined_in_a_function()  # the same again, with another class of that name
    if forget:
        classes._seen.clear()
    error = rebuild(failure, near=(flow.function, step.function))
    assert error.code == flow() == 8  # type: ignore[attr-defined]
    with make_worker(flow, step):
        assert memory_rig.client.start(flow).result(timeout=20) == 8


# -- a class that is not loaded --------------------------------------------------------------


def elsewhere(error: BaseException, otherwise: type[Exception] = ActivityFailedError) -> Any:
    """Return an error as a process sees it that has not loaded its class."""
    failure = describe(error)
    changed = [
        replace(one, module=f"away.{one.module}") if one.module.startswith("tests.") else one
        for one in (failure, *failure.others)
    ]
    return rebuild(replace(changed[0], others=tuple(changed[1:])), otherwise=otherwise)


@pytest.mark.parametrize("name", sorted(KINDS))
def test_an_error_of_an_unknown_class_is_much_the_same(name: str) -> None:
    error = raised(KINDS[name])
    found = elsewhere(error)
    is_known = not type(error).__module__.startswith("tests.")
    assert isinstance(found, ActivityFailedError) is not is_known
    builtin = next(base for base in type(error).__mro__ if base.__module__ == "builtins")
    assert isinstance(found, builtin)
    assert type(found).__qualname__ == type(error).__qualname__
    assert str(found) == str(error).encode("utf-8", "backslashreplace").decode() or is_known
    assert shown(found.args) == shown(error.args) or "Error" in str(shown(error.args))  # type: ignore[attr-defined]
    assert vars(found).keys() - {"__notes__"} == vars(error).keys() - {"__notes__"}


def test_a_substitute_has_what_its_place_promises() -> None:
    found = elsewhere(Declined(51))
    assert (found.type, found.message, found.code) == ("Declined", "declined with code 51", 51)
    raised_there = elsewhere(raised(KINDS["declined"]))
    assert "raise Declined(51)" in raised_there.traceback
    assert isinstance(elsewhere(Declined(1), WorkflowFailedError), WorkflowFailedError)
    again = elsewhere(found)
    assert type(again).__mro__ == type(found).__mro__
    assert vars(again) == vars(found) == {"code": 51}


def test_a_substitute_that_reaches_its_home_is_the_class_again() -> None:
    failure = describe(elsewhere(Several([ValueError("v")], 7)))
    home = rebuild(replace(failure, module=Several.__module__))
    assert type(home) is Several
    assert (home.code, str(home)) == (7, "several of code 7 (1 sub-exception)")


def test_a_known_base_of_an_unknown_class_catches_it() -> None:
    class Unknown(farther_errors.FartherError):
        pass

    failure = describe(Unknown(limit=2))
    classes._seen.clear()
    found = rebuild(failure)
    assert isinstance(found, farther_errors.FartherError)
    assert isinstance(found, ActivityFailedError)
    assert found.limit == 2


def test_no_name_in_the_data_imports_or_calls() -> None:
    sys.modules.pop("this", None)
    for module, name in (
        ("this", "d"),
        ("os", "system"),
        ("builtins", "print"),
        ("os", "PathLike"),
    ):
        failure = Failure(form=2, type=name, module=module, message="m", args=["x"])
        assert type(rebuild(failure)).__mro__[1] is ActivityFailedError
    assert "this" not in sys.modules
    before = Counting.calls
    rebuild(describe(raised(KINDS["counting"])))
    assert Counting.calls == before + 1


# -- Partita's own errors --------------------------------------------------------------------


@activity(start_to_close=0.05)
def slow() -> None:
    threading.Event().wait(0.3)


@workflow
def waits_for_the_slow() -> None:
    slow()


@workflow
def calls_a_child_that_times_out() -> list[str]:
    try:
        waits_for_the_slow()
    except ActivityTimedOutError as error:
        return [error.timeout_type, str(error)]
    except Exception as error:
        return [repr(error)]
    return []


def test_an_error_of_partita_crosses_a_child(memory_rig: Rig, make_worker: MakeWorker) -> None:
    with make_worker(calls_a_child_that_times_out, waits_for_the_slow, slow):
        found = memory_rig.client.start(calls_a_child_that_times_out).result(timeout=20)
    assert found == ["START_TO_CLOSE", "activity slow ran out of time (START_TO_CLOSE)"]


OWN: list[Exception] = [
    errors.ActivityFailedError("Gone", "sold out", "Traceback"),
    errors.WorkerLostError("died"),
    errors.ProgramFailedError(["a", "b"], -9, "x"),
    errors.NonDeterminismError(location="a.py:1", expected="x", found="y"),
    errors.DecisionTaskFailedError(errors.LoadError("bad"), "mend it"),
    errors.WorkflowTerminatedError("gone"),
    errors.CancelledError("cancelled"),
    errors.WaitTimeoutError("late"),
]


@activity
def act_own(number: int) -> None:
    raise OWN[number]


@workflow
def child_of_own(number: int) -> None:
    raise OWN[number]


@workflow
def of_own() -> list[Any]:
    numbers = range(len(OWN))
    return [seen(child_of_own, number) for number in numbers] + [
        seen(act_own, number) for number in numbers if not isinstance(OWN[number], CancelledError)
    ]


def test_errors_of_partita_are_themselves(stage: Stage) -> None:
    expected = [told(error) for error in OWN]
    expected += [told(error) for error in OWN if not isinstance(error, CancelledError)]
    assert stage.run(of_own) == as_json(expected)


# -- retries ---------------------------------------------------------------------------------

ATTEMPTS: list[str] = []


def retrying(name: str, *final: type[Exception] | str) -> Any:
    @activity(name=f"retrying {name}", retry=Retry(3, 0.001, non_retryable=final))
    def step(kind: str) -> None:
        ATTEMPTS.append(kind)
        KINDS[kind]()

    return step


BY_BASE = retrying("by base", ValueError, "ArithmeticError", "tests.values.raised.Holder.Inner")


@workflow
def tries(kind: str) -> int:
    before = len(ATTEMPTS)
    try:
        BY_BASE(kind)
    except Exception:
        return len(ATTEMPTS) - before
    return 0


@pytest.mark.parametrize(
    ("kind", "attempts"),
    [
        ("bad_json", 1),
        ("two_modules_down", 1),
        ("nested_class", 1),
        ("divided", 1),
        ("a_context", 1),
        ("declined", 3),
        ("a_bad_url", 3),
    ],
)
def test_a_base_is_not_retried(stage: Stage, kind: str, attempts: int) -> None:
    ATTEMPTS.clear()
    handle = stage.start(tries, kind)
    handle.result(timeout=60)
    assert len(ATTEMPTS) == attempts
    assert tries(kind) == attempts


# -- what is no Exception --------------------------------------------------------------------


class Halted(BaseException):
    pass


@activity
def act_exit(how: str) -> None:
    ends: dict[str, BaseException] = {
        "exit": SystemExit(3),
        "own": Halted("stop"),
        "group": BaseExceptionGroup("both", [KeyboardInterrupt(), ValueError("v")]),
    }
    raise ends[how]


@workflow
def of_exits(how: str) -> list[Any]:
    try:
        act_exit(how)
    except ActivityFailedError as error:
        return [error.type, str(error), error.args[0], type(error).__name__, error.__cause__]
    return []


def test_what_is_no_exception_fails_the_activity(stage: Stage) -> None:
    expected = ["SystemExit", "3", 3, "SystemExit", None]
    assert stage.run(of_exits, "exit") == of_exits("exit") == expected
    assert stage.run(of_exits, "own") == ["Halted", "stop", "stop", "Halted", None]
    assert stage.run(of_exits, "group")[:3] == [
        "BaseExceptionGroup",
        "both (2 sub-exceptions)",
        "both",
    ]


# -- classes of a program, which others import by its name -----------------------------------


def of_a_program(monkeypatch: pytest.MonkeyPatch, kind: type[Exception]) -> Failure:
    """Return what a program of this name that raises the class describes."""
    program = ModuleType("__main__")
    program.__file__ = "/elsewhere/its_program.py"
    vars(program)[kind.__name__] = kind
    kind.__module__ = "__main__"
    with monkeypatch.context() as patched:
        patched.setitem(sys.modules, "__main__", program)
        found = describe(kind("x"))
        assert type(rebuild(found)) is kind
    return Failure.load(found.dump(), found.reason)


@pytest.mark.parametrize("name", ["its_program", "another_program"])
def test_an_error_of_a_program_where_it_is_imported(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    failure = of_a_program(monkeypatch, type("Mine", (LookupError,), {}))
    imported = ModuleType(name)
    imported.__dict__["Mine"] = mine = type("Mine", (LookupError,), {"__module__": name})
    monkeypatch.setitem(sys.modules, name, imported)
    classes._seen.clear()
    found = rebuild(failure)
    assert (type(found) is mine) == (name == "its_program")
    assert isinstance(found, LookupError)
    again = rebuild(Failure.load(describe(found).dump(), None))
    assert type(again).__mro__ == type(found).__mro__


def test_a_class_of_another_program_with_that_name_is_not_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    failure = of_a_program(monkeypatch, type("Mine", (LookupError,), {}))
    other = ModuleType("__main__")
    other.__file__ = "/elsewhere/another.py"
    vars(other)["Mine"] = type("Mine", (LookupError,), {"__module__": "__main__"})
    monkeypatch.setitem(sys.modules, "__main__", other)
    classes._seen.clear()
    assert isinstance(rebuild(failure), ActivityFailedError)
