"""The workflow that the crash tests kill: five slow steps that leave a trace outside."""

import os
import time

from partita import activity, workflow


@activity
def trace(workflow_id: str, step: int) -> int:
    line = f"{workflow_id} {step} {time.time()}\n".encode()
    log = os.open(os.environ["TRACE_LOG"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(log, line)
    os.fsync(log)
    os.close(log)
    time.sleep(0.05)
    return step * step


@workflow
def five_steps(workflow_id: str) -> int:
    first = trace(workflow_id, 1)
    second = trace.submit(workflow_id, 2)
    third = trace.submit(workflow_id, 3)
    total = first + second.result() + third.result()
    total += trace(workflow_id, 4)
    return total + trace(workflow_id, 5)
