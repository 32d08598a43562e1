"""Read the URL of a domain on Amazon SWF.

swf://REGION/DOMAIN?endpoint=http://HOST:PORT&profile=NAME&large=s3://BUCKET/PREFIX

Knows what the URL may say, and connects to nothing.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from msgspec import Struct

from partita.errors import InvalidOptionError

_HOW = "write swf://REGION/DOMAIN, such as swf://eu-west-1/orders"


class Address(Struct, frozen=True, kw_only=True):
    """A domain, and how it is reached."""

    region: str
    domain: str
    endpoint: str | None = None  # another server than Amazon's, as http://HOST:PORT
    profile: str | None = None  # of AWS's configuration files
    large: str | None = None  # where payloads go that SWF has no room for: s3://… or file:///…
    retention: int = 30  # days that closed executions are kept, where the domain is new
    sticky: float = 5.0  # seconds that a decision task waits for the worker that knows its run
    lease: int = 60  # seconds after which a dead worker's activities are begun anew; 0: never
    pollers: int = 4  # threads that wait for activities, and as many for decisions, per task list

    @classmethod
    def of(cls, url: str) -> Address:
        """Read a URL.

        Raises:
            InvalidOptionError: it has no domain, an unknown option, or a value out of range.
        """
        try:
            parts = urlsplit(url)
        except ValueError as error:
            raise InvalidOptionError(f"{url!r}: {error}; {_HOW}") from None
        domain = unquote(parts.path.strip("/"))
        if parts.scheme != "swf" or not parts.netloc or not domain or "/" in domain:
            raise InvalidOptionError(f"{url!r} names no region and domain; {_HOW}")
        given = dict(parse_qsl(parts.query, keep_blank_values=True))
        unknown = sorted(set(given) - _OPTIONS.keys())
        if unknown:
            raise InvalidOptionError(
                f"{url!r}: no option {', '.join(unknown)}; there are {', '.join(_OPTIONS)}"
            )
        options: dict[str, Any] = {name: _read(url, name, text) for name, text in given.items()}
        return cls(region=parts.netloc, domain=domain, **options)


_OPTIONS: dict[str, type] = {
    "endpoint": str,
    "profile": str,
    "large": str,
    "retention": int,
    "sticky": float,
    "lease": int,
    "pollers": int,
}
_LEAST = {"retention": 0, "sticky": 0, "lease": 0, "pollers": 1}
_MOST = {"retention": 90, "sticky": 3600, "lease": 86400, "pollers": 100}


def _read(url: str, name: str, text: str) -> str | int | float:
    kind = _OPTIONS[name]
    if kind is str:
        if not text:
            raise InvalidOptionError(f"{url!r}: {name}= says nothing; leave it out")
        return text
    try:
        value: float = kind(text)
    except ValueError:
        value = -1
    if not _LEAST[name] <= value <= _MOST[name]:
        raise InvalidOptionError(
            f"{url!r}: {name}={text}; give a number from {_LEAST[name]} to {_MOST[name]}"
        )
    return value
