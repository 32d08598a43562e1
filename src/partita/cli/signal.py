"""Commands to an execution that runs: signal, query, update, cancel and terminate."""

from __future__ import annotations

import sys
from typing import Any

import click
import msgspec

from partita.authoring.messages import Signal
from partita.cli import options as o
from partita.cli.bulk import bulk_options, chosen, id_or_where, run_bulk
from partita.cli.output import print_answer
from partita.cli.standing import note_paused
from partita.client import Client, bulk
from partita.client.bulk import CANCEL
from partita.client.declared import check_message
from partita.errors import InvalidInputError, InvalidOptionError, UnknownTypeError
from partita.history import WorkflowExecution
from partita.replay.declared import Message
from partita.worker.code_loader import load

_arguments_option = click.option(
    "--input", "input_", metavar="JSON", help="The arguments: a list, or {args, kwargs}."
)
_timeout_option = click.option("--timeout", type=o.Seconds(0), help="Seconds to wait.")


@click.command()
@id_or_where
@click.argument("name", metavar="NAME", required=False)
@click.option("--input", "input_", metavar="JSON", help="The value that the signal carries.")
@click.option("--code", metavar="FILE", help="Check the value by the Signal of that name there.")
@click.option("--again", is_flag=True, help="With --where: also where the same was received.")
@bulk_options
@o.run_option
@o.backend_option
def signal(
    workflow_id: str | None,
    name: str | None,
    input_: str | None,
    code: str | None,
    again: bool,
    run_id: str,
    backend: o.Backend,
    where: str | None,
    **how: Any,
) -> int:
    """Send a signal to an execution.

    With --where, to all open ones that pass a filter, after a preview; those that have received the
    same signal with the same value already are passed over, so that it can be repeated.
    """
    if where is not None and name is None:
        workflow_id, name = None, workflow_id
    id = chosen(workflow_id, where, run_id)
    if name is None:
        raise InvalidOptionError("which signal? Give its NAME after the execution's ID")
    value = None if input_ is None else o.read_json(input_, "--input")
    if code is not None:
        _defined_signal(code, name).check(value)
    if id is None:
        return run_bulk(backend, bulk.signal(name, value, again=again), where or "", **how)
    _send(backend, id, name, value, run_id)
    return 0


def _send(backend: o.Backend, workflow_id: str, name: str, value: Any, run_id: str) -> None:
    with backend.look() as client:
        if not name.startswith("$"):
            _check_value(client, workflow_id, run_id, name, value)
        client.signal(workflow_id, name, value, run_id=run_id)
    print(f"partita: signal {name} is recorded in {workflow_id}", file=sys.stderr)


def _check_value(client: Client, workflow_id: str, run_id: str, name: str, value: Any) -> None:
    try:
        _check(client, workflow_id, run_id, Message("signal", name, _payload(value)))
    except InvalidInputError as error:
        if value is not None:
            raise
        raise InvalidInputError(f"{error}; give the value that it carries: --input JSON") from error


def _payload(value: Any) -> str | None:
    return None if value is None else msgspec.json.encode(value).decode()


def _check(client: Client, workflow_id: str, run_id: str, message: Message) -> None:
    """Check a message by the code that runs, if a worker is there to tell."""
    check_message(client.service, client.domain, WorkflowExecution(workflow_id, run_id), message)


def _defined_signal(code: str, name: str) -> Signal[Any]:
    """Return the signal of that name in a file or module.

    Raises:
        UnknownTypeError: there is none.
    """
    found = {one.name: one for one in vars(load(code)).values() if isinstance(one, Signal)}
    if name not in found:
        names = ", ".join(sorted(found)) or "none"
        raise UnknownTypeError(f"{code} defines no Signal named {name!r}; it defines: {names}")
    return found[name]


@click.command()
@o.workflow_id_argument
@click.argument("name")
@_arguments_option
@click.option("--code", metavar="FILE", help="The workflow's code, to replay if no worker runs.")
@_timeout_option
@o.run_option
@o.backend_option
def query(
    workflow_id: str,
    name: str,
    input_: str | None,
    code: str | None,
    timeout: float | None,
    run_id: str,
    backend: o.Backend,
) -> None:
    """Call a query of a workflow, and print its answer as JSON; nothing changes."""
    args, kwargs = o.read_arguments(input_)
    if code is not None:
        load(code)
    with backend.look() as client:
        print_answer(client.query(workflow_id, name, args, kwargs, run_id=run_id, timeout=timeout))


@click.command()
@o.workflow_id_argument
@click.argument("name")
@_arguments_option
@_timeout_option
@o.run_option
@o.backend_option
def update(
    workflow_id: str,
    name: str,
    input_: str | None,
    timeout: float | None,
    run_id: str,
    backend: o.Backend,
) -> None:
    """Call an update of a workflow, wait for its answer, and print it as JSON."""
    args, kwargs = o.read_arguments(input_)
    with backend.look() as client:
        payload = client.messages.payload(args, kwargs, f"the arguments of update {name}")
        _check(client, workflow_id, run_id, Message("update", name, payload))
        print_answer(client.update(workflow_id, name, args, kwargs, run_id=run_id, timeout=timeout))


@click.command()
@id_or_where
@bulk_options
@o.run_option
@o.backend_option
def cancel(
    workflow_id: str | None, run_id: str, backend: o.Backend, where: str | None, **how: Any
) -> int:
    """Request cancellation of an execution; its code sees CancelledError where it waits.

    With --where, of all open ones that pass a filter and were not asked yet, after a preview.
    """
    id = chosen(workflow_id, where, run_id)
    if id is None:
        return run_bulk(backend, CANCEL, where or "", **how)
    with backend.look() as client:
        client.cancel(id, run_id=run_id)
        note_paused(client, id, run_id)
    print(f"partita: {id} is asked to cancel itself", file=sys.stderr)
    return 0


@click.command()
@id_or_where
@click.option("--reason", help="Why; kept in the history.")
@bulk_options
@o.run_option
@o.backend_option
def terminate(
    workflow_id: str | None,
    reason: str | None,
    run_id: str,
    backend: o.Backend,
    where: str | None,
    **how: Any,
) -> int:
    """End an execution at once, without running its code again.

    With --where, end all open ones that pass a filter, after a preview.
    """
    id = chosen(workflow_id, where, run_id)
    if id is None:
        return run_bulk(backend, bulk.terminate(reason), where or "", **how)
    with backend.look() as client:
        client.terminate(id, reason, run_id=run_id)
    print(f"partita: {id} is terminated", file=sys.stderr)
    return 0
