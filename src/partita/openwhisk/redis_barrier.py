"""Wait for branches of compositions by Redis, with the keys of JavaScript's Composer.

This file is part of the code of conductors with branches: it needs Python 3.6 and nothing else.

A list `composer/fork/ID` has a marker and then the output of each branch. The last branch renames
it to `composer/join/ID`; whoever waits pops the marker there.
"""

import base64
import json
import socket
import ssl
import urllib.parse
from typing import Any, List, Optional

EXPIRATION = 86400
"""Seconds after which Redis forgets what nobody has collected."""

CONNECT_TIMEOUT = 10.0
"""Seconds for a connection, and for an answer to what does not wait."""


class RedisError(Exception):
    """Redis has refused a command, or the connection has ended."""


class RedisBarrier:
    """A connection to Redis, and what conductors ask of it."""

    def __init__(self, options: Any) -> None:
        self._options = options
        self._file = None  # type: Any
        self._socket = None  # type: Any

    @staticmethod
    def is_configured(options: Any) -> bool:
        """Return whether options name an instance: `uri`, and `ca` in base64 if need be."""
        if not isinstance(options, dict) or not isinstance(options.get("uri"), str):
            return False
        return isinstance(options.get("ca"), (str, type(None)))

    def begin(self, id: str) -> None:
        """Make the list of a fork."""
        self._call("LPUSH", _live(id), "42")
        self._call("EXPIRE", _live(id), str(EXPIRATION))

    def join(self, join: Any, params: Any) -> None:
        """Add the output of a branch; the last one ends the wait."""
        live, done = _live(join["barrierId"]), _done(join["barrierId"])
        output = json.dumps({"position": join["position"], "params": params})
        if self._call("LPUSHX", live, output) > join["count"]:
            self._call("RENAME", live, done)

    def outputs(self, id: str, seconds: float) -> Optional[List[Any]]:
        """Return the outputs of all branches in order; None if they take longer."""
        whole = max(int(seconds), 1)
        if self._call("BRPOP", _done(id), str(whole), timeout=whole + CONNECT_TIMEOUT) is None:
            return None
        found = [json.loads(one.decode()) for one in self._call("LRANGE", _done(id), "0", "-1")]
        self.drop(id)
        return [one["params"] for one in sorted(found, key=lambda one: one["position"])]

    def drop(self, id: str) -> None:
        """Delete the keys of a fork."""
        self._call("DEL", _live(id), _done(id))

    def close(self) -> None:
        """End the connection."""
        if self._socket is not None:
            self._file.close()
            self._socket.close()
            self._socket = None

    def _connect(self) -> None:
        parts = urllib.parse.urlsplit(self._options["uri"])
        if parts.scheme not in ("redis", "rediss") or not parts.hostname:
            raise RedisError("%s is no URI of Redis" % parts.scheme)
        address = (parts.hostname, parts.port or 6379)
        self._socket = socket.create_connection(address, CONNECT_TIMEOUT)
        ca = self._options.get("ca")
        if ca or parts.scheme == "rediss":
            text = base64.b64decode(ca).decode() if ca else None
            context = ssl.create_default_context(cadata=text)
            self._socket = context.wrap_socket(self._socket, server_hostname=parts.hostname)
        self._file = self._socket.makefile("rb")
        if parts.password:
            user = [urllib.parse.unquote(parts.username)] if parts.username else []
            self._call("AUTH", *user, urllib.parse.unquote(parts.password))
        if parts.path.strip("/"):
            self._call("SELECT", parts.path.strip("/"))

    def _call(self, *words: str, timeout: float = CONNECT_TIMEOUT) -> Any:
        if self._socket is None:
            self._connect()
        sent = [b"*%d\r\n" % len(words)]
        for word in words:
            data = word.encode()
            sent.append(b"$%d\r\n%s\r\n" % (len(data), data))
        self._socket.settimeout(timeout)
        self._socket.sendall(b"".join(sent))
        return self._answer()

    def _answer(self) -> Any:
        line = self._file.readline()
        kind, rest = line[:1], line[1:].strip()
        if kind == b"+":
            return rest
        if kind == b":":
            return int(rest)
        if kind == b"$":
            size = int(rest)
            return None if size < 0 else self._file.read(size + 2)[:-2]
        if kind == b"*":
            return None if int(rest) < 0 else [self._answer() for _ in range(int(rest))]
        raise RedisError("Redis: %s" % (rest.decode("utf-8", "replace") or "no answer"))


def _live(id: str) -> str:
    return "composer/fork/" + id


def _done(id: str) -> str:
    return "composer/join/" + id
