"""Cut lists into pages, and seal where the next page begins."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec

from partita.aws.faults import ValidationFault
from partita.aws.shapes import Members
from partita.aws.tokens import Seal

T = TypeVar("T")


class Pager:
    """Cuts the answers of one service; `size` and `token` are what its requests call these."""

    def __init__(self, seal: Seal, limit: int, *, size: str, token: str) -> None:
        self._seal = seal
        self._limit = limit  # entries of a page
        self._size = size
        self._token = token

    def size(self, request: Members) -> int:
        """Return how many entries an answer may have."""
        return min(request.get(self._size) or self._limit, self._limit)

    def place(self, operation: str, request: Members) -> Any:
        """Return where the page before ended, or None for the first page.

        Raises:
            ValidationFault: the token is not ours, or belongs to another request.
        """
        token = request.get(self._token)
        if token is None:
            return None
        question, place = self._seal.open("page", token)
        if question != self._question(operation, request):
            raise ValidationFault(
                "Invalid page token: it belongs to a request with other parameters"
            )
        return place

    def after(self, operation: str, request: Members, place: Any) -> Members:
        """Return the member that leads to the page after `place`."""
        content = [self._question(operation, request), place]
        return {self._token: self._seal.close("page", content)}

    def _question(self, operation: str, request: Members) -> str:
        """Return what tells a request from all that ask for something else."""
        asked = {k: value for k, value in request.items() if k not in (self._size, self._token)}
        text = msgspec.json.encode([operation, asked], order="deterministic")
        return hashlib.sha256(text).hexdigest()[:16]

    def page(
        self,
        operation: str,
        request: Members,
        rows: Sequence[tuple[Any, T]],
        *,
        backwards: bool,
    ) -> tuple[list[T], Members]:
        """Return one page of rows, each behind its key, and the member that leads to the next one.

        Keys (what JSON can hold) ascend, or descend with `backwards`. A row that went away in the
        meantime does no harm.
        """
        last, size = self.place(operation, request), self.size(request)
        if last is not None:
            rows = [row for row in rows if (row[0] < last if backwards else row[0] > last)]
        shown = rows[:size]
        more = self.after(operation, request, shown[-1][0]) if len(rows) > size else {}
        return [value for _, value in shown], more
