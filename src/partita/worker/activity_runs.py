"""Run activities, many at a time: on threads, on an event loop, in child processes.

Knows what runs in this process, and how to end it; where tasks come from it does not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING

from partita.authoring.definition import ActivityDefinition
from partita.authoring.failure import describe
from partita.codec import Converter
from partita.errors import LoadError
from partita.ports.host import Attachable
from partita.ports.service import ActivityAnswer, ActivityTask
from partita.worker.aside_runs import AsideRuns, Run
from partita.worker.cancellation import CancellationWatch
from partita.worker.event_loop import EventLoop
from partita.worker.execute import execute, execute_async, failed
from partita.worker.heartbeats import Heartbeats
from partita.worker.process_pool import ProcessPool, UnfitError
from partita.worker.running_tasks import RunningTasks
from partita.worker.thread_pool import ThreadPool
from partita.worker.timing import Timing

if TYPE_CHECKING:
    import asyncio  # imported where an asynchronous activity begins


class ActivityRuns:
    """The activities that run now. Safe to use from many threads."""

    def __init__(
        self,
        service: Attachable,
        report: Callable[[ActivityAnswer], None],
        *,
        slots: int,
        threads: int,
        converter: Converter,
        clock: Callable[[], float],
        timing: Timing,
    ) -> None:
        self.slots = slots
        self.threads = threads  # activities that run on threads, at most, unless they are quick
        self.started = 0
        self._report = report
        self._converter = converter
        self._clock = clock  # what `now()` in activities reads
        self._heartbeats = partial(Heartbeats, service, converter, timing.heartbeat_interval)
        self._tasks = RunningTasks()
        self._aside = AsideRuns(timing.short_activity)
        self._threads = ThreadPool(slots, "partita-activity")
        self._processes = ProcessPool()
        self._loop = EventLoop("partita-async")
        self._watch = CancellationWatch(service.unwanted, timing.cancel_interval)

    def __len__(self) -> int:
        """Return how many activities run."""
        return len(self._tasks)

    @property
    def free_threads(self) -> int:
        """How many more activities may run on threads."""
        limit = self.slots if self._threads.is_quick else self.threads
        return limit - self._tasks.on_threads

    @property
    def is_busy(self) -> bool:
        """Whether an activity runs, or has ended and is not reported."""
        return self._tasks.is_busy

    def start(self, runs: Iterable[Run]) -> None:
        """Begin to run activities. Called by one thread at a time."""
        calls = []
        for definition, task in runs:
            self.started += 1
            self._tasks.begin(task.token)
            if definition.settings.process or self._tasks.is_suspect(task.token, task.losses):
                self._watch.add(task.token, partial(self._processes.stop, task.token))
                calls.append(partial(self._run_in_process, definition, task))
            elif definition.is_async:
                self._tasks.begin(task.token, on_loop=True)
                self._loop.call(self._begin_async, definition, task)
            else:
                calls.append(partial(self._run, definition, task))
        if calls:
            self._threads.submit(calls)

    def short_call(self, runs: Sequence[Run], *, is_alone: bool) -> Callable[[], None] | None:
        """Return what runs activities on the engine's thread, if they should be over at once."""
        are_short = self._aside.are_short(runs, is_alone=is_alone)
        return partial(self._run_aside, runs) if are_short else None

    def overstayed(self) -> None:
        """Run elsewhere what was to run on the engine's thread after what still runs there."""
        left = [partial(self._run, *run) for run in self._aside.overstayed()]
        if left:
            self._threads.submit(left)

    def retry(self) -> None:
        """Start what could not be started for want of a thread; call it now and then."""
        self._loop.retry()
        self._threads.retry()

    @property
    def is_short_of_threads(self) -> bool:
        """Whether activities wait because no thread could be started for them."""
        return self._loop.is_short or self._threads.is_short

    def holds(self, token: str) -> bool:
        """Return whether a task runs, or has ended and is not reported."""
        return self._tasks.holds(token)

    def run(self, definition: ActivityDefinition, task: ActivityTask) -> None:
        """Run one activity on this thread; return when its report was made."""
        self.started += 1
        if definition.settings.process:
            self._run_in_process(definition, task)
        elif definition.is_async:
            import asyncio

            asyncio.run(self._run_async(definition, task))
        else:
            self._run(definition, task)

    def wait(self, timeout: float) -> None:
        """Wait until nothing runs and all is reported, at most so many seconds."""
        self._tasks.wait(timeout)

    def close(self) -> None:
        """End the threads and processes. What still runs on threads goes on unobserved."""
        self._watch.close()
        self._threads.close()
        self._processes.close()
        self._loop.close()

    def _run_aside(self, runs: Sequence[Run]) -> None:
        for _, task in runs:
            self._tasks.begin(task.token)
        self.started += len(runs)
        for definition, task in self._aside.begin(runs):
            self._run(definition, task)

    def _run(self, definition: ActivityDefinition, task: ActivityTask) -> None:
        heartbeats = self._heartbeats(task)
        begun = perf_counter()
        try:
            answer = execute(definition, task, self._converter, heartbeats, self._clock)
        except BaseException as error:  # the slot must become free, whatever happens
            answer = failed(task, describe(error))
        self._aside.note(definition, perf_counter() - begun)
        try:
            self._finish(task, answer, heartbeats)
        finally:
            self._tasks.drop(task.token)

    def _run_in_process(self, definition: ActivityDefinition, task: ActivityTask) -> None:
        answer: ActivityAnswer | None
        heartbeats = self._heartbeats(task)
        try:
            limit = self._converter.limit
            answer = self._processes.run(definition, task, limit, heartbeats.is_unwanted)
        except UnfitError as error:
            if not definition.settings.process:  # only a suspect, which can run only here
                self._watch.discard(task.token)
                if definition.is_async:
                    self._loop.call(self._begin_async, definition, task)
                else:
                    self._run(definition, task)
                return
            answer = failed(task, describe(LoadError(f"{error}")), retryable=False)
        except BaseException as error:
            answer = failed(task, describe(error))
        self._finish(task, answer, heartbeats)

    def _begin_async(self, definition: ActivityDefinition, task: ActivityTask) -> None:
        """Begin an activity on the event loop, whose thread this is."""
        import asyncio

        begun = asyncio.ensure_future(self._run_async(definition, task))
        begun.add_done_callback(partial(self._ended_async, task))
        self._watch.add(task.token, partial(_cancel, begun))

    async def _run_async(self, definition: ActivityDefinition, task: ActivityTask) -> None:
        heartbeats = self._heartbeats(task)
        answer = await execute_async(definition, task, self._converter, heartbeats, self._clock)
        self._finish(task, answer, heartbeats)

    def _ended_async(self, task: ActivityTask, begun: asyncio.Task[None]) -> None:
        """Answer for an activity that could not: it was cancelled before its first step."""
        fault = None if begun.cancelled() else begun.exception()
        if task.token not in self._tasks:
            return
        if fault is None:
            self._finish(task, ActivityAnswer(token=task.token, outcome="canceled"))
        else:
            self._finish(task, failed(task, describe(fault)))

    def _finish(
        self,
        task: ActivityTask,
        answer: ActivityAnswer | None,
        heartbeats: Heartbeats | None = None,
    ) -> None:
        """Free the slot and report; None: the service has ended the task by its timeout."""
        token = task.token
        try:
            if heartbeats is not None:
                heartbeats.flush(answer)
            self._watch.discard(token)
            self._tasks.end(token)  # before the report, which may bring the next task
            if answer is not None:
                self._report(answer)
        finally:
            self._tasks.reported(token)


def _cancel(begun: asyncio.Task[None]) -> None:
    """Cancel an activity from another thread; one that has ended is left alone."""
    with suppress(RuntimeError):  # the loop is closed, and all that ran on it has ended
        begun.get_loop().call_soon_threadsafe(begun.cancel)
