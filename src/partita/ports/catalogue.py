"""Define what an engine keeps in a store's catalogue: kinds of entries, and what their bodies hold.

Data only: `engine.catalogue` reads and writes it, a store keeps it as text. Bodies are JSON.
"""

from __future__ import annotations

import msgspec
from msgspec import Struct

from partita.ports.state import Paused

WORKER = "worker"
"""A `WorkerRecord`, by its id, in no domain."""

LIMIT = "limit"
"""A `LimitRecord`, by task list."""

TYPE_LIMIT = "$type "
"""What the keys of the `LimitRecord`s of workflow types begin with, which are only paused."""

RETENTION = "retention"
"""A `Retention`, by domain, itself in no domain."""

QUESTION = "question"
"""A `Question`, by its id."""

TYPE = "type"
"""A workflow type that was registered, by its key `name@version`; the body is `true`."""


ALWAYS_SERVED = ("partita.", "lambda:", "states:", "openwhisk:")
"""What the names of types begin with that a worker has whatever code it is given."""


class WorkerRecord(Struct, frozen=True, kw_only=True):
    """A worker process that may hold tasks, until its lease runs out."""

    id: str  # the `owner` of what it holds
    machine: str  # equal for processes that can see each other's process ids
    pid: int
    born: str  # tells the process from a later one with the same pid; empty if unknown
    lease_until: float  # seconds since the epoch
    domain: str = ""  # this and what follows: what it serves, for whoever asks who does
    task_lists: tuple[str, ...] | None = None  # None: an older version, which does not tell
    workflows: tuple[str, ...] = ()  # types that it decides for, as name@version
    activities: tuple[str, ...] = ()
    only: str | None = None  # the workflow id that it serves alone, with its descendants


class LimitRecord(Struct, frozen=True, kw_only=True):
    """How many activities of a task list may run and begin, and how much of that is used up."""

    domain: str
    task_list: str
    concurrency: int | None = None  # activities that may run at a time
    per_second: float | None = None  # activities that may begin
    burst: float = 1.0  # tokens that the bucket holds
    tokens: float = 0.0  # at `filled_at`
    filled_at: float = 0.0
    paused: Paused | None = None
    resuming: bool = False  # whether it is no longer paused, but may still hold back items
    type_name: str | None = None  # the workflow type that is paused, instead of a task list


class Retention(Struct, frozen=True, kw_only=True):
    """How long a domain's closed executions are kept."""

    domain: str
    seconds: float  # from an execution's end
    next_at: float = 0.0  # when an engine is to look for what may go


class Answer(Struct, frozen=True, kw_only=True):
    """The answer to a question: a payload, or an error's code and message."""

    result: str | None = None
    code: str | None = None
    message: str = ""
    failure: str | None = None  # JSON of what the workflow's code raised


class Question(Struct, frozen=True, kw_only=True):
    """A query for a worker in another process, and its answer once there is one."""

    id: str
    domain: str
    run: int
    type_key: str
    name: str
    input: str | None
    asked_at: float
    answer: Answer | None = None


read_worker = msgspec.json.Decoder(WorkerRecord).decode
