"""Keep triggers and rules: what is fired, and which actions that invokes.

Source: Apache OpenWhisk, docs/triggers_rules.md.
"""

from __future__ import annotations

import json
import time
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from partita.openwhisk.endpoint.catalogue import DOMAIN, NOT_THERE, find_action
from partita.openwhisk.endpoint.entities import (
    NAMESPACE,
    Json,
    RequestError,
    pairs_of,
    resolved,
    shown_name,
)
from partita.ports.session import Catalogue, Session

TRIGGER, RULE = "openwhisk.trigger", "openwhisk.rule"
STATUSES = ("active", "inactive")


class Trigger(Struct, frozen=True, kw_only=True):
    """A trigger."""

    name: str
    annotations: list[Json] = []
    parameters: list[Json] = []
    updated: int = 0

    def as_json(self) -> Json:
        """Return it as the API does."""
        return {**msgspec.to_builtins(self), **_COMMON, "limits": {}}


class Rule(Struct, frozen=True, kw_only=True):
    """A rule: a trigger that invokes an action, by its path."""

    name: str
    trigger: str
    action: str
    status: str = "active"
    annotations: list[Json] = []
    updated: int = 0

    def as_json(self) -> Json:
        """Return it as the API does."""
        package, _, name = self.action.rpartition("/")
        path = f"{NAMESPACE}/{package}" if package else NAMESPACE
        return {
            **msgspec.to_builtins(self),
            **_COMMON,
            "trigger": {"name": self.trigger, "path": NAMESPACE},
            "action": {"name": name, "path": path},
        }


_COMMON: Json = {"namespace": NAMESPACE, "publish": False, "version": "0.0.1"}

E = TypeVar("E", Trigger, Rule)


def found(catalogue: Catalogue, kind: str, name: str, type: type[E]) -> E:
    """Return a trigger or a rule.

    Raises:
        RequestError: there is none.
    """
    text = catalogue.entry(kind, DOMAIN, name)
    if text is None:
        raise RequestError(404, NOT_THERE)
    return msgspec.json.decode(text, type=type)


def listed(catalogue: Catalogue, kind: str, type: type[E]) -> list[E]:
    """Return all triggers, or all rules, by name."""
    texts = catalogue.entries(kind, DOMAIN)
    return [msgspec.json.decode(texts[name], type=type) for name in sorted(texts)]


def put_trigger(session: Session, name: str, body: Json, *, overwrite: bool) -> Trigger:
    """Create a trigger, or change one.

    Raises:
        RequestError: it is there already, or the request is wrong.
    """
    text = _before(session, TRIGGER, name, overwrite=overwrite)
    kept = Trigger(name=name) if text is None else msgspec.json.decode(text, type=Trigger)
    made = Trigger(
        name=name,
        annotations=pairs_of(body, "annotations", kept.annotations),
        parameters=pairs_of(body, "parameters", kept.parameters),
        updated=round(time.time() * 1000),
    )
    session.enter(TRIGGER, DOMAIN, name, msgspec.json.encode(made).decode(), text)
    return made


def put_rule(session: Session, name: str, body: Json, *, overwrite: bool) -> Rule:
    """Create a rule, or change one.

    Raises:
        RequestError: it is there already, or its trigger or action is not.
    """
    text = _before(session, RULE, name, overwrite=overwrite)
    kept = None if text is None else msgspec.json.decode(text, type=Rule)
    trigger = _named(body.get("trigger"), None if kept is None else kept.trigger)
    action = _named(body.get("action"), None if kept is None else kept.action)
    if trigger is None or action is None:
        raise RequestError(400, "rule requires a valid trigger and a valid action")
    if session.entry(TRIGGER, DOMAIN, trigger) is None:
        raise RequestError(400, f"trigger /{shown_name(trigger)} does not exist")
    if find_action(session, action) is None:
        raise RequestError(400, f"action /{shown_name(action)} does not exist")
    made = Rule(
        name=name,
        trigger=trigger,
        action=action,
        status=checked_status(body.get("status") or (kept.status if kept else "active")),
        annotations=pairs_of(body, "annotations", kept.annotations if kept else []),
        updated=round(time.time() * 1000),
    )
    session.enter(RULE, DOMAIN, name, msgspec.json.encode(made).decode(), text)
    return made


def set_status(session: Session, name: str, status: Any) -> Json:
    """Switch a rule on or off.

    Raises:
        RequestError: there is no such rule, or no such status.
    """
    rule = found(session, RULE, name, Rule)
    made = msgspec.structs.replace(rule, status=checked_status(status))
    was = session.entry(RULE, DOMAIN, name)
    session.enter(RULE, DOMAIN, name, msgspec.json.encode(made).decode(), was)
    return {}


def rules_of(catalogue: Catalogue, trigger: str) -> list[Rule]:
    """Return the active rules of a trigger."""
    every = listed(catalogue, RULE, Rule)
    return [one for one in every if one.trigger == trigger and one.status == "active"]


def log_line(rule: Rule, id: str) -> str:
    """Return what the record of a fired trigger says of a rule."""
    told = {
        "statusCode": 0,
        "success": True,
        "activationId": id,
        "rule": f"{NAMESPACE}/{rule.name}",
        "action": f"{NAMESPACE}/{rule.action}",
    }
    return json.dumps(told, separators=(",", ":"))


def checked_status(status: Any) -> str:
    """Return a status of a rule.

    Raises:
        RequestError: it is none.
    """
    if status not in STATUSES:
        text = f"The request content was malformed:\n{status} is not a recognized rule state"
        raise RequestError(400, text)
    return str(status)


def _named(given: Any, before: str | None) -> str | None:
    if isinstance(given, dict):
        given = f"/{given.get('path')}/{given.get('name')}"
    return before if given is None else resolved(given)


def _before(session: Session, kind: str, name: str, *, overwrite: bool) -> str | None:
    text = session.entry(kind, DOMAIN, name)
    if text is not None and not overwrite:
        raise RequestError(409, "resource already exists")
    return text
