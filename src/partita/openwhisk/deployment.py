"""Deploy a compiled composition: the actions that it defines, then its conductor action."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from partita.errors import DeploymentError, OpenWhiskError
from partita.openwhisk.host import Host

Action = Mapping[str, Any]


def deploy_actions(
    host: Host, actions: Sequence[Action], *, overwrite: bool = False, atomic: bool = False
) -> None:
    """Create actions in order, or update them in place, which keeps their parameters.

    With `atomic`, a failure undoes what was done before it.

    Raises:
        DeploymentError: an action was refused; the message says which exist now.
    """
    done: list[tuple[Action, Any]] = []
    for action in actions:
        try:
            before = _existing(host, action) if atomic and overwrite else None
            host.actions.create(action, overwrite=overwrite)
        except OpenWhiskError as error:
            raise _failed(host, error, done, atomic) from error
        done.append((action, before))


def _existing(host: Host, action: Action) -> Any:
    try:
        return host.actions.get(action)
    except OpenWhiskError as error:
        if error.status_code == 404:
            return None
        raise


def _failed(
    host: Host, error: OpenWhiskError, done: Sequence[tuple[Action, Any]], atomic: bool
) -> DeploymentError:
    if atomic:
        undone = [
            action["name"] for action, before in reversed(done) if _undo(host, action, before)
        ]
        remains = [action["name"] for action, _ in done if action["name"] not in undone]
    else:
        remains = [action["name"] for action, _ in done]
    listed = ",".join(remains) or "none"
    return DeploymentError(
        f"{error}; created before that: {listed}", error.status_code, error.error
    )


def _undo(host: Host, action: Action, before: Any) -> bool:
    """Put an action back as it was; return whether that worked."""
    with suppress(OpenWhiskError):
        if before is None:
            host.actions.delete(action)
        else:
            kept = ("exec", "annotations", "parameters", "limits")
            body = {name: before[name] for name in kept if name in before}
            host.actions.update({"name": action["name"], "action": body})
        return True
    return False
