"""The options that commands have for state machines, and the target that is a machine's file.

`machines` does the work; it is imported only for those who run machines.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, TypeVar

import click

from partita.authoring.workflow import WorkflowDefinition
from partita.errors import InvalidOptionError

F = TypeVar("F", bound=Callable[..., Any])

_TEST_CASE = "partita.machines.test_case"
_SERVICES = "partita.machines.services"
_SUFFIXES = (".json", ".asl")


def is_machine(target: str) -> bool:
    """Return whether a target is a file with the definition of a state machine."""
    return target.endswith(_SUFFIXES)


def compiled_at(target: str, to: str) -> WorkflowDefinition[..., Any]:
    """Return the workflow that runs what the workflow FILE:WORKFLOW is compiled to."""
    found: WorkflowDefinition[..., Any]
    if to == "openwhisk":
        found = composer().composed_at(target)
    else:
        found = emitter().compiled_at(target)
    return found


def composer() -> Any:
    """Return what compiles to compositions for the commands."""
    return import_module("partita.cli.compositions")


def emitter() -> Any:
    """Return what compiles for the commands; see `import_needing`."""
    return import_needing("asl", "partita.cli.compiler", "compiled workflows")


def import_needing(extra: str, module: str, users: str = "state machines") -> Any:
    """Return a module that needs an extra of the installation; `users` are what needs it.

    Raises:
        InvalidOptionError: it is not installed.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise InvalidOptionError(
            f"{users} need what is not installed here ({error}); pip install 'partita[{extra}]'"
        ) from error


def machine_at(target: str) -> WorkflowDefinition[..., Any]:
    """Return the workflow of the machine in a file."""
    found: WorkflowDefinition[..., Any] = _machines().load(
        target, click.get_current_context().meta.get(_TEST_CASE)
    )
    return found


def _machines() -> Any:
    return import_needing("asl", "partita.cli.machines")


def _register(_: click.Context, __: click.Parameter, texts: tuple[str, ...]) -> None:
    for text in texts:
        _machines().register(text)


def _forward(_: click.Context, __: click.Parameter, url: str | None) -> None:
    if url is not None:
        _machines().forward(url)


def _serve(ctx: click.Context, option: click.Parameter, value: Any) -> None:
    """Add to where the services of machines are, and use that."""
    if not value:
        return
    given = ctx.meta.setdefault(_SERVICES, {})
    given[option.name] = value
    _machines().use(**given)


def _choose(ctx: click.Context, __: click.Parameter, name: str | None) -> None:
    ctx.meta[_TEST_CASE] = name


def outline_option(command: F) -> F:
    """Add --outline, which takes effect by itself."""
    return click.option(
        "--outline",
        is_flag=True,
        callback=_outline,
        expose_value=False,
        help="Make steps of their own of expressions that a state machine has not.",
    )(command)


def _outline(ctx: click.Context, _: click.Parameter, is_on: bool) -> None:
    if is_on:
        outlining = import_module("partita.compile.outlining.steps")
        token = outlining.set_outlining(True)
        ctx.call_on_close(lambda: outlining.reset_outlining(token))


def service_options(command: F) -> F:
    """Add --aws and the like, which take effect by themselves."""
    for option in (
        click.option(
            "--connections",
            metavar="FILE",
            callback=_serve,
            expose_value=False,
            help="JSON: connections by name, as EventBridge has them, for a machine's HTTP tasks.",
        ),
        click.option(
            "--http-host",
            "http_hosts",
            metavar="HOST",
            multiple=True,
            callback=_serve,
            expose_value=False,
            help="A host, or HOST:PORT, that a machine's HTTP tasks may call; may be repeated.",
        ),
        click.option(
            "--s3-folder",
            metavar="FOLDER",
            callback=_serve,
            expose_value=False,
            help="Read and write a machine's data sets at FOLDER/BUCKET/KEY instead of S3.",
        ),
        click.option(
            "--aws",
            metavar="REGION|URL",
            callback=_serve,
            expose_value=False,
            help="Let a machine's tasks call AWS in a region, or at an endpoint.",
        ),
    ):
        command = option(command)
    return command


def machine_options(command: F) -> F:
    """Add --lambda, --test-case and the options of services, which take effect by themselves."""
    for option in (
        click.option(
            "--test-case",
            metavar="NAME",
            callback=_choose,
            expose_value=False,
            is_eager=True,
            help="Mock a machine's tasks by this case of the file in SFN_MOCK_CONFIG.",
        ),
        click.option(
            "--lambda-endpoint",
            metavar="URL",
            callback=_forward,
            expose_value=False,
            help="Where a machine's other Lambda functions are.",
        ),
        click.option(
            "--lambda",
            metavar="NAME=FILE[:HANDLER]",
            multiple=True,
            callback=_register,
            expose_value=False,
            help="A Lambda function of a machine to run here, or that of a workflow's file.",
        ),
    ):
        command = option(command)
    return service_options(command)
