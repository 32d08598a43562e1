"""Export one run's history as a document: JSON that can be kept, compared and read again.

    {
     "format": "partita-history",
     "version": 1,
     "written_by": "0.1.0",
     ...
     "events": [
      {"event_type":"WorkflowExecutionStarted","event_id":1,...},
      ...
     ]
    }

One event is one line, so that `diff` shows what differs. Payloads are exported as they are
stored: if a codec chain wrote them, reading them takes the same chain. A document with an
unknown field or event is refused, so nothing is left out silently. Asks no service and replays
nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from partita import history as h
from partita.errors import InvalidInputError
from partita.history.references import CLOSING, REFERENCES

FORMAT = "partita-history"
VERSION = 1
"""Of the format; incremented when older versions of Partita could misread a document."""

OPEN = "OPEN"
_EVENT_TYPES = frozenset(kind.__name__ for kind in REFERENCES)


class ExportedHistory(Struct, frozen=True, kw_only=True):
    """One run, open or closed, as it stood when it was exported."""

    domain: str
    execution: h.WorkflowExecution
    workflow_type: h.WorkflowType
    parent: h.WorkflowExecution | None
    status: str  # OPEN, or how it ended
    search_attributes: dict[str, Any]  # which the history does not tell
    events: tuple[h.AnyEvent, ...]  # 1, 2, 3 … without gaps; the first is the start

    @property
    def is_open(self) -> bool:
        """Whether the run had not ended."""
        return self.status == OPEN

    @property
    def begun(self) -> h.WorkflowExecutionStarted:
        """The event that began it."""
        assert isinstance(self.events[0], h.WorkflowExecutionStarted)
        return self.events[0]

    def terminated(self, reason: str) -> ExportedHistory:
        """Return an open run as one that was terminated right after its last event."""
        end = h.WorkflowExecutionTerminated(
            event_id=len(self.events) + 1,
            event_timestamp=self.events[-1].event_timestamp,
            child_policy=self.begun.child_policy,
            reason=reason,
        )
        return replace(self, status="TERMINATED", events=(*self.events, end))

    def dump(self) -> str:
        """Return the document: the same history is always the same text."""
        head = [("format", FORMAT), ("version", VERSION), ("written_by", _here())]
        head += [(name, getattr(self, name)) for name in _HEAD]
        lines = [f" {_json(name)}: {_json(value)}," for name, value in head]
        events = ",\n".join(f"  {_json(event)}" for event in self.events)
        return "\n".join(["{", *lines, ' "events": [', events, " ]", "}", ""])

    def line(self) -> str:
        """Return the document as one line, without its end: `load` reads it as well."""
        return "".join(part.strip() for part in self.dump().splitlines())


_HEAD = [name for name in ExportedHistory.__struct_fields__ if name != "events"]


def _json(value: Any) -> str:
    return msgspec.json.encode(value, order="deterministic").decode()


def export(
    domain: str,
    execution: h.WorkflowExecution,
    events: Sequence[h.AnyEvent],
    search_attributes: dict[str, Any] | None = None,
) -> ExportedHistory:
    """Return the history that a run's events, from the first on, make."""
    begun = events[0]
    assert isinstance(begun, h.WorkflowExecutionStarted)
    return ExportedHistory(
        domain=domain,
        execution=execution,
        workflow_type=begun.workflow_type,
        parent=begun.parent_workflow_execution,
        status=CLOSING.get(type(events[-1]), OPEN),
        search_attributes=search_attributes or {},
        events=tuple(events),
    )


def read(path: Path) -> ExportedHistory:
    """Read a file that holds an exported history.

    Raises:
        InvalidInputError: there is no such file, or it holds something else.
    """
    try:
        return load(path.read_text("utf-8"), str(path))
    except OSError as error:
        raise InvalidInputError(f"{path} cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise InvalidInputError(f"{path} is not an exported history: it is not UTF-8") from error


def files_in(path: Path) -> list[Path]:
    """Return the path of a file, or of every `.json` file below a folder, by name.

    Raises:
        InvalidInputError: the folder has none, or there is no such file or folder.
    """
    if path.exists() and not path.is_dir():  # a pipe, too
        return [path]
    found = sorted(file for file in path.rglob("*.json") if file.is_file())
    if not found:
        what = "no .json file below" if path.is_dir() else "no file or folder"
        raise InvalidInputError(
            f"{what} {path}; `partita export --type NAME --into {path}` makes them"
        )
    return found


def load(text: str, source: str = "the text") -> ExportedHistory:
    """Read a document. `source` names it in an error.

    Raises:
        InvalidInputError: it is no exported history, is incomplete, contradicts itself, or was
            written by a newer Partita in a way that this one cannot read.
    """
    try:
        return _checked(_plain(text))
    except _RefusedError as refused:
        raise InvalidInputError(f"{source} {refused}") from refused.__cause__


class _RefusedError(Exception):
    """A fault of a document; its text is the end of a sentence about it."""


def _plain(text: str) -> dict[str, Any]:
    """Return the document as a JSON object of our format and version."""
    try:
        plain = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise _RefusedError(
            f"is not an exported history: it is not JSON ({_one_line(error)}); "
            "it may be cut off: export it again"
        ) from error
    if not isinstance(plain, dict) or plain.get("format") != FORMAT:
        raise _RefusedError(
            f'is not an exported history: it has no "format": "{FORMAT}"; '
            "make one with `partita export ID`"
        )
    if plain.get("version") != VERSION or isinstance(plain["version"], bool):
        raise _RefusedError(
            f"is in version {plain.get('version')!r} of the format, and this Partita "
            f"({_here()}) reads version {VERSION}; {_newer(plain)}"
        )
    missing = [name for name in [*_HEAD, "events"] if name not in plain]
    if missing:
        raise _RefusedError(f"is incomplete: it has no {', '.join(missing)}; export it again")
    for name in plain.keys() - {"format", "version", "written_by", "events", *_HEAD}:
        raise _RefusedError(f"has a field {name!r} that is unknown here; {_newer(plain)}")
    return plain


def _here() -> str:
    """Return the version of this Partita."""
    from importlib.metadata import version  # 20 ms that most programs need not pay

    return version("partita")


def _newer(plain: dict[str, Any]) -> str:
    """Return which version of Partita is needed, as the end of a sentence."""
    writer = plain.get("written_by")
    if not isinstance(writer, str) or writer == _here():
        return "was it edited? Export it again"
    return f"it was written by Partita {writer}: use that, or a newer one"


def _checked(plain: dict[str, Any]) -> ExportedHistory:
    events = plain["events"]
    if not isinstance(events, list) or not events:
        raise _RefusedError("is incomplete: it has no events; export it again")
    read = tuple(_event(raw, number, plain) for number, raw in enumerate(events, 1))
    head = {name: plain[name] for name in _HEAD}
    try:
        history = msgspec.convert({**head, "events": ()}, ExportedHistory)
    except msgspec.ValidationError as error:
        raise _RefusedError(f"is not an exported history: {_one_line(error)}") from error
    for name in _HEAD:
        _refuse_unknown(plain[name], getattr(history, name), name, plain)
    history = replace(history, events=read)
    _check_whole(history)
    return history


def _event(raw: Any, number: int, plain: dict[str, Any]) -> h.AnyEvent:
    """Return event `number`, wholly understood."""
    kind = raw.get("event_type") if isinstance(raw, dict) else None
    if not isinstance(kind, str):
        raise _RefusedError(f"is not an exported history: event {number} has no event_type")
    if kind not in _EVENT_TYPES:
        raise _RefusedError(f"has an event of a type unknown here, {kind}; {_newer(plain)}")
    try:
        event: h.AnyEvent = msgspec.convert(raw, h.AnyEvent)
    except msgspec.ValidationError as error:
        raise _RefusedError(f"holds a {kind}, event {number}, that {_wrong(error)}") from error
    if event.event_id != number:
        raise _RefusedError(
            f"has a gap: event {event.event_id} stands where event {number} belongs; "
            "export it again"
        )
    _refuse_unknown(raw, event, f"event {number}", plain)
    return event


def _wrong(error: Exception) -> str:
    return f"cannot be read: {_one_line(error)}"


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())


def _refuse_unknown(raw: Any, value: Any, where: str, plain: dict[str, Any]) -> None:
    """Refuse fields that reading would drop."""
    if not isinstance(value, Struct) or not isinstance(raw, dict):
        return
    for name, inner in raw.items():
        if name in value.__struct_fields__:
            _refuse_unknown(inner, getattr(value, name), where, plain)
        elif name != "event_type":
            raise _RefusedError(
                f"has a field {name!r} in {where} that is unknown here; {_newer(plain)}"
            )


def _check_whole(history: ExportedHistory) -> None:
    """Refuse a history that is not one run's, from its start to its last event."""
    for problem in _problems(history):
        raise _RefusedError(problem)


def _problems(history: ExportedHistory) -> Iterator[str]:
    events = history.events
    begun = events[0]
    if not isinstance(begun, h.WorkflowExecutionStarted):
        yield f"does not begin with the start of an execution but with {begun.event_type}"
        return
    for event in events[1:]:
        if isinstance(event, h.WorkflowExecutionStarted):
            yield f"is not one run: event {event.event_id} begins an execution again"
    for event in events[:-1]:
        if type(event) in CLOSING:
            yield f"goes on after its end: event {event.event_id} is {event.event_type}"
    status = CLOSING.get(type(events[-1]), OPEN)
    if status != history.status:
        yield (
            f"is cut off, or was edited: its status is {history.status}, but its last event, "
            f"{events[-1].event_id}, leaves it {status}; export it again"
        )
    if begun.workflow_type != history.workflow_type:
        yield (
            f"contradicts itself: it is of workflow {history.workflow_type.key}, but its first "
            f"event starts {begun.workflow_type.key}"
        )
    if begun.parent_workflow_execution != history.parent:
        yield "contradicts itself: its parent is another one than its first event tells"
    if not history.execution.workflow_id or not history.execution.run_id:
        yield "is not an exported history: its execution has no workflow_id or no run_id"
