"""The command line: commands to API calls, nothing else.

A command is in the module of its name, or of its family's, and imported only when it is used, so
that `--help` stays fast. Data goes to stdout, messages to stderr. Exit status: 0 done, 1 the
workflow failed or `check` found something, 2 wrong usage, 3 not found, 4 timeout, 5 refused,
69 backend unavailable.
"""

from __future__ import annotations

import codecs
import os
import sys
import traceback
from difflib import get_close_matches
from importlib import import_module
from typing import Any

import click
from click.shell_completion import CompletionItem

from partita import __version__
from partita.errors import PartitaError, UsageError

_COMMANDS = {  # name: (module, attribute, help)
    "run": ("run", "run", "Run a workflow here, durably, and print its result."),
    "start": ("run", "start", "Start a workflow for a worker to run."),
    "worker": ("worker", "worker", "Run workflows and activities until stopped."),
    "dev": ("dev", "dev", "Run a worker while you write its code; reload what changes."),
    "decider": ("worker", "decider", "Run workflows, but not activities."),
    "standalone": ("standalone", "standalone", "Run a workflow here, on a task list of its own."),
    "result": ("show", "result", "Wait for an execution and print its result."),
    "list": ("list", "list_", "List executions, newest first."),
    "count": ("list", "count", "Count executions."),
    "show": ("show", "show", "Show the state of an execution, step by step."),
    "why": ("why", "why", "Say why an execution is not done, or failed."),
    "history": ("history", "history", "Print an execution's events."),
    "watch": ("watch", "watch", "Show executions, or one run, while they go on."),
    "tasks": ("history", "tasks", "Print the state of each task of an execution."),
    "diff": ("diff", "diff", "Compare two executions step by step."),
    "profile": ("profile", "profile", "Print where an execution's time went."),
    "signal": ("signal", "signal", "Send a signal to an execution."),
    "cancel": ("signal", "cancel", "Request cancellation of an execution."),
    "pause": ("pause", "pause", "Let an execution, a type or a task list begin nothing new."),
    "resume": ("pause", "resume", "Let what is paused go on."),
    "query": ("signal", "query", "Call a query of a workflow."),
    "update": ("signal", "update", "Call an update of a workflow; print its answer."),
    "rerun": ("fork", "rerun", "Run a failed execution again; reuse its steps."),
    "fork": ("fork", "fork", "Run an execution anew from one of its events."),
    "export": ("export", "export", "Write histories into files, as JSON."),
    "import": ("export", "import_", "Import closed executions from such files."),
    "replay": ("replay", "replay", "Check whether code fits its old histories."),
    "schedule": ("schedule", "schedule", "Start workflows by the calendar."),
    "limit": ("limit", "limit", "Limit how fast a task list is processed."),
    "check": ("check", "check", "Find faults in workflow code and in state machines."),
    "compose": ("compose", "compose", "Print a composition of OpenWhisk actions as JSON."),
    "compile": ("compile", "compile_", "Compile a workflow to a state machine."),
    "bundle": ("bundle", "bundle", "Write a workflow's activities as a zip for AWS Lambda."),
    "pysfn": ("pysfn", "pysfn", "Compile files of pyawssfn; build their zips for AWS Lambda."),
    "openwhisk": ("openwhisk", "openwhisk", "Invoke actions of OpenWhisk; read their records."),
    "deploy": ("deploy", "deploy", "Deploy a composition to OpenWhisk."),
    "graph": ("graph", "graph", "Draw a state machine."),
    "terminate": ("signal", "terminate", "End an execution at once."),
    "prune": ("prune", "prune", "Remove closed executions that ended long ago."),
    "retention": ("prune", "retention", "Set how long closed executions are kept."),
    "doctor": ("doctor", "doctor", "Report problems, and how to repair them."),
    "db": ("db", "db", "Migrate, check, vacuum, back up or restore the database."),
    "serve": ("serve", "serve", "Serve Amazon SWF's protocol over a database."),
    "swf": ("swf", "swf", "Manage domains and types on Amazon SWF."),
    "config": ("config", "config", "Show which backend and settings hold, and from where."),
    "completion": ("completion", "completion", "Print a shell's script that completes commands."),
    "demo": ("demo", "demo", "Show a workflow that survives kill -9."),
}


class UnknownCommandError(UsageError):
    """There is no command of that name."""


class _LazyGroup(click.Group):
    """A group that imports a command's module when the command is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS and ctx.resilient_parsing:
            return None  # a shell completes a command that there is not
        if cmd_name not in _COMMANDS:
            close = get_close_matches(cmd_name, _COMMANDS, n=1)
            hint = f"did you mean {close[0]!r}?" if close else "`partita --help` lists them"
            raise UnknownCommandError(f"no such command {cmd_name!r}; {hint}")
        module, attribute, _ = _COMMANDS[cmd_name]
        command: click.Command = getattr(import_module(f"{__name__}.{module}"), attribute)
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem[str]]:
        """Return commands and options; no command is loaded for its help."""
        options = super(click.Group, self).shell_complete(ctx, incomplete)
        items = [
            CompletionItem(name, help=help)
            for name, (_, _, help) in _COMMANDS.items()
            if name.startswith(incomplete)
        ]
        return items + options

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, help) for name, (_, _, help) in _COMMANDS.items()])


@click.group(
    cls=_LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Begin with `partita demo`.",
)
@click.option("--backend", metavar="URL", help="Where executions live; or PARTITA_BACKEND.")
@click.option("--debug", is_flag=True, help="Show a traceback with an error.")
@click.option("-v", "--verbose", is_flag=True, help="Log more on stderr.")
@click.version_option(__version__, prog_name="partita")
@click.pass_context
def cli(ctx: click.Context, backend: str | None, debug: bool, verbose: bool) -> None:  # noqa: ARG001
    """Durable workflows in ordinary Python.

    Without --backend, executions live in .partita/partita.db below the current folder.
    """
    ctx.obj = {"backend": backend, "verbose": verbose}
    command = ctx.invoked_subcommand
    if command in _COMMANDS and command not in _OWN_DISPLAY and sys.stderr.isatty():
        ctx.with_resource(import_module(f"{__name__}.working").Working(command))


_OWN_DISPLAY = ("run", "worker", "decider", "standalone", "dev", "watch", "serve", "demo")
"""Commands that themselves show what they do."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    arguments = sys.argv[1:] if arguments is None else arguments
    _escape_what_stdout_lacks()
    if "_PARTITA_COMPLETE" in os.environ:  # a shell asks
        import_module(f"{__name__}.completion").register()
    try:
        status: Any = cli.main(arguments, prog_name="partita", standalone_mode=False)
    except (click.exceptions.Abort, KeyboardInterrupt):
        return 130
    except click.ClickException as error:
        return _report_usage(error)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except PartitaError as error:
        if hasattr(error, "diagnostics"):
            print(error, file=sys.stderr)
            print(f"partita: {_counted(error)} [{error.code}]", file=sys.stderr)
            return error.exit_status
        return _report_error(error, error.exit_status, error.code, arguments)
    except OSError as error:
        return _report_error(error, 69, "OS_ERROR", arguments)
    except Exception as error:
        fault = FaultError(f"{type(error).__name__}: {error}; --debug shows where")
        fault.__cause__ = error
        return _report_error(fault, 70, "INTERNAL", arguments)
    return status if isinstance(status, int) else 0


def _escape_what_stdout_lacks() -> None:
    """Write characters that the encoding of stdout does not have by their numbers, as in JSON."""
    codecs.register_error("partita-escape", _escaped)
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="partita-escape")


def _escaped(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    lacking = error.object[error.start : error.end]
    units = lacking.encode("utf-16-be", "surrogatepass").hex()
    text = "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))
    return text, error.end


def _report_usage(error: click.ClickException) -> int:
    """Print how the command is used, then one line on what is wrong; return the exit status."""
    context = getattr(error, "ctx", None)
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        error.show()
        return 2
    if context is not None:
        help = f"{context.command_path} {context.help_option_names[-1]}"
        print(f"{context.get_usage()}\nTry '{help}' for help.", file=sys.stderr)
    message = " ".join(error.format_message().split())
    print(f"partita: {message} [{UsageError.code}]", file=sys.stderr)
    return 2


def _counted(error: Any) -> str:
    """Return how many places an error has found, as the last line of a failing command."""
    files = sorted({one.filename for one in error.diagnostics})
    count = len(error.diagnostics)
    return f"{count} place{'' if count == 1 else 's'} in {', '.join(files)} cannot be compiled"


class FaultError(Exception):
    """An error of Partita's own code, or of what it calls."""


def print_frames(error: BaseException | None) -> None:
    """Print an error's traceback on stderr: first the user's own frames, as they were recorded.

    Frames of the command line's library, and those that import a file, say nothing and are left
    out.
    """
    recorded = getattr(error, "traceback", "")
    if error is not None and isinstance(error.__cause__, BaseExceptionGroup):
        recorded = ""  # its parts have tracebacks of their own, which the cause shows
    if recorded:
        print(f"Traceback (most recent call last):\n{recorded.rstrip()}\n", file=sys.stderr)
        print("Where it was waited for:", file=sys.stderr)
    if error is None:
        return
    shown = traceback.TracebackException.from_exception(error)
    link: traceback.TracebackException | None = shown
    while link is not None:
        link.stack[:] = [one for one in link.stack if not _is_internal(one.filename)]
        link = None if recorded else link.__cause__ or link.__context__
    if recorded:
        shown.__cause__ = shown.__context__ = None
    print("".join(shown.format()).rstrip(), file=sys.stderr)


def _is_internal(file: str) -> bool:
    return file.startswith(_INTERNAL) or file in (__file__, "<string>")


_INTERNAL = (os.path.dirname(click.__file__), "<frozen importlib")


def _report_error(error: Exception, status: int, code: str, arguments: list[str]) -> int:
    """Print one line on stderr; return the exit status."""
    from partita.views.failures import printable  # it loads what histories are made of

    debug = "--debug" in arguments
    message = printable(str(error)) or type(error).__name__
    logs = sys.modules.get("partita.telemetry.logs")  # loaded by commands that may log as JSON
    if logs is not None and logs.log_error_as_json(message, code, error if debug else None):
        return status
    if debug:
        print_frames(error.__cause__ if isinstance(error, FaultError) else error)
    print(f"partita: {message} [{code}]", file=sys.stderr)
    return status
