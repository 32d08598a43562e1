"""Cut the history that comes with a decision task into pages.

A page's token says where the next page begins and which task it belongs to, and no more: it may
have 2,048 characters, and a workflow's id alone may have a thousand bytes.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct, to_builtins

from partita.aws.faults import ValidationFault
from partita.aws.names import execution_to_swf, type_to_swf
from partita.history import AnyEvent, WorkflowExecution
from partita.ports.state import Execution
from partita.swf.events import event_to_swf
from partita.swf.front.operations import Answer, Front, Given
from partita.swf.front.paging import page_size, question_of

_ASKED = ("domain", "taskList", "reverseOrder")
"""Members that must be the same from page to page."""


class Started(Struct, frozen=True, array_like=True):
    """A decision task that was handed out, and what its poll asked for."""

    token: str  # the session's
    workflow_id: str
    run_id: str
    event_id: int  # of its DecisionTaskStarted, the last event that it shows
    previous: int  # of that of the last answered task; 0: there is none
    floor: int  # the first event that it shows


def first_page(
    front: Front, given: Given, started: Started, execution: Execution, events: Sequence[AnyEvent]
) -> Answer:
    """Return a decision task with the first page of its events, from `started.floor` on."""
    place = started.event_id if given.get("reverseOrder") else started.floor
    return _page(front, given, started, execution, events, place)


def next_page(front: Front, given: Given) -> Answer:
    """Return a decision task again, with a further page of its events.

    Raises:
        ValidationFault: the token is not ours, or belongs to a poll for something else.
    """
    question, content, place = front.seal.open("history", given["nextPageToken"])
    if question != _question(given):
        raise ValidationFault("Invalid page token: it belongs to a poll with other parameters")
    started = Started(*content)

    record = front.committed.find(given["domain"], started.workflow_id, started.run_id)
    if record is None:
        raise ValidationFault("Invalid page token: its execution is not kept any more")
    low = started.floor if given.get("reverseOrder") else place
    events = front.committed.events(record.run, low - 1)
    return _page(front, given, started, record.execution, events, place)


def _page(
    front: Front,
    given: Given,
    started: Started,
    execution: Execution,
    events: Sequence[AnyEvent],
    place: int,
) -> Answer:
    """Return the task with those of its events that belong on the page that begins at `place`."""
    size = page_size(front, given)
    backwards = given.get("reverseOrder", False)
    low = max(started.floor, place - size + 1) if backwards else place
    high = place if backwards else min(started.event_id, place + size - 1)
    shown = [event_to_swf(event) for event in events if low <= event.event_id <= high]
    answer: Given = {
        "taskToken": front.seal.close("decision", started.token),
        "startedEventId": started.event_id,
        "previousStartedEventId": started.previous,
        "workflowExecution": execution_to_swf(
            WorkflowExecution(execution.workflow_id, execution.run_id)
        ),
        "workflowType": type_to_swf(execution.workflow_type),
        "events": shown[::-1] if backwards else shown,
    }
    following = low - 1 if backwards else high + 1
    if started.floor <= following <= started.event_id:
        content = [_question(given), to_builtins(started), following]
        answer["nextPageToken"] = front.seal.close("history", content)
    return answer


def _question(given: Given) -> str:
    asked = {name: given[name] for name in _ASKED if given.get(name)}
    return question_of("PollForDecisionTask", asked)
