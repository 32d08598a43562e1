"""Read and validate the options of workflows and activities that are classes.

Options are attributes, checked when the class is made. Knows nothing of the code in the classes.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from difflib import get_close_matches
from typing import Any, ClassVar

from partita.authoring.definition import ActivityDefinition, WorkflowOptions
from partita.authoring.options import Seconds, checked_priority, checked_text, policy_of, seconds
from partita.authoring.workflow import WorkflowDefinition
from partita.errors import InvalidOptionError, UnknownTypeError
from partita.history import ChildPolicy, WorkflowType

_PLAIN = (str, int, float, tuple, list, ChildPolicy)


_OF_OTHERS = {
    "NAME": "name",
    "VERSION": "version",
    "OPTIONS": "each option as an attribute of its own, such as task_list",
    "tag_list": "tags",
    "execution_timeout": "execution_start_to_close",
    "execution_start_to_close_timeout": "execution_start_to_close",
    "decision_tasks_timeout": "task_start_to_close",
    "task_start_to_close_timeout": "task_start_to_close",
    "default_task_list": "task_list",
    "start_to_close_timeout": "start_to_close",
    "schedule_to_start_timeout": "schedule_to_start",
    "schedule_to_close_timeout": "schedule_to_close",
    "raises_on_failure": "nothing: a failed call raises where its result is read; catch the error "
    "there, or ask result.exception()",
}
"""Options of other libraries, and what to write instead."""


def _check_foreign(cls: type[Any], known: list[str]) -> None:
    for name, instead in _OF_OTHERS.items():
        if name not in known and hasattr(cls, name):
            raise InvalidOptionError(
                f"class {cls.__name__}: {name} is no option here; write {instead}. Begin the "
                "names of your own constants with an underscore"
            )


def check_attributes(cls: type[Any], kinds: dict[str, Any], more: tuple[str, ...]) -> None:
    """Check the types of options, and that no attribute is a misspelled option.

    `kinds` are the types of options; `more` names the options that are checked elsewhere.

    Raises:
        InvalidOptionError: a type is wrong, or a name is misspelled.
    """
    for option, kind in kinds.items():
        value = getattr(cls, option, "")
        if not isinstance(value, kind):
            raise InvalidOptionError(f"class {cls.__name__}: {option} = {value!r} cannot be meant")
    known = [*kinds, *more]
    _check_foreign(cls, known)
    for name, value in vars(cls).items():
        if isinstance(value, _PLAIN) and not name.startswith("_") and name not in known:
            close = get_close_matches(name, known, n=1, cutoff=0.8)
            if close:
                raise InvalidOptionError(
                    f"class {cls.__name__}: unknown option {name}; did you mean {close[0]}? "
                    "Begin the names of your own constants with an underscore"
                )


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
    check_attributes(cls, _OPTIONS, ("execution_start_to_close", "task_start_to_close"))
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
