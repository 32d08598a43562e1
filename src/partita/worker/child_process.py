"""Run one activity at a time in this process, for the worker that started it (`process_pool`).

A thread reads the jobs, so that the process ends at once when its worker does, even while an
activity runs. Jobs and answers go over copies of stdin and stdout that children of this process
do not have: for an activity stdin is empty, and what it prints goes to stderr.
"""

from __future__ import annotations

import os
import queue
import signal
import sys
import threading
from collections.abc import Callable
from functools import cache, partial
from typing import Any, BinaryIO

import msgspec

from partita.authoring.definition import ActivityDefinition
from partita.authoring.registry import by_key, known
from partita.codec import ANY, Converter
from partita.errors import LoadError
from partita.ports.service import ActivityAnswer
from partita.telemetry.logs import inherit
from partita.telemetry.spans import continue_trace
from partita.worker import child_setup
from partita.worker.code_loader import load_again
from partita.worker.execute import execute, execute_async
from partita.worker.process_pool import Done, Heartbeat, Job, Unfit, encode

_decode = msgspec.json.Decoder(Job).decode


def main() -> None:
    """Serve jobs until there is no worker any more."""
    signal.signal(signal.SIGINT, _nothing)  # programs that activities start take it as ever
    inherit()
    child_setup.begin_child()
    incoming, out = os.dup(0), os.fdopen(os.dup(1), "wb")
    empty = os.open(os.devnull, os.O_RDONLY)
    os.dup2(empty, 0)
    os.close(empty)
    os.dup2(2, 1)
    sys.stdin = os.fdopen(0, closefd=False)
    sys.stdout = sys.stderr  # written line by line, so that nothing is lost with the process
    os.register_at_fork(after_in_child=partial(_forked, incoming, out.fileno()))
    jobs: queue.SimpleQueue[Job] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(incoming, jobs), daemon=True).start()
    while True:
        job = jobs.get()
        _send(out, _do(job, out))


def _nothing(*_: object) -> None:
    """Do nothing at a signal."""


def _forked(*descriptors: int) -> None:
    """Close the worker's pipes in a process that an activity has forked."""
    for descriptor in descriptors:
        os.close(descriptor)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _read(incoming: int, jobs: queue.SimpleQueue[Job]) -> None:
    with open(incoming, "rb") as lines:
        for line in lines:
            jobs.put(_decode(line))
    os._exit(0)


def _send(out: BinaryIO, message: Heartbeat | Done | Unfit) -> None:
    try:
        out.write(encode(message) + b"\n")
        out.flush()
    except BrokenPipeError:  # the worker has died
        os._exit(0)


def _do(job: Job, out: BinaryIO) -> Done | Unfit:
    converter = Converter(limit=job.payload_limit)

    def heartbeat(details: Any) -> None:
        _send(
            out,
            Heartbeat(None if details is None else converter.dump(details, "the heartbeat", ANY)),
        )

    try:
        definition = _definition(job.module, job.file, job.key)
    except LoadError as error:
        return Unfit(f"{error}")
    child_setup.learn(job.registrations)
    answer = _run(definition, job, converter, heartbeat)
    needed = child_setup.taken_need()
    return Done(answer) if needed is None else Unfit(f"only the worker's process has {needed}")


def _run(
    definition: ActivityDefinition,
    job: Job,
    converter: Converter,
    heartbeat: Callable[[Any], None],
) -> ActivityAnswer:
    with continue_trace(job.trace_context):
        if definition.is_async:
            import asyncio

            return asyncio.run(execute_async(definition, job.task, converter, heartbeat))
        return execute(definition, job.task, converter, heartbeat)


@cache
def _definition(module: str, file: str, key: str) -> ActivityDefinition:
    load_again(module, file)
    found = by_key(known(ActivityDefinition)).get(key)
    if found is None:
        raise LoadError(f"{file} defines no activity {key} when it is imported")
    return found


if __name__ == "__main__":
    main()
