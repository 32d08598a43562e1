"""Carry what Amazon SWF has no field for inside its text fields.

An input, details, a control and an execution context are all text: where we have something to
add to one, the text becomes a JSON object with the one key `$partita`, which holds the text
itself and the addition. Where we have nothing to add, it stays as it is, so that other
clients of SWF read plain JSON.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from partita.history import RetryPolicy, SignalInput

E = TypeVar("E", bound="Envelope")

_MARK = '{"$partita":'


class Envelope(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A text, and what is sent beside it."""

    text: str | None = None


class Fork(Struct, frozen=True, omit_defaults=True):
    """The run whose recorded steps a run reuses."""

    workflow_id: str
    run_id: str
    own_id: str  # the workflow id of the run that reuses them
    until: int  # of the run's events as we number them; results of later ones are not reused
    failures: bool = False  # whether failures are reused, too
    all_signals: bool = False  # whether signals after `until` are sent again, too
    results: dict[str, str] = {}  # other results, by activity id


class Start(Envelope, frozen=True, kw_only=True):
    """What a run is given with its input."""

    signals: tuple[SignalInput, ...] = ()  # that it begins with
    cancel: bool = False  # it begins with a cancel request
    attributes: dict[str, Any] = {}  # search attributes
    fork: Fork | None = None


class Schedule(Envelope, frozen=True, kw_only=True):
    """What is kept of a scheduled activity, in its control."""

    retry: RetryPolicy | None = None


class Again(Envelope, frozen=True, kw_only=True):
    """What a further attempt is given with its input."""

    details: str | None = None  # of the last heartbeat


class Failed(Envelope, frozen=True, kw_only=True):
    """What is reported with an activity's failure, in its details."""

    heartbeat: str | None = None  # the details of the last one
    final: bool = False  # it must not be tried again
    given_back: bool = False  # its worker stopped; the attempt does not count


class Turns(Envelope, frozen=True, kw_only=True):
    """What a decision's execution context says: which steps were taken from another run.

    One list for each time that the decider was asked: how many decisions SWF was told of, or
    the place of a step that was reused.
    """

    turns: tuple[tuple[int | str, ...], ...] = ()


class _Outer(Struct, frozen=True):
    inner: msgspec.Raw = msgspec.field(name="$partita")


def sealed(envelope: Envelope) -> str | None:
    """Return the text for SWF: the envelope's own if there is nothing beside it."""
    bare = type(envelope)(text=envelope.text)
    if envelope == bare and not (envelope.text or "").startswith(_MARK):
        return envelope.text
    inner = msgspec.json.encode(envelope)
    return msgspec.json.encode(_Outer(msgspec.Raw(inner))).decode()


def opened(text: str | None, kind: type[E]) -> E:
    """Return what SWF's text holds; a text of others is an envelope with nothing beside it."""
    if text is None or not text.startswith(_MARK):
        return kind(text=text)
    try:
        return msgspec.json.decode(msgspec.json.decode(text, type=_Outer).inner, type=kind)
    except msgspec.DecodeError:
        return kind(text=text)
