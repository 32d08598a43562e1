"""Define when a failed activity is tried again."""

from __future__ import annotations

from dataclasses import dataclass

from partita.errors import InvalidOptionError
from partita.history import RetryPolicy


@dataclass(frozen=True)
class Retry:
    """A retry policy. Times are in seconds; `max_attempts` counts the first one, 0 is no limit."""

    max_attempts: int = 3
    initial_interval: float = 1.0
    backoff: float = 2.0
    max_interval: float = 60.0
    non_retryable: tuple[type[BaseException] | str, ...] = ()

    def __post_init__(self) -> None:
        """Validate the options."""
        for name in ("max_attempts", "initial_interval", "backoff", "max_interval"):
            value = getattr(self, name)
            kinds: tuple[type, ...] = (int,) if name == "max_attempts" else (int, float)
            if isinstance(value, bool) or not isinstance(value, kinds) or value != value:
                raise InvalidOptionError(f"Retry({name}={value!r}); give a number")
        if self.max_attempts < 0:
            raise InvalidOptionError(f"max_attempts={self.max_attempts}; give 0 or more")
        if self.initial_interval < 0 or self.max_interval < 0:
            raise InvalidOptionError("retry intervals are seconds from 0 on")
        if self.backoff < 1:
            raise InvalidOptionError(f"backoff={self.backoff}; give 1.0 or more")

    def policy(self) -> RetryPolicy:
        """Return the policy as histories record it."""
        names = (
            name if isinstance(name, str) else name.__qualname__ for name in self.non_retryable
        )
        return RetryPolicy(
            max_attempts=self.max_attempts,
            initial_interval=self.initial_interval,
            backoff=self.backoff,
            max_interval=self.max_interval,
            non_retryable=tuple(names),
        )


def retry_policy_of(retry: Retry | int | None) -> RetryPolicy | None:
    """Return a `retry` option as histories record it; a number is one of attempts."""
    if retry is None:
        return None
    return (Retry(max_attempts=retry) if isinstance(retry, int) else retry).policy()
