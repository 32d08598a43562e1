"""Build a month's weather report from shapes (chains, groups) and named steps.

    partita run examples/pipeline_shapes.py:build --input '["2026-02"]'
    python examples/pipeline_shapes.py

A failure hook gives the silent coast an empty reading; the group that mails goes on without
`bob`. `--input '{"args": ["2026-02"], "kwargs": {"force": ["map"], "skip": ["mail"]}}'` fetches
a map that is there already and mails nothing. `partita history` tells what became of each step.
"""

from typing import Any

from partita import FuncGroup, Hooks, Steps, TaskFailure, activity, chain, group, workflow

READINGS = {"north": [1.0, 2.5], "south": [7.5], "coast": [], "hill": [-3.0, -1.5, 0.0]}
SINCE = {"north": "2019-05", "south": "2021-01", "coast": "2026-01", "hill": "2024-11"}


class SilentError(Exception):
    """The station sends nothing."""


@activity
def stations(month: str) -> list[str]:
    return sorted(name for name, since in SINCE.items() if since <= month)


@activity
def read(station: str) -> list[float]:
    if not READINGS[station]:
        raise SilentError(station)
    return READINGS[station]


@activity
def average(station: str, readings: list[float]) -> str:
    mean = round(sum(readings) / len(readings), 1) if readings else None
    return f"{station} {mean}"


@activity
def fetch_map() -> str:
    return "a map"


@activity
def has_map() -> bool:
    return True


@activity
def draw(means: list[str]) -> str:
    return ", ".join(means)


@activity
def mail(reader: str, text: str) -> str:
    if reader == "bob":
        raise ConnectionRefusedError(reader)
    return f"{text} to {reader}"


def judge(failure: TaskFailure) -> Any:
    """Say what becomes of an activity that failed; `failure.retry_later(60)` is another way."""
    if isinstance(failure.error, SilentError):
        return failure.replace([])
    return None  # its future fails


def by_station(names: list[str]) -> group:
    """Return one chain per station; `average` gets the readings behind its own argument."""
    parts = (chain((read, name), (average, name), send_result=True) for name in names)
    return group(parts, max_parallel=2)


def measure(month: str) -> list[str]:
    """Ask first which stations there are; only then is the group known."""
    _, measured = chain((stations, month), FuncGroup(by_station), send_result=True)()
    return [mean for _, mean in measured]


def mail_all(text: str) -> list[str | None]:
    """Mail side by side; whom it does not reach counts as None, and is no error."""
    parts = ((mail, reader, text) for reader in ("ann", "bob", "eve"))
    return group(parts, raises_on_failure=False)()


@workflow(hooks=Hooks(on_task_failure=judge))
def build(month: str, skip: list[str] | None = None, force: list[str] | None = None) -> Any:
    means: list[str] = []
    steps = Steps(skip=skip or (), force=force or ())
    steps.add("map", fetch_map, done=has_map)
    steps.add("measure", lambda: means.extend(measure(month)))
    steps.add("draw", lambda: draw(means), after=["map", "measure"])
    steps.add("mail", lambda: mail_all(month), after=["draw"])
    return steps.run()


if __name__ == "__main__":
    print(build("2026-02"))
