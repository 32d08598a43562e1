"""What every operation of the endpoint is given, and the limits that it keeps to.

An operation that writes is a function of the front, a session and the request's members, and runs
within one transaction: it must raise before it changes anything, or not at all. One that only reads
is a function of the front and the members, and reads what is committed. Each module of operations
has a table of both kinds, `WRITES` and `READS`, by SWF's names.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from partita.aws.json_protocol import Answer
from partita.aws.paging import Pager
from partita.aws.shapes import Members
from partita.aws.tokens import seal_of
from partita.ports.session import Committed, Session, Transactional
from partita.rules.commands import Terms


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
    """One endpoint over one service; `lambdas` says whether it invokes Lambda functions."""

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
        self._arn = f"arn:aws:swf:{region}:{account}"
        self.seal = seal_of(service, "swf.secret")
        self.pager = Pager(
            self.seal, self.limits.page, size="maximumPageSize", token="nextPageToken"
        )
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
        return f"{self._arn}:/domain/{domain}"


Write = Callable[[Front, Session, Members], Answer]
Read = Callable[[Front, Members], Answer]
