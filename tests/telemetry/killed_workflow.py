"""A traced process that starts a workflow, and is killed in the workflow's first activity."""

from __future__ import annotations

import os
import signal
import sys
import threading

from partita import Retry, activity, workflow


@activity(name="die_once", retry=Retry(max_attempts=3, initial_interval=0))
def die_once(pid: int) -> None:
    if os.getpid() == pid:
        os.kill(pid, signal.SIGKILL)


@activity(name="pay")
def pay() -> str:
    return f"paid by pid {os.getpid()}"


@workflow(name="till")
def till() -> str:
    return pay()


@workflow(name="shop")
def shop(pid: int) -> str:
    die_once(pid)
    return till()


def main() -> None:
    from opentelemetry.sdk.trace import TracerProvider

    from partita.client import Client
    from partita.engine import Engine
    from partita.stores.sqlite.store import SqliteStore
    from partita.telemetry import use_tracing
    from partita.worker import Worker

    use_tracing(TracerProvider())
    engine = Engine(SqliteStore(sys.argv[1]))
    handle = Client(engine).start_with(shop, [os.getpid()], workflow_id="s")
    begun = handle.history()[0]
    print(*begun.trace_context.split("-")[1:3], flush=True)  # type: ignore[union-attr]
    Worker(engine, workflows=[shop, till], activities=[die_once, pay]).start()
    threading.Event().wait(60)


if __name__ == "__main__":
    main()
