"""Verify AWS signatures, version 4.

What is signed is what is executed: the hash is taken of the body that came, and the headers
that say which operation, host and moment are meant must be among the signed ones.

Source: AWS General Reference, "Signature Version 4 signing process".
"""

from __future__ import annotations

import calendar
import functools
import hashlib
import hmac
import re
import time
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import parse_qsl, quote

from msgspec import Struct

from partita.aws.faults import (
    IncompleteSignatureFault,
    InvalidSignatureFault,
    MissingAuthenticationFault,
    UnrecognizedClientFault,
)

ALGORITHM = "AWS4-HMAC-SHA256"

OLDEST = 15 * 60
"""Seconds after which a signature is no longer taken."""

NEWEST = 5 * 60
"""Seconds by which a signature's clock may be ahead of ours."""

_MOMENT = re.compile(r"[0-9]{8}T[0-9]{6}Z")

_NEEDED = ("host", "x-amz-target")
"""Headers that must be signed; besides the one with the date."""


class Request(Struct, frozen=True, kw_only=True):
    """What of an HTTP request is signed."""

    method: str
    path: str  # as it came, percent-encoded
    query: str
    headers: Sequence[tuple[str, str]]  # names in lower case
    body: bytes

    def header(self, name: str) -> str | None:
        """Return a header, its values joined as they are signed."""
        values = [" ".join(value.split()) for key, value in self.headers if key == name]
        return ",".join(values) if values else None


class _Claim(Struct, frozen=True):
    key_id: str
    scope: tuple[str, str, str]  # date, region, service
    signed: tuple[str, ...]
    signature: str
    date: str


class Keyring:
    """The access keys that may sign, and a clock."""

    def __init__(
        self,
        keys: Mapping[str, str],
        clock: Callable[[], float] = time.time,
        *,
        region: str | None = None,
    ) -> None:
        """Keep the secrets by the ids of their keys; without a region, all are taken."""
        self._keys = dict(keys)
        self._clock = clock
        self._region = region

    def admit(self, request: Request, service: str | None = None) -> None:
        """Check what can be checked of a signature before the body has come.

        `service` is the name that its scope must have.

        Raises:
            FaultError: as `verify` says.
        """
        self._admit(_claim(request), service)

    def _admit(self, claim: _Claim, service: str | None) -> None:
        if claim.key_id not in self._keys:
            raise UnrecognizedClientFault("The security token included in the request is invalid.")
        for what, wanted, given in (
            ("region", self._region, claim.scope[1]),
            ("service", service, claim.scope[2]),
        ):
            if wanted is not None and given != wanted:
                raise InvalidSignatureFault(
                    f"Credential should be scoped to the {what} {wanted!r}, not {given[:80]!r}"
                )
        self._check_date(claim)

    def verify(self, request: Request, service: str | None = None) -> str:
        """Return the id of the access key that has signed a request.

        `service` is the name that its scope must have.

        Raises:
            MissingAuthenticationFault: it is not signed.
            IncompleteSignatureFault: the header cannot be read, or too little is signed.
            UnrecognizedClientFault: nobody has that key.
            InvalidSignatureFault: another request was signed, by another key, for another region
                or service, or long ago.
        """
        claim = _claim(request)
        self._admit(claim, service)
        expected = _signature(request, claim, self._keys[claim.key_id])
        if not hmac.compare_digest(expected.encode(), claim.signature.encode()):
            raise InvalidSignatureFault(
                "The request signature we calculated does not match the signature you provided. "
                "Check your secret access key."
            )
        return claim.key_id

    def _check_date(self, claim: _Claim) -> None:
        try:
            signed_at = calendar.timegm(time.strptime(claim.date, "%Y%m%dT%H%M%SZ"))
        except ValueError as error:
            raise IncompleteSignatureFault(f"not a date: {claim.date}") from error
        age = self._clock() - signed_at
        if age > OLDEST:
            raise InvalidSignatureFault(f"Signature expired: it was made {age:.0f} s ago")
        if age < -NEWEST:
            raise InvalidSignatureFault(f"Signature not yet current: its clock is {-age:.0f} s off")


def _claim(request: Request) -> _Claim:
    header = request.header("authorization")
    if header is None:
        raise MissingAuthenticationFault("Missing Authentication Token")
    algorithm, _, rest = header.partition(" ")
    parts = dict(re.findall(r"(\w+)=([^,\s]+)", rest))
    credential = parts.get("Credential", "").split("/")
    signed = tuple(parts.get("SignedHeaders", "").split(";"))
    date = request.header("x-amz-date") or ""
    if algorithm != ALGORITHM or len(credential) != 5 or credential[4] != "aws4_request":
        raise IncompleteSignatureFault(f"the Authorization header must be {ALGORITHM}'s")
    missing = [name for name in (*_NEEDED, "x-amz-date") if name not in signed]
    if missing or "Signature" not in parts:
        raise IncompleteSignatureFault(f"not signed: {', '.join(missing) or 'the request'}")
    key_id, day, region, service = credential[:4]
    if not _MOMENT.fullmatch(date) or date[:8] != day:
        raise IncompleteSignatureFault(
            "X-Amz-Date must be like 20260131T235959Z, of the credential's day"
        )
    return _Claim(key_id, (day, region, service), signed, parts["Signature"], date)


def _signature(request: Request, claim: _Claim, secret: str) -> str:
    canonical = _canonical(request, claim.signed)
    scope = "/".join((*claim.scope, "aws4_request"))
    hashed = hashlib.sha256(canonical.encode()).hexdigest()
    text = f"{ALGORITHM}\n{claim.date}\n{scope}\n{hashed}"
    return hmac.new(_signing_key(secret, *claim.scope), text.encode(), hashlib.sha256).hexdigest()


def _canonical(request: Request, signed: Sequence[str]) -> str:
    headers = "".join(f"{name}:{request.header(name) or ''}\n" for name in signed)
    pairs = sorted(parse_qsl(request.query, keep_blank_values=True))
    query = "&".join(f"{_encoded(key)}={_encoded(value)}" for key, value in pairs)
    body = hashlib.sha256(request.body).hexdigest()
    parts = (request.method, request.path or "/", query, headers, ";".join(signed), body)
    return "\n".join(parts)


def _encoded(text: str) -> str:
    return quote(text, safe="-_.~")


@functools.lru_cache(maxsize=64)
def _signing_key(secret: str, day: str, region: str, service: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (day, region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key
