"""Check what a decider answers, and turn it into decisions."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator
from typing import Any

from partita.authoring.activity_classes import Activity
from partita.authoring.class_options import WorkflowClass
from partita.authoring.definition import ActivityDefinition, WorkflowSpec
from partita.deciders import decisions
from partita.deciders.process import Process
from partita.errors import InvalidInputError, InvalidOptionError
from partita.history import AnyDecision, Decision

One = decisions.Decision | AnyDecision
Given = One | type[Activity] | ActivityDefinition
"""One of an answer; an activity stands for its own call with the process's input."""

Answer = Given | Iterable[Given] | None
"""The answer of a decider: nothing, one decision, or several."""

Answers = Iterator[Given]
"""The return type of a method that yields its decisions."""

_ONE = (decisions.Decision, Decision, ActivityDefinition, type)

DECISION_LIMIT = 100_000
"""Decisions that one answer may hold; an endless generator would block all others."""


def listed(answer: Answer, who: str) -> Iterator[One]:
    """Yield the decisions of an answer; `who` has given it.

    Raises:
        InvalidInputError: it is not an answer, or has no end.
    """
    if answer is None:
        return
    many = [answer] if isinstance(answer, _ONE) else answer
    if isinstance(many, (str, bytes, dict)) or not isinstance(many, Iterable):
        raise _no_answer(who, answer)
    for number, one in enumerate(many):
        if number == DECISION_LIMIT:
            raise InvalidInputError(f"{who} gives more than {DECISION_LIMIT:,} decisions at a time")
        yield _decision(one, who)


def _decision(given: object, who: str) -> One:
    if isinstance(given, (decisions.Decision, Decision)):
        return given  # type: ignore[return-value]
    is_class = isinstance(given, type) and issubclass(given, Activity)
    activity = getattr(given, "definition", None) if is_class else given
    if isinstance(activity, ActivityDefinition):
        return decisions.ScheduleActivity.with_input(activity)
    raise _no_answer(who, given)


def _no_answer(who: str, given: object) -> InvalidInputError:
    shown = " ".join(f"{given!r}".split())
    shown = shown if len(shown) <= 100 else f"{shown[:97]}..."
    is_workflow = isinstance(given, type) and issubclass(given, WorkflowClass)
    if is_workflow or isinstance(given, WorkflowSpec):
        return InvalidInputError(
            f"{who} answered {shown}, a workflow; StartChildProcess(workflow, ...) starts it"
        )
    return InvalidInputError(f"{who} answered {shown}; give decisions, or None")


def refuse_async(cls: type[Any]) -> None:
    """Refuse methods whose answers would never be awaited.

    Raises:
        InvalidOptionError: there is one.
    """
    for name, value in vars(cls).items():
        is_asked = name in ("decide", "initiate") or name.startswith("respond")
        if inspect.iscoroutinefunction(value) and (is_asked or hasattr(value, "__rules__")):
            raise InvalidOptionError(
                f"class {cls.__name__}: {name} is async, and deciders wait for nothing; "
                "write a plain def, and do what takes time in an activity"
            )


def rendered(one: One, process: Process[Any]) -> AnyDecision:
    """Return the service's decision for one of an answer."""
    return one.render(process) if isinstance(one, decisions.Decision) else one
