"""Hand tasks to those who poll, without a thread for each of them.

All polls wait in one event loop. Whenever the engine has news, one transaction looks once into
each task list that somebody polls, and gives what it finds to the longest waiting. A poll
whose client has gone is given nothing; if it goes while its task is being committed, the task
is put back at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from typing import Any

from partita.aws.faults import LimitExceededFault, fault_of
from partita.errors import TaskLostError
from partita.history import RescheduleCause
from partita.ports.session import QueueKey, Session
from partita.ports.state import State
from partita.rules.commands import Release
from partita.swf.front.operations import Answer, Front, Given
from partita.swf.front.tasks import start_activity, start_decision

START: dict[str, Callable[[Front, Session, State, str, Given], Answer]] = {
    "activity": start_activity,
    "decision": start_decision,
}

AGAIN = 0.02
"""Seconds after which what another process held is looked for again."""


Held = tuple[str, str]
"""A task that was handed out: kind and token."""


class Poll:
    """One client that waits. Belongs to the event loop, but for `open`, which all may read."""

    __slots__ = ("answer", "given", "gone", "held", "looked", "open")

    def __init__(self, given: Given, answer: asyncio.Future[Answer]) -> None:
        self.given = given
        self.answer = answer
        self.held: Held | None = None  # what its answer holds
        self.open = True  # whether it may be given a task
        self.looked = False  # whether its task list was looked into since it came
        self.gone = False  # whether its client is known to have gone


class _Found:
    """What one look brought: answers by poll, how to put each back, and when to look again."""

    __slots__ = ("again", "answers", "held")

    def __init__(self) -> None:
        self.answers: dict[Poll, Answer] = {}
        self.held: dict[Poll, Held] = {}
        self.again: float | None = None  # seconds from now


class Polls:
    """All the polls of one endpoint. Belongs to the event loop that it was made in."""

    def __init__(self, front: Front) -> None:
        self._front = front
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[QueueKey, dict[Poll, None]] = {}  # in the order in which they came
        self._stale: set[QueueKey] = set()  # task lists that are to be looked into
        self._looking: asyncio.Task[None] | None = None
        self._current: asyncio.Task[None] | None = None  # the one look that goes on
        self._closed = False
        self._end = front.service.subscribe(self._heard)

    async def poll(
        self, kind: str, given: Given, wait: float, gone: Callable[[], Awaitable[bool]]
    ) -> Answer:
        """Return a task, or None if none has come within `wait` seconds.

        Cancelled, it takes nothing with it; nor does it if the client is `gone` in the moment
        in which its task comes: nobody would read the answer.

        Raises:
            LimitExceededFault: too many wait for that task list.
        """
        line = (kind, given["domain"], given["taskList"]["name"])
        waiting = self._waiting.setdefault(line, {})
        if len(waiting) >= self._front.limits.pollers:
            raise LimitExceededFault(f"{len(waiting)} polls wait for that task list already")
        poll = Poll(given, self._loop.create_future())
        waiting[poll] = None
        if self._closed:
            wait = 0.0
        self._look_into([line])
        try:
            await asyncio.wait({poll.answer}, timeout=wait)
            if not poll.answer.done():
                await self._last_chance(poll)
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
            self._forget(line, poll)

    async def _last_chance(self, poll: Poll) -> None:
        """Be looked for once at least; then take nothing more but what is being committed."""
        while self._looking is not None and not poll.looked and not poll.answer.done():
            await _first(self._current or self._looking, poll.answer)
        poll.open = False
        if self._current is not None:
            await _first(self._current, poll.answer)

    def _forget(self, line: QueueKey, poll: Poll) -> None:
        poll.open = False
        waiting = self._waiting.get(line, {})
        waiting.pop(poll, None)
        if not waiting:
            self._waiting.pop(line, None)

    def close(self) -> None:
        """Let every poll end with nothing, now and from now on."""
        if self._closed:
            return
        self._closed = True
        self._end()
        if self._current is None:
            self._dismiss()

    def _dismiss(self) -> None:
        for waiting in self._waiting.values():
            for poll in waiting:
                if not poll.answer.done():
                    poll.answer.set_result(None)

    # -- looking

    def _heard(self, lines: set[QueueKey] | None) -> None:
        """Hear, on the engine's thread, where there may be something to take."""
        try:
            self._loop.call_soon_threadsafe(self._look_into, lines)
        except RuntimeError:  # the loop is closed: nobody polls any more
            pass

    def _look_into(self, lines: Collection[QueueKey] | None) -> None:
        """Look into these queues, or into all, as far as somebody waits there."""
        self._stale.update(self._waiting.keys() if lines is None else self._waiting.keys() & lines)
        if self._looking is None and self._stale:
            self._looking = self._loop.create_task(self._look())

    async def _look(self) -> None:
        """Look until nothing is left that might have changed."""
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
        wanted = {line: list(self._waiting.get(line, ())) for line in stale}
        wanted = {line: polls for line, polls in wanted.items() if polls}
        if not wanted:
            return
        work = self._front.service.submit(lambda session: self._take(session, wanted))
        try:
            found = await asyncio.wrap_future(work)
        except Exception as error:
            self._fail([poll for polls in wanted.values() for poll in polls], error)
            return
        for poll in (poll for polls in wanted.values() for poll in polls):
            poll.looked = True
        for poll, answer in found.answers.items():
            if poll.gone or poll.answer.done():
                self._put_back(found.held[poll])
            else:
                poll.held = found.held[poll]
                poll.answer.set_result(answer)
        if found.again is not None:
            self._loop.call_later(found.again, self._look_into, None)

    def _fail(self, polls: list[Poll], error: Exception) -> None:
        for poll in polls:
            if not poll.answer.done():
                poll.answer.set_exception(fault_of(error))

    # -- on the engine's thread

    def _take(self, session: Session, wanted: dict[QueueKey, list[Poll]]) -> _Found:
        found = _Found()
        for (kind, domain, task_list), polls in wanted.items():
            self._take_from(session, kind, domain, task_list, polls, found)
        if session.retry_after is not None:
            found.again = max(AGAIN, session.retry_after)
        return found

    def _take_from(
        self,
        session: Session,
        kind: str,
        domain: str,
        task_list: str,
        polls: list[Poll],
        found: _Found,
    ) -> None:
        takers = iter(polls)
        for state, id in session.queued(kind, domain, task_list, len(polls)):
            poll = next((one for one in takers if one.open), None)
            if poll is None:
                return
            answer = START[kind](self._front, session, state, id, poll.given)
            if answer is None:  # a rate limit forbids it
                return
            found.answers[poll] = answer
            found.held[poll] = (kind, session.token(state, answer["startedEventId"], id))

    def _put_back(self, held: Held) -> None:
        """Put a task back that nobody is there to do."""
        kind, token = held

        def work(session: Session) -> None:
            state, started, id = session.held(token)
            item = None if state.is_closed else state.get(kind, id)
            if item is None or getattr(item, "started_event_id", 0) != started:
                raise TaskLostError("it has been taken back already")
            cause = RescheduleCause.GIVEN_BACK
            session.do(state, Release(kind=kind, id=id, cause=cause, started_event_id=started))

        def told(_: object) -> None:
            """Do nothing: if it cannot be put back, it comes back by its timeout."""

        self._front.service.submit(work).add_done_callback(told)


async def _first(*either: asyncio.Future[Any]) -> None:
    """Wait until one of these is done, whatever came of it."""
    await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
