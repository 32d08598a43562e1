"""How connections to the server are made and kept: TLS, and how long an idle one stays open.

Knows certificates and files, and no request.
"""

from __future__ import annotations

import shutil
import ssl
import subprocess
import time
from pathlib import Path

from msgspec import Struct
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from partita.errors import InvalidOptionError
from partita.private_files import make_folder, opener

KEEP_ALIVE = 75
"""Seconds that an idle connection stays open."""

SELF_SIGNED_DAYS = 365

CERTIFICATE, KEY = "cert.pem", "key.pem"


class Connections(Struct, frozen=True, kw_only=True):
    """What is offered to whoever connects."""

    certificate: str | None = None  # a file; None: no TLS
    key: str | None = None  # a file; None: the key is in the certificate's file
    keep_alive: int = KEEP_ALIVE  # seconds; 0: each connection serves one request

    @property
    def scheme(self) -> str:
        """How URLs begin."""
        return "http" if self.certificate is None else "https"

    def check(self) -> None:
        """Check that the certificate and its key can be used.

        Raises:
            InvalidOptionError: they cannot.
        """
        if self.certificate is None:
            if self.key is not None:
                raise InvalidOptionError(f"--tls-key {self.key} needs --tls-cert")
            return
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        try:
            context.load_cert_chain(self.certificate, self.key, _no_password)
        except (OSError, ValueError) as error:
            files = " and ".join(filter(None, (self.certificate, self.key)))
            reason = error.strerror if isinstance(error, OSError) else None
            raise InvalidOptionError(
                f"no TLS with {files}: {reason or error}; give a certificate chain and its key "
                "as PEM without a password"
            ) from error


def _no_password() -> str:
    raise ValueError("the key has a password")


def self_signed(folder: Path) -> Connections:
    """Return the certificate of a folder for this machine; make it if there is none, or an old one.

    Its key is readable by its owner alone. Made by the command `openssl`.

    Raises:
        InvalidOptionError: it cannot be made.
    """
    certificate, key = folder / CERTIFICATE, folder / KEY
    if not (certificate.exists() and key.exists()) or _is_old(certificate):
        _make(folder, certificate, key)
    return Connections(certificate=str(certificate), key=str(key))


def _is_old(certificate: Path) -> bool:
    return time.time() - certificate.stat().st_mtime > (SELF_SIGNED_DAYS - 1) * 86_400


def _make(folder: Path, certificate: Path, key: Path) -> None:
    command = shutil.which("openssl")
    if command is None:
        raise InvalidOptionError(
            "a self-signed certificate is made by the command openssl, which is not installed; "
            "install it, or give --tls-cert and --tls-key"
        )
    try:
        make_folder(folder)
        with open(key, "wb", opener=opener):
            pass
    except OSError as error:
        raise InvalidOptionError(f"cannot write {key}: {error.strerror}") from error
    made = subprocess.run(
        [
            *(command, "req", "-x509", "-nodes", "-days", str(SELF_SIGNED_DAYS)),
            *("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
            *("-subj", "/CN=localhost", "-keyout", str(key), "-out", str(certificate)),
            *("-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1"),
        ],
        check=False,
        capture_output=True,
        stdin=subprocess.DEVNULL,
        text=True,
    )
    if made.returncode:
        said = " ".join(made.stderr.split())[-200:]
        raise InvalidOptionError(f"openssl made no certificate in {folder}: {said}")


def closing_each(application: ASGIApp) -> ASGIApp:
    """Return an application that says of each answer that its connection ends with it."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = [*message.get("headers", ()), (b"connection", b"close")]
                message = {**message, "headers": headers}
            await send(message)

        await application(scope, receive, told)

    return answer
