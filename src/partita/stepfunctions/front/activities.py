"""Operations on activities, and the tasks that their workers poll for.

Source: AWS Step Functions API Reference (2016-11-23), CreateActivity, GetActivityTask and their
neighbours.
"""

from __future__ import annotations

import json

from partita.asl.json_text import json_text
from partita.aws.json_protocol import Answer
from partita.aws.long_polls import HandOut
from partita.aws.shapes import Members
from partita.ports.session import Catalogue, QueueKey, Session
from partita.ports.state import OpenActivity, State
from partita.stepfunctions.arns import ACTIVITY
from partita.stepfunctions.execution.beginning import ACTIVITY_LIST, DOMAIN
from partita.stepfunctions.faults import (
    ActivityAlreadyExists,
    ActivityDoesNotExist,
    ActivityLimitExceeded,
)
from partita.stepfunctions.front.catalogue import ActivityEntry, drop, enter, every, find
from partita.stepfunctions.front.front import Front, Read, Write
from partita.stepfunctions.front.settings import (
    DEFAULTS,
    check_encryption,
    checked_name,
    tags_of,
)

TOKEN = "activity-task"
"""What tokens of activities' tasks are sealed for."""


def create_activity(front: Front, session: Session, request: Members) -> Answer:
    """Make an activity; the same request again returns the same one."""
    name, encryption = checked_name(request["name"]), request.get("encryptionConfiguration")
    check_encryption(encryption or {})
    tags = tags_of(front, request.get("tags", ()), {})
    was = find(session, ActivityEntry, name)
    if was is None:
        if len(session.entries("states.activity", "")) >= front.limits.activities:
            raise ActivityLimitExceeded(f"there are {front.limits.activities} already")
        was = ActivityEntry(name=name, created_at=session.now, tags=tags, encryption=encryption)
        enter(session, was, None)
    elif was.encryption != encryption:
        raise ActivityAlreadyExists(front.names.arn(ACTIVITY, name))
    return {"activityArn": front.names.arn(ACTIVITY, name), "creationDate": was.created_at}


def delete_activity(front: Front, session: Session, request: Members) -> Answer:
    """Delete an activity; one that is not there is fine."""
    name = front.names.parse(request["activityArn"], ACTIVITY).name
    was = find(session, ActivityEntry, name)
    if was is not None:
        drop(session, was)
    return {}


def activity_of(front: Front, catalogue: Catalogue, arn: str) -> ActivityEntry:
    """Return an activity. Raises ActivityDoesNotExist."""
    found = find(catalogue, ActivityEntry, front.names.parse(arn, ACTIVITY).name)
    if found is None:
        raise ActivityDoesNotExist(arn)
    return found


def describe_activity(front: Front, request: Members) -> Answer:
    """Return an activity."""
    found = activity_of(front, front.committed, request["activityArn"])
    return {
        **_item(front, found),
        "encryptionConfiguration": found.encryption or DEFAULTS["encryptionConfiguration"],
    }


def _item(front: Front, found: ActivityEntry) -> Members:
    return {
        "activityArn": front.names.arn(ACTIVITY, found.name),
        "name": found.name,
        "creationDate": found.created_at,
    }


def list_activities(front: Front, request: Members) -> Answer:
    """List activities by name."""
    rows = [(one.name, _item(front, one)) for one in every(front.committed, ActivityEntry)]
    rows.sort(key=lambda row: row[0])
    found, more = front.page("ListActivities", request, rows)
    return {"activities": found, **more}


# -- tasks


def queue_of(name: str) -> QueueKey:
    """Return the queue in which an activity's tasks wait."""
    return ("activity", DOMAIN, ACTIVITY_LIST + name)


def hand_out(front: Front) -> dict[str, HandOut]:
    """Return what hands tasks to polls."""

    def hand(
        session: Session, state: State, id: str, request: Members
    ) -> tuple[Answer, int] | None:
        if not session.start_activity(state, id, request.get("workerName", "")):
            return None
        item = state.get("activity", id)
        assert isinstance(item, OpenActivity)
        token = front.seal.close(TOKEN, session.token(state, item.started_event_id, id))
        arguments = json.loads(item.input or "[null]")
        answer: Members = {"taskToken": token, "input": json_text(arguments[0])}
        return answer, item.started_event_id

    return {"activity": hand}


WRITES: dict[str, Write] = {"CreateActivity": create_activity, "DeleteActivity": delete_activity}
READS: dict[str, Read] = {"DescribeActivity": describe_activity, "ListActivities": list_activities}
