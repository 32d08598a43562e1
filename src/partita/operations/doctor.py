"""Find out what is wrong with a database, its surroundings, and what is stuck in it.

Looks and changes nothing: a database of an older schema is not brought up by being looked at.
Each finding says what is so, why that is bad, and how to mend it.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import version
from typing import Any

from msgspec import Struct

from partita.engine import catalogue
from partita.engine.leases import living
from partita.errors import PartitaError, StoreError
from partita.operations.maintenance import engine_of
from partita.ports.capabilities import SupportsObstacles, supports
from partita.ports.catalogue import LimitRecord, WorkerRecord
from partita.ports.service import Service
from partita.ports.state import (
    DEFAULT_DOMAIN,
    PAUSED,
    AnyItem,
    Backlog,
    OpenActivity,
    OpenDecision,
    Progress,
)
from partita.ports.store import Overview, Record, Store
from partita.stores.maintenance import Maintenance, Survey
from partita.views.open_reasons import reason_of_activity, reason_of_decision
from partita.views.serving import unserved_task
from partita.views.standing import taken
from partita.views.surroundings import Surroundings, at_line

SKEW = 2.0
"""Seconds by which clocks may differ; leases of workers are ten seconds."""

STUCK_AFTER_SECONDS = 60.0
"""Seconds after which what waits, or is due, should have been taken up."""

FAILURES = 3
"""Failures of a decision task after which it is called stuck."""

ATTEMPTS = 10
"""Attempts of an activity after which it is told of."""

ROOM = 256 << 20
"""Bytes that should be free on the database's disk, at least."""

NAMED = 5
"""Executions that a finding names."""


class Finding(Struct, frozen=True):
    """One thing that is not as it should be."""

    check: str  # a word for programs
    what: str
    why: str
    mend: str
    code: str = ""  # of `views.verdicts.REASONS`, if `why` of the executions says the same


class Report(Struct, frozen=True):
    """What a doctor has seen, and found wrong."""

    facts: dict[str, Any]
    findings: list[Finding]


def examine(maintenance: Maintenance, connect: Callable[[], Service]) -> Report:
    """Look at a database; `connect` is called only if its tables are those that we know."""
    facts: dict[str, Any] = {"partita": version("partita"), "python": platform.python_version()}
    findings: list[Finding] = []
    now = time.time()
    try:
        findings += _locks(maintenance)
        survey = maintenance.survey()
        facts |= _facts(survey, now)
        findings += [*_schema(survey), *_surroundings(survey), *_damage(maintenance)]
        if survey.schema == survey.known and not _has(findings, "lock"):
            service = connect()
            try:
                store = engine_of(service).store
                findings += [*_read_only(store, survey), *_inside(store, survey, now)]
            finally:
                service.close()
    except StoreError as error:
        if not _has(findings, "damage", "lock"):  # which explain it
            findings.append(_unreachable(error))
    return Report(facts, findings)


def _has(findings: list[Finding], *checks: str) -> bool:
    return any(finding.check in checks for finding in findings)


def _locks(maintenance: Maintenance) -> Iterator[Finding]:
    for lock in maintenance.long_locks():
        yield Finding(
            "lock",
            f"{lock.holder} has kept others from writing for {lock.seconds:.0f} s or longer",
            "nothing can be recorded meanwhile: workers and commands wait, and then give up",
            f"{lock.mend}; what is committed stays, and `partita doctor` then looks at the rest",
        )


def _facts(survey: Survey, now: float) -> dict[str, Any]:
    workers = living(survey.workers)
    return {
        "database": survey.where,
        **survey.versions,
        "schema": f"{survey.schema or 'none'} of {survey.known}",
        **survey.settings,
        "size": survey.size,
        "unused": survey.unused,
        "free on its disk": survey.free,
        "clock ahead": survey.ahead,
        "workers alive": len(workers),
        "worker processes": [worker.pid for worker in workers],
        "looked at": now,
    }


def _unreachable(error: PartitaError) -> Finding:
    what, _, mend = str(error).rpartition("; ")
    return Finding(
        "connection",
        what or str(error),
        f"nothing can run without the database [{error.code}]",
        mend if what else "see the message",
    )


def _damage(maintenance: Maintenance) -> Iterator[Finding]:
    if found := maintenance.damage():
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        yield Finding(
            "damage",
            f"pages of the file are damaged: {_short(found[0])}{more}",
            "what is on them is lost, and whoever comes upon it can do nothing",
            "`partita db check` says more; restore a backup: `partita db restore FILE`",
        )


# -- what surrounds it


def _schema(survey: Survey) -> Iterator[Finding]:
    if survey.schema is None:
        yield Finding(
            "schema",
            f"{survey.where} has no tables yet",
            "nobody has used it, or the URL names another place than was meant",
            "run `partita db migrate`, or check --backend and PARTITA_BACKEND",
        )
    elif survey.schema < survey.known:
        yield Finding(
            "schema",
            f"its tables are of schema {survey.schema}, this Partita's are of {survey.known}",
            "they are brought up when this Partita is first used; older ones cannot open them then",
            "stop the workers of the older version, then run `partita db migrate` as the owner",
        )
    elif survey.schema > survey.known:
        yield Finding(
            "schema",
            f"its tables are of schema {survey.schema}, this Partita knows up to {survey.known}",
            "a newer Partita has brought them up; this one does not touch what it does not know",
            "upgrade Partita here",
        )


def _surroundings(survey: Survey) -> Iterator[Finding]:
    for what, mend in survey.doubts:
        yield Finding(
            "durability", what, "what was acknowledged could be lost, or stand still", mend
        )
    if survey.ahead is not None and abs(survey.ahead) > SKEW:
        how = "ahead of" if survey.ahead > 0 else "behind"
        yield Finding(
            "clock",
            f"the server's clock is {abs(survey.ahead):.1f} s {how} this machine's",
            "leases are moments: a living worker may be taken for dead, and its tasks done twice",
            "have both keep time by NTP",
        )
    need = max(ROOM, (survey.size or 0) // 4)
    if survey.free is not None and survey.free < need:
        yield Finding(
            "disk",
            f"only {survey.free:,} bytes are free on its disk, and it has {survey.size or 0:,}",
            "without room nothing can be recorded; workers stop and wait",
            "make room: `partita prune --older-than 30d`, then `partita db vacuum`",
        )


def _read_only(store: Store, survey: Survey) -> Iterator[Finding]:
    """Find that nothing can be recorded from here; living workers prove that they can."""
    obstacle = store.obstacle() if supports(store, SupportsObstacles) else None
    if obstacle is not None and not obstacle.is_full and not living(survey.workers):
        yield Finding(
            "read-only",
            obstacle.what,
            "nothing can be recorded from here: no worker can run, and nothing can be started",
            "let this user write it (a SQLite file and its folder, a server that takes writes), "
            "or be the user who may",
            "READ_ONLY",
        )


# -- what is in it


def _inside(store: Store, survey: Survey, now: float) -> Iterator[Finding]:
    overview = store.overview(now - STUCK_AFTER_SECONDS)
    workers = living(survey.workers)
    yield from _leases(survey, now)
    yield from _pauses(store, overview, now)
    yield from _unserved(overview, workers)
    yield from _queues(store.backlogs(), bool(workers), now)
    yield from _overdue(overview, bool(workers), now)
    yield from _failing(overview, now)
    gone = {worker.id for worker in survey.workers} - {worker.id for worker in workers}
    yield from _held(store, overview, gone, now)
    lost = [record for record in overview.bare if _is_lost(record.progress)]
    if lost:
        yield Finding(
            "stuck",
            f"what should be open in executions is not there: {_names(lost)}",
            "nothing will ever wake them: the database was changed by hand, or is damaged",
            "run `partita db check`; restore a backup, or `partita terminate` them",
        )
    if overview.latest > now + SKEW:
        yield Finding(
            "clock",
            f"something was written {overview.latest - now:.1f} s from now",
            "the clock of a machine that works on it is ahead, or this one's is behind",
            "have all machines keep time by NTP",
        )


def _is_lost(progress: Progress) -> bool:
    """Whether an execution without open items waits for more than a signal, which may come."""
    counted = progress.open_activities or progress.open_timers or progress.open_children
    is_undecided = progress.unseen or progress.decision_scheduled_event_id
    return bool(counted or is_undecided or not progress.previous_started_event_id)


def _leases(survey: Survey, now: float) -> Iterator[Finding]:
    alive = living(survey.workers)
    dead = [worker for worker in survey.workers if worker not in alive]
    if dead and not alive:
        pids = ", ".join(str(worker.pid) for worker in dead[:NAMED])
        left = max(worker.lease_until for worker in dead) - now
        end = f"ends in {left:.0f} s" if left > 0 else f"ended {-left:.0f} s ago"
        yield Finding(
            "lease",
            f"workers are gone and hold tasks: {len(dead)} (processes {pids}), "
            f"the last lease {end}",
            "what they hold is put back by the next worker, and none is alive",
            "start a worker: `partita worker FILE`",
        )


def _pauses(store: Store, overview: Overview, now: float) -> Iterator[Finding]:
    """Find what is paused: somebody may have forgotten it."""
    records = [*(record for record, _ in overview.tasks), *overview.bare]
    paused = [one for one in records if one.progress.paused is not None]
    if paused:
        yield Finding(
            "paused",
            f"executions are paused: {_names(paused)}",
            "they begin nothing",
            "if that is no longer meant: `partita resume ID`",
            "PAUSED",
        )
    domains = {record.execution.domain for record in records} | {DEFAULT_DOMAIN}
    for domain in sorted(domains):
        yield from _paused_work(catalogue.limits(store, domain).values(), now)


def _paused_work(limits: Iterable[LimitRecord], now: float) -> Iterator[Finding]:
    """Find workflow types and task lists that are paused."""
    for record in limits:
        if record.paused is None:
            continue
        is_type = record.type_name is not None
        name = record.type_name if record.type_name is not None else record.task_list
        option = "--type" if is_type else "--task-list"
        why = f" ({_short(record.paused.reason)})" if record.paused.reason else ""
        state = "is half resumed" if record.resuming else "is paused"
        yield Finding(
            "paused",
            f"{'workflow type' if is_type else 'task list'} {name} {state}, for "
            f"{now - record.paused.since:.0f} s{why}",
            "what it holds back begins nothing",
            f"if that is no longer meant: `partita resume {option} {name}`",
            "TYPE_PAUSED" if is_type else "TASK_LIST_PAUSED",
        )


def _unserved(overview: Overview, workers: list[WorkerRecord]) -> Iterator[Finding]:
    """Find tasks that no living worker has the code or the task list for; one for each reason."""
    found: dict[tuple[str, str], list[Record]] = {}
    for record, item in overview.tasks:
        if not isinstance(item, OpenDecision | OpenActivity) or item.queue is None:
            continue
        why = unserved_task(item, workers, record.execution.workflow_id)
        if why is not None:
            found.setdefault((why.code, str(why)), []).append(record)
    for (code, said), records in found.items():
        what, _, mend = said.partition("; ")
        yield Finding(
            "unserved",
            f"{what}: {_names(records)}",
            "these executions stand still until then",
            mend,
            code,
        )


def _queues(queues: list[Backlog], is_served: bool, now: float) -> Iterator[Finding]:
    for queue in queues:
        waited = now - queue.since
        if waited <= STUCK_AFTER_SECONDS or queue.task_list.startswith(PAUSED):
            continue
        yield Finding(
            "task list",
            f"{_queue(queue)}: {queue.count} wait, the first for {waited:.0f} s",
            "workers are alive, but none takes them: none has this task list or the code, or all "
            "are busy"
            if is_served
            else "no worker is alive",
            f"start a worker with the code: `partita worker FILE --task-list {queue.task_list}`",
        )


def _queue(queue: Backlog) -> str:
    what = "activities" if queue.kind == "activity" else "decision tasks"
    return f"{what} of task list {queue.task_list} in domain {queue.domain}"


def _overdue(overview: Overview, is_served: bool, now: float) -> Iterator[Finding]:
    kinds: dict[str, list[tuple[Record, AnyItem]]] = {}
    for record, item in overview.overdue:
        kinds.setdefault(item.kind, []).append((record, item))
    for kind, found in kinds.items():
        late = max(now - (item.due or now) for _, item in found)
        yield Finding(
            "overdue",
            f"{_OVERDUE.get(kind, kind)}: {len(found)}, by up to {late:.0f} s "
            f"({_names([record for record, _ in found])})",
            "workers are alive, but do not get to it: they are overloaded, or stopped"
            if is_served
            else "no worker is alive, and workers are who looks at the clock",
            "start more workers, or look at what theirs log"
            if is_served
            else "start a worker: `partita worker FILE`",
        )


_OVERDUE = {
    "timer": "timers that should have fired",
    "activity": "activities whose timeout, or next attempt, has come",
    "decision": "decision tasks whose timeout, or next attempt, has come",
    "execution": "executions that should have timed out",
}


def _failing(overview: Overview, now: float) -> Iterator[Finding]:
    around = Surroundings(now=now)
    for record, item in overview.tasks:
        id = record.execution.workflow_id
        if isinstance(item, OpenDecision) and item.failure and item.attempt > FAILURES:
            yield Finding(
                "stuck",
                f"{_name(record)} cannot go on: {_short(item.failure)} ({item.attempt - 1} times)",
                "its code fails, or no longer fits its history; nothing of it is lost",
                "mend the code and restart the workers; `partita show --stack` says where it is",
                reason_of_decision(id, item, around).code,
            )
        elif isinstance(item, OpenActivity) and item.attempt > ATTEMPTS:
            why = _short(item.reason or item.failure or "no reason is recorded")
            yield Finding(
                "activity",
                f"activity {item.activity_type.name} of {_name(record)} is in attempt "
                f"{item.attempt}: {why}",
                "its retry policy lets it go on failing",
                "mend what it depends on, or give it max_attempts; `partita why` has the details",
                reason_of_activity(id, item, around).code,
            )


def _held(store: Store, overview: Overview, gone: set[str], now: float) -> Iterator[Finding]:
    """Find code that does not come back; what the dead hold is put back by the living."""
    for record, item in overview.tasks:
        if not isinstance(item, OpenDecision) or not item.started_event_id or item.owner in gone:
            continue
        events = store.events(record.run, item.scheduled_event_id)
        held = taken(item, events)
        if held is None or now - held.event_timestamp <= STUCK_AFTER_SECONDS:
            continue
        around = Surroundings(now=now, events=events)
        found = reason_of_decision(record.execution.workflow_id, item, around)
        where = f" on worker {held.identity}" if held.identity else ""
        where += at_line(found.evidence)
        yield Finding(
            "stuck",
            f"{_name(record)} has been deciding for {now - held.event_timestamp:.0f} s{where}",
            "its code blocks, or loops without an end, and its worker does nothing else meanwhile",
            "mend the code (what takes long belongs into an activity), end that worker "
            "and start another: nothing recorded is lost",
            found.code,
        )


def _name(record: Record) -> str:
    return f"execution {record.execution.workflow_id!r} ({record.execution.workflow_type.name})"


def _names(records: list[Record]) -> str:
    ids = list(dict.fromkeys(record.execution.workflow_id for record in records))
    more = f" and {len(ids) - NAMED} more" if len(ids) > NAMED else ""
    return ", ".join(repr(id) for id in ids[:NAMED]) + more


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 160 else line[:157] + "..."
