"""What the programs call that are compiled by sfnx, too."""

from __future__ import annotations

from typing import Any

from partita import activity, sleep, workflow
from tests.compile.prelude import Trouble

__all__ = [
    "Any",
    "JobFailed",
    "OutOfStock",
    "Rejected",
    "Trouble",
    "agent",
    "ask",
    "charge_order",
    "charges_of",
    "deploy",
    "index_album",
    "load_day",
    "lookup",
    "note_time",
    "notify",
    "post",
    "reserve",
    "resize",
    "rows_of",
    "sleep",
    "start_job",
    "status_of",
    "workflow",
    "write_back",
]


class OutOfStock(Exception):
    pass


class JobFailed(Exception):
    pass


class Rejected(Exception):
    pass


@activity
def reserve(sku: str) -> None:
    if sku == "gone":
        raise OutOfStock(sku)


@activity
def charge_order(order: str) -> str:
    return f"paid {order}"


@activity
def start_job(uri: str) -> str:
    return f"job {uri}"


@activity
def status_of(job: str) -> str:
    return "FAILED" if "failed" in job else "COMPLETED"


@activity
def ask(version: str) -> str:
    if version == "late":
        raise Trouble("no answer")
    return "no" if version == "no" else "yes"


@activity
def deploy(version: str) -> None:
    pass


@activity
def resize(photo: str) -> str:
    return f"{photo}.jpg"


@activity
def notify(album: str) -> str:
    return f"notice {album}"


@activity
def index_album(album: str) -> str:
    return f"index {album}"


@activity
def charges_of(date: str) -> list[int]:
    return [len(date), 3, 5] if date else []


@activity
def load_day(day: str) -> None:
    if day == "holiday":
        raise Trouble("no data")


@activity
def post(text: str) -> None:
    pass


@activity
def rows_of(day: str) -> int:
    return len(day)


@activity
def lookup(term: str) -> str:
    if term == "broken":
        raise Trouble("no dictionary")
    return "" if term == "rare" else f"code of {term}"


@activity
def agent(term: str) -> str:
    return f"guess of {term}"


@activity
def write_back(term: str, status: str) -> None:
    pass


@activity
def note_time(what: str) -> str:
    return f"time of {what}"
