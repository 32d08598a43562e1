"""What the worker processes of `test_tasks` run: activities that others end."""

import os
import threading
from pathlib import Path
from typing import Any

from partita import activity, activity_info, workflow


def hand_over(folder: str) -> None:
    """Write the token of this attempt where the test finds it."""
    attempt = activity_info().attempt
    unseen = Path(folder) / f".token-{attempt}"
    unseen.write_text(activity_info().task_token)
    unseen.rename(Path(folder) / f"token-{attempt}")


@activity(auto_complete=False)
def ask(folder: str) -> Any:
    hand_over(folder)


@activity(auto_complete=False)
def ask_slowly(folder: str) -> Any:
    """Hand the token over; in the first attempt, stay."""
    hand_over(folder)
    if activity_info().attempt == 1:
        threading.Event().wait(60)


@activity(auto_complete=False, process=True)
def ask_in_a_process(folder: str) -> Any:
    hand_over(folder)
    (Path(folder) / "pid").write_text(str(os.getpid()))


@workflow
def asking(folder: str) -> Any:
    return ask(folder)


@workflow
def asking_slowly(folder: str) -> Any:
    return ask_slowly(folder)


@workflow
def asking_in_a_process(folder: str) -> Any:
    return ask_in_a_process(folder)
