"""Check that a service does what `partita.ports.service.Service` obliges it to do.

Every check is a function of a service and its clock. It raises AssertionError if the service
deviates or if a history that it made is not `sound`, and leaves the service usable for the next
check. No test framework is needed:

    for name, check in checks_for(new_service(clock)).items():
        check(new_service(clock), clock)

`STORE_CHECKS` are the same for `partita.store.Store`: functions of a new and empty store.

A service whose time cannot be moved gets a clock whose `advance` waits. `DECIDED` and
`RECORDED` list the checks of each decision and each event.
"""

from partita.testing.conformance import (
    activities,
    attempts,
    children,
    closes,
    decision_tasks,
    decisions,
    executions,
    externals,
    language,
    pauses,
    starts,
    store_catalogue,
    store_executions,
    store_lists,
    store_removal,
)
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
    checks_for,
    decision_task,
    kinds,
    start,
    started,
    status,
)
from partita.testing.conformance.coverage import DECIDED, RECORDED, UNRECORDED
from partita.testing.conformance.recorder import Recorder
from partita.testing.conformance.soundness import sound
from partita.testing.conformance.store_arrange import STORE_CHECKS, StoreCheck

_FAMILIES = (
    starts,
    decision_tasks,
    activities,
    attempts,
    decisions,
    executions,
    closes,
    children,
    externals,
    language,
    pauses,
    store_executions,
    store_lists,
    store_catalogue,
    store_removal,
)  # importing them fills CHECKS and STORE_CHECKS

__all__ = [
    "CHARGE",
    "CHECKS",
    "DECIDED",
    "DOMAIN",
    "FLOW",
    "RECORDED",
    "STORE_CHECKS",
    "TASK_LIST",
    "UNRECORDED",
    "Check",
    "Recorder",
    "StoreCheck",
    "activity_task",
    "answer",
    "charge",
    "checks_for",
    "decision_task",
    "kinds",
    "sound",
    "start",
    "started",
    "status",
]
