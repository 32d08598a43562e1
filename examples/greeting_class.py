"""Greet guests with a workflow in class form: options as attributes, the code in `run`.

    partita run examples/greeting_class.py:Greeting --input '[["Ada", "Bob"]]'
    python examples/greeting_class.py

Each execution is an instance of its own. With `--id party --input '[["Ada"], true]'` the door
stays open: `partita query party greeted`, `partita update party greet --input '["Eve"]'`, and
`partita signal party close` from another terminal. `voice` is known by name and version only;
here, and in plain Python, this file's own stands in for it.
"""

import os
from typing import Any

from partita import (
    TaskFailure,
    Workflow,
    activity,
    query,
    remote_activity,
    update,
    wait_signal,
)


class MumbledError(Exception):
    """Nobody could understand the name."""


@activity(name="voice", version="2")
def loud_voice(greeting: str, name: str) -> str:
    if not name.isalpha():
        raise MumbledError(name)
    return f"{greeting}, {name}!"


@activity
def write_down(count: int) -> str:
    return f"{count} guests were greeted"


class Greeting(Workflow):
    """What `@workflow(name=...)` says is said by the attributes."""

    name = "greeting"
    version = "3"
    tags = ("polite",)
    execution_start_to_close = 86_400.0  # seconds

    voice = remote_activity("voice", "2", local=loud_voice, start_to_close=30)

    def __init__(self) -> None:
        self.said: list[str] = []
        self.word = "Hello"

    def run(self, guests: list[str], is_open: bool = False) -> list[str]:
        self.word = self.invoke_once(os.environ.get, "GREETING") or self.word  # read only once
        futures = self.starmap(self.voice, ((self.word, guest) for guest in guests))
        self.said += futures.result()
        if is_open:
            wait_signal("close")
        return self.said

    @query
    def greeted(self) -> list[str]:
        return self.said

    @update
    def greet(self, guest: str) -> str:
        """Greet one more; this runs beside `run`, and its result is the answer."""
        said: str = self.submit(self.voice, self.word, guest).result()
        self.said.append(said)
        return said

    def on_task_failure(self, failure: TaskFailure) -> Any:
        if isinstance(failure.error, MumbledError):
            return failure.replace(f"{self.word}, whoever you are!")
        return None

    def on_completed(self, result: list[str]) -> None:
        write_down(len(result))


if __name__ == "__main__":
    print(Greeting.call(["Ada", "Bob"]))
