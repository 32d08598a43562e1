"""Operations on the tags of state machines and activities.

Source: AWS Step Functions API Reference (2016-11-23), TagResource and its neighbours.
"""

from __future__ import annotations

from msgspec.structs import replace

from partita.aws.json_protocol import Answer
from partita.aws.shapes import Members
from partita.ports.session import Catalogue, Session
from partita.stepfunctions.arns import ACTIVITY, MACHINE
from partita.stepfunctions.faults import ResourceNotFound
from partita.stepfunctions.front.catalogue import ActivityEntry, Machine, enter, find
from partita.stepfunctions.front.front import Front, Read, Write
from partita.stepfunctions.front.settings import tags_of


def _tagged(front: Front, catalogue: Catalogue, arn: str) -> Machine | ActivityEntry:
    """Return what has tags. Raises ResourceNotFound."""
    parsed = front.names.parse(arn, MACHINE, ACTIVITY)
    found: Machine | ActivityEntry | None = None
    if not parsed.rest:
        if parsed.kind == MACHINE:
            found = find(catalogue, Machine, parsed.name)
        else:
            found = find(catalogue, ActivityEntry, parsed.name)
    if found is None:
        raise ResourceNotFound(arn)
    return found


def tag_resource(front: Front, session: Session, request: Members) -> Answer:
    """Add tags, or change their values."""
    entry = _tagged(front, session, request["resourceArn"])
    tags = tags_of(front, request["tags"], entry.tags)
    enter(session, replace(entry, tags=tags), entry)
    return {}


def untag_resource(front: Front, session: Session, request: Members) -> Answer:
    """Remove tags."""
    entry = _tagged(front, session, request["resourceArn"])
    tags = {key: value for key, value in entry.tags.items() if key not in request["tagKeys"]}
    enter(session, replace(entry, tags=tags), entry)
    return {}


def list_tags_for_resource(front: Front, request: Members) -> Answer:
    """List a resource's tags."""
    tags = _tagged(front, front.committed, request["resourceArn"]).tags
    return {"tags": [{"key": key, "value": value} for key, value in tags.items()]}


WRITES: dict[str, Write] = {"TagResource": tag_resource, "UntagResource": untag_resource}
READS: dict[str, Read] = {"ListTagsForResource": list_tags_for_resource}
