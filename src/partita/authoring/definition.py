"""Hold what runtimes and workers know of an activity: its function, its type, its options."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from partita.authoring.signature import Signature
from partita.history import ActivityType, RetryPolicy


class ActivityOptions(Struct, frozen=True, kw_only=True):
    """What an activity's decorator says of it. Times are in seconds; None is no limit."""

    task_list: str | None = None  # None: the workflow's own
    task_priority: int | None = None
    schedule_to_start: float | None = None
    start_to_close: float | None = None
    schedule_to_close: float | None = None
    heartbeat: float | None = None
    retry_policy: RetryPolicy | None = None
    process: bool = False  # run it in a process of its own, which can be killed


class Definition:
    """What runtimes and workers know of an activity."""

    def __init__(
        self,
        function: Callable[..., Any],
        activity_type: ActivityType,
        options: ActivityOptions,
    ) -> None:
        self.function = function
        self.activity_type = activity_type
        self.options = options
        self.signature = Signature(function)
        self.is_async = inspect.iscoroutinefunction(function)
        functools.update_wrapper(self, function)  # type: ignore[arg-type]

    @property
    def key(self) -> str:
        """`name@version`."""
        return self.activity_type.key

    @property
    def namespace(self) -> Mapping[str, Any]:
        """Return the names of the module that the function lives in."""
        names: Mapping[str, Any] = getattr(self.function, "__globals__", {})
        return names

    def __repr__(self) -> str:
        return f"<activity {self.key}>"
