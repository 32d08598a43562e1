"""Write deciders by hand: a process comes in, decisions go out.

class Order(Decider[OrderInput]):
    version = "2"

    def decide(self, process: Process[OrderInput]) -> Answer: ...

A `Decider` looks at the process; a `Responder` is called event by event. A decider keeps no
state of its own: its next decision may be made by another worker.
"""

from __future__ import annotations

import inspect
from difflib import get_close_matches
from typing import Any, ClassVar, Generic, TypeVar, get_args, get_origin

from partita import history as h
from partita.authoring.class_options import WorkflowClass, check_keywords, checked_type, settings_of
from partita.authoring.definition import WorkflowOptions
from partita.authoring.hooks import NO_HOOKS
from partita.authoring.registry import register
from partita.authoring.results import Canceled, Completed, Failed, Result
from partita.authoring.workflow import WorkflowDefinition
from partita.codec import Converter
from partita.deciders.answers import Answer, One, listed, refuse_async, rendered
from partita.deciders.decisions import CancelActivity, CancelProcess, FailProcess
from partita.deciders.parts import (
    ActivityExecution,
    ChildProcess,
    ProcessTimer,
    ReceivedSignal,
)
from partita.deciders.process import Process, last_answered
from partita.errors import InvalidOptionError, UsageError

I = TypeVar("I")  # noqa: E741


class DeciderDefinition(WorkflowDefinition[..., Any]):
    """A decider as a workflow: it can be started, called as a child, listed and so on."""

    def __init__(
        self, decider: type[Decider[Any]], workflow_type: h.WorkflowType, settings: WorkflowOptions
    ) -> None:
        super().__init__(_stand_in(decider), workflow_type, settings, NO_HOOKS)
        self.decider = decider

    @property
    def is_replayed(self) -> bool:
        """No: it is asked."""
        return False

    def load_input(self, converter: Converter, payload: str | None) -> Any:
        """Return the one value that a payload of arguments carries."""
        args, kwargs = self.signature.load(converter, payload)
        return args[0] if args else kwargs.get("input")


def _stand_in(decider: type[Decider[Any]]) -> Any:
    """Return a function in the place of a workflow's code."""

    def function(input: Any = None) -> Any:  # noqa: ARG001
        raise UsageError(
            f"{decider.__name__} decides over a history, so it cannot be called as plain Python; "
            "run it on an engine: `partita run`, or partita.testing.Environment"
        )

    function.__name__ = decider.__name__
    function.__qualname__ = decider.__qualname__
    function.__module__ = decider.__module__
    function.__annotations__ = {"input": _input_type(decider), "return": Any}
    own = [one for one in vars(decider).values() if inspect.isfunction(one)]
    where = own[0] if own else decider.decide
    function.__wrapped__ = where  # type: ignore[attr-defined]  # so that it is known where it is
    function.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [inspect.Parameter("input", inspect.Parameter.POSITIONAL_OR_KEYWORD, default=None)]
    )
    return function


def _input_type(decider: type[Any]) -> Any:
    """Return what stands in the brackets of `Decider[...]`, here or in a base."""
    for cls in decider.__mro__:
        for base in vars(cls).get("__orig_bases__", ()):
            origin = get_origin(base)
            if isinstance(origin, type) and issubclass(origin, Decider):
                given = get_args(base)[0]
                if not isinstance(given, TypeVar):
                    return given
    return Any


class Decider(WorkflowClass, Generic[I]):
    """The base of deciders. Attributes are the options of `@workflow`."""

    definition: ClassVar[DeciderDefinition]

    def __init_subclass__(cls, *, abstract: bool = False, **unknown: Any) -> None:
        """Define the workflow; `class Base(Decider, abstract=True)` defines none."""
        super().__init_subclass__()
        check_keywords(cls, unknown)
        refuse_async(cls)
        if not abstract:
            cls.definition = register(DeciderDefinition(cls, checked_type(cls), settings_of(cls)))

    def decide(self, process: Process[I]) -> Answer:
        """Return what is to happen next; override this.

        It must be quick, look at nothing but the process, and change nothing. What it raises
        fails the decision task; no event is lost, and the task is tried again.
        """
        raise NotImplementedError(f"{type(self).__name__} has no decide(); write one")


class Responder(Decider[I], abstract=True):
    """A decider that is called event by event; override what you want to respond to.

    During a response the process stands as it stood after that event, and what earlier responses
    have asked for is open already, so it makes no difference which events came together. A
    response that closes the process is the last.
    """

    def __init_subclass__(cls, *, abstract: bool = False, **unknown: Any) -> None:
        """Define the workflow; refuse methods that nothing would call."""
        super().__init_subclass__(abstract=abstract, **unknown)
        for name in vars(cls):
            if name.startswith("respond_to_") and not hasattr(Responder, name):
                known = [one for one in vars(Responder) if one.startswith("respond_to_")]
                close = get_close_matches(name, known, n=1, cutoff=0.0)[0]
                raise InvalidOptionError(
                    f"class {cls.__name__}: nothing calls {name}; did you mean {close}?"
                )

    def decide(self, process: Process[I]) -> Answer:
        """Collect the responses to all that is new."""
        refused = False
        answer: list[One] = []
        for event in process.step():
            refused = refused or isinstance(event, _REFUSED_ENDS)
            for one in listed(self.respond(process, event), type(self).__name__):
                answer.append(one)
                if one.closes:
                    return answer
                process.add_decision(rendered(one, process))
        if refused:
            answer += self._end_again(process)
        return answer

    def _end_again(self, process: Process[I]) -> list[One]:
        """Return the end that was refused because of news that nobody had seen."""
        before = _turn_before(process)
        return [one for one in listed(self.decide(before), type(self).__name__) if one.closes]

    def respond(self, process: Process[I], event: h.AnyEvent) -> Answer:
        """Pass an event on to the method that responds to it."""
        match event, process.part(event):
            case h.WorkflowExecutionStarted(), _:
                return self.initiate(process)
            case h.WorkflowExecutionCancelRequested(), _:
                return self.respond_to_cancel_request(process)
            case _, ReceivedSignal() as signal:
                return self.respond_to_signal(process, signal)
            case _, ActivityExecution(result=Completed()) as activity:
                return self.respond_to_completed_activity(process, activity)
            case _, ActivityExecution(result=Result()) as activity:
                return self.respond_to_interrupted_activity(process, activity)
            case _, ProcessTimer(result=Completed()) as timer:
                return self.respond_to_timer(process, timer)
            case _, ChildProcess(result=Result()) as child:
                return self.respond_to_child_process(process, child)
        return self.respond_to_other(process, event)

    # -- what users override

    def initiate(self, process: Process[I]) -> Answer:
        """Return what is to happen first."""
        raise NotImplementedError(f"{type(self).__name__} has no initiate(); write one")

    def respond_to_completed_activity(
        self,
        process: Process[I],  # noqa: ARG002
        activity: ActivityExecution,  # noqa: ARG002
    ) -> Answer:
        """Respond to an activity with a result, which is `activity.result.value`."""
        return None

    def respond_to_interrupted_activity(
        self,
        process: Process[I],  # noqa: ARG002
        activity: ActivityExecution,
    ) -> Answer:
        """Respond to an activity that failed, timed out, was cancelled or was refused.

        By default the process fails with the activity's error; one that was asked to cancel
        itself is left alone.
        """
        if isinstance(activity.result, Canceled):
            return None
        return FailProcess(*_failure(activity))

    def respond_to_signal(
        self,
        process: Process[I],  # noqa: ARG002
        signal: ReceivedSignal,  # noqa: ARG002
    ) -> Answer:
        """Respond to a signal."""
        return None

    def respond_to_timer(
        self,
        process: Process[I],  # noqa: ARG002
        timer: ProcessTimer,  # noqa: ARG002
    ) -> Answer:
        """Respond to a timer that fired."""
        return None

    def respond_to_child_process(
        self,
        process: Process[I],  # noqa: ARG002
        child: ChildProcess,
    ) -> Answer:
        """Respond to a child's end; by default one that failed fails the process, too."""
        return (
            None
            if isinstance(child.result, (Completed, Canceled))
            else FailProcess(*_failure(child))
        )

    def respond_to_cancel_request(self, process: Process[I]) -> Answer:
        """Respond to a cancel request; by default cancel what runs, and the process."""
        running = process.unfinished_activities()
        return [*(CancelActivity(one) for one in running), CancelProcess()]

    def respond_to_other(
        self,
        process: Process[I],  # noqa: ARG002
        event: h.AnyEvent,  # noqa: ARG002
    ) -> Answer:
        """Respond to an event that no other method is for: a refused decision, for example."""
        return None


_REFUSED_ENDS = (
    h.CompleteWorkflowExecutionFailed,
    h.FailWorkflowExecutionFailed,
    h.CancelWorkflowExecutionFailed,
    h.ContinueAsNewWorkflowExecutionFailed,
)


def _failure(part: ActivityExecution | ChildProcess) -> tuple[str, str]:
    """Return reason and details of a part that did not complete."""
    result = part.result
    if isinstance(result, Failed):
        details = f"{part.name} {part.id}: {result.details}" if result.details else None
        return result.reason or "FAILED", details or f"{part.name} {part.id} failed"
    name = type(result).__name__.upper()
    return name, f"{part.name} {part.id}: {' '.join(map(str, result.args if result else ()))}"


def _turn_before(process: Process[I]) -> Process[I]:
    """Return the process as it stood when its decider last answered."""
    history = process.history
    last = history[: process.previous_started_event_id]
    before: Process[I] = Process(
        h.WorkflowExecution(process.id, process.run_id),
        process.workflow,
        converter=process.converter,
        load_input=process.load_input,
    )
    started = last[-1]
    assert isinstance(started, h.DecisionTaskStarted)
    before.add_task(last, last_answered(last), started.event_timestamp)
    return before
