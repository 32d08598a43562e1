"""`openwhisk`: invoke actions and read their records, for those who have no wsk."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import click

from partita.errors import InvalidOptionError, OpenWhiskError
from partita.openwhisk.action_names import qualified_name
from partita.openwhisk.conductor import Client
from partita.openwhisk.conductor import openwhisk as client_of

F = TypeVar("F", bound=Callable[..., Any])


@click.group()
def openwhisk() -> None:
    """Invoke actions of OpenWhisk, and read their records."""


def _host_options(command: F) -> F:
    """Add the options that say where OpenWhisk is."""
    for option in (
        click.option("-i", "--insecure", is_flag=True, help="Do not check certificates."),
        click.option("--apiversion", metavar="VERSION", help="The version of the API."),
        click.option("--bearer", metavar="TOKEN", help="A token instead of a key."),
        click.option("-u", "--auth", metavar="KEY", help="The authorization key."),
        click.option("--apihost", metavar="HOST", help="OpenWhisk's host, HOST:PORT, or URL."),
    ):
        command = option(command)
    return command


@openwhisk.command()
@click.argument("name")
@click.option("-p", "--param", nargs=2, multiple=True, metavar="KEY VALUE", help="A parameter.")
@click.option("-b", "--blocking", is_flag=True, help="Wait for the record, and print it.")
@click.option("-r", "--result", is_flag=True, help="Wait for the result, and print it alone.")
@_host_options
def invoke(
    name: str, param: tuple[tuple[str, str], ...], blocking: bool, result: bool, **host: Any
) -> int:
    """Invoke an action. The value of a parameter is JSON, or else text."""
    client = _client(host)
    params = {key: _value(text) for key, text in param}
    given = {"name": name, "params": params, "blocking": blocking or result}
    record, status = _record(client, given)
    if result and "response" in record:
        print(json.dumps(record["response"]["result"], indent=4))
        return status
    print(f"ok: invoked {qualified_name(name)} with id {record['activationId']}")
    if blocking and "response" in record:
        print(json.dumps(record, indent=4))
    return status


@openwhisk.command()
@click.argument("id")
@_host_options
def result(id: str, **host: Any) -> None:
    """Print the result of an activation."""
    print(json.dumps(_found(_client(host), id)["response"]["result"], indent=4))


@openwhisk.command()
@click.argument("id", required=False)
@_host_options
def activations(id: str | None, **host: Any) -> None:
    """List activations, newest first, or print the record of one."""
    client = _client(host)
    if id is not None:
        print(f"ok: got activation {id}")
        print(json.dumps(_found(client, id), indent=4))
        return
    for one in client.request("GET", f"namespaces/{client.settings.namespace}/activations"):
        begun = datetime.fromtimestamp(one.get("start", 0) / 1000, UTC)
        print(f"{begun:%Y-%m-%d %H:%M:%S} {one['activationId']} {one['name']}")


@openwhisk.command()
@_host_options
def actions(**host: Any) -> None:
    """List actions."""
    print("actions")
    for one in _client(host).actions.list():
        print(f"/{one.get('namespace', '_')}/{one['name']}")


def _client(host: dict[str, Any]) -> Client:
    return client_of(host)


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _record(client: Client, given: dict[str, Any]) -> tuple[dict[str, Any], int]:
    """Return the record of an invocation, or its id alone, and the exit status."""
    try:
        return client.actions.invoke(given), 0
    except OpenWhiskError as error:
        if isinstance(error.error, dict) and "response" in error.error:
            return error.error, 1
        raise


def _found(client: Client, id: str) -> dict[str, Any]:
    record = client.record(id)
    if record is None:
        raise InvalidOptionError(f"no activation {id}; its record may come later")
    return record
