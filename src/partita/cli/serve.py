"""`serve`: serve the protocols of other orchestrators over the embedded engine."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click
from msgspec.structs import replace

from partita.asl.machines import ACCOUNT, MOCK_CONFIG
from partita.asl.tasks.lambdas import register_lambda
from partita.aws.lambda_functions import LambdaFunctions
from partita.aws.signature import Keyring
from partita.cli.machine_options import service_options
from partita.cli.machines import forward, lambda_function
from partita.cli.options import Backend, Seconds, backend_option
from partita.errors import InvalidOptionError
from partita.operations.prune import read_span, set_retention
from partita.ports.state import DEFAULT_DOMAIN
from partita.server.connections import KEEP_ALIVE, Connections, self_signed
from partita.server.process import bind, url_of
from partita.server.process import serve as serve_on
from partita.server.protocols import OPENWHISK, POLL_SECONDS, PROTOCOLS, Setup, serving
from partita.server.routes import Router, is_loopback

ACCESS_KEYS = "PARTITA_ACCESS_KEYS"
"""The environment variable with access keys: ID:SECRET, separated by spaces."""


@click.command()
@click.option(
    "--protocol",
    "protocols",
    type=click.Choice(PROTOCOLS),
    multiple=True,
    help="May be repeated; default: those of AWS, and openwhisk with --auth-file.",
)
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(0, 65535), default=8585, show_default=True)
@click.option(
    "--access-key", "access_keys", metavar="ID:SECRET", multiple=True, help="May be repeated."
)
@click.option(
    "--access-key-file", metavar="FILE", help="Access keys, ID:SECRET, one a line; # comments."
)
@click.option(
    "--auth-file", metavar="FILE", help="OpenWhisk's keys, KEY:SECRET, one a line; # comments."
)
@click.option("--insecure-local", is_flag=True, help="Accept unsigned requests, on loopback only.")
@click.option("--region", default="us-east-1", show_default=True, help="For ARNs.")
@click.option("--poll-seconds", type=Seconds(0, 60), default=POLL_SECONDS, show_default=True)
@click.option(
    "--lambda",
    "lambdas",
    metavar="NAME=FILE[:HANDLER]",
    multiple=True,
    help="A Lambda function to run here, or that of a workflow's file; may be repeated.",
)
@click.option("--lambda-endpoint", metavar="URL", help="Where all other Lambda functions are.")
@click.option("--account", default=ACCOUNT, show_default=True, help="For Step Functions' ARNs.")
@click.option("--tls-cert", metavar="FILE", help="A certificate chain as PEM: serve HTTPS.")
@click.option("--tls-key", metavar="FILE", help="The certificate's key, if it is not in its file.")
@click.option(
    "--tls-self-signed",
    metavar="FOLDER",
    help="Serve HTTPS with the certificate of a folder; made there for localhost if need be.",
)
@click.option(
    "--keep-alive",
    type=click.IntRange(0, 3600),
    default=KEEP_ALIVE,
    show_default=True,
    help="Seconds that an idle connection stays open; 0: one request each.",
)
@click.option(
    "--retention",
    metavar="SPAN",
    help="Keep what has ended for so long, such as 30d, as `partita retention set` says.",
)
@service_options
@backend_option
def serve(
    protocols: tuple[str, ...],
    host: str,
    port: int,
    access_keys: tuple[str, ...],
    access_key_file: str | None,
    auth_file: str | None,
    insecure_local: bool,
    region: str,
    poll_seconds: float,
    lambdas: tuple[str, ...],
    lambda_endpoint: str | None,
    account: str,
    tls_cert: str | None,
    tls_key: str | None,
    tls_self_signed: str | None,
    keep_alive: int,
    retention: str | None,
    backend: Backend,
) -> None:
    """Serve Amazon SWF's, Step Functions' and OpenWhisk's protocols, until Ctrl-C.

    Requests to AWS's are verified with the access keys of --access-key, --access-key-file and the
    environment variable PARTITA_ACCESS_KEYS; those to OpenWhisk's with the keys of --auth-file.
    """
    keys = _keys(access_keys, access_key_file)
    whisk_keys = {} if auth_file is None else _keys((), auth_file, option="--auth-file")
    names = list(dict.fromkeys(protocols)) or _default_protocols(keys, whisk_keys)
    known = [whisk_keys if name == OPENWHISK else keys for name in names]
    for one in known:
        _check_safety(host, one, insecure_local=insecure_local)
    connections = _connections(tls_cert, tls_key, tls_self_signed, keep_alive)
    setup = Setup(
        region=region,
        account=account,
        keyring=Keyring(keys, region=region) if keys else None,
        poll_seconds=poll_seconds,
        lambdas=_lambdas(lambdas, lambda_endpoint),
        mocks=os.environ.get(MOCK_CONFIG) or None,
        openwhisk_keys=whisk_keys or None,
    )
    counted = {**keys, **whisk_keys}
    kept = None if retention is None else read_span(retention)
    with bind(host, port) as listening, backend.open() as client:
        if kept is not None:
            set_retention(client.service, DEFAULT_DOMAIN, kept)
        url = url_of(listening, connections.scheme)
        with serving(
            names,
            client.service,
            replace(setup, url=_own(url)),
            lambda: _announce(names, url, counted),
        ) as served:
            serve_on(Router(served, only_local=not all(known)), listening, connections)


def _own(url: str) -> str:
    """Return the URL by which this machine reaches a server that may listen everywhere."""
    return url.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:")


def _connections(
    certificate: str | None, key: str | None, folder: str | None, keep_alive: int
) -> Connections:
    """Return what is offered to whoever connects.

    Raises:
        InvalidOptionError: a file cannot be used, or two certificates are given.
    """
    given = Connections(certificate=certificate, key=key)
    if folder is not None:
        if certificate or key:
            raise InvalidOptionError("give either --tls-self-signed or --tls-cert and --tls-key")
        given = self_signed(Path(folder))
    given.check()
    return replace(given, keep_alive=keep_alive)


def _default_protocols(keys: dict[str, str], whisk_keys: dict[str, str]) -> list[str]:
    """Return what is served if nothing is chosen; OpenWhisk runs code, so it must be asked for."""
    if not whisk_keys:
        return [name for name in PROTOCOLS if name != OPENWHISK]
    return list(PROTOCOLS) if keys else [OPENWHISK]


def _announce(names: list[str], url: str, keys: dict[str, str]) -> None:
    print(
        f"partita: {' and '.join(names)} on {url}; {_counted(keys)}; stop it with Ctrl-C",
        file=sys.stderr,
        flush=True,
    )


def _counted(keys: dict[str, str]) -> str:
    if not keys:
        return "unsigned requests of this machine are taken"
    return f"{len(keys)} access key{'s' * (len(keys) > 1)}"


def _lambdas(texts: tuple[str, ...], url: str | None) -> LambdaFunctions | None:
    """Return the functions of --lambda; Step Functions' machines find them by their names."""
    functions = dict(lambda_function(text) for text in texts)
    for name, handler in functions.items():
        register_lambda(name, handler)
    if url is not None:
        forward(url)
    return LambdaFunctions(functions, url) if functions or url else None


def _keys(
    given: tuple[str, ...], file: str | None, option: str = "--access-key-file"
) -> dict[str, str]:
    """Return the secrets of all access keys by their ids."""
    own = [] if option == "--auth-file" else os.environ.get(ACCESS_KEYS, "").split()
    lines = [*given, *own]
    if file is not None:
        try:
            lines += Path(file).read_text("utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidOptionError(f"{option} {file}: {error}") from error
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
            f"give --access-key-file FILE, or set {ACCESS_KEYS}; --auth-file FILE for OpenWhisk"
        )
    if not insecure_local:
        raise InvalidOptionError(
            "no access keys: give --access-key-file FILE, --auth-file FILE for OpenWhisk, or "
            "--insecure-local to accept unsigned requests from everybody on this machine"
        )
