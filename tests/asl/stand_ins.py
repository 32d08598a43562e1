"""Stand in for what the recorded cases have called: Lambda functions, activities, services."""

from __future__ import annotations

import json
import linecache
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from partita.asl.tasks.integrations import forget_integration, register_integration
from partita.asl.tasks.lambdas import forget_lambda, register_lambda
from partita.asl.tasks.mocks import Responses, responses_of
from partita.asl.tasks.outside import use_services
from partita.integrations.settings import ServiceSettings
from tests.asl.corpus import Case

Sleep = Callable[[float], None]

HANDLER_FILE = "/var/task/handler.py"


def handler(behaviour: dict[str, Any], sleep: Sleep) -> Callable[[Any], Any]:
    """Return the Python callable that behaves as a recorded function did."""
    match behaviour["behaviour"]:
        case "echo":
            return lambda event: event
        case "returns":
            return lambda event: behaviour["value"]
        case "returns_repeat":
            return lambda event: behaviour["text"] * behaviour["count"]
        case "returns_prefixed_input":
            return lambda event: behaviour["prefix"] + event
        case "raises":
            return _raising(behaviour["errorType"], behaviour["errorMessage"])
        case "sleep_then_echo":

            def late(event: Any) -> Any:
                sleep(behaviour["seconds"])
                return event

            return late
    raise AssertionError(behaviour)


def _raising(kind: str, message: str) -> Callable[[Any], Any]:
    """Return a function whose traceback is that of the recorded one."""
    if kind == "Exception":
        source = f'def handler(event):\n    raise Exception("{message}")\n'
    else:
        source = (
            f"class {kind}(Exception):\n    pass\n\n\n\n\n\n"
            f"def handler(event):\n    raise {kind}({message or ''!r})\n"
        )
    linecache.cache[HANDLER_FILE] = (len(source), None, source.splitlines(True), HANDLER_FILE)
    names: dict[str, Any] = {}
    exec(compile(source, HANDLER_FILE, "exec"), names)
    made: Callable[[Any], Any] = names["handler"]
    return made


@contextmanager
def installed(case: Case, sleep: Sleep) -> Iterator[None]:
    """Let the case's functions, and the services that never answer, be there for a while."""
    lambdas = case.data.get("lambdas") or {}
    for name, behaviour in lambdas.items():
        register_lambda(name, handler(behaviour, sleep))
    silent = [name.partition(".")[0] for name in case.data["integrations"]]
    for name in silent:
        register_integration(name, lambda parameters: {})
    try:
        with data_sets(case.data.get("s3") or {}):
            yield
    finally:
        for name in lambdas:
            forget_lambda(name)
        for name in silent:
            forget_integration(name)


@contextmanager
def data_sets(buckets: dict[str, dict[str, str]]) -> Iterator[None]:
    """Let the case's objects be files of a folder."""
    if not buckets:
        yield
        return
    with TemporaryDirectory() as folder:
        for bucket, objects in buckets.items():
            for key, text in objects.items():
                file = Path(folder, bucket, key)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text)
        use_services(ServiceSettings(is_aws_used=False, folder=folder))
        yield
        use_services(None)


def mocks_of(case: Case) -> Responses | None:
    """Return the mocked responses of a case: its mock file's, or those that AWS recorded."""
    data = case.data
    if case.name in _PARTIAL:
        return _recorded(case)
    if "mock_config" in data:
        return responses_of(data["mock_config"], data["state_machine_name"], data["mock_test_case"])
    if any(name not in _RUN_HERE for name in data["integrations"]):
        return _recorded(case) or None
    return None


_PARTIAL = frozenset(
    f"mocked_integrations/{name}"
    for name in (
        "base_callbacks::test_sfn_start_execution_sync[SFN_SYNC2]",
        "base_callbacks::test_sfn_start_execution_sync[SFN_SYNC]",
        "base_callbacks::test_sqs_wait_for_task_token",
        "base_callbacks::test_sqs_wait_for_task_token_task_failure",
        "base_scenarios::test_numbered_mock_responses_multiple_success_invocations",
        "base_scenarios::test_sqs_send_message",
    )
)
"""Cases whose mock file repeats only a part of what the service answered, which was recorded."""

_RUN_HERE = ("lambda", "s3-item-reader")
"""The integrations that have stand-ins; the results of all others are those that AWS recorded."""


def _recorded(case: Case) -> Responses:
    """Return the results of tasks in a recorded history, by state."""
    responses: dict[str, list[dict[str, Any]]] = {}
    state, submitted, is_ours = "", dict[str, Any](), False
    is_partial = case.name in _PARTIAL
    for event in case.events:
        details = event.get("details") or {}
        match event["type"]:
            case "TaskStateEntered":
                state = details["name"]
            case "TaskScheduled":
                submitted, is_ours = {}, details["resource"] == "invoke" and not is_partial
            case "TaskSucceeded" | "TaskFailed" | "TaskTimedOut" if is_ours:
                continue
            case "TaskSubmitted":
                submitted = {"Submit": _value(details["output"])}
            case "TaskSucceeded" | "ActivitySucceeded":
                returned = {"Return": _value(details["output"])}
                responses.setdefault(state, []).append(submitted | returned)
            case "TaskFailed" | "ActivityFailed" | "TaskTimedOut":
                cause = details.get("cause")
                shown = json.dumps(cause) if isinstance(cause, dict) else cause
                thrown = {"Error": details.get("error"), "Cause": shown}
                responses.setdefault(state, []).append(submitted | {"Throw": thrown})
    return responses


def _value(text: Any) -> Any:
    return json.loads(text) if isinstance(text, str) else text
