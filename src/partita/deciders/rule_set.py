"""Deciders as sets of rules: one method for each thing that may happen.

class Order(RuleSet[str]):
    @process_started
    def begin(self, process): return ScheduleActivity(charge, process.input)

    @completed_activity(charge, result=lambda receipt: receipt.cents > 100)
    def large(self, process, activity): ...

    @signal("cancel")
    @timer("too late")
    def give_up(self, process, _): return CancelProcess()

Every rule that matches an event responds to it, in the order in which they are written, those
of base classes first. A subclass inherits rules; a method of the same name takes the place of
the inherited one and keeps its rule, unless it has one of its own.

Filters are values, types, or functions that are asked; without a filter anything matches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, ClassVar, TypeVar

from partita import history as h
from partita.authoring.activity_classes import Activity
from partita.authoring.class_options import WorkflowClass
from partita.authoring.definition import ActivityDefinition, WorkflowSpec
from partita.authoring.messages import Signal
from partita.authoring.results import Completed
from partita.deciders.answers import Answer, Answers, listed
from partita.deciders.decider import I, Responder
from partita.deciders.parts import (
    ActivityExecution,
    ChildProcess,
    Part,
    ProcessTimer,
    ReceivedSignal,
)
from partita.deciders.process import Process
from partita.errors import InvalidOptionError, UsageError

F = TypeVar("F", bound=Callable[..., Any])
Match = Callable[[Process[Any], h.AnyEvent], tuple[Any, ...] | None]
"""Returns what the method is called with, besides the process; None: the rule does not apply."""

_ANY: Any = object()


def _rule(match: Match) -> Callable[[F], F]:
    def decorate(method: F) -> F:
        if not callable(method):
            raise InvalidOptionError(f"a rule is put above a method, not {method!r}")
        method.__rules__ = [match, *getattr(method, "__rules__", ())]  # type: ignore[attr-defined]
        return method

    decorate.__is_no_rule_yet__ = True  # type: ignore[attr-defined]
    return decorate


def rule(match: Callable[[Process[Any], h.AnyEvent], bool]) -> Callable[[F], F]:
    """Respond to events for which `match(process, event)` holds, with (process, event)."""
    return _rule(lambda process, event: (event,) if match(process, event) else None)


def process_started(method: F) -> F:
    """Respond to the beginning, with (process)."""
    return _rule(_whole(h.WorkflowExecutionStarted))(method)


def cancel_requested(method: F) -> F:
    """Respond to a cancel request, with (process)."""
    return _rule(_whole(h.WorkflowExecutionCancelRequested))(method)


def _whole(kind: type[Any]) -> Match:
    return lambda _, event: () if isinstance(event, kind) else None


def completed_activity(
    activity: Any = _ANY, *, id: Any = _ANY, input: Any = _ANY, result: Any = _ANY
) -> Callable[[F], F]:
    """Respond to an activity with a result, with (process, activity).

    Args:
        activity: the activity, its class, its name, or a function of the execution.
        id: its id.
        input: its argument as plain JSON; a list if it has not just one.
        result: the value that it gave.
    """
    of_this = _of_type(activity, Activity, ActivityDefinition)
    return _ended_part(
        ActivityExecution,
        lambda part: (
            isinstance(part.result, Completed)
            and of_this(part)
            and _fits(id, lambda: part.id)
            and _fits(input, lambda: part.input)
            and _fits(result, lambda: part.value)
        ),
    )


def interrupted_activity(
    activity: Any = _ANY, *, id: Any = _ANY, result: Any = _ANY
) -> Callable[[F], F]:
    """Respond to an activity that ended otherwise, with (process, activity).

    `result` may be one of the classes `Failed`, `TimedOut` and `Canceled`.
    """
    of_this = _of_type(activity, Activity, ActivityDefinition)
    return _ended_part(
        ActivityExecution,
        lambda part: (
            not isinstance(part.result, Completed)
            and of_this(part)
            and _fits(id, lambda: part.id)
            and _fits(result, lambda: part.result)
        ),
    )


def signal(name: Any = _ANY, *, value: Any = _ANY) -> Callable[[F], F]:
    """Respond to a signal, with (process, signal).

    With a `Signal` as its name, one whose payload does not fit its type is passed over.
    """
    wanted = name.name if isinstance(name, Signal) else name

    def match(process: Process[Any], event: h.AnyEvent) -> tuple[Any, ...] | None:
        found = process.part(event)
        if not isinstance(found, ReceivedSignal) or not _fits(wanted, lambda: found.name):
            return None
        try:
            given = found.read(name) if isinstance(name, Signal) else found.value
        except UsageError:
            return None
        return (found,) if _fits(value, lambda: given) else None

    return _rule(match)


def timer(data: Any = _ANY, *, id: Any = _ANY) -> Callable[[F], F]:
    """Respond to a timer that fired, with (process, timer)."""
    return _ended_part(
        ProcessTimer,
        lambda part: _fits(id, lambda: part.id) and _fits(data, lambda: part.data),
    )


def child_completed(
    workflow: Any = _ANY, *, id: Any = _ANY, result: Any = _ANY, tag: str | None = None
) -> Callable[[F], F]:
    """Respond to a child with a result, with (process, child)."""
    of_this = _of_type(workflow, WorkflowClass, WorkflowSpec)
    return _ended_part(
        ChildProcess,
        lambda part: (
            isinstance(part.result, Completed)
            and of_this(part)
            and _fits(id, lambda: part.id)
            and (tag is None or tag in part.tags)
            and _fits(result, lambda: part.value)
        ),
    )


def child_interrupted(
    workflow: Any = _ANY, *, id: Any = _ANY, result: Any = _ANY, tag: str | None = None
) -> Callable[[F], F]:
    """Respond to a child that ended otherwise, or could not start, with (process, child)."""
    of_this = _of_type(workflow, WorkflowClass, WorkflowSpec)
    return _ended_part(
        ChildProcess,
        lambda part: (
            not isinstance(part.result, Completed)
            and of_this(part)
            and _fits(id, lambda: part.id)
            and (tag is None or tag in part.tags)
            and _fits(result, lambda: part.result)
        ),
    )


def _ended_part(kind: type[Part], fits: Callable[[Any], bool]) -> Callable[[F], F]:
    """Return a rule for events that end a part of that kind which `fits`."""

    def match(process: Process[Any], event: h.AnyEvent) -> tuple[Any, ...] | None:
        part = process.part(event)
        is_end = isinstance(part, kind) and part.result is not None
        return (part,) if is_end and fits(part) else None

    return _rule(match)


def _fits(wanted: Any, given: Callable[[], Any]) -> bool:
    """Whether a filter takes a value, which is made only if it is asked for."""
    if wanted is _ANY:
        return True
    value = given()
    if isinstance(wanted, type):
        return isinstance(value, wanted)
    return bool(wanted(value)) if callable(wanted) else bool(wanted == value)


def _of_type(wanted: Any, base: type[Any], kind: type[Any]) -> Callable[[Any], bool]:
    """Return whether a part is one of what a filter names.

    Raises:
        InvalidOptionError: it names nothing that could be meant.
    """
    if wanted is _ANY:
        return lambda _: True
    if isinstance(wanted, str):
        return lambda part: bool(part.name == wanted)
    if isinstance(wanted, type) and issubclass(wanted, base):
        wanted = wanted.definition  # type: ignore[attr-defined]
    if isinstance(wanted, (h.ActivityType, h.WorkflowType, kind)):
        key = wanted.key
    elif callable(wanted) and not isinstance(wanted, type):
        return lambda part: bool(wanted(part))
    else:
        raise InvalidOptionError(
            f"a rule for {wanted!r}: give an activity or workflow, its name, or a function"
        )
    return lambda part: bool(_type_of(part).key == key)


def _type_of(part: Any) -> h.ActivityType | h.WorkflowType:
    found: h.ActivityType | h.WorkflowType
    found = part.activity_type if isinstance(part, ActivityExecution) else part.workflow
    return found


class RuleSet(Responder[I], abstract=True):
    """A decider of rules.

    To an interruption, or a cancel request, that no rule is for it responds as a `Responder`
    does: the process fails, or is cancelled.
    """

    _matches: ClassVar[dict[str, list[Match]]] = {}  # of the methods that are rules, in order

    def __init_subclass__(cls, *, abstract: bool = False, **unknown: Any) -> None:
        """Define the workflow, and collect its rules.

        Raises:
            InvalidOptionError: a rule lacks its parentheses, and would never be asked.
        """
        for name, value in vars(cls).items():
            if hasattr(value, "__is_no_rule_yet__"):
                raise InvalidOptionError(
                    f"class {cls.__name__}: the rule above {name} lacks parentheses; "
                    "write it as in @signal()"
                )
        cls._matches = dict(_rules_of(cls))
        super().__init_subclass__(abstract=abstract, **unknown)

    def initiate(self, process: Process[I]) -> Answer:  # noqa: ARG002
        """Do nothing; `process_started` is for that."""
        return None

    def respond(self, process: Process[I], event: h.AnyEvent) -> Answers:
        """Yield what the rules for this event answer; each sees what those before it asked for."""
        answered = False
        for name, rules in self._matches.items():
            given = next(
                (it for it in (one(process, event) for one in rules) if it is not None), None
            )
            if given is not None:
                answered = True
                yield from listed(getattr(self, name)(process, *given), f"rule {name}")
        if not answered:
            yield from listed(super().respond(process, event), type(self).__name__)


def _rules_of(cls: type[Any]) -> Iterator[tuple[str, list[Match]]]:
    """Yield the methods that are rules, in the order in which they were written."""
    seen: dict[str, list[Match]] = {}
    for base in reversed(cls.__mro__):
        for name, value in vars(base).items():
            rules = getattr(value, "__rules__", None)
            if rules is not None:
                seen[name] = rules
    yield from seen.items()
