"""End activities from outside their workers, by the tokens of their tasks."""

from __future__ import annotations

from typing import Any

from partita.authoring.failure import Failure
from partita.codec import Converter
from partita.ports.service import Service


class Tasks:
    """What becomes of activities that go on after their function (`auto_complete=False`).

    The token is `activity_info().task_token`; hand it to whoever is to end the activity.
    Every method raises TaskLostError if the activity has ended, timed out, or was given to
    another worker, and InvalidTokenError for a token that is not of this service.
    """

    def __init__(self, service: Service, converter: Converter) -> None:
        self._service = service
        self._converter = converter

    def complete(self, token: str, result: Any = None) -> None:
        """Give the activity its result.

        Raises:
            SerializationError: it has no JSON form.
        """
        payload = self._converter.dump(result, "the result of the activity")
        self._service.complete_activity(token, payload)

    def fail(
        self,
        token: str,
        reason: str | BaseException,
        details: str | None = None,
        *,
        retryable: bool = True,
    ) -> None:
        """Fail the activity, with an exception or a reason; its retry policy counts."""
        if isinstance(reason, BaseException):
            failure = Failure.of(reason)
            reason, details = failure.reason, failure.dump()
        self._service.fail_activity(token, reason, details, retryable=retryable)

    def cancel(self, token: str, details: str | None = None) -> None:
        """Say that the activity has obeyed a cancel request."""
        self._service.cancel_activity(token, details)

    def heartbeat(self, token: str, details: Any = None) -> bool:
        """Say that the activity is alive; return whether it was asked to cancel itself."""
        payload = None if details is None else self._converter.dump(details, "the heartbeat")
        return self._service.heartbeat_activity(token, payload)
