"""Keep fractions of seconds of retries, which AWS has no field for, where machines run here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from partita.history import RetryPolicy
from partita.stepfunctions.emitter.states import states_of


def exact_delays(
    machine: Mapping[str, Any], activities: Mapping[str, Any]
) -> dict[str, Callable[[int], float]]:
    """Return how long states wait before a retry, by their names and the retry's number from 0."""
    found: dict[str, Callable[[int], float]] = {}
    for name, state in states_of(machine):
        arguments = state.get("Arguments")
        called = arguments.get("FunctionName") if isinstance(arguments, dict) else None
        policy = getattr(
            getattr(activities.get(str(called)), "settings", None), "retry_policy", None
        )
        if policy is not None and state.get("Retry"):
            found[name] = _after(policy)
    return found


def _after(policy: RetryPolicy) -> Callable[[int], float]:
    return lambda number: policy.delay(number + 1)
