"""Read a `postgresql://` URL: what is ours in it, and what is libpq's.

    postgresql://user:secret@host:5432/database?schema=partita&pool_size=4&sslmode=require

Ours are `schema`, `pool_size`, `prepare=no`, `listen=no`, `listen_url` and `answer_timeout`,
which are said below; all others go to libpq, and so do its environment variables and password
file.
"""

from __future__ import annotations

from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import psycopg
from msgspec import Struct
from psycopg.conninfo import conninfo_to_dict

from partita.errors import InvalidOptionError
from partita.stores.postgres.connection import Connection, probes

DEFAULT_SCHEMA = "partita"
DEFAULT_POOL = 4
PREPARE_AFTER = 3
"""Uses after which a statement is prepared by the server, where that is possible."""


class Address(Struct, frozen=True, kw_only=True):
    """Where a schema is, and how to speak to the server."""

    conninfo: str
    schema: str = DEFAULT_SCHEMA
    pool_size: int = DEFAULT_POOL  # connections to read by, at most
    prepare_threshold: int | None = PREPARE_AFTER  # None: never, for poolers
    listen_conninfo: str | None = None  # None: do not listen, look every now and then
    answer_timeout: float = Connection.answer_timeout  # seconds; then a connection is given up
    where: str = ""  # for people; holds no secret

    @classmethod
    def of(cls, url: str) -> Address:
        """Read a URL.

        Raises:
            InvalidOptionError: it cannot be read, or an option has an impossible value.
        """
        try:
            parts = urlsplit(url)
        except ValueError as error:
            raise InvalidOptionError(_UNREADABLE.format(error)) from None
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
        schema = options.pop("schema", DEFAULT_SCHEMA)
        pool_size = options.pop("pool_size", str(DEFAULT_POOL))
        prepare = _yes(options.pop("prepare", "yes"), "prepare")
        listen = _yes(options.pop("listen", "yes"), "listen")
        listen_url = options.pop("listen_url", None)
        answer_timeout = _seconds(options.pop("answer_timeout", None), "answer_timeout")
        options = {"application_name": "partita", **probes(), **options}
        query = urlencode(options, quote_via=quote)
        conninfo = f"postgresql://{parts.netloc}{parts.path}?{query}"
        if not schema or len(schema.encode()) > 63 or "\0" in schema:
            raise InvalidOptionError(f"schema={schema!r}: a name has 1 to 63 bytes")
        if not pool_size.isdecimal() or not 1 <= int(pool_size) <= 1000:
            raise InvalidOptionError(f"pool_size={pool_size!r}: give a number from 1 to 1000")
        return cls(
            conninfo=conninfo,
            schema=schema,
            pool_size=int(pool_size),
            prepare_threshold=PREPARE_AFTER if prepare else None,
            listen_conninfo=(listen_url or conninfo) if listen else None,
            answer_timeout=answer_timeout,
            where=_described(conninfo, schema),
        )


_UNREADABLE = (
    "the postgresql URL cannot be read ({}); write postgresql://USER@HOST:PORT/DATABASE?schema=NAME"
)


def _yes(text: str, name: str) -> bool:
    if text not in ("yes", "no"):
        raise InvalidOptionError(f"{name}={text!r}: say yes or no")
    return text == "yes"


def _seconds(text: str | None, name: str) -> float:
    if text is None:
        return Connection.answer_timeout
    if not text.isdecimal() or not 1 <= int(text) <= 86_400:
        raise InvalidOptionError(f"{name}={text!r}: give a number of seconds from 1 to 86400")
    return float(text)


def _described(conninfo: str, schema: str) -> str:
    """Name the database for people."""
    try:
        found = conninfo_to_dict(conninfo)
    except psycopg.ProgrammingError as error:
        raise InvalidOptionError(_UNREADABLE.format(_without_values(error))) from None
    place = found.get("host") or found.get("hostaddr") or "the local server"
    return f"schema {schema} of database {found.get('dbname') or '(default)'} on {place}"


def _without_values(error: Exception) -> str:
    """Return libpq's words without what it quotes, which may be a password."""
    text = str(error).strip()
    return text if text.startswith("invalid URI query parameter") else text.split(":")[0]
