"""Seal what clients are to hand back unread: task tokens, and where a list goes on.

A token is readable and cannot be forged: it carries a signature by a key that is kept in the
database, so it outlives the process, and every process on that database accepts it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from typing import Any

import msgspec

from partita.aws.faults import ValidationFault
from partita.ports.session import Session, Transactional

SIGNATURE_SIZE = 12
"""Bytes of a signature that a token carries."""


class Seal:
    """Makes tokens, and tells ours from others."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def close(self, purpose: str, content: Any) -> str:
        """Return a token that holds `content` (anything that JSON can hold)."""
        data = msgspec.json.encode(content)
        return _base64(data + self._sign(purpose, data))  # begins with a letter, never a dash

    def open(self, purpose: str, token: str) -> Any:
        """Return what a token holds.

        Raises:
            ValidationFault: it was not made here, for this purpose.
        """
        try:
            raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        except (ValueError, UnicodeError) as error:
            raise ValidationFault(f"Invalid {purpose} token") from error
        data, signature = raw[:-SIGNATURE_SIZE], raw[-SIGNATURE_SIZE:]
        genuine = hmac.compare_digest(signature, self._sign(purpose, data))
        if not genuine or _base64(raw) != token:  # base64 has several spellings of some bytes
            raise ValidationFault(f"Invalid {purpose} token")
        return msgspec.json.decode(data)

    def _sign(self, purpose: str, data: bytes) -> bytes:
        signed = hmac.new(self._key, purpose.encode() + b"\0" + data, hashlib.sha256)
        return signed.digest()[:SIGNATURE_SIZE]


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def seal_of(service: Transactional, kind: str) -> Seal:
    """Return the seal whose key is an entry of that kind in the catalogue; make one if need be."""
    key = service.committed.entry(kind, "", "tokens")
    if key is None:
        made = f'"{secrets.token_hex(32)}"'

        def find_or_make(session: Session) -> str:
            found = session.entry(kind, "", "tokens")
            if found is None:
                session.enter(kind, "", "tokens", made, None)
            return found or made

        key = service.transact(find_or_make)
    return Seal(key.encode())
