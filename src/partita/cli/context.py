"""What several commands share: the options they take, and what these options name."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

import click
import msgspec

from partita.authoring.class_options import WorkflowClass
from partita.authoring.definition import ActivityDefinition
from partita.authoring.registry import known
from partita.authoring.workflow import WorkflowDefinition
from partita.client import Client
from partita.codec import Converter
from partita.connect import connect
from partita.errors import InvalidInputError, InvalidOptionError, UnknownTypeError
from partita.worker.code_loader import load

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")


def backend_option(command: F) -> F:
    """Let the command itself take --backend and --debug, behind its name as before it."""
    command = click.option("--backend", metavar="URL", help="Where executions live.")(command)
    return click.option(
        "--debug", is_flag=True, expose_value=False, help="Show a traceback with an error."
    )(command)


def format_option(*choices: str) -> Callable[[F], F]:
    """Let the command take -o, with its first choice as the default."""
    return click.option(
        "-o", "--output", type=click.Choice(choices), default=choices[0], help="How to print."
    )


def not_empty(_: click.Context, option: click.Parameter, value: T) -> T:
    """Return an option's value, or values; be its click callback.

    Raises:
        InvalidOptionError: it is empty text, which names nothing.
    """
    if value == "" or (isinstance(value, tuple) and "" in value):
        raise InvalidOptionError(f"{option.opts[0]} is empty text; give a name, or leave it out")
    return value


def open_client(ctx: click.Context, backend: str | None) -> Client:
    """Return a client for the backend that the options, or the environment, name."""
    log_to_stderr(ctx)
    return Client(connect(backend or ctx.find_root().obj["backend"]))


def log_to_stderr(ctx: click.Context) -> None:
    """Have warnings said on stderr and, with --verbose, more."""
    level = logging.INFO if ctx.find_root().obj["verbose"] else logging.WARNING
    logging.basicConfig(level=level, stream=sys.stderr, format="partita: %(message)s")


def find_workflow(target: str) -> WorkflowDefinition[..., Any]:
    """Return the workflow that FILE:WORKFLOW, or MODULE:WORKFLOW, names.

    Raises:
        LoadError: the file cannot be imported.
        UnknownTypeError: it has no such workflow, or what it has is not one.
    """
    source, colon, name = target.rpartition(":")
    if not colon:
        source, name = target, ""
    module = load(source)
    workflows = _workflows(module)
    names = ", ".join(sorted(workflows)) or "none"
    if not name:
        if len(workflows) == 1:
            return next(iter(workflows.values()))
        raise UnknownTypeError(f"which workflow of {source}? It has: {names}; give {source}:NAME")
    if name in workflows:
        return workflows[name]
    if hasattr(module, name):
        kind = (
            "an activity"
            if isinstance(getattr(module, name), ActivityDefinition)
            else "something else"
        )
        raise UnknownTypeError(
            f"{name} in {source} is not a workflow but {kind}; "
            f"put @workflow above it, or take one of: {names}"
        )
    raise UnknownTypeError(f"no workflow {name} in {source}; it has: {names}")


def find_workflows(target: str) -> list[WorkflowDefinition[..., Any]]:
    """Return the workflow that FILE:WORKFLOW names, or all that FILE or MODULE defines.

    Raises:
        LoadError: the file cannot be imported.
        UnknownTypeError: it has no such workflow, or none at all.
    """
    if ":" in target:
        return [find_workflow(target)]
    module = load(target)
    defined = {(one.key, id(one.function)) for one in known(WorkflowDefinition)}
    found = {  # and not what only names a workflow that others have
        workflow.key: workflow
        for workflow in _workflows(module).values()
        if (workflow.key, id(workflow.function)) in defined
    }
    if not found:
        raise UnknownTypeError(f"{target} defines no workflow; put @workflow above a function")
    return list(found.values())


def _workflows(module: ModuleType) -> dict[str, WorkflowDefinition[..., Any]]:
    found = {
        name: value for name, value in vars(module).items() if isinstance(value, WorkflowDefinition)
    }
    for name, value in vars(module).items():
        is_class = isinstance(value, type) and issubclass(value, WorkflowClass)
        if is_class and "definition" in vars(value):
            found[name] = value.definition
    return found | {value.workflow_type.name: value for value in found.values()}


def read_input(
    text: str | None, workflow: WorkflowDefinition[..., Any]
) -> tuple[list[Any], dict[str, Any]]:
    """Return the arguments in --input: JSON, `@FILE`, or `-` for stdin.

    Raises:
        InvalidInputError: it is not JSON, or does not fit the workflow's parameters.
    """
    if text == "-":
        text = _decoded(sys.stdin.buffer.read())
    elif text is not None and text.startswith("@"):
        try:
            text = Path(text[1:]).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidInputError(f"--input {text}: {error}") from error
    if text is not None:
        _check_json(text)
    return workflow.signature.load(Converter(), text)


def _decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidInputError(f"--input - is not UTF-8: {error}") from error


def _check_json(text: str) -> None:
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        shown = text if len(text) <= 60 else text[:57] + "..."
        raise InvalidInputError(
            f"--input is not JSON ({error}): {shown}; "
            "write a list of arguments, such as --input '[1, \"two\"]'"
        ) from error


def read_json(text: str, option: str) -> Any:
    """Return the value of a JSON option.

    Raises:
        InvalidInputError: it is not JSON.
    """
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise InvalidInputError(
            f"{option} is not JSON ({error}): {text[:60]}; put text into quotes: '\"text\"'"
        ) from error


attribute_option = click.option(
    "--attribute",
    "attributes",
    multiple=True,
    metavar="NAME=JSON",
    help="A search attribute and its value; may be repeated.",
)


def read_attribute(text: str) -> tuple[str, object]:
    """Return the name and value in NAME=JSON; text needs no quotes.

    Raises:
        InvalidInputError: it has no `=`.
    """
    name, equals, value = text.partition("=")
    if not equals:
        raise InvalidInputError(f"--attribute {text!r}: write NAME=VALUE")
    try:
        return name, msgspec.json.decode(value)
    except msgspec.DecodeError:
        return name, value
