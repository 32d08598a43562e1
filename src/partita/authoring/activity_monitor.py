"""Tell a function of the heartbeats of activities, wherever they run."""

from __future__ import annotations

from contextvars import Token

from partita.authoring.context import ActivityInfo, Heard, monitors
from partita.codec import Converter, read_untyped
from partita.ports.notices import HEARTBEAT, Notice, checked


class ActivityMonitor:
    """Calls `heard(info, details)` for each heartbeat.

    `with ActivityMonitor(heard):` hears the activities that the block calls in plain Python; what
    `heard` raises is raised where the activity sent the heartbeat. `client.listen(
    ActivityMonitor(heard))` hears those of the workers of this process, about once a second each;
    what it raises is logged.
    """

    wants = frozenset({HEARTBEAT})

    def __init__(self, heard: Heard, *, converter: Converter | None = None) -> None:
        """`converter` is that of the workers, if they have one.

        Raises:
            InvalidOptionError: `heard` cannot be called, or is async.
        """
        checked(heard)  # type: ignore[arg-type]  # as a listener is
        self._heard = heard
        self._converter = converter or Converter()
        self._tokens: list[Token[tuple[Heard, ...]]] = []

    def __call__(self, notice: Notice) -> None:
        """Take a notice of a service."""
        if notice.name != HEARTBEAT:
            return
        activity, execution = notice.activity, notice.execution
        info = ActivityInfo(
            workflow_id=execution.workflow_id,
            run_id=execution.run_id,
            activity_id=notice.activity_id or "",
            name="" if activity is None else activity.activity_type.name,
            attempt=1 if activity is None else activity.attempt,
            domain=notice.domain,
        )
        details = notice.details
        if details is not None:
            details = self._converter.load(details, read_untyped, "the details of a heartbeat")
        self._heard(info, details)

    def __enter__(self) -> ActivityMonitor:
        """Listen to the activities that this code calls."""
        self._tokens.append(monitors.set((*monitors.get(), self._heard)))
        return self

    def __exit__(self, *exc: object) -> None:
        """Stop listening to them."""
        monitors.reset(self._tokens.pop())
