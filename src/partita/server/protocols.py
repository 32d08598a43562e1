"""Put together what serves each protocol: a front, and what carries out the work behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager

from msgspec import Struct, field

from partita.asl.machines import ACCOUNT, REGION
from partita.aws.lambda_functions import LambdaFunctions
from partita.aws.signature import Keyring
from partita.errors import InvalidOptionError
from partita.openwhisk.endpoint.containers import Containers
from partita.openwhisk.endpoint.protocol import BLOCKING_SECONDS, OpenWhiskProtocol
from partita.openwhisk.endpoint.worker import EndpointWorker, Host
from partita.ports.service import Service
from partita.ports.session import Transactional
from partita.server.routes import WireProtocol
from partita.stepfunctions.execution.worker import MachineWorker
from partita.stepfunctions.front.front import Front as StepFunctionsFront
from partita.stepfunctions.front.nested_executions import serve_nested
from partita.stepfunctions.front.preparation import prepare
from partita.stepfunctions.front.protocol import StepFunctionsProtocol
from partita.swf.front.front import Front as SwfFront
from partita.swf.front.lambdas import Lambdas
from partita.swf.front.protocol import SwfProtocol
from partita.telemetry.body_budget import BodyBudget

SWF, STEP_FUNCTIONS, OPENWHISK = "swf", "stepfunctions", "openwhisk"
PROTOCOLS = (SWF, STEP_FUNCTIONS, OPENWHISK)

POLL_SECONDS = 60.0
"""Seconds that a poll waits, as at Amazon."""


class Setup(Struct, frozen=True, kw_only=True):
    """How protocols are served."""

    region: str = REGION
    account: str = ACCOUNT  # of Step Functions' ARNs
    keyring: Keyring | None = None  # None: requests need no signature
    poll_seconds: float = POLL_SECONDS
    lambdas: LambdaFunctions | None = None  # None: SWF's executions can invoke none
    mocks: str | None = None  # the path of a mock file, for Step Functions
    openwhisk_keys: dict[str, str] | None = None  # None: requests need none
    blocking_seconds: float = BLOCKING_SECONDS  # that invocations of OpenWhisk wait
    url: str = ""  # where OpenWhisk's actions reach this server
    bodies: BodyBudget = field(default_factory=BodyBudget)  # shared by all protocols


@contextmanager
def serving(
    names: Sequence[str],
    service: Service,
    setup: Setup,
    begin: Callable[[], None] = lambda: None,
) -> Iterator[list[WireProtocol]]:
    """Yield these protocols over a service, and do their executions' work meanwhile.

    `begin` is called before the work begins, of which logs may tell.

    Raises:
        InvalidOptionError: the service is another orchestrator.
    """
    with ExitStack() as stack:
        made = [_MAKERS[name](service, setup) for name in names]
        begin()
        for _, work in made:
            stack.enter_context(work)
        yield [protocol for protocol, _ in made]


_Made = tuple[WireProtocol, AbstractContextManager[object]]
"""A protocol, and what does the work behind it while it is entered."""


def _swf(service: Service, setup: Setup) -> _Made:
    has_lambdas = setup.lambdas is not None
    front = SwfFront(transactional(service), region=setup.region, lambdas=has_lambdas)
    protocol = SwfProtocol(
        front, keyring=setup.keyring, poll=setup.poll_seconds, bodies=setup.bodies
    )
    return protocol, _invoking(front, setup.lambdas)


@contextmanager
def _invoking(front: SwfFront, functions: LambdaFunctions | None) -> Iterator[None]:
    if functions is None:
        yield
        return
    lambdas = Lambdas(front, functions)
    try:
        yield
    finally:
        lambdas.close()


def _step_functions(service: Service, setup: Setup) -> _Made:
    front = StepFunctionsFront(
        transactional(service), region=setup.region, account=setup.account, mocks=setup.mocks
    )
    prepare(front.committed)
    protocol = StepFunctionsProtocol(
        front, keyring=setup.keyring, poll=setup.poll_seconds, bodies=setup.bodies
    )
    return protocol, _running(front, service)


@contextmanager
def _running(front: StepFunctionsFront, service: Service) -> Iterator[None]:
    end = serve_nested(front)
    try:
        with MachineWorker(service, front.token):
            yield
    finally:
        end()


def _openwhisk(service: Service, setup: Setup) -> _Made:
    whole = transactional(service)
    key = ":".join(next(iter((setup.openwhisk_keys or {"local": "local"}).items())))
    containers = Containers()
    host = Host(whole, containers, key, setup.url)
    protocol = OpenWhiskProtocol(
        whole,
        keys=setup.openwhisk_keys,
        blocking_seconds=setup.blocking_seconds,
        bodies=setup.bodies,
    )
    return protocol, _acting(service, host)


@contextmanager
def _acting(service: Service, host: Host) -> Iterator[None]:
    try:
        with EndpointWorker(service, host):
            yield
    finally:
        host.containers.close()


_MAKERS: dict[str, Callable[[Service, Setup], _Made]] = {
    SWF: _swf,
    STEP_FUNCTIONS: _step_functions,
    OPENWHISK: _openwhisk,
}


def transactional(service: Service) -> Transactional:
    """Return a service that fronts can be put before.

    Raises:
        InvalidOptionError: it is another orchestrator.
    """
    if isinstance(service, Transactional):
        return service
    raise InvalidOptionError(
        "only the embedded engine can be served: give memory://, sqlite:///PATH or postgresql://"
    )
