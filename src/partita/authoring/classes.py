"""Workflows as classes: the definition in attributes, the code in `run`.

class Checkout(Workflow):
    name = "checkout"
    version = "2"
    charge = remote_activity("charge")

    def run(self, order: Order) -> str:
        payment = self.submit(self.charge, order.card)
        ...

Each execution gets an instance of its own, so `self` may hold its state. Methods marked with
`@query` or `@update` answer while it runs.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from typing import Any, ClassVar, TypeVar
from weakref import WeakKeyDictionary

from partita.authoring.activity import seconds
from partita.authoring.canvas import FuncGroup, Shape, Task, submittable
from partita.authoring.definition import WorkflowOptions
from partita.authoring.determinism import side_effect
from partita.authoring.future import ChildFuture, Future, Futures
from partita.authoring.hooks import Hooks, TaskFailure, Verdict
from partita.authoring.messages import register_methods
from partita.authoring.registry import register
from partita.authoring.runtime import WorkflowInfo, current
from partita.authoring.timing import runtime
from partita.authoring.workflow import WorkflowDefinition, policy_of
from partita.errors import InvalidOptionError
from partita.history import ChildPolicy, WorkflowType

T = TypeVar("T")

_OPTIONS = {
    "name": str,
    "version": str,
    "task_list": (str, type(None)),
    "task_priority": int,
    "tags": (tuple, list),
    "child_policy": (ChildPolicy, str),
    "lambda_role": (str, type(None)),
}


class Workflow:
    """The base of workflows in class form. Attributes are the options of `@workflow`."""

    name: ClassVar[str] = ""
    version: ClassVar[str] = "1"
    task_list: ClassVar[str | None] = None
    task_priority: ClassVar[int] = 0
    execution_start_to_close: ClassVar[float | None] = None
    task_start_to_close: ClassVar[float | None] = None
    tags: ClassVar[tuple[str, ...]] = ()
    child_policy: ClassVar[ChildPolicy | str] = ChildPolicy.TERMINATE
    lambda_role: ClassVar[str | None] = None
    definition: ClassVar[WorkflowDefinition[..., Any]]

    def __init_subclass__(cls, *, abstract: bool = False, **unknown: Any) -> None:
        """Define the workflow; `class Base(Workflow, abstract=True)` defines none."""
        super().__init_subclass__()
        if unknown:
            raise InvalidOptionError(
                f"class {cls.__name__}: unknown option {', '.join(unknown)}; "
                "write options as attributes of the class"
            )
        if not abstract:
            _check_attributes(cls)
            cls.definition = register(_definition(cls))

    # -- what users override

    def run(self, *args: Any, **kwargs: Any) -> Any:
        """Be the workflow: override this."""
        raise NotImplementedError(f"{type(self).__name__} has no run(); write one")

    def before_replay(self) -> None:
        """Be told that the decider looks at new events; decide nothing."""

    def after_replay(self) -> None:
        """Be told that the decider has looked; decide nothing."""

    def on_completed(self, result: Any) -> None:
        """Be told of the result before the execution closes; may call activities."""

    def on_failure(self, error: BaseException) -> None:
        """Be told of the error before the execution closes; may call activities."""

    def on_task_failure(self, failure: TaskFailure) -> Verdict | None:  # noqa: ARG002
        """Say what is to become of a task that failed; None: its future fails."""
        return None

    # -- what the code uses

    @property
    def info(self) -> WorkflowInfo:
        """The execution that this instance is."""
        return runtime().info()

    def submit(self, what: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Begin an activity, a workflow, a Lambda function or a shape; return a future."""
        if isinstance(what, (Shape, Task, FuncGroup)):
            return what.submit()
        return runtime().submit(submittable(what), args, kwargs)

    def map(self, what: Any, items: Iterable[Any], /) -> Futures[Any]:
        """Begin it once per item; the futures are in the items' order."""
        return Futures(self.submit(what, item) for item in items)

    def starmap(self, what: Any, items: Iterable[Iterable[Any]], /) -> Futures[Any]:
        """Begin it once per item, with the item's elements as arguments."""
        return Futures(self.submit(what, *item) for item in items)

    def invoke_once(self, function: Callable[..., T], /, *args: Any, **kwargs: Any) -> T:
        """Call a function once in the life of the execution and keep its result."""
        return side_effect(lambda: function(*args, **kwargs))

    # -- for other workflows, and for plain Python

    @classmethod
    def call(cls, *args: Any, **kwargs: Any) -> Any:
        """Run it: here, as plain Python, or inside a workflow as a child."""
        return cls.definition(*args, **kwargs)

    @classmethod
    def begin(cls, *args: Any, **kwargs: Any) -> ChildFuture[Any]:
        """Begin it as a child and return a future of its result."""
        return cls.definition.submit(*args, **kwargs)

    @classmethod
    def options(cls, **changes: Any) -> WorkflowDefinition[..., Any]:
        """Return its definition with other settings."""
        return cls.definition.options(**changes)


def _check_attributes(cls: type[Workflow]) -> None:
    """Refuse options of the wrong type, and ones that are nearly an option's name."""
    for option, kinds in _OPTIONS.items():
        value = getattr(cls, option, "")
        if not isinstance(value, kinds):  # type: ignore[arg-type]
            raise InvalidOptionError(f"class {cls.__name__}: {option} = {value!r} cannot be meant")
    known = [*_OPTIONS, "execution_start_to_close", "task_start_to_close"]
    for name, value in vars(cls).items():
        plain = isinstance(value, (str, int, float, tuple, list, ChildPolicy))
        if plain and not name.startswith("_") and name not in known:
            close = get_close_matches(name, known, n=1, cutoff=0.8)
            if close:
                raise InvalidOptionError(
                    f"class {cls.__name__}: unknown option {name}; did you mean {close[0]}? "
                    "Begin the names of your own constants with an underscore"
                )


def _definition(cls: type[Workflow]) -> WorkflowDefinition[..., Any]:
    settings = WorkflowOptions(
        task_list=cls.task_list,
        task_priority=cls.task_priority,
        execution_start_to_close=seconds("execution_start_to_close", cls.execution_start_to_close),
        task_start_to_close=seconds("task_start_to_close", cls.task_start_to_close),
        child_policy=policy_of(cls.child_policy),
        tag_list=tuple(cls.tags),
        lambda_role=cls.lambda_role,
    )
    name = vars(cls).get("name", cls.__name__)
    return WorkflowDefinition(_entry(cls), WorkflowType(name, cls.version), settings, _hooks(cls))


def _entry(cls: type[Workflow]) -> Callable[..., Any]:
    """Return a function with the parameters of `run` that makes an instance and runs it."""
    run = cls.run
    signature = inspect.signature(run)
    function: Any
    if inspect.iscoroutinefunction(run):

        @functools.wraps(run)
        async def run_async(*args: Any, **kwargs: Any) -> Any:
            return await _begun(cls).run(*args, **kwargs)

        function = run_async
    else:

        @functools.wraps(run)
        def run_sync(*args: Any, **kwargs: Any) -> Any:
            return _begun(cls).run(*args, **kwargs)

        function = run_sync
    parameters = list(signature.parameters.values())[1:]
    function.__signature__ = signature.replace(parameters=parameters)
    return function  # type: ignore[no-any-return]


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


def definition_of(
    workflow: WorkflowDefinition[..., Any] | type[Workflow],
) -> WorkflowDefinition[..., Any]:
    """Return the definition that a class, or the definition itself, stands for."""
    return workflow.definition if isinstance(workflow, type) else workflow
