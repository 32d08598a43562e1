"""Ask anything of the model and of every store: all give the same answers, and end the same.

The model is in `sides`. A difference is a fault of a store, of the engine's caches, or of the
engine's threads; whether the rules themselves are right is asked in `tests/rules`.
"""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule
from msgspec.structs import replace

from partita import history as h
from partita.engine import Engine
from partita.engine.task_tokens import activity_task, decision_task
from partita.engine.transaction import EngineTransaction
from partita.history.document import export
from partita.ports.service import ForkRequest, PauseKind, ReusePolicy, StartRequest, TaskListLimits
from partita.ports.state import ExecutionFilter, OpenActivity, Status
from partita.rules.commands import StartDecisionTask
from partita.stores.memory import MemoryStore
from partita.stores.postgres.store import PostgresStore
from partita.stores.sqlite.store import SqliteStore
from partita.testing import Clock
from tests.model.sides import Ids, Side, bare
from tests.postgres import server
from tests.rules.decisions import CLOSE, DECISIONS
from tests.soak import scaled

IDS = st.sampled_from("abc")
WHICH = st.integers(0, 1)
PICK = st.integers(0, 50)
TEXT = st.none() | st.sampled_from(['"x"', "[1]"])
SECONDS = st.none() | st.sampled_from([2.0, 30.0])
FILTERS = st.builds(
    ExecutionFilter,
    workflow_id=st.none() | IDS,
    type_name=st.none() | st.sampled_from(["flow", "child"]),
    statuses=st.lists(st.sampled_from(list(Status)), max_size=2).map(tuple),
    tag=st.none() | st.sampled_from(["t", "u"]),
    attributes=st.sampled_from([(), (("k", 1),), (("k", "1"),)]),
    started_after=st.none() | st.sampled_from([1_000_000.0, 1_000_005.0]),
    started_before=st.none() | st.just(1_000_009.0),
    limit=st.sampled_from([1, 2, 100]),
)
STARTS = st.builds(
    StartRequest,
    workflow_id=IDS,
    workflow_type=st.sampled_from([h.WorkflowType("flow"), h.WorkflowType("child")]),
    input=TEXT,
    task_priority=st.sampled_from([0, 5]),
    task_start_to_close=SECONDS,
    execution_start_to_close=SECONDS,
    tag_list=st.sampled_from([(), ("t",), ("t", "u")]),
    search_attributes=st.sampled_from([{}, {"k": 1}, {"k": "1"}]),
    reuse_policy=st.sampled_from(list(ReusePolicy)),
)
LIMITS = st.sampled_from(
    [TaskListLimits(), TaskListLimits(concurrency=1), TaskListLimits(per_second=0.5, burst=2.0)]
)


class Model(RuleBasedStateMachine):
    """One clock, one sequence of requests, three ways to answer them."""

    def __init__(self) -> None:
        super().__init__()
        self._patch = pytest.MonkeyPatch()
        self._folder = Path(tempfile.mkdtemp(prefix="partita-model-"))
        self._requests = itertools.count(1)
        self._ids = Ids()
        self._ids.install(self._patch)
        limit = "partita.engine.executions.WHOLE_STATE_LIMIT"
        self._patch.setattr(limit, 2)  # so that states are read in parts
        self.clock = clock = Clock()
        url = server().url()
        self.model = Side("model", bare(clock))
        self.sides = [
            self.model,
            self._two("sqlite", lambda: SqliteStore(self._folder / "x.db")),
            self._two("postgres", lambda: PostgresStore(url)),
        ]
        for side in self.sides:
            for name in ("flow", "child"):
                side.engines[0].register_workflow_type("default", h.WorkflowType(name))

    def _two(self, name: str, store: Callable[[], Any]) -> Side:
        return Side(name, *(Engine(store(), clock=self.clock) for _ in range(2)))

    def teardown(self) -> None:
        try:
            self.compare()
        finally:
            for side in self.sides:
                side.close()
            self._patch.undo()
            shutil.rmtree(self._folder)

    # -- asking

    def ask(self, which: int, work: Callable[[Engine, Side], Any]) -> Any:
        """Have every side do the same; return the model's answer, which all must give."""
        self.clock.advance(0.001)
        self.settle()
        request = next(self._requests)
        answers = []
        for side in self.sides:
            self._ids.begin(request)
            answers.append(side.answer(which, work))
        self.settle()  # at the same moment: engines do it by themselves, too
        for side, answer in zip(self.sides, answers, strict=True):
            assert answer == answers[0], f"{side.name} says {answer}, and not {answers[0]}"
        return answers[0]

    def settle(self) -> None:
        """Have all that is due looked at, by every side, before anything is asked."""
        now = self.clock()
        assert isinstance(self.model.store, MemoryStore)
        due = self.model.store.next_due()
        if due is not None and due <= now:
            for side in self.sides:
                side.settle(now)

    def small(self) -> float:
        """Return a moment's length that was never returned before: nothing falls due together."""
        return next(self._requests) * 1e-6

    def compare(self) -> None:
        """Hold that every side tells the same of every execution."""
        expected = self.model.everything()
        for side in self.sides[1:]:
            found = side.everything()
            for one, other in itertools.zip_longest(found, expected):
                assert one == other, f"{side.name} holds {one}, and not {other}"

    def execution(self, pick: int, id: str) -> h.WorkflowExecution:
        """Return some run: often the newest of an id, sometimes a certain one."""
        if pick % 3:
            return h.WorkflowExecution(id, "")
        runs = self.model.engines[0].list_executions(ExecutionFilter(limit=100)).executions
        if not runs:
            return h.WorkflowExecution(id, "0" * 32)
        info = runs[pick % len(runs)]
        return h.WorkflowExecution(info.workflow_id, info.run_id)

    # -- starting and speaking

    @rule(which=WHICH, request=STARTS)
    def start(self, which: int, request: StartRequest) -> None:
        self.ask(which, lambda engine, _: engine.start_workflow_execution(request))

    @rule(which=WHICH, request=STARTS, input=TEXT)
    def signal_with_start(self, which: int, request: StartRequest, input: str | None) -> None:
        self.ask(which, lambda engine, _: engine.signal_with_start(request, "s", input))

    @rule(which=WHICH, pick=PICK, id=IDS, how=st.sampled_from(["signal", "cancel", "terminate"]))
    def speak(self, which: int, pick: int, id: str, how: str) -> None:
        to = self.execution(pick, id)
        match how:
            case "signal":
                self.ask(which, lambda e, _: e.signal_workflow_execution("default", to, "s", '"x"'))
            case "cancel":
                self.ask(which, lambda e, _: e.request_cancel_workflow_execution("default", to))
            case "terminate" if pick % 4 == 0:
                self.ask(
                    which, lambda e, _: e.terminate_workflow_execution("default", to, "enough")
                )

    @rule(which=WHICH, pick=PICK, id=IDS, new=st.none() | IDS, event=st.none() | st.integers(1, 12))
    def fork(self, which: int, pick: int, id: str, new: str | None, event: int | None) -> None:
        source = self.execution(pick, id)
        request = ForkRequest(
            workflow_id=source.workflow_id,
            run_id=source.run_id,
            new_workflow_id=new,
            event_id=event,
            reuse_failures=pick % 2 == 0,
        )
        self.ask(which, lambda engine, _: engine.fork_workflow_execution(request))

    @rule(which=WHICH, pick=PICK, id=IDS)
    def import_a_history(self, which: int, pick: int, id: str) -> None:
        """Into another domain, where it may be already."""
        source = self.execution(pick, id)
        model = self.model.engines[0]
        answer = self.model.answer(0, lambda engine, _: engine.describe("default", source))
        if isinstance(answer, tuple):
            return
        exact = h.WorkflowExecution(answer.info.workflow_id, answer.info.run_id)
        document = export("default", exact, model.history("default", exact))
        self.ask(which, lambda engine, _: engine.import_history("other", document))

    @rule(which=WHICH, limits=LIMITS)
    def limit(self, which: int, limits: TaskListLimits) -> None:
        self.ask(which, lambda engine, _: engine.set_limits("default", "default", limits))
        self.ask(1 - which, lambda e, _: e._scheduler.inbox.ask(_forget_limits))
        self.ask(1 - which, lambda engine, _: engine.limits("default"))

    @rule(which=WHICH, pick=PICK, id=IDS, resumes=st.booleans())
    def pause(self, which: int, pick: int, id: str, resumes: bool) -> None:
        which_run = self.execution(pick, id)
        if resumes:
            self.ask(which, lambda e, _: e.resume_workflow_execution("default", which_run))
        else:
            self.ask(which, lambda e, _: e.pause_workflow_execution("default", which_run, "why"))

    @rule(which=WHICH, resumes=st.booleans())
    def pause_the_task_list(self, which: int, resumes: bool) -> None:
        kind = PauseKind.TASK_LIST
        if resumes:
            self.ask(which, lambda e, _: e.resume_work("default", kind, "default"))
        else:
            self.ask(which, lambda e, _: e.pause_work("default", kind, "default", None))
        self.ask(1 - which, lambda e, _: e._scheduler.inbox.ask(_forget_limits))
        self.ask(which, lambda e, _: e.pauses("default"))

    # -- deciding

    @rule(which=WHICH)
    def take_decision(self, which: int) -> None:
        self.take(which, "decision", None)

    @precondition(lambda self: self.model.tokens)
    @rule(which=WHICH, pick=PICK, decisions=DECISIONS, close=CLOSE)
    def decide(self, which: int, pick: int, decisions: list[Any], close: Any) -> None:
        given = [self.distinct(one, place) for place, one in enumerate(decisions)]
        if close is not None and pick % 2:
            given.append(close)
        place = self.recent(pick)
        self.ask(which, lambda engine, side: engine.complete_decision(side.tokens[place], given))

    @rule(which=WHICH, decisions=DECISIONS, close=CLOSE)
    def take_and_decide(self, which: int, decisions: list[Any], close: Any) -> None:
        before = len(self.model.tokens)
        self.take(which, "decision", None)
        if len(self.model.tokens) > before:
            self.decide(which, 0, decisions, close)

    @precondition(lambda self: self.model.tokens)
    @rule(which=WHICH, pick=PICK)
    def fail_decision(self, which: int, pick: int) -> None:
        place = self.recent(pick)
        self.ask(which, lambda engine, side: engine.fail_decision(side.tokens[place], "C", "m"))

    def recent(self, pick: int) -> int:
        """Return the place of one of the last tokens."""
        return max(0, len(self.model.tokens) - 1 - pick % 6)

    def distinct(self, decision: h.AnyDecision, place: int) -> h.AnyDecision:
        """Let nothing of it fall due together with anything else, or wait as long."""
        match decision:
            case h.StartTimer(start_to_fire=seconds) if seconds > 0:
                return replace(decision, start_to_fire=seconds + self.small())
            case h.ScheduleActivityTask(retry_policy=policy):
                names = ("schedule_to_start", "start_to_close", "schedule_to_close", "heartbeat")
                given = {name: getattr(decision, name) for name in names}
                options: dict[str, Any] = {
                    name: seconds + self.small() for name, seconds in given.items() if seconds
                }
                if policy is not None:
                    interval = 1.0 + self.small()
                    options["retry_policy"] = h.RetryPolicy(
                        max_attempts=policy.max_attempts, initial_interval=interval
                    )
                return replace(decision, task_priority=place, **options)
        return decision

    # -- working

    @rule(which=WHICH, owner=st.none() | st.sampled_from(["one", "two"]))
    def take_activity(self, which: int, owner: str | None) -> None:
        self.take(which, "activity", owner)

    def take(self, which: int, kind: str, owner: str | None) -> None:
        """Poll; where two wait for equally long, whoever is first in the model is taken."""
        store = self.model.store
        assert isinstance(store, MemoryStore)
        first, *others = [*store.queued(kind, "default", ["default"], None, 2), None]
        if first is None:
            return
        (run, item), second = first, others[0]
        is_tied = second is not None and (second[1].priority, second[1].since) == (
            item.priority,
            item.since,
        )
        if is_tied or owner is not None:
            record = store.record(run)
            assert record is not None
            execution = h.WorkflowExecution(record.execution.workflow_id, record.execution.run_id)
            self.ask(
                which, lambda e, _: e._scheduler.inbox.ask(_taking(execution, item.id, kind, owner))
            )
        elif kind == "decision":
            self.ask(which, lambda engine, _: engine.poll_decision_task("default", "default"))
        else:
            self.ask(which, lambda engine, _: engine.poll_activity_task("default", "default"))

    @precondition(lambda self: self.model.tokens)
    @rule(
        which=WHICH,
        pick=PICK,
        how=st.sampled_from(["complete", "fail", "give up", "cancel", "heartbeat", "give back"]),
    )
    def end_activity(self, which: int, pick: int, how: str) -> None:
        place = self.recent(pick)

        def work(engine: Engine, side: Side) -> bool | None:
            token = side.tokens[place]
            match how:
                case "complete":
                    engine.complete_activity(token, "1")
                case "fail" | "give up":
                    engine.fail_activity(token, "E", "d", retryable=how == "fail")
                case "cancel":
                    engine.cancel_activity(token, None)
                case "heartbeat":
                    return engine.heartbeat_activity(token, '"d"')
                case "give back":
                    engine.give_back(token)
            return None

        self.ask(which, work)

    @rule(which=WHICH, owner=st.sampled_from(["one", "two"]))
    def lose_a_worker(self, which: int, owner: str) -> None:
        def release(tx: EngineTransaction) -> None:
            tx.release(owner, h.RescheduleCause.WORKER_LOST)

        self.ask(which, lambda engine, _: engine._scheduler.inbox.ask(release))

    # -- time, and looking

    @rule(seconds=st.sampled_from([0.5, 2.5, 40.0]))
    def pass_time(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.settle()

    @rule(which=WHICH, filter=FILTERS)
    def look(self, which: int, filter: ExecutionFilter) -> None:
        def listed(engine: Engine, _: Side) -> Any:
            page = engine.list_executions(filter)
            found = list(page.executions)
            while page.next_page is not None:
                page = engine.list_executions(replace(filter, before_run=page.next_page))
                found += page.executions
            return found

        self.ask(which, listed)
        self.ask(which, lambda engine, _: engine.count_executions(filter))

    @rule()
    def look_at_everything(self) -> None:
        self.compare()


def _forget_limits(tx: EngineTransaction) -> None:
    """Let an engine read the limits anew, as it does once it hears that they have changed."""
    tx.executions.cache.limits.clear()


def _taking(
    execution: h.WorkflowExecution, id: str, kind: str, owner: str | None
) -> Callable[[EngineTransaction], Any]:
    """Return what takes a certain task, for a worker if one is given."""

    def work(tx: EngineTransaction) -> Any:
        state = tx.open("default", execution)
        if kind == "decision":
            tx.do(state, StartDecisionTask())
            events = tx.events(state)
            return decision_task(state, events, events[-1].event_id)
        if not tx.start_activity(state, id, "", owner):
            return None
        item = state.get("activity", id)
        assert isinstance(item, OpenActivity)
        return activity_task(state, item)

    return work


TestModel = Model.TestCase
TestModel.settings = settings(
    max_examples=scaled(25, soaking=1_500),
    stateful_step_count=scaled(40, soaking=100),
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # to shrink takes many minutes
    suppress_health_check=list(HealthCheck),
)
