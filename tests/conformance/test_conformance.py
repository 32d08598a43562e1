"""Every service passes the conformance suite; what one is known not to do is said here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from partita.engine import Engine
from partita.errors import PayloadTooLargeError, TaskLostError, UnsupportedError
from partita.ports.capabilities import SupportsPauses
from partita.ports.service import Service
from partita.swf.backend.service import SwfService
from partita.testing import Clock
from partita.testing.conformance import CHECKS, charge, start, started
from partita.testing.conformance.arrange import NEEDS
from tests.conftest import STORES, new_store
from tests.language.deviations import Deviation
from tests.swf_backend.endpoint import Endpoint

_FAILED = "SWF has no event for a decider that failed"
_LIMITS = "SWF hands a task to whoever asks"
_RETRIES = "SWF leaves the next attempt to the decider, which this check does not ask"

_NO_ATTEMPT = Deviation(_RETRIES, AssertionError, r"^there is no activity task")

DEVIATIONS: dict[tuple[str, str], Deviation] = {
    ("swf", "a_decision_task_that_fails_again_says_so_once"): Deviation(
        _FAILED, AssertionError, r"assert \[\] == \['one', 'two'\]"
    ),
    ("swf", "a_decision_task_that_fails_says_why_and_loses_nothing"): Deviation(
        _FAILED, AssertionError, r"^0 of DecisionTaskFailed in "
    ),
    ("swf", "a_failed_decision_is_tried_again_later"): Deviation(
        _FAILED, AssertionError, r"assert 'DecisionTaskFailed' in \["
    ),
    ("swf", "an_attempt_that_failed_is_recorded_as_rescheduled"): Deviation(
        _RETRIES, AssertionError, r"^there is a decision task: DecisionTask\("
    ),
    **{
        ("swf", check): _NO_ATTEMPT
        for check in (
            "a_failed_activity_is_tried_again_after_its_backoff",
            "an_attempt_that_is_over_has_no_more_say",
            "an_attempt_that_timed_out_is_recorded_as_rescheduled",
            "schedule_to_close_counts_over_all_attempts",
            "start_to_close_counts_anew_for_each_attempt",
            "the_next_attempt_has_the_last_heartbeats_details",
            "the_wait_between_attempts_grows_up_to_its_limit",
        )
    },
    ("swf", "limits_are_kept_and_lifted"): Deviation(
        _LIMITS, UnsupportedError, r"^Amazon SWF cannot limit how fast a task list is worked off"
    ),
    **{
        ("swf", check): Deviation(
            "SWF pauses nothing", UnsupportedError, r"^Amazon SWF cannot pause executions"
        )
        for check, needed in NEEDS.items()
        if needed is SupportsPauses
    },
    ("swf", "search_attributes_are_set_merged_and_found"): Deviation(
        "SWF has no search attributes",
        UnsupportedError,
        r"^Amazon SWF cannot find executions by search attributes",
    ),
}
"""(service, check) -> why, and how it fails. One that passes is a mistake in this table."""


class WakingClock(Clock):
    """A clock that lets an engine behind a protocol see that it was moved."""

    engine: Engine | None = None

    def advance(self, seconds: float) -> None:
        super().advance(seconds)
        if self.engine is not None:
            self.engine.poll_activity_task("nobody's", "nothing")


@pytest.fixture
def clock() -> WakingClock:
    return WakingClock()


@pytest.fixture(params=(*STORES, "swf"))
def service(
    request: pytest.FixtureRequest, tmp_path: Path, clock: WakingClock
) -> Iterator[Service]:
    is_swf = request.param == "swf"
    store = new_store("sqlite" if is_swf else request.param, tmp_path)
    engine = Engine(store, clock=clock, payload_limit=10_000)
    endpoint = Endpoint(engine) if is_swf else None
    if endpoint is None:
        yield engine
    else:
        clock.engine = engine
        service = SwfService(endpoint.url())
        yield service
        service.close()
        endpoint.leave()
    assert store.check() == []
    engine.close()


@pytest.mark.parametrize("name", CHECKS)
def test_conformance(
    name: str, service: Service, clock: Clock, request: pytest.FixtureRequest
) -> None:
    which = request.node.callspec.params["service"]
    if (which, name) in DEVIATIONS:
        with DEVIATIONS[which, name].raised():
            CHECKS[name](service, clock)
    else:
        CHECKS[name](service, clock)


@pytest.mark.parametrize("service", STORES, indirect=True)
def test_payloads_over_the_limit_are_refused_and_change_nothing(service: Service) -> None:
    with pytest.raises(PayloadTooLargeError):
        start(service, "big", input="x" * 10_001)
    execution = started(service, charge())
    with pytest.raises(PayloadTooLargeError):
        service.signal_workflow_execution("default", execution, "s", "x" * 10_001)
    task = service.poll_activity_task("default", "default")
    assert task is not None
    with pytest.raises(PayloadTooLargeError):
        service.complete_activity(task.token, "x" * 10_001)
    service.complete_activity(task.token, "1")


@pytest.mark.parametrize("service", STORES, indirect=True)
def test_a_token_of_nobody_is_refused_though_its_form_is_right(service: Service) -> None:
    started(service, charge())
    task = service.poll_activity_task("default", "default")
    assert task is not None
    run, run_id, event, id = task.token.split(":")
    for token in (
        f"{run}:{'0' * len(run_id)}:{event}:{id}",
        f"{run}9:{run_id}:{event}:{id}",
        f"{run}:{run_id}:{event}9:{id}",
        f"{run}:{run_id}:{event}:b",
    ):
        with pytest.raises(TaskLostError):
            service.complete_activity(token, None)
    service.complete_activity(task.token, "1")
