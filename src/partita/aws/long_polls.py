"""Hand tasks to those who poll, without a thread for each of them.

All polls wait in one event loop. Whenever the service reports a change, one transaction looks once
into each queue that somebody polls, and gives what it finds to the longest waiting. A poll whose
client has gone is given nothing; if it goes while its task is being committed, the task is put
back at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any

from partita.aws.faults import FaultError
from partita.aws.json_protocol import Answer
from partita.aws.shapes import Members
from partita.errors import TaskLostError
from partita.ports.session import QueueKey, Session, Transactional
from partita.ports.state import State
from partita.rules.commands import give_back

HandOut = Callable[[Session, State, str, Members], tuple[Answer, int] | None]
"""Starts a task, given its item's id and the poll; returns the answer, and the event of the start.

None: a rate limit forbids it.
"""

FEW_QUEUES = 32
"""Queues that are looked into one by one, at most; of more, only those in which something waits."""

RECHECK_SECONDS = 0.02
"""Seconds after which queues are looked into again, at the soonest, for what was held back."""

Held = tuple[str, str]
"""A task that was handed out: kind and token."""


class Poll:
    """One client that waits. Belongs to the event loop, but for `open`, which all may read."""

    __slots__ = ("answer", "gone", "held", "looked", "open", "request")

    def __init__(self, request: Members, answer: asyncio.Future[Answer]) -> None:
        self.request = request
        self.answer = answer
        self.held: Held | None = None  # what its answer holds
        self.open = True  # whether it may be given a task
        self.looked = False  # whether its queue was looked into since it came
        self.gone = False  # whether its client is known to have gone


class _Found:
    """What one transaction took: answers and tasks by poll, and when to look again."""

    __slots__ = ("answers", "held", "recheck_after")

    def __init__(self) -> None:
        self.answers: dict[Poll, Answer] = {}
        self.held: dict[Poll, Held] = {}
        self.recheck_after: float | None = None  # seconds


class LongPolls:
    """All the polls of one endpoint. Belongs to the event loop that it was made in."""

    def __init__(
        self,
        service: Transactional,
        hand_out: Mapping[str, HandOut],
        fault_of: Callable[[Exception], FaultError],
        *,
        limit: int,
        too_many: type[FaultError],
    ) -> None:
        """Serve polls for these kinds of tasks; more than `limit` for a queue are `too_many`."""
        self._service = service
        self._hand_out = hand_out
        self._fault_of = fault_of
        self._limit = limit
        self._too_many = too_many
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[QueueKey, dict[Poll, None]] = {}  # in the order in which they came
        self._stale: set[QueueKey] = set()  # queues that are to be looked into
        self._looking: asyncio.Task[None] | None = None
        self._current: asyncio.Task[None] | None = None  # the one transaction that goes on
        self._closed = False
        self._unsubscribe = service.subscribe(self._changed)

    async def poll(
        self, queue: QueueKey, request: Members, wait: float, gone: Callable[[], Awaitable[bool]]
    ) -> Answer:
        """Return a task, or None if none has come within `wait` seconds.

        A task that comes when the poll was cancelled, or when the client is `gone`, is put back:
        nobody would read the answer.

        Raises:
            FaultError: too many wait for that queue.
        """
        waiting = self._waiting.setdefault(queue, {})
        if len(waiting) >= self._limit:
            raise self._too_many(f"{len(waiting)} polls wait for that task list already")
        poll = Poll(request, self._loop.create_future())
        waiting[poll] = None
        self._look_into([queue])
        try:
            await asyncio.wait({poll.answer}, timeout=0.0 if self._closed else wait)
            if not poll.answer.done():
                await self._finish(poll)
            answer = poll.answer.result() if poll.answer.done() else None
            if poll.held is not None and await gone():
                self._put_back(poll.held)
                return None
            return answer
        except asyncio.CancelledError:
            poll.gone = True
            if poll.held is not None:
                self._put_back(poll.held)
            raise
        finally:
            self._forget(queue, poll)

    async def _finish(self, poll: Poll) -> None:
        """Wait until the queue was looked into once, and for what is being committed."""
        while self._looking is not None and not poll.looked and not poll.answer.done():
            await _first(self._current or self._looking, poll.answer)
        poll.open = False
        if self._current is not None:
            await _first(self._current, poll.answer)

    def _forget(self, queue: QueueKey, poll: Poll) -> None:
        poll.open = False
        waiting = self._waiting.get(queue, {})
        waiting.pop(poll, None)
        if not waiting:
            self._waiting.pop(queue, None)

    def close(self) -> None:
        """End every poll with nothing, now and from now on."""
        if self._closed:
            return
        self._closed = True
        self._unsubscribe()
        if self._current is None:
            self._dismiss()

    def _dismiss(self) -> None:
        for waiting in self._waiting.values():
            for poll in waiting:
                if not poll.answer.done():
                    poll.answer.set_result(None)

    # -- looking

    def _changed(self, queues: set[QueueKey] | None) -> None:
        """Look into queues, from any thread."""
        try:
            self._loop.call_soon_threadsafe(self._look_into, queues)
        except RuntimeError:  # the loop is closed: nobody polls any more
            pass

    def _look_into(self, queues: Collection[QueueKey] | None) -> None:
        """Look into those of these queues, or of all, in which somebody waits."""
        waiting = self._waiting.keys()
        self._stale.update(waiting if queues is None else waiting & queues)
        if self._looking is None and self._stale:
            self._looking = self._loop.create_task(self._look())

    async def _look(self) -> None:
        """Look until no queue is left that might have changed."""
        try:
            while self._stale and not self._closed:
                stale, self._stale = self._stale, set()
                self._current = self._loop.create_task(self._look_once(stale))
                await self._current
        finally:
            self._looking = self._current = None
            if self._closed:
                self._dismiss()

    async def _look_once(self, stale: set[QueueKey]) -> None:
        wanted = {queue: list(self._waiting.get(queue, ())) for queue in stale}
        wanted = {queue: polls for queue, polls in wanted.items() if polls}
        if not wanted:
            return
        asked = [poll for polls in wanted.values() for poll in polls]
        try:
            found = await self._found(await self._filled(wanted))
        except Exception as error:
            for poll in asked:
                if not poll.answer.done():
                    poll.answer.set_exception(self._fault_of(error))
            return
        for poll in asked:
            poll.looked = True
        for poll, answer in found.answers.items():
            if poll.gone or poll.answer.done():
                self._put_back(found.held[poll])
            else:
                poll.held = found.held[poll]
                poll.answer.set_result(answer)
        if found.recheck_after is not None:
            self._loop.call_later(found.recheck_after, self._look_into, None)

    async def _found(self, wanted: dict[QueueKey, list[Poll]]) -> _Found:
        if not wanted:  # no transaction, which would lock a database
            return _Found()
        work = self._service.submit(lambda session: self._take(session, wanted))
        return await asyncio.wrap_future(work)

    async def _filled(self, wanted: dict[QueueKey, list[Poll]]) -> dict[QueueKey, list[Poll]]:
        """Return those of many queues in which something waits, by one read of all backlogs.

        What is put into another one meanwhile is told of, and looked at then.
        """
        if len(wanted) <= FEW_QUEUES:
            return wanted
        backlogs = await asyncio.to_thread(self._service.committed.backlogs)
        there = {(one.kind, one.domain, one.task_list) for one in backlogs}
        return {queue: polls for queue, polls in wanted.items() if queue in there}

    # -- in a transaction, on the service's thread

    def _take(self, session: Session, wanted: dict[QueueKey, list[Poll]]) -> _Found:
        found = _Found()
        for queue, polls in wanted.items():
            self._take_from(session, queue, polls, found)
        if session.retry_after is not None:
            found.recheck_after = max(RECHECK_SECONDS, session.retry_after)
        return found

    def _take_from(
        self, session: Session, queue: QueueKey, polls: list[Poll], found: _Found
    ) -> None:
        kind, takers = queue[0], iter(polls)
        for state, id in session.queued(*queue, len(polls)):
            poll = next((one for one in takers if one.open), None)
            if poll is None:
                return
            handed_out = self._hand_out[kind](session, state, id, poll.request)
            if handed_out is None:
                return
            found.answers[poll], started = handed_out
            found.held[poll] = (kind, session.token(state, started, id))

    def _put_back(self, held: Held) -> None:
        """Put back a task whose client has gone; if that fails, its timeout does it."""
        kind, token = held

        def work(session: Session) -> None:
            state, started, id = session.held(token)
            item = None if state.is_closed else state.get(kind, id)
            if item is None or getattr(item, "started_event_id", 0) != started:
                raise TaskLostError("it has been taken back already")
            session.do(state, give_back(kind, id, started))

        self._service.submit(work)


async def _first(*either: asyncio.Future[Any]) -> None:
    """Wait until one of these is done, whatever came of it."""
    await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
