"""Evaluate expressions; those that take long in a thread of their own, for AWS's one second.

A slow expression would hold up the decisions of all other executions. So it is abandoned early
and evaluated beside them, while its execution sleeps. The result is recorded in the history.
"""

from __future__ import annotations

import os
import random as random_module
import threading
import uuid
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from partita.asl.json_text import PAYLOAD_LIMIT, json_text
from partita.asl.jsonata import TIMEOUT, UNDEFINED, UNSUPPORTED, Expression, JsonataError
from partita.authoring.determinism import bounded, now, random, side_effect, sleep

LIMIT = 1.0
"""Seconds that an expression may take, as on AWS."""

TURN_LIMIT = 0.2
"""Seconds that it may take before it is evaluated in a thread of its own."""

_POLL_INTERVAL = 0.1  # seconds
_GRACE = 0.01  # seconds that a poll waits for the result
_running = threading.BoundedSemaphore(os.cpu_count() or 1)  # more would only slow each other down


class Outcome(msgspec.Struct, omit_defaults=True):
    """How an evaluation ended, as it is recorded."""

    value: str | None = None  # JSON text
    code: str | None = None
    problem: str | None = None  # the message of the error that was raised
    is_function: bool = False
    is_large: bool = False  # the value is not recorded: a replay evaluates again

    def found(self) -> Any:
        """Return what `Expression.evaluate` returned, or raise what it raised."""
        if self.problem is not None:
            raise JsonataError(self.code, self.problem)
        if self.value is not None:
            return msgspec.json.decode(self.value)
        return UNSUPPORTED if self.is_function else UNDEFINED


def evaluate(expression: Expression, bindings: Mapping[str, Any]) -> Any:
    """Return what the expression gives, with the time and chance of the workflow.

    Raises:
        JsonataError: it threw, or took too long.
    """
    chance, at = random(), int(now().timestamp() * 1000)
    state = chance.getstate() if expression.uses_chance else None

    def attempt(seconds: float) -> Any:
        try:
            return _evaluated(expression, bindings, at, chance, seconds)
        except JsonataError as error:
            if seconds < LIMIT and error.message == TIMEOUT:
                raise TimeoutError from error
            raise

    try:
        return bounded(attempt, TURN_LIMIT, LIMIT)
    except TimeoutError:
        if state is not None:
            chance.setstate(state)  # a replay does not repeat the attempt
    seed = chance.getrandbits(64) if expression.uses_chance else 0
    work = _Work(
        lambda seconds: _evaluated(expression, bindings, at, random_module.Random(seed), seconds)
    )
    return work.result()


def _evaluated(
    expression: Expression,
    bindings: Mapping[str, Any],
    at: int,
    chance: random_module.Random,
    seconds: float,
) -> Any:
    return expression.evaluate(
        bindings, now=at, random=chance.random, uuid=lambda: _uuid(chance), seconds=seconds
    )


def _uuid(chance: random_module.Random) -> str:
    return str(uuid.UUID(int=chance.getrandbits(128), version=4))


class _Work:
    """An evaluation in a thread, which begins when a new turn asks for its outcome."""

    def __init__(self, function: Callable[[float], Any]) -> None:
        self._function = function
        self._has_begun = False
        self._ended = threading.Event()
        self._outcome: Outcome | None = None

    def result(self) -> Any:
        """Return the result, once it is there."""
        while True:
            recorded = side_effect(self._poll)
            if recorded is not None:
                outcome = msgspec.convert(recorded, Outcome)
                return self._function(60 * LIMIT) if outcome.is_large else outcome.found()
            sleep(_POLL_INTERVAL)

    def _poll(self) -> Any:
        """Return the outcome as JSON; None if it is not known yet."""
        if not self._has_begun:
            self._has_begun = True
            self._begin()
        self._ended.wait(_GRACE)
        return None if self._outcome is None else msgspec.to_builtins(self._outcome)

    def _begin(self) -> None:
        try:
            threading.Thread(target=self._run, name="partita-expression", daemon=True).start()
        except RuntimeError:  # there are too many threads
            self._run()

    def _run(self) -> None:
        with _running:
            self._outcome = self._evaluated()
        self._ended.set()

    def _evaluated(self) -> Outcome:
        try:
            value = self._function(LIMIT)
        except JsonataError as error:
            return Outcome(code=error.code, problem=error.message)
        except Exception as error:
            return Outcome(problem=f"{type(error).__name__}: {error}")
        if value is UNDEFINED or value is UNSUPPORTED:
            return Outcome(is_function=value is UNSUPPORTED)
        text = json_text(value)
        return Outcome(is_large=True) if len(text) > PAYLOAD_LIMIT else Outcome(value=text)
