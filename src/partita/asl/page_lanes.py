"""Run the pages of a data set in child workflows, some at a time.

A page tells where the next one begins as soon as it is read. The executions that may run at a time
are shared among the pages that may; once no page is left to begin, those that run share them.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec.structs import replace

from partita.asl.child_executions import PAGE_PREFIX, too_many_failed
from partita.asl.failures import StateFailure, too_large
from partita.asl.frame import Frame, StartPage
from partita.asl.item_readers.pages import Position
from partita.asl.json_text import PAYLOAD_LIMIT, json_text
from partita.asl.map_runs import MapRun, write_manifest
from partita.asl.page_tasks import PageBounds, PageResult, PageTask, page_signal, position_signal
from partita.asl.resumption import PageRest
from partita.asl.tasks.calls import failure_of
from partita.authoring.execution import spawn, wait_until
from partita.authoring.future import ChildFuture, Future, wait
from partita.authoring.messages import signals
from partita.errors import CancelledError

LANES = 4
"""Pages of a run that run at a time at most."""


class PageRun:
    """A page: where it begins, what runs it, and how it has ended."""

    def __init__(self, number: int, rest: PageRest) -> None:
        self.number = number
        self.position = msgspec.convert(rest.position, Position | None)
        self.workflow_ids = rest.workflow_ids  # of those that ran it, the last one first
        self.result = msgspec.convert(rest.result, PageResult | None)
        self.is_waiting = self.result is None or not self.result.is_done
        self.future: Future[Any] | None = None  # while it runs
        self.told: Future[Any] | None = None  # of where the next page begins

    @property
    def has_ended(self) -> bool:
        """Whether its workflow has ended, and nobody has looked at that yet."""
        return self.future is not None and self.future.done()

    def rest(self) -> PageRest:
        """Return how far it is."""
        result = None if self.result is None else msgspec.to_builtins(self.result)
        return PageRest(msgspec.to_builtins(self.position), self.workflow_ids, result)


class PageLanes:
    """The pages of one run."""

    def __init__(self, frame: Frame, run: MapRun, task: PageTask, start: StartPage) -> None:
        self._frame = frame
        self._run = run
        self._task = task
        self._start = start
        known = run.known or [PageRest()]
        self._pages = [PageRun(number, rest) for number, rest in enumerate(known)]
        self._shared: PageBounds | None = None  # what the pages that run were told last
        self._is_changed = False  # by the API
        run.rest_of_pages = lambda: [one.rest() for one in self._pages]
        frame.execution.trail.begin_run(run.arn, self._pages)

    def run(self) -> Any:
        """Return the result of the run.

        Raises:
            StateFailure: more items have failed than are tolerated, or the outputs are too large.
        """
        listener = None
        if self._frame.execution.serving.seal is not None:
            listener = spawn(self._run.listen, self._frame, self._note_change)
        try:
            self._run_all()
        except StateFailure:
            if any(one.part for one in self._results):
                self._manifest()
            raise
        finally:
            if listener is not None:
                listener.cancel()
        return self._manifest() if self._is_written else self._outputs()

    @property
    def _results(self) -> list[PageResult]:
        return [one.result for one in self._pages if one.result is not None]

    @property
    def _running(self) -> list[PageRun]:
        return [one for one in self._pages if one.future is not None]

    @property
    def _failed(self) -> int:
        """How many items have failed, in the pages that have ended and need not run again."""
        ended = (one.result for one in self._pages if not one.is_waiting)
        return sum(one.items.failed for one in ended if one is not None)

    def _note_change(self) -> None:
        self._is_changed = True

    def _run_all(self) -> None:
        try:
            self._begin_some()
            while self._running:
                wait_until(self._has_news)
                self._take_news()
                self._begin_some()
                self._share()
        except (StateFailure, CancelledError):
            self._cancel()
            raise
        total = sum(one.items.total for one in self._results)
        if self._failed > self._run.bounds.limit(total):
            raise too_many_failed()

    def _has_news(self) -> bool:
        told = self._pages[-1].told
        is_told = told is not None and told.done()
        return self._is_changed or is_told or any(one.has_ended for one in self._pages)

    def _take_news(self) -> None:
        self._is_changed = False
        for page in self._running:
            if page.has_ended:
                self._end(page)
        last = self._pages[-1]
        if last.told is not None and last.told.done():
            told, last.told = last.told.result(), None
            self._add_after(last, msgspec.convert(told, Position | None))

    def _end(self, page: PageRun) -> None:
        """Take the result of a page.

        Raises:
            StateFailure: too many executions have failed, or the outputs are too large.
        """
        assert page.future is not None
        future, page.future, page.is_waiting = page.future, None, False
        error = future.exception()
        if isinstance(error, Exception):
            raise error if isinstance(error, StateFailure) else failure_of(error) from error
        page.result = result = msgspec.convert(future.result(), PageResult)
        if page.told is not None:
            page.told.cancel()
            page.told = None
            self._add_after(page, result.next)
        if result.error is not None:
            raise StateFailure(result.error, result.cause)
        outputs = (one.outputs for one in self._results if one.outputs is not None)
        if result.outputs and sum(len(json_text(one).encode()) for one in outputs) > PAYLOAD_LIMIT:
            raise too_large(self._frame.name)

    def _add_after(self, page: PageRun, position: Position | None) -> None:
        if page is self._pages[-1] and position is not None:
            rest = PageRest(msgspec.to_builtins(position))
            self._pages.append(PageRun(page.number + 1, rest))

    def _begin_some(self) -> None:
        for page in self._left:
            if len(self._running) >= self._lanes:
                return
            self._begin(page)

    @property
    def _left(self) -> list[PageRun]:
        """The pages that have not begun."""
        return [one for one in self._pages if one.is_waiting and one.future is None]

    @property
    def _lanes(self) -> int:
        """How many pages run at a time: as many as leave no part of the concurrency unused."""
        most = self._run.bounds.at_a_time
        return max(range(1, LANES + 1), key=lambda lanes: (most // lanes * lanes, lanes))

    def _begin(self, page: PageRun) -> None:
        arn, redrives = self._run.arn, self._run.redrives
        suffix = f" redrive {redrives}" if redrives else ""
        workflow_id = f"{PAGE_PREFIX}{arn.rpartition(':')[2]} page {page.number}{suffix}"
        before, page.result = page.workflow_ids, None
        page.workflow_ids = [workflow_id, *before]
        if page is self._pages[-1]:
            page.told = signals(position_signal(arn, page.number)).submit()
        bounds = self._bounds()
        self._shared = self._shared or bounds
        task = replace(
            self._task,
            position=page.position,
            number=page.number,
            redriven=before,
            bounds=bounds,
        )
        page.future = self._start(task, workflow_id)

    def _bounds(self) -> PageBounds:
        """Return what each page keeps to."""
        running, limit = len(self._running), self._run.bounds.limit(None)
        is_last = self._pages[-1].told is None and not self._left
        sharers = max(running, 1 if is_last else self._lanes)
        return PageBounds(
            max(self._run.bounds.at_a_time // sharers, 1),
            None if limit == float("inf") else max(limit - self._failed, 0),
        )

    def _share(self) -> None:
        """Tell the pages that run what they keep to, if that has changed."""
        bounds = self._bounds()
        if bounds == self._shared:
            return
        self._shared = bounds
        for page in self._running:
            if isinstance(page.future, ChildFuture):
                page.future.signal(page_signal(self._run.arn), msgspec.to_builtins(bounds))

    def _cancel(self) -> None:
        """Cancel the pages that run, and wait until they have stopped what they have started."""
        futures = [one.future for one in self._pages if one.future is not None]
        for future in futures:
            future.cancel()
        wait(futures)

    @property
    def _is_written(self) -> bool:
        """Whether the results go to a place of their own."""
        return self._task.writer is not None and self._task.writer.bucket is not None

    def _manifest(self) -> Any:
        """Write the manifest of the results; return the state's output."""
        assert self._task.writer is not None
        parts = [one.part for one in self._results if one.part is not None]
        return write_manifest(self._task.writer, self._run.arn, parts)

    def _outputs(self) -> Any:
        found = [one.outputs for one in self._results if one.outputs is not None]
        if found and isinstance(found[0], str):  # JSON lines
            return "\n".join(filter(None, found))
        return [one for outputs in found for one in outputs]
