"""`completion`: complete commands, options, and what is in the backend, in bash, zsh and fish.

The shell runs `partita` itself for each completion. What takes longer than `TIME_LIMIT`, or fails,
completes to nothing: a prompt is no place for messages. Nothing is made by looking.
"""

from __future__ import annotations

import ast
import logging
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    add_completion_class,
    get_completion_class,
)

from partita.cli.offers import Offers
from partita.cli.options import Backend
from partita.client import Client
from partita.ports.capabilities import SupportsLimits, SupportsWorkerRecords, supports
from partita.ports.service import ExecutionInfo

TIME_LIMIT = 2.0
"""Seconds for looking into the backend."""

MAX_EXECUTIONS = 1_000
"""The newest executions, whose ids, types and task lists are offered."""

VARIABLE = "_PARTITA_COMPLETE"
"""The environment variable by which the shell asks for completions."""


_HELP = """Print a shell's script for completing `partita`, with live ids, types and task lists.

\b
bash: eval "$(partita completion bash)"      in ~/.bashrc
zsh:  eval "$(partita completion zsh)"       in ~/.zshrc
fish: partita completion fish | source       in ~/.config/fish/config.fish
"""


@click.command(help=_HELP)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print a shell's script."""
    found = get_completion_class(shell)
    root = click.get_current_context().find_root().command
    if found is not None:
        print(found(root, {}, "partita", VARIABLE).source())


def offers(kind: Offers, ctx: click.Context, incomplete: str) -> list[CompletionItem[str]]:
    """Return what may be given for a parameter of a kind, given what is typed of it."""
    if kind is Offers.TARGETS:
        return _targets(incomplete)
    values = _looked_up(_backend_of(ctx), _READERS[kind])
    return [CompletionItem(one) for one in values if one.startswith(incomplete)]


def _backend_of(ctx: click.Context) -> Backend:
    given = ctx.params.get("backend")
    if isinstance(given, Backend) and given.url:
        return given
    return Backend(ctx.find_root().params.get("backend"), is_verbose=False)


def _looked_up(backend: Backend, read: Callable[[Client], Iterable[str]]) -> list[str]:
    """Return what a function reads from a backend, without duplicates; nothing if that fails."""
    found: list[str] = []

    def look() -> None:
        try:
            with backend.look() as client:
                found.extend(dict.fromkeys(read(client)))
        except Exception:  # whatever it is, the command itself says it
            found.clear()

    logging.disable()
    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    thread.join(TIME_LIMIT)
    return [] if thread.is_alive() else found


def _executions(client: Client) -> tuple[ExecutionInfo, ...]:
    return client.list(limit=MAX_EXECUTIONS).executions


def _ids(client: Client) -> Iterator[str]:
    return (info.workflow_id for info in _executions(client))


def _types(client: Client) -> Iterator[str]:
    names = (info.workflow_type.name for info in _executions(client))
    return (name for name in names if not name.startswith("partita."))


def _task_lists(client: Client) -> Iterator[str]:
    if supports(client.service, SupportsWorkerRecords):
        for worker in client.service.living_workers():
            yield from worker.task_lists or ()
    if supports(client.service, SupportsLimits):
        yield from client.limits()
    yield from (info.task_list for info in _executions(client) if info.task_list)


def _schedules(client: Client) -> Iterator[str]:
    return (info.id for info in client.schedules.list())


_READERS: dict[Offers, Callable[[Client], Iterator[str]]] = {
    Offers.IDS: _ids,
    Offers.TYPES: _types,
    Offers.TASK_LISTS: _task_lists,
    Offers.SCHEDULES: _schedules,
}


def _targets(incomplete: str) -> list[CompletionItem[str]]:
    """Return the workflows of a file that is named before a colon; before that, files."""
    source, colon, name = incomplete.rpartition(":")
    if not colon:
        return [CompletionItem(incomplete, type="file")]
    found = [one for one in _workflows_of(Path(source)) if one.startswith(name)]
    return [CompletionItem(f"{source}:{one}") for one in found]


def _workflows_of(file: Path) -> list[str]:
    """Return names of a file's functions and classes that look like workflows; do not run it."""
    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, ValueError, SyntaxError):
        return []
    found = []
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            marks: list[ast.expr] = node.decorator_list
        else:
            marks = node.bases if isinstance(node, ast.ClassDef) else []
        if any("workflow" in ast.unparse(mark).lower() for mark in marks):
            found.append(node.name)  # type: ignore[attr-defined]
    return found


class _Bash(BashComplete):
    """Completes words with colons, at which bash splits them."""

    _before = ""  # what of the word bash has split off

    def get_completion_args(self) -> tuple[list[str], str]:
        """Return the words before the one to be completed, and that one, whole."""
        args, incomplete = super().get_completion_args()
        if incomplete == ":":
            incomplete, self._before = "", ":"
        while args and (args[-1] == ":" or self._before.startswith(":")):
            self._before = args.pop() + self._before
        return args, self._before + incomplete

    def format_completion(self, item: CompletionItem[str]) -> str:
        """Return the completion of what bash takes for the word."""
        return f"{item.type},{item.value.removeprefix(self._before)}"


def register() -> None:
    """Use our completion for bash; drop what a shell's question prints on stderr."""
    add_completion_class(_Bash)
    sys.stderr = open("/dev/null", "w")  # noqa: SIM115  # the process ends with the answer
