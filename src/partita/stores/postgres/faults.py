"""Turn PostgreSQL's errors into ours, which say what to do."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import msgspec
import psycopg

from partita import errors

OVERTAKEN = {
    "23502",  # not null: an execution has moved
    "23505",  # unique: another has started the same workflow id
    "23514",  # check: a later run of it is there already
    "22012",  # division by zero: our worker was taken for dead
    "40001",  # serialization failure
    "40P01",  # deadlock
    "55P03",  # lock not available
}
"""SQLSTATEs that mean that others got in between."""

ADVICE = {
    "25006": "it is a standby or read-only; connect to the primary",
    "42501": "grant the role what it lacks, as the head of postgres_0001_initial.sql says",
    "XX000": "the server's log says more; see that its disk has room, then try again",
    "42P01": "a table is gone: `partita` made it when it first connected; restore a backup",
}
"""What helps, by SQLSTATE. A connection that cannot be made at all has none."""


_POINTED = re.compile(r"^LINE \d+: .*\n\s*\^", re.MULTILINE)


@contextmanager
def translated(where: str) -> Iterator[None]:
    """Turn what psycopg raises into our errors; `where` names the database, without secrets."""
    try:
        yield
    except errors.PartitaError:
        raise
    except psycopg.Error as error:
        raise _ours(error, where) from error
    except UnicodeEncodeError as error:
        raise errors.InvalidInputError(
            f"cannot store text that is not valid Unicode: {error}"
        ) from error
    except msgspec.MsgspecError as error:
        raise errors.StoreCorruptError(
            f"{where} holds a row that cannot be read: {error}"
        ) from error


def _ours(error: Exception, where: str) -> errors.PartitaError:
    state = getattr(error, "sqlstate", None) or ""
    text = _one_line(error)
    if state in OVERTAKEN:
        return errors.ConflictError(
            f"others change the same executions of {where} all the time ({text}); try again"
        )
    if state in ("53100", "53200"):
        return errors.StoreFullError(f"{where} has no room left ({text}); make room and go on")
    if state in ("XX001", "XX002"):
        return errors.StoreCorruptError(f"{where} is damaged ({text}); restore a backup")
    if isinstance(error, psycopg.DataError):
        return errors.InvalidInputError(
            f"PostgreSQL cannot store a value ({text}); it takes no text with a NUL character"
        )
    advice = ADVICE.get(state, "check that the server runs and the URL is right, then try again")
    return errors.StoreUnavailableError(f"{where} cannot be used: {text}; {advice}")


def _one_line(error: Exception) -> str:
    """Return what the server said, without the statement that it points into."""
    return " ".join(_POINTED.sub("", str(error)).split()) or type(error).__name__


def check_text(texts: Iterable[str]) -> None:
    """Refuse texts that no column of type text takes.

    Raises:
        InvalidInputError: one of them has a NUL character.
    """
    for text in texts:
        if "\0" in text:
            raise errors.InvalidInputError(
                f"PostgreSQL cannot store a value ({text!r:.60}); it takes no text with a NUL "
                "character"
            )


def check_integers(numbers: Iterable[int]) -> None:
    """Refuse numbers that no column of type integer takes.

    Raises:
        InvalidInputError: one of them has more than 32 bits.
    """
    for number in numbers:
        if not -(2**31) <= number < 2**31:
            raise errors.InvalidInputError(
                f"PostgreSQL cannot store a value ({number}); a priority has 32 bits"
            )
