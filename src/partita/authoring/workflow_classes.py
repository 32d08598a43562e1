"""Define workflows as classes: options in attributes, the code in `run`.

class Checkout(Workflow):
    name = "checkout"
    version = "2"
    charge = remote_activity("charge")

    def run(self, order: Order) -> str:
        payment = self.submit(self.charge, order.card)
        ...

Each execution has an instance of its own, so `self` may hold its state. Methods with `@query` or
`@update` answer while it runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from partita.authoring.canvas import FuncGroup, Shape, Task, submittable
from partita.authoring.class_options import (
    WorkflowClass,
    check_keywords,
    checked_type,
    entry,
    settings_of,
)
from partita.authoring.determinism import side_effect
from partita.authoring.functions import check_code
from partita.authoring.future import ChildFuture, Future, Futures
from partita.authoring.hooks import Hooks, TaskFailure, Verdict
from partita.authoring.local import active_runtime
from partita.authoring.messages import register_methods
from partita.authoring.registry import register
from partita.authoring.runtime import WorkflowInfo, current
from partita.authoring.workflow import WorkflowDefinition

T = TypeVar("T")


class Workflow(WorkflowClass):
    """The base class of workflows; attributes are the options of `@workflow`."""

    def __init_subclass__(cls, *, abstract: bool = False, **unknown: Any) -> None:
        """Register the workflow, unless the class is `abstract=True`."""
        super().__init_subclass__()
        check_keywords(cls, unknown)
        if not abstract:
            workflow_type = checked_type(cls)
            check_code(f"{cls.__qualname__}.run", cls.run)
            function = entry(cls.run, lambda: _begun(cls))
            cls.definition = register(
                WorkflowDefinition(function, workflow_type, settings_of(cls), _hooks(cls))
            )

    # -- what users override

    def run(self, *args: Any, **kwargs: Any) -> Any:
        """Run the workflow; override this."""
        raise NotImplementedError(f"{type(self).__name__} has no run(); write one")

    def before_replay(self) -> None:
        """Observe that new events are about to be handled; must decide nothing."""

    def after_replay(self) -> None:
        """Observe that new events were handled; must decide nothing."""

    def on_completed(self, result: Any) -> None:
        """Handle the result before the execution closes; may call activities."""

    def on_failure(self, error: BaseException) -> None:
        """Handle the error before the execution closes; may call activities."""

    def on_task_failure(self, failure: TaskFailure) -> Verdict | None:  # noqa: ARG002
        """Return what becomes of a failed task; None: its future fails."""
        return None

    # -- for `run`

    @property
    def info(self) -> WorkflowInfo:
        """The execution that this instance is."""
        return active_runtime().info()

    def submit(self, what: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Return a future of an activity, a workflow, a Lambda function or a shape."""
        if isinstance(what, (Shape, Task, FuncGroup)):
            return what.submit()
        return active_runtime().submit(submittable(what), args, kwargs)

    def map(self, what: Any, items: Iterable[Any], /) -> Futures[Any]:
        """Submit it once per item; the futures are in the items' order."""
        return Futures(self.submit(what, item) for item in items)

    def starmap(self, what: Any, items: Iterable[Iterable[Any]], /) -> Futures[Any]:
        """Submit it once per item, with the item's elements as arguments."""
        return Futures(self.submit(what, *item) for item in items)

    def invoke_once(self, function: Callable[..., T], /, *args: Any, **kwargs: Any) -> T:
        """Call a function once in the life of the execution and record its result."""
        return side_effect(lambda: function(*args, **kwargs))

    # -- for other workflows, and for plain Python

    @classmethod
    def call(cls, *args: Any, **kwargs: Any) -> Any:
        """Run it as plain Python, or inside a workflow as a child, and return its result."""
        return cls.definition(*args, **kwargs)

    @classmethod
    def begin(cls, *args: Any, **kwargs: Any) -> ChildFuture[Any]:
        """Start it as a child and return a future of its result."""
        return cls.definition.submit(*args, **kwargs)


_instances: WeakKeyDictionary[Any, Workflow] = WeakKeyDictionary()


def _instance(cls: type[Workflow]) -> Workflow:
    """Return the instance of the run that is current."""
    where = current.get()
    found = _instances.get(where)
    if not isinstance(found, cls):
        found = _instances[where] = cls()
    return found


def _begun(cls: type[Workflow]) -> Workflow:
    instance = _instance(cls)
    register_methods(instance)
    return instance


def _hooks(cls: type[Workflow]) -> Hooks:
    """Return the hooks that the class overrides, each called on the run's own instance."""

    def hook(name: str) -> Any:
        if getattr(cls, name) is getattr(Workflow, name):
            return None
        return lambda *given: getattr(_instance(cls), name)(*given)

    return Hooks(**{name: hook(name) for name in Hooks.__struct_fields__})
