"""Read and validate the options of workflows and activities that are classes.

Options are attributes, checked when the class is made. Knows nothing of the code in the classes.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from partita.authoring.definition import ActivityDefinition, WorkflowOptions
from partita.authoring.foreign_options import WORKFLOWS, check_names
from partita.authoring.options import Seconds, checked_priority, checked_text, policy_of, seconds
from partita.authoring.workflow import WorkflowDefinition
from partita.errors import InvalidOptionError, UnknownTypeError
from partita.history import ChildPolicy, WorkflowType

_PLAIN = (str, int, float, tuple, list, ChildPolicy)


def check_attributes(
    cls: type[Any], kinds: dict[str, Any], more: tuple[str, ...], foreign: Mapping[str, str]
) -> None:
    """Check the types of options, and that no attribute is a misspelled option.

    `kinds` are the types of options; `more` names the options that are checked elsewhere; `foreign`
    are options of other libraries, and what to write instead.

    Raises:
        InvalidOptionError: a type is wrong, or a name is misspelled or another library's.
    """
    for option, kind in kinds.items():
        value = getattr(cls, option, "")
        if not isinstance(value, kind):
            raise InvalidOptionError(f"class {cls.__name__}: {option} = {value!r} cannot be meant")
    check_names(cls, [*kinds, *more], foreign, _PLAIN)


def check_keywords(cls: type[Any], unknown: dict[str, Any]) -> None:
    """Check that no option is given as a keyword of the class statement.

    Raises:
        InvalidOptionError: there is one.
    """
    if unknown:
        raise InvalidOptionError(
            f"class {cls.__name__}: unknown option {', '.join(unknown)}; "
            "write options as attributes of the class"
        )


def entry(method: Callable[..., Any], make: Callable[[], Any]) -> Callable[..., Any]:
    """Return a function with a method's parameters that makes an instance and calls it."""
    name = method.__name__
    function: Any
    if inspect.iscoroutinefunction(method):

        @functools.wraps(method)
        async def run_async(*args: Any, **kwargs: Any) -> Any:
            return await getattr(make(), name)(*args, **kwargs)

        function = run_async
    else:

        @functools.wraps(method)
        def run_sync(*args: Any, **kwargs: Any) -> Any:
            return getattr(make(), name)(*args, **kwargs)

        function = run_sync
    signature = inspect.signature(method)
    parameters = list(signature.parameters.values())[1:]
    function.__signature__ = signature.replace(parameters=parameters)
    return function  # type: ignore[no-any-return]


class WorkflowClass:
    """What workflows in class form and deciders have in common: the options of `@workflow`."""

    name: ClassVar[str] = ""
    version: ClassVar[str] = "1"
    task_list: ClassVar[str | None] = None
    task_priority: ClassVar[int] = 0
    execution_start_to_close: ClassVar[Seconds | None] = None
    task_start_to_close: ClassVar[Seconds | None] = None
    tags: ClassVar[tuple[str, ...]] = ()
    child_policy: ClassVar[ChildPolicy | str] = ChildPolicy.TERMINATE
    lambda_role: ClassVar[str | None] = None
    definition: ClassVar[WorkflowDefinition[..., Any]]

    @classmethod
    def options(cls, **changes: Any) -> WorkflowDefinition[..., Any]:
        """Return its definition with other options."""
        return cls.definition.options(**changes)


_OPTIONS = {
    "name": str,
    "version": str,
    "task_list": (str, type(None)),
    "task_priority": int,
    "tags": (tuple, list),
    "child_policy": (ChildPolicy, str),
    "lambda_role": (str, type(None)),
}


def checked_type(cls: type[WorkflowClass]) -> WorkflowType:
    """Return the workflow type of a class, after checking its attributes."""
    check_attributes(cls, _OPTIONS, ("execution_start_to_close", "task_start_to_close"), WORKFLOWS)
    return WorkflowType(vars(cls).get("name", cls.__name__), cls.version)


def settings_of(cls: type[WorkflowClass]) -> WorkflowOptions:
    """Return the options in the attributes of a class."""
    return WorkflowOptions(
        task_list=checked_text("task_list", cls.task_list),
        task_priority=checked_priority(cls.task_priority) or 0,
        execution_start_to_close=seconds("execution_start_to_close", cls.execution_start_to_close),
        task_start_to_close=seconds("task_start_to_close", cls.task_start_to_close),
        child_policy=policy_of(cls.child_policy),
        tag_list=tuple(cls.tags),
        lambda_role=cls.lambda_role,
    )


def definition_of(
    workflow: WorkflowDefinition[..., Any] | type[WorkflowClass],
) -> WorkflowDefinition[..., Any]:
    """Return the definition of a class, or a definition itself.

    Raises:
        UnknownTypeError: it is not a workflow.
    """
    found: Any = workflow
    if isinstance(workflow, type) and issubclass(workflow, WorkflowClass):
        found = getattr(workflow, "definition", None)
    if isinstance(found, WorkflowDefinition):
        return found
    raise UnknownTypeError(_not_a_workflow(workflow))


def _not_a_workflow(given: object) -> str:
    if isinstance(given, str):
        return (
            f"{given!r} is a name, not a workflow; import the workflow, or write "
            f"partita.child_workflow({given!r}) if its code is elsewhere"
        )
    if isinstance(given, ActivityDefinition):
        return f"{given.label} is not a workflow; call it in one, and start that"
    return f"{given!r} is not a workflow; put @workflow above the function"
