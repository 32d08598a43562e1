"""Check that a service does what `partita.ports.service.Service` obliges it to do.

Every check is a function of a service and its clock, raises AssertionError if the service
deviates, or if one of the histories that it made is not `sound`, and leaves the service usable
for the next. It needs no test framework:

    for name, check in CHECKS.items():
        check(new_service(clock), clock)

A service whose time cannot be moved gets a clock whose `advance` waits. `DECIDED` and
`RECORDED` say which checks hold each decision and each event.
"""

from partita.testing.conformance import (
    activities,
    attempts,
    children,
    decision_tasks,
    decisions,
    executions,
    externals,
    language,
    tasks,
)
from partita.testing.conformance import closes as closing
from partita.testing.conformance import messages as between
from partita.testing.conformance import starts as starting
from partita.testing.conformance.arrange import (
    CHARGE,
    CHECKS,
    DOMAIN,
    FLOW,
    TASK_LIST,
    Check,
    activity_task,
    answer,
    charge,
    decision_task,
    kinds,
    start,
    started,
    status,
)
from partita.testing.conformance.coverage import DECIDED, RECORDED, UNRECORDED
from partita.testing.conformance.recorder import Witness
from partita.testing.conformance.soundness import sound

_FAMILIES = (
    starting,
    decision_tasks,
    activities,
    executions,
    between,
    language,
    decisions,
    tasks,
    attempts,
    closing,
    children,
    externals,
)

__all__ = [
    "CHARGE",
    "CHECKS",
    "DECIDED",
    "DOMAIN",
    "FLOW",
    "RECORDED",
    "TASK_LIST",
    "UNRECORDED",
    "Check",
    "Witness",
    "activity_task",
    "answer",
    "charge",
    "decision_task",
    "kinds",
    "sound",
    "start",
    "started",
    "status",
]
