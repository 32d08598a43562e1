"""Amazon SWF for tests: our own endpoint over an engine, and moto's server, in this process."""

from __future__ import annotations

import functools
import logging
import os
import threading
import uuid
from contextlib import suppress
from typing import Any
from urllib.parse import urlencode

import uvicorn

from partita import history as h
from partita.engine import Engine
from partita.server.process import bind
from partita.server.routes import Router
from partita.swf.backend.ids import escaped
from partita.swf.backend.registration import ACTIVITY_DEFAULTS, WORKFLOW_DEFAULTS
from partita.swf.backend.service import SwfService
from partita.swf.backend.timing import Timing
from partita.swf.faults import TypeAlreadyExistsFault
from partita.swf.front.front import Front
from partita.swf.front.protocol import WRITES, SwfProtocol
from tests import aws_models  # noqa: F401 - for its effect

# Whoever signs needs keys; nobody here looks at them.
os.environ.setdefault("AWS_ACCESS_KEY_ID", "tests")
os.environ.setdefault("AWS_SECRET_ACCESS_KEY", "tests")


class Endpoint:
    """SWF's wire protocol over an engine, on a port and a thread of its own."""

    def __init__(self, engine: Engine, port: int = 0) -> None:
        self.engine = engine
        self._front = Front(engine)
        self._protocol = SwfProtocol(self._front)
        self._socket = bind("127.0.0.1", port)
        self.address = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        application = Router([self._protocol]).application
        config = uvicorn.Config(application, log_level="warning", access_log=False, lifespan="off")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=[[self._socket]])
        self._thread.start()

    def url(self, **options: object) -> str:
        """Return the URL by which a backend reaches it."""
        return f"swf://us-east-1/tests?{urlencode({'endpoint': self.address, **options})}"

    def register(self, operation: str, **given: Any) -> None:
        """Register a type without a request; what is there already is fine."""
        work = self.engine.submit(lambda session: WRITES[operation](self._front, session, given))
        with suppress(TypeAlreadyExistsFault):
            work.result()

    def close(self) -> None:
        """End all that waits, and the thread."""
        self.leave()
        self._thread.join(30)
        self._socket.close()

    def leave(self) -> None:
        """End all that waits; the thread ends soon, and lets its port go."""
        self._protocol.close()
        self._server.should_exit = True


class PreparedSwfService(SwfService):
    """A service that registers types at our endpoint without requests.

    The stages' workers register some 30 types for each test, with two requests for each type.
    """

    def __init__(self, endpoint: Endpoint, **options: object) -> None:
        # Every test would wait for the polls that are given up when its worker stops.
        super().__init__(endpoint.url(**options), timing=Timing(poll_grace=0.0))
        self._endpoint = endpoint
        self._domains: set[str] = set()

    def register_workflow_type(self, domain: str, workflow_type: h.WorkflowType) -> None:
        self._register("RegisterWorkflowType", domain, workflow_type, WORKFLOW_DEFAULTS)

    def register_activity_type(self, domain: str, activity_type: h.ActivityType) -> None:
        self._register("RegisterActivityType", domain, activity_type, ACTIVITY_DEFAULTS)

    def _register(
        self,
        operation: str,
        domain: str,
        kind: h.WorkflowType | h.ActivityType,
        defaults: dict[str, Any],
    ) -> None:
        domain = self.domain(domain)
        if domain not in self._domains:
            self.domains.get_or_create(domain)
            self._domains.add(domain)
        name, version = escaped(kind.name), escaped(kind.version)
        self._endpoint.register(operation, domain=domain, name=name, version=version, **defaults)


@functools.cache
def _moto() -> str:
    """Start moto's server, one for all tests of this process; return its URL."""
    from moto.server import ThreadedMotoServer  # 0.5 s, for few tests

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    return f"http://{host}:{port}"


def moto_url(**options: object) -> str:
    """Return the URL of a new domain of moto's server."""
    query = urlencode({"endpoint": _moto(), **options})
    return f"swf://us-east-1/{uuid.uuid4().hex}?{query}"
