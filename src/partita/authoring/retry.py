"""Define when a failed activity is tried again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from partita.authoring.options import MAX_SECONDS
from partita.errors import InvalidOptionError
from partita.history import RetryPolicy


@dataclass(frozen=True)
class Retry:
    """A retry policy. Times are in seconds; `max_attempts` counts the first one, 0 is no limit.

    `non_retryable` are the classes of errors, or their names, that are final at once. A class
    includes its subclasses.
    """

    max_attempts: int = 3
    initial_interval: float = 1.0
    backoff: float = 2.0
    max_interval: float = 60.0
    non_retryable: type[BaseException] | Iterable[type[BaseException] | str] = ()

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
        object.__setattr__(self, "non_retryable", _error_types(self.non_retryable))

    def policy(self) -> RetryPolicy:
        """Return the policy as histories record it."""
        return RetryPolicy(
            max_attempts=self.max_attempts,
            initial_interval=min(self.initial_interval, MAX_SECONDS),
            backoff=self.backoff,
            max_interval=min(self.max_interval, MAX_SECONDS),
            non_retryable=tuple(map(_name, _error_types(self.non_retryable))),
        )


def _error_types(given: Any) -> tuple[type[BaseException] | str, ...]:
    """Return the classes and names that `non_retryable` gives.

    Raises:
        InvalidOptionError: it is something else, such as one name that is not in a tuple.
    """
    found = (given,) if isinstance(given, type) else given
    if isinstance(given, (str, bytes)) or not isinstance(found, Iterable):
        raise _not_error_types(given)
    kinds = tuple(found)
    for kind in kinds:
        is_class = isinstance(kind, type) and issubclass(kind, BaseException)
        if not is_class and not (isinstance(kind, str) and kind.strip()):
            raise _not_error_types(given)
    return kinds


def _not_error_types(given: object) -> InvalidOptionError:
    return InvalidOptionError(
        f"Retry(non_retryable={given!r}); give a tuple of exception classes and of names of such "
        'classes, such as (ValueError, "shop.Declined")'
    )


def _name(kind: type[BaseException] | str) -> str:
    """Return the name that failures are compared with; builtin classes have no module in it."""
    return kind.removeprefix("builtins.") if isinstance(kind, str) else kind.__qualname__


def retry_policy_of(retry: Retry | int | None) -> RetryPolicy | None:
    """Return a `retry` option as histories record it; a number is one of attempts.

    Raises:
        InvalidOptionError: it is neither.
    """
    if retry is None:
        return None
    given: Any = retry
    if isinstance(given, int):
        return Retry(max_attempts=given).policy()
    if not isinstance(given, Retry):
        raise InvalidOptionError(
            f"retry={given!r}; give Retry(...), or how many attempts there are at most"
        )
    return given.policy()
