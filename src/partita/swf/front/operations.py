"""Hold what every operation of the endpoint needs, and the table of operations.

An operation that writes is a function of the front, the engine's transaction and the request's
members, and runs within one transaction: it must raise before it changes anything, or not at
all. One that only looks is a function of the front and the members, and reads what is
committed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from msgspec import Struct

from partita.ports.session import Committed, Transactional
from partita.rules.commands import Terms
from partita.swf.front.tokens import Seal, seal_of

Given = dict[str, Any]
"""A request's members, as `shapes` let them pass."""

Answer = dict[str, Any] | None


class Limits(Struct, frozen=True, kw_only=True):
    """Amazon's quotas.

    Source: Amazon SWF Developer Guide, "Amazon SWF Quotas".
    """

    domains: int = 100
    types: int = 10_000  # of each kind, in a domain
    tags: int = 50  # of a resource
    open_activities: int = 1_000  # of an execution, as the next three
    open_timers: int = 1_000
    open_children: int = 1_000
    open_lambdas: int = 1_000
    events: int = 25_000  # of a history
    pollers: int = 1_000  # of a task list
    page: int = 1_000  # entries of an answer


class Front:
    """One endpoint over one service."""

    def __init__(
        self,
        service: Transactional,
        *,
        limits: Limits | None = None,
        region: str = "us-east-1",
        account: str = "000000000000",
        lambdas: bool = False,
    ) -> None:
        self.service = service
        self.limits = limits or Limits()
        self.region = region
        self.account = account
        self.seal: Seal = seal_of(service)
        service.keep_retentions()
        self.terms = Terms(
            open_activities=self.limits.open_activities,
            open_timers=self.limits.open_timers,
            open_children=self.limits.open_children,
            open_lambdas=self.limits.open_lambdas,
            lambdas=lambdas,
            inherits=False,
        )

    @property
    def committed(self) -> Committed:
        """Reads of what is committed."""
        return self.service.committed

    def arn(self, domain: str) -> str:
        """Return the name that a domain has among all of AWS's resources."""
        return f"arn:aws:swf:{self.region}:{self.account}:/domain/{domain}"


F = TypeVar("F", bound=Callable[..., Answer])

WRITING: dict[str, Callable[..., Answer]] = {}
"""Operations that run within a transaction, by SWF's name."""

LOOKING: dict[str, Callable[..., Answer]] = {}
"""Operations that read what is committed."""


def writes(name: str) -> Callable[[F], F]:
    """Enter a function as the operation of that name, which writes."""

    def enter(function: F) -> F:
        WRITING[name] = function
        return function

    return enter


def looks(name: str) -> Callable[[F], F]:
    """Enter a function as the operation of that name, which only looks."""

    def enter(function: F) -> F:
        LOOKING[name] = function
        return function

    return enter
