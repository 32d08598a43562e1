"""Seal what clients are to hand back unread: task tokens, and where a list goes on.

A token is readable and cannot be made: it carries a signature by a key that lives in the
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

_SIGNATURE = 12
"""Bytes of a signature that a token carries."""

_KIND, _KEY = "swf.secret", "tokens"


class Seal:
    """Make tokens, and tell ours from others."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def close(self, purpose: str, content: Any) -> str:
        """Return a token that holds `content` (anything that JSON can hold)."""
        data = msgspec.json.encode(content)
        return _spelled(data + self._sign(purpose, data))  # begins with a letter, never a dash

    def open(self, purpose: str, token: str) -> Any:
        """Return what a token holds.

        Raises:
            ValidationFault: it was not made here, for this purpose.
        """
        try:
            raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        except (ValueError, UnicodeError) as error:
            raise ValidationFault(f"Invalid {purpose} token") from error
        data, signature = raw[:-_SIGNATURE], raw[-_SIGNATURE:]
        genuine = hmac.compare_digest(signature, self._sign(purpose, data))
        if not genuine or _spelled(raw) != token:  # base64 has several spellings of some bytes
            raise ValidationFault(f"Invalid {purpose} token")
        return msgspec.json.decode(data)

    def _sign(self, purpose: str, data: bytes) -> bytes:
        signed = hmac.new(self._key, purpose.encode() + b"\0" + data, hashlib.sha256)
        return signed.digest()[:_SIGNATURE]


def _spelled(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def seal_of(service: Transactional) -> Seal:
    """Return the seal of a service's database; make its key if there is none yet."""
    key = service.committed.entry(_KIND, "", _KEY)
    if key is None:
        made = f'"{secrets.token_hex(32)}"'

        def find_or_make(session: Session) -> str:
            found = session.entry(_KIND, "", _KEY)
            if found is None:
                session.enter(_KIND, "", _KEY, made, None)
            return found or made

        key = service.transact(find_or_make)
    return Seal(key.encode())
