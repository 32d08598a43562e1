"""Options and arguments that several commands share, and what their texts mean."""

from __future__ import annotations

import functools
import logging
import math
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import click
import msgspec

from partita.authoring.workflow import WorkflowDefinition
from partita.cli.offers import Offers, completed
from partita.client import Client
from partita.codec import Converter
from partita.connect import chosen_url, connect, sqlite_path
from partita.errors import ExecutionNotFoundError, InvalidInputError, InvalidOptionError
from partita.operations.prune import read_span
from partita.telemetry.logs import LEVELS, configure
from partita.worker.worker import DEFAULT_SLOTS, DEFAULT_THREADS

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")


def add_options(command: F, *options: Callable[[F], F]) -> F:
    """Return the command with these options, which `--help` lists in this order."""
    return functools.reduce(lambda made, option: option(made), reversed(options), command)


def not_empty(_: click.Context, option: click.Parameter, value: T) -> T:
    """Return an option's value, or values; a click callback.

    Raises:
        InvalidOptionError: it is empty text, which names nothing.
    """
    if value == "" or (isinstance(value, tuple) and "" in value):
        raise InvalidOptionError(f"{option.opts[0]} is empty text; give a name, or leave it out")
    return value


_NO_DATABASE = (
    "there is no database {} (nothing was started there, and none is made by looking); "
    "--backend URL names another"
)


class Seconds(click.FloatRange):
    """A number of seconds within bounds; `nan` is within none."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Read it; see `click.FloatRange`."""
        found = float(super().convert(value, param, ctx))
        if math.isnan(found):
            self.fail("give a number of seconds", param, ctx)
        return found


class Backend(NamedTuple):
    """Where executions live, as `--backend` says before or behind the command's name."""

    url: str | None  # None: the environment variable, or the default
    is_verbose: bool

    @contextmanager
    def look(self) -> Iterator[Client]:
        """Yield a client that makes no database where there is none: then nothing is found.

        Raises:
            ExecutionNotFoundError: as the block raises it; it says so if there is no database.
        """
        missing = self.missing
        client = self.open() if missing is None else self._nowhere()
        with client:
            try:
                yield client
            except ExecutionNotFoundError as error:
                if missing is None:
                    raise
                raise ExecutionNotFoundError(f"{error}; {_NO_DATABASE.format(missing)}") from None

    def _nowhere(self) -> Client:
        log_to_stderr(self.is_verbose)
        return Client(connect("memory://"))

    @property
    def missing(self) -> str | None:
        """The file of a SQLite database that does not exist; None if it does, or is none."""
        path = sqlite_path(chosen_url(self.url))
        if path is None or Path(path).exists():
            return None
        above = next(folder for folder in Path(path).absolute().parents if folder.exists())
        return path if above.is_dir() else None  # what opens it says that it is no folder

    def note_missing(self) -> None:
        """Write to stderr that there is no database, if there is none."""
        if self.missing is not None:
            print(f"partita: {_NO_DATABASE.format(self.missing)}", file=sys.stderr)

    @property
    def chosen(self) -> str:
        """Its URL: the one given, that of the environment, or the default."""
        return chosen_url(self.url)

    @property
    def shown(self) -> str:
        """Its URL without the password and options, for people."""
        return re.sub(r"(//[^/@:]*):[^/@]*@", r"\1@", self.chosen.partition("?")[0])

    def open(self) -> Client:
        """Return a client for it, and log warnings to stderr; with --verbose, more."""
        log_to_stderr(self.is_verbose)
        return Client(connect(self.url))


def log_to_stderr(is_verbose: bool) -> None:
    """Write log records to stderr, unless logging is configured already."""
    level = logging.INFO if is_verbose else logging.WARNING
    logging.basicConfig(level=level, stream=sys.stderr, format="partita: %(message)s")


def _backend(ctx: click.Context, _: click.Parameter, url: str | None) -> Backend:
    main = ctx.find_root().obj or {**ctx.find_root().params}  # no object: a shell completes
    return Backend(url or main["backend"], main["verbose"])


debug_option = click.option(
    "--debug", is_flag=True, expose_value=False, help="Show a traceback with an error."
)


def backend_option(command: F) -> F:
    """Add --backend and --debug; the command takes `backend`, a `Backend`."""
    url = click.option("--backend", metavar="URL", callback=_backend, help="Where executions live.")
    return add_options(command, debug_option, url)


def format_option(*choices: str) -> Callable[[F], F]:
    """Add -o, whose default is the first choice; the command takes `output`."""
    return click.option(
        "-o", "--output", type=click.Choice(choices), default=choices[0], help="How to print."
    )


workflow_id_argument = click.argument(
    "workflow_id", metavar="ID", shell_complete=completed(Offers.IDS)
)


def type_option(help: str) -> Callable[[F], F]:
    """Add --type; the command takes `type_name`."""
    complete = completed(Offers.TYPES)
    return click.option("--type", "type_name", shell_complete=complete, help=help)


target_argument = click.argument(
    "target", metavar="FILE:WORKFLOW", shell_complete=completed(Offers.TARGETS)
)
run_option = click.option("--run", "run_id", default="", help="Which run; the newest by default.")


def _set_level(_: click.Context, __: click.Parameter, level: str | None) -> None:
    if level is not None:
        configure("plain", level)


log_level_option = click.option(
    "--log-level",
    type=click.Choice(LEVELS),
    expose_value=False,
    callback=_set_level,
    help="The lowest level logged. [warning]",
)
task_lists_option = click.option(
    "--task-list",
    "task_lists",
    multiple=True,
    callback=not_empty,
    shell_complete=completed(Offers.TASK_LISTS),
    help="A task list to serve beside those of the file; may be repeated.",
)
attribute_option = click.option(
    "--attribute",
    "attributes",
    multiple=True,
    metavar="NAME=JSON",
    help="A search attribute and its value; may be repeated.",
)


def start_options(command: F) -> F:
    """Add the options of a start; the command takes `input_`, `workflow_id` and `options`.

    `options` are those of `client.start_with` that were given; the workflow's own settings apply
    to all others.
    """

    @functools.wraps(command)
    def with_options(
        *args: Any,
        tags: tuple[str, ...],
        attributes: tuple[str, ...],
        task_priority: int | None,
        execution_start_to_close: str | None,
        **kwargs: Any,
    ) -> Any:
        limit = execution_start_to_close
        options: Mapping[str, Any] = {
            "tags": tags,
            "search_attributes": dict(read_attribute(text) for text in attributes),
            "task_priority": task_priority,
            "execution_start_to_close": None if limit is None else read_span(limit),
        }
        given = {name: value for name, value in options.items() if value not in (None, (), {})}
        return command(*args, options=given, **kwargs)

    return add_options(
        with_options,  # type: ignore[return-value]
        click.option(
            "--input",
            "input_",
            metavar="JSON",
            help="Arguments: a list, or {args, kwargs}; of a machine, its input; @FILE, -.",
        ),
        click.option(
            "--id",
            "workflow_id",
            callback=not_empty,
            help="The workflow id; if it was started before, continue that execution.",
        ),
        click.option(
            "--tag", "tags", multiple=True, callback=not_empty, help="A tag; may be repeated."
        ),
        attribute_option,
        click.option(
            "--task-priority", type=int, help="Higher is first; its activities inherit it."
        ),
        click.option(
            "--execution-start-to-close", metavar="SPAN", help="How long it may be open, as 2h."
        ),
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


def read_arguments(text: str | None) -> tuple[list[Any], dict[str, Any]]:
    """Return the arguments in --input, whatever their types.

    Raises:
        InvalidInputError: it is not JSON, or has another form.
    """
    value = [] if text is None else read_json(text, "--input")
    if isinstance(value, list):
        return value, {}
    if isinstance(value, dict) and value.keys() <= {"args", "kwargs"}:
        return value.get("args", []), value.get("kwargs", {})
    raise InvalidInputError(_no_list(text))


def read_input(
    text: str | None, workflow: WorkflowDefinition[..., Any]
) -> tuple[list[Any], dict[str, Any]]:
    """Return a workflow's arguments in --input: JSON, `@FILE`, or `-` for stdin.

    For one that takes a document, as a state machine does, the input is that document.

    Raises:
        InvalidInputError: it is not JSON, or does not fit the workflow's parameters.
    """
    if text == "-":
        text = _decode(sys.stdin.buffer.read(), text)
    elif text is not None and text.startswith("@"):
        try:
            data = Path(text[1:]).read_bytes()
        except OSError as error:
            raise InvalidInputError(f"--input {text}: {error}") from error
        text = _decode(data, text)
    if text is not None:
        is_document = workflow.takes_document
        _check_json(text, DOCUMENT_ADVICE if is_document else ARGUMENTS_ADVICE)
    if text is not None and not workflow.takes_document:
        _check_list(text)
    if workflow.takes_document:
        return [{} if text is None else msgspec.json.decode(text)], {}
    return workflow.signature.load(Converter(), text)


def _decode(data: bytes, source: str) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidInputError(f"--input {source} is not UTF-8: {error}") from error


def _check_list(text: str) -> None:
    """Refuse a single value, which is not a list of arguments.

    Raises:
        InvalidInputError: it is one.
    """
    if text.lstrip()[:1] not in ("[", "{"):
        raise InvalidInputError(_no_list(text))


def _no_list(text: str | None) -> str:
    shown = text if text is not None and len(text) <= 60 else "..."
    return (
        f"--input {shown} is not a list of its arguments, nor {{args, kwargs}}; write a list; "
        f"for one argument write '[{shown}]'"
    )


ARGUMENTS_ADVICE = "write a list of arguments, such as --input '[1, \"two\"]'"
DOCUMENT_ADVICE = "write one JSON value, such as --input '{\"cents\": 42}'"


def _check_json(text: str, advice: str) -> None:
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        shown = text if len(text) <= 60 else text[:57] + "..."
        raise InvalidInputError(f"--input is not JSON ({error}): {shown}; {advice}") from error


slots_option = click.option(
    "--slots",
    type=click.IntRange(1, 100_000),
    help=f"Activities that run at a time.  [default: {DEFAULT_SLOTS}, "
    f"{DEFAULT_THREADS} of them on threads]",
)
