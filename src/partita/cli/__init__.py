"""The command line: commands to API calls, nothing else.

Data goes to stdout, messages to stderr. Exit status: 0 done, 1 the workflow failed or `check`
found something, 2 wrong usage, 3 not found, 4 timeout, 5 refused, 69 backend unavailable. Each
command's module is imported only when it is used, so that `--help` stays fast.
"""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from typing import Any

import click

from partita import __version__
from partita.errors import PartitaError

_COMMANDS = {
    "run": ("partita.cli.run", "run", "Run a workflow here, durably, and print its result."),
    "start": ("partita.cli.run", "start", "Start a workflow for a worker to run."),
    "worker": ("partita.cli.run", "worker", "Run workflows and activities until stopped."),
    "decider": ("partita.cli.run", "decider", "Decide for workflows; leave activities."),
    "standalone": (
        "partita.cli.standalone",
        "standalone",
        "Run a workflow here, on a task list of its own.",
    ),
    "result": ("partita.cli.show", "result", "Wait for an execution and print its result."),
    "list": ("partita.cli.list", "list_", "List executions, newest first."),
    "count": ("partita.cli.list", "count", "Count executions."),
    "show": ("partita.cli.show", "show", "Show how an execution stands, step by step."),
    "history": ("partita.cli.show", "history", "Print an execution's events."),
    "tasks": ("partita.cli.profile", "tasks", "Print how each task of an execution stands."),
    "profile": ("partita.cli.profile", "profile", "Print where an execution's time went."),
    "signal": ("partita.cli.execution", "signal", "Send a signal to an execution."),
    "cancel": ("partita.cli.execution", "cancel", "Ask an execution to cancel itself."),
    "query": ("partita.cli.execution", "query", "Ask a workflow's code something."),
    "update": ("partita.cli.execution", "update", "Tell a workflow something; print its answer."),
    "rerun": ("partita.cli.execution", "rerun", "Run a failed execution again; reuse its steps."),
    "fork": ("partita.cli.execution", "fork", "Run an execution anew from one of its events."),
    "export": ("partita.cli.export", "export", "Write histories into files, as JSON."),
    "import": ("partita.cli.export", "import_", "Take in closed executions from such files."),
    "replay": ("partita.cli.replay", "replay", "Say whether code fits its old histories."),
    "schedule": ("partita.cli.schedule", "schedule", "Start workflows by the calendar."),
    "limit": ("partita.cli.execution", "limit", "Limit how fast a task list is worked off."),
    "check": ("partita.cli.check", "check", "Find what workflow code must not do."),
    "terminate": ("partita.cli.execution", "terminate", "End an execution at once."),
    "prune": ("partita.cli.prune", "prune", "Remove closed executions that ended long ago."),
    "retention": ("partita.cli.prune", "retention", "Say how long closed executions are kept."),
    "doctor": ("partita.cli.doctor", "doctor", "Say what is wrong, and how to mend it."),
    "db": ("partita.cli.db", "db", "Check, tidy, copy or bring up the database."),
    "serve": ("partita.cli.serve", "serve", "Speak Amazon SWF's protocol over a database."),
    "swf": ("partita.cli.swf", "swf", "Look after domains and types on Amazon SWF."),
    "demo": ("partita.cli.demo", "demo", "Show a workflow that survives kill -9."),
}


class _Commands(click.Group):
    """Find commands by name without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        module, attribute, _ = _COMMANDS[cmd_name]
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, help) for name, (_, _, help) in _COMMANDS.items()])


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Begin with `partita demo`.",
)
@click.option("--backend", metavar="URL", help="Where executions live; or PARTITA_BACKEND.")
@click.option("--debug", is_flag=True, help="Show a traceback with an error.")
@click.option("-v", "--verbose", is_flag=True, help="Say more on stderr.")
@click.version_option(__version__, prog_name="partita")
@click.pass_context
def cli(ctx: click.Context, backend: str | None, debug: bool, verbose: bool) -> None:  # noqa: ARG001
    """Durable workflows in ordinary Python.

    Without --backend, executions live in .partita/partita.db below the current folder.
    """
    ctx.obj = {"backend": backend, "verbose": verbose}


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        status: Any = cli.main(arguments, prog_name="partita", standalone_mode=False)
    except click.exceptions.Abort:
        return 130
    except click.ClickException as error:
        error.show()
        return 2
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except PartitaError as error:
        return _report(error, error.exit_status, error.code, arguments)
    except OSError as error:
        return _report(error, 69, "OS_ERROR", arguments)
    except Exception as error:
        fault = RuntimeError(f"{type(error).__name__}: {error}; --debug shows where")
        return _report(fault, 70, "INTERNAL", arguments)
    return status if isinstance(status, int) else 0


def _report(error: Exception, status: int, code: str, arguments: list[str]) -> int:
    debug = "--debug" in arguments
    message = " ".join(str(error).split()) or type(error).__name__
    logs = sys.modules.get("partita.telemetry.logs")  # only commands that may log as JSON load it
    if logs is not None and logs.log_error_as_json(message, code, error if debug else None):
        return status
    if debug:
        traceback.print_exc()
    print(f"partita: {message} [{code}]", file=sys.stderr)
    return status
