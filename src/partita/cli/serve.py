"""`serve`: serve the protocols of other orchestrators over the embedded engine."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from partita.aws.lambda_functions import Handler, LambdaFunctions
from partita.aws.signature import Keyring
from partita.cli.options import Backend, backend_option
from partita.errors import InvalidOptionError
from partita.server.local import transactional
from partita.server.process import bind, url_of
from partita.server.process import serve as serve_on
from partita.server.routes import Router, is_loopback
from partita.swf.front.front import Front
from partita.swf.front.lambdas import Lambdas
from partita.swf.front.protocol import POLL_SECONDS, SwfProtocol
from partita.worker.code_loader import load

ACCESS_KEYS = "PARTITA_ACCESS_KEYS"
"""The environment variable with access keys: ID:SECRET, separated by spaces."""


@click.command()
@click.option(
    "--protocol", "protocols", type=click.Choice(["swf"]), multiple=True, help="Default: swf."
)
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(0, 65535), default=8585, show_default=True)
@click.option(
    "--access-key", "access_keys", metavar="ID:SECRET", multiple=True, help="May be repeated."
)
@click.option(
    "--access-key-file", metavar="FILE", help="Access keys, ID:SECRET, one a line; # comments."
)
@click.option("--insecure-local", is_flag=True, help="Accept unsigned requests, on loopback only.")
@click.option("--region", default="us-east-1", show_default=True, help="For ARNs.")
@click.option(
    "--poll-seconds", type=click.FloatRange(0, 60), default=POLL_SECONDS, show_default=True
)
@click.option(
    "--lambda",
    "lambdas",
    metavar="NAME=FILE:HANDLER",
    multiple=True,
    help="A Lambda function to run here; may be repeated.",
)
@click.option("--lambda-endpoint", metavar="URL", help="Where all other Lambda functions are.")
@backend_option
def serve(
    protocols: tuple[str, ...],  # noqa: ARG001 - there is one only
    host: str,
    port: int,
    access_keys: tuple[str, ...],
    access_key_file: str | None,
    insecure_local: bool,
    region: str,
    poll_seconds: float,
    lambdas: tuple[str, ...],
    lambda_endpoint: str | None,
    backend: Backend,
) -> None:
    """Serve Amazon SWF's protocol to AWS's SDKs and CLI, until SIGTERM or Ctrl-C.

    Requests are verified with the access keys of --access-key, --access-key-file and the
    environment variable PARTITA_ACCESS_KEYS.
    """
    keys = _keys(access_keys, access_key_file)
    _check_safety(host, keys, insecure_local=insecure_local)
    functions = dict(_function(text) for text in lambdas)
    has_lambdas = bool(functions or lambda_endpoint)
    with bind(host, port) as listening, backend.open() as client:
        front = Front(transactional(client.service), region=region, lambdas=has_lambdas)
        keyring = Keyring(keys) if keys else None
        protocol = SwfProtocol(front, keyring=keyring, poll=poll_seconds)
        print(
            f"partita: swf on {url_of(listening)}; {_counted(keys)}; stop it with Ctrl-C",
            file=sys.stderr,
            flush=True,
        )
        with _invoking(front, functions, lambda_endpoint):
            serve_on(Router([protocol], only_local=not keys), listening)


def _counted(keys: dict[str, str]) -> str:
    if not keys:
        return "unsigned requests of this machine are taken"
    return f"{len(keys)} access key{'s' * (len(keys) > 1)}"


@contextmanager
def _invoking(front: Front, functions: dict[str, Handler], url: str | None) -> Iterator[None]:
    if not functions and url is None:
        yield
        return
    lambdas = Lambdas(front, LambdaFunctions(functions, url))
    try:
        yield
    finally:
        lambdas.close()


def _function(text: str) -> tuple[str, Handler]:
    """Return the name and the handler in NAME=FILE:HANDLER."""
    name, equals, target = text.partition("=")
    source, colon, attribute = target.rpartition(":")
    if not (name and equals and colon and source):
        raise InvalidOptionError(f"--lambda {text}: write NAME=FILE:HANDLER")
    handler = getattr(load(source), attribute, None)
    if not callable(handler):
        raise InvalidOptionError(f"--lambda {text}: {source} has no function {attribute}")
    return name, handler


def _keys(given: tuple[str, ...], file: str | None) -> dict[str, str]:
    """Return the secrets of all access keys by their ids."""
    lines = [*given, *os.environ.get(ACCESS_KEYS, "").split()]
    if file is not None:
        try:
            lines += Path(file).read_text("utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidOptionError(f"--access-key-file {file}: {error}") from error
    keys = {}
    for line in (line.strip() for line in lines):
        if not line or line.startswith("#"):
            continue
        id, colon, secret = line.partition(":")
        if not (id and colon and secret):
            raise InvalidOptionError("an access key is written ID:SECRET; one is not")
        keys[id] = secret
    return keys


def _check_safety(host: str, keys: dict[str, str], *, insecure_local: bool) -> None:
    """Check that requests are verified, or are meant not to be.

    Raises:
        InvalidOptionError: there are no access keys, without --insecure-local or beyond loopback.
    """
    if keys:
        return
    if not is_loopback(host):
        raise InvalidOptionError(
            f"nothing listens beyond this machine ({host}) without authentication; "
            f"give --access-key-file FILE, or set {ACCESS_KEYS}"
        )
    if not insecure_local:
        raise InvalidOptionError(
            "no access keys: give --access-key-file FILE, or --insecure-local to accept unsigned "
            "requests from everybody on this machine"
        )
