"""Activities that are no suspects by themselves; apart, so that a child imports nothing else."""

import os

from partita import Retry, activity


@activity
def where() -> int:
    return os.getpid()


@activity
async def where_async() -> int:
    return os.getpid()


@activity(retry=Retry(max_attempts=3, initial_interval=0))
def ends_its_process() -> None:
    os._exit(5)
