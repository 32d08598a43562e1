"""Wait for the jobs of `.sync` tasks.

A job is started by the action's own activity. Whether it is done is asked by another one, again
and again; between two questions is a timer, so that a job outlives any worker.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from partita.asl.failures import TIMEOUT, StateFailure
from partita.asl.tasks.calls import call_activity, call_function, timed_out
from partita.asl.tasks.outside import STARTED_JOB, services
from partita.authoring.activity import activity
from partita.authoring.determinism import shield
from partita.authoring.registry import register
from partita.errors import CancelledError
from partita.integrations import waits
from partita.integrations.resources import JobStanding, parse_resource

AWAITED = "partita:awaited"
"""The one member of a result whose value says what another activity is to wait for."""


class Job(Struct, frozen=True):
    """A job that was started. Plain data."""

    action: str  # such as glue:startJobRun
    arguments: dict[str, Any]  # of its start
    started: dict[str, Any]  # the answer to its start


@activity(name="states:job:check")
def check_job(job: Job) -> JobStanding:
    """Return how a job stands.

    Raises:
        TaskFailedError: it has failed.
    """
    return services().check_job(parse_resource(job.action), job.arguments, job.started)


@activity(name="states:job:stop")
def stop_job(job: Job) -> None:
    """Stop a job.

    Raises:
        TaskFailedError: the service refuses.
    """
    services().stop_job(parse_resource(job.action), job.arguments, job.started)


def prepare() -> None:
    """Define the activities of jobs in this process."""
    register(check_job)
    register(stop_job)


def started_by(response: Any) -> dict[str, Any] | None:
    """Return the answer to the start of a job, None if a response is a result already."""
    return _only_member(response, STARTED_JOB)


def awaited_by(response: Any) -> dict[str, Any] | None:
    """Return the answer to the start of what an activity waits for, None if there is none."""
    return _only_member(response, AWAITED)


def _only_member(response: Any, name: str) -> dict[str, Any] | None:
    if isinstance(response, dict) and response.keys() == {name}:
        started: dict[str, Any] = response[name]
        return started
    return None


def wait_for_end(wait: str, stop: str, started: dict[str, Any], timeout: float | None) -> Any:
    """Return the result of an activity that waits for the end of what was started.

    If the task's time is over, or it is cancelled, another activity stops that.

    Raises:
        StateFailure: it failed, or ran out of time.
    """
    try:
        if timeout == 0:
            raise timed_out(is_heartbeat=False)
        return call_activity(wait, started, timeout, None)
    except StateFailure as failure:
        if failure.error == TIMEOUT:
            _end(stop, started)
        raise
    except CancelledError:
        with shield():
            _end(stop, started)
        raise


def _end(stop: str, started: dict[str, Any]) -> None:
    """Stop what was started if that is possible; the task ends in any case."""
    try:
        call_activity(stop, started, None, None)
    except StateFailure:
        pass


def wait_for_job(job: Job, timeout: float | None) -> Any:
    """Return the result of a job; stop it if it takes longer than `timeout` seconds.

    Raises:
        StateFailure: it failed, or ran out of time.
    """
    standing = waits.wait_for_job(
        lambda: call_function(check_job, job), lambda: _stop(job), timeout
    )
    if standing is None:
        raise timed_out(is_heartbeat=False)
    return standing.output


def parsed(result: Any) -> Any:
    """Return the result of a nested execution with its input and output as JSON: `.sync:2`."""
    if not isinstance(result, dict):
        return result
    texts = {name: result[name] for name in ("Input", "Output") if result.get(name)}
    return result | {name: msgspec.json.decode(text) for name, text in texts.items()}


def _stop(job: Job) -> None:
    """Stop a job if that is possible; the task ends in any case."""
    try:
        call_function(stop_job, job)
    except StateFailure:
        pass
