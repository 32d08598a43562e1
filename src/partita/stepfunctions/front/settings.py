"""Check what machines are made with: names, definitions, logging, tracing, encryption, tags.

Logs, traces and keys are accepted and shown again; nothing is done with them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from partita.asl.check import check_text
from partita.aws.faults import ValidationFault
from partita.aws.shapes import Members
from partita.stepfunctions.faults import (
    InvalidDefinition,
    InvalidEncryptionConfiguration,
    InvalidLoggingConfiguration,
    InvalidName,
    TooManyTags,
)
from partita.stepfunctions.front.front import Front
from partita.stepfunctions.model import is_name

_NAMES = ("loggingConfiguration", "tracingConfiguration", "encryptionConfiguration")

DEFAULTS: Members = {
    "loggingConfiguration": {"level": "OFF", "includeExecutionData": False},
    "tracingConfiguration": {"enabled": False},
    "encryptionConfiguration": {"type": "AWS_OWNED_KEY"},
}
"""What AWS shows of a machine that was made without these."""


def checked_name(name: str) -> str:
    """Return a name. Raises InvalidName if it has characters that names may not have."""
    if not is_name(name):
        raise InvalidName(name)
    return name


def checked_definition(front: Front, text: str, type: str) -> str:
    """Return a definition.

    Raises:
        InvalidDefinition: it is none.
        ValidationFault: it is too large.
    """
    size = len(text.encode())
    if size > front.limits.definition:
        raise ValidationFault(
            "1 validation error detected: Value at 'definition' failed to satisfy constraint: "
            f"Member must have length less than or equal to {front.limits.definition}"
        )
    found = [one for one in check_text(text, type) if one.severity == "ERROR"]
    if found:
        raise InvalidDefinition(", ".join(map(str, found)))
    return text


def settings_of(request: Members) -> dict[str, Any]:
    """Return the settings in a request.

    Raises:
        InvalidLoggingConfiguration: the logs have no destination.
        InvalidEncryptionConfiguration: the kind of key does not fit the key.
    """
    found = {name: request[name] for name in _NAMES if name in request}
    logging = found.get("loggingConfiguration", {})
    destinations = logging.get("destinations", [])
    if logging.get("level", "OFF") != "OFF" and not destinations:
        raise InvalidLoggingConfiguration("Must specify exactly one Log Destination.")
    if len(destinations) > 1:
        raise InvalidLoggingConfiguration("Must specify exactly one Log Destination.")
    if any("logGroupArn" not in one.get("cloudWatchLogsLogGroup", {}) for one in destinations):
        raise InvalidLoggingConfiguration("Log destination is not a valid CloudWatch log group.")
    check_encryption(found.get("encryptionConfiguration", {}))
    return _whole(found)


def _whole(found: dict[str, Any]) -> dict[str, Any]:
    """Return settings with what AWS adds to those that are given in part."""
    logging = found.get("loggingConfiguration")
    if logging is not None:
        found["loggingConfiguration"] = {**DEFAULTS["loggingConfiguration"], **logging}
    if found.get("tracingConfiguration") == {}:
        del found["tracingConfiguration"]
    return found


def check_encryption(encryption: dict[str, Any]) -> None:
    """Raise InvalidEncryptionConfiguration if the kind of key does not fit the key."""
    has_key, kind = "kmsKeyId" in encryption, encryption.get("type", "AWS_OWNED_KEY")
    if has_key != (kind == "CUSTOMER_MANAGED_KMS_KEY"):
        raise InvalidEncryptionConfiguration(
            "kmsKeyId is for the type CUSTOMER_MANAGED_KMS_KEY, which needs one"
        )


def tags_of(front: Front, tags: Sequence[Members], had: dict[str, str]) -> dict[str, str]:
    """Return a resource's tags with those of a request.

    Raises:
        TooManyTags: there would be too many.
    """
    whole = {**had, **{one["key"]: one.get("value", "") for one in tags if "key" in one}}
    if len(whole) > front.limits.tags:
        raise TooManyTags(f"a resource has at most {front.limits.tags} tags")
    return whole
