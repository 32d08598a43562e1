"""Amazon SWF for tests: our own endpoint over an engine, and moto's server, in this process."""

from __future__ import annotations

import logging
import os
import threading
import uuid
from urllib.parse import urlencode

import uvicorn
from moto.server import ThreadedMotoServer

from partita.engine import Engine
from partita.server.process import bound
from partita.server.routes import mounted
from partita.swf.front.operations import Front
from partita.swf.front.protocol import SwfProtocol

# Whoever signs needs keys; nobody here looks at them.
os.environ.setdefault("AWS_ACCESS_KEY_ID", "tests")
os.environ.setdefault("AWS_SECRET_ACCESS_KEY", "tests")


class Endpoint:
    """SWF's wire protocol over an engine, on a port and a thread of its own."""

    def __init__(self, engine: Engine, port: int = 0) -> None:
        self.engine = engine
        self._protocol = SwfProtocol(Front(engine))
        self._socket = bound("127.0.0.1", port)
        self.address = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        config = uvicorn.Config(
            mounted([self._protocol]), log_level="warning", access_log=False, lifespan="off"
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=[[self._socket]])
        self._thread.start()

    def url(self, **options: object) -> str:
        """Return the URL by which a backend reaches it."""
        return f"swf://us-east-1/tests?{urlencode({'endpoint': self.address, **options})}"

    def close(self) -> None:
        """End all that waits, and the thread."""
        self.leave()
        self._thread.join(30)
        self._socket.close()

    def leave(self) -> None:
        """End all that waits; the thread ends soon, and lets its port go."""
        self._protocol.close()
        self._server.should_exit = True


class Moto:
    """Moto's server, one for all tests; each takes a domain of its own."""

    _server: ThreadedMotoServer | None = None

    @classmethod
    def url(cls, **options: object) -> str:
        """Return the URL of a new domain."""
        if cls._server is None:
            logging.getLogger("werkzeug").setLevel(logging.ERROR)
            cls._server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
            cls._server.start()
        host, port = cls._server.get_host_and_port()
        query = urlencode({"endpoint": f"http://{host}:{port}", **options})
        return f"swf://us-east-1/{uuid.uuid4().hex}?{query}"
