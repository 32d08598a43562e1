"""The workflow that the fault tests load a store with; its steps leave lines in a ledger outside.

It has something of everything: steps one after the other and side by side, signals, a timer, a
child. Each step returns a value that no other attempt of it returns.
"""

from __future__ import annotations

import os
import threading
import time
import uuid
from pathlib import Path

from partita import activity, activity_info, signals, sleep, workflow


def leave_a_line() -> str:
    """Write down, outside, that this attempt runs; return what no other attempt returns."""
    me, info = uuid.uuid4().hex, activity_info()
    now = time.clock_gettime(time.CLOCK_REALTIME)  # whatever is done to `time.time`
    ledger = os.open(os.environ["LEDGER"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(ledger, f"{info.run_id} {info.activity_id} {info.task_token} {me} {now}\n".encode())
    os.close(ledger)
    return me


@activity
def effect(workflow_id: str, step: int) -> str:
    return leave_a_line()


@activity
def gated(workflow_id: str) -> str:
    me = leave_a_line()
    gate = Path(os.environ["LEDGER"]).with_suffix(".gate")
    while not gate.exists():
        threading.Event().wait(0.02)
    return me


@workflow
def part(workflow_id: str) -> str:
    return effect(workflow_id, 5)


@workflow
def order(workflow_id: str, count: int) -> list[str]:
    effect(workflow_id, 1)
    beside = [effect.submit(workflow_id, step) for step in (2, 3)]
    heard = [signals("go", str).get() for _ in range(count)]
    for one in beside:
        one.result()
    sleep(0.05)
    part(workflow_id)
    effect(workflow_id, 4)
    return heard


@workflow
def waiting(workflow_id: str) -> str:
    return gated(workflow_id)


@workflow
def sleeping(workflow_id: str, seconds: float) -> str:
    sleep(seconds)
    return effect(workflow_id, 1)
