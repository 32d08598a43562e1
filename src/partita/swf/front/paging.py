"""Cut lists into pages, and seal where the next page begins."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec

from partita.aws.faults import ValidationFault
from partita.swf.front.operations import Front, Given

T = TypeVar("T")

_FREE = ("maximumPageSize", "nextPageToken")
"""Members that may change from one page to the next."""


def page_size(front: Front, given: Given) -> int:
    """Return how many entries an answer may have."""
    return min(given.get("maximumPageSize") or front.limits.page, front.limits.page)


def question_of(operation: str, given: Given) -> str:
    """Return what tells a request from all that ask for something else."""
    asked = {key: value for key, value in given.items() if key not in _FREE}
    text = msgspec.json.encode([operation, asked], order="deterministic")
    return hashlib.sha256(text).hexdigest()[:16]


def place_of(front: Front, operation: str, given: Given) -> Any:
    """Return where the page before ended, or None for the first page.

    Raises:
        ValidationFault: the token is not ours, or belongs to another request.
    """
    token = given.get("nextPageToken")
    if token is None:
        return None
    question, place = front.seal.open("page", token)
    if question != question_of(operation, given):
        raise ValidationFault("Invalid page token: it belongs to a request with other parameters")
    return place


def token_for(front: Front, operation: str, given: Given, place: Any) -> str:
    """Return the token of the page after `place`."""
    return front.seal.close("page", [question_of(operation, given), place])


def page(
    front: Front,
    operation: str,
    given: Given,
    rows: Sequence[tuple[Any, T]],
    *,
    backwards: bool | None = None,
) -> tuple[list[T], Given]:
    """Return one page of rows, each behind its key, and the member that leads to the next one.

    Keys (what JSON can hold) ascend, or descend with `backwards`, which is what the request's
    `reverseOrder` says unless it is given. A row that went away in the meantime does no harm.
    """
    after, size = place_of(front, operation, given), page_size(front, given)
    if backwards is None:
        backwards = bool(given.get("reverseOrder"))
    if after is not None:
        rows = [row for row in rows if (row[0] < after if backwards else row[0] > after)]
    shown = rows[:size]
    if len(rows) <= size:
        return [value for _, value in shown], {}
    token = token_for(front, operation, given, shown[-1][0])
    return [value for _, value in shown], {"nextPageToken": token}
