"""Take activity tasks from Amazon SWF, and say how they ended."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from partita.authoring.failure import Failure
from partita.errors import PayloadTooLargeError
from partita.history import ActivityType, WorkflowExecution
from partita.service import ActivityTask
from partita.swf.backend.call import Call
from partita.swf.backend.decide import REASON
from partita.swf.backend.envelopes import Again, Failed, opened, sealed
from partita.swf.backend.ids import attempt_of, escaped, unescaped
from partita.swf.backend.payloads import Payloads


class ActivityTasks:
    """The activity tasks that this process works on. Safe to use from many threads."""

    def __init__(self, call: Call, payloads: Payloads, tell: Callable[[], None]) -> None:
        self._call = call
        self._payloads = payloads
        self._tell = tell  # what is called when one has ended
        self._beats: dict[str, str] = {}  # the last heartbeat's details, by token

    def poll(self, domain: str, task_list: str, identity: str) -> ActivityTask | None:
        """Wait for a task as long as SWF does."""
        raw = self._call(
            "poll_for_activity_task",
            domain=domain,
            taskList={"name": escaped(task_list)},
            identity=identity[:256] or None,
        )
        if not raw.get("taskToken"):
            return None
        attempt, kind = attempt_of(raw["activityId"]), raw["activityType"]
        again = opened(self._payloads.unpack(raw.get("input")), Again)
        execution = raw["workflowExecution"]
        return ActivityTask(
            token=raw["taskToken"],
            workflow_execution=WorkflowExecution(
                unescaped(execution["workflowId"]), execution["runId"]
            ),
            activity_id=attempt.key,
            activity_type=ActivityType(unescaped(kind["name"]), unescaped(kind["version"])),
            started_event_id=raw["startedEventId"],
            attempt=attempt.number,
            input=again.text,
            details=again.details,
        )

    def complete(self, token: str, result: str | None) -> None:
        """Record a result, once."""
        packed = self._payloads.pack(result, "the result")
        self._call("respond_activity_task_completed", taskToken=token, result=packed)
        self._done(token)

    def fail(
        self, token: str, reason: str | None, details: str | None, *, retryable: bool = True
    ) -> None:
        """Record an error; the decider tries again by the activity's retry policy."""
        report = Failed(text=details, heartbeat=self._beats.get(token), final=not retryable)
        self._report(token, reason, report)

    def give_back(self, token: str) -> None:
        """Fail an attempt that nobody runs any more; it does not count."""
        report = Failed(text=None, heartbeat=self._beats.get(token), given_back=True)
        self._report(token, "GIVEN_BACK", report)

    def _report(self, token: str, reason: str | None, report: Failed) -> None:
        try:
            details = self._payloads.pack(sealed(report), "the failure")
        except PayloadTooLargeError:
            failure = Failure.load(report.text, reason)
            short = Failure(
                type=failure.type, module=failure.module, message=failure.message[:4000]
            )
            shorter = sealed(replace(report, text=short.dump()))
            details = self._payloads.pack(shorter, "the failure")
        self._call(
            "respond_activity_task_failed",
            taskToken=token,
            reason=None if reason is None else reason[:REASON],
            details=details,
        )
        self._done(token)

    def cancel(self, token: str, details: str | None) -> None:
        """Record that the activity obeyed a cancel request."""
        packed = self._payloads.pack(details, "the details")
        self._call("respond_activity_task_canceled", taskToken=token, details=packed)
        self._done(token)

    def _done(self, token: str) -> None:
        self._beats.pop(token, None)
        self._tell()

    def heartbeat(self, token: str, details: str | None) -> bool:
        """Record that the activity is alive; return whether it should cancel itself."""
        packed = self._payloads.pack(details, "the heartbeat")
        answer = self._call("record_activity_task_heartbeat", taskToken=token, details=packed)
        if details is not None:
            self._beats[token] = details
        return bool(answer.get("cancelRequested"))
