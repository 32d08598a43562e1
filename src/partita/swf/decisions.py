"""Translate decisions between ours and SWF's `Decision`.

What a decision leaves out stays out: which defaults fill it is for the type's registration.

Source: Amazon SWF API Reference (2012-01-25), Decision.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast, get_args

from partita.aws.names import from_swf, lower_first, to_swf
from partita.errors import InvalidInputError
from partita.history import AnyDecision, Decision

DECISIONS: dict[str, type[Decision]] = {cls.__name__: cls for cls in get_args(AnyDecision)}
"""Every decision type, by SWF's name."""


def attributes_name(decision_type: str) -> str:
    """Return the member that holds the attributes of a decision of that type."""
    return f"{lower_first(decision_type)}DecisionAttributes"


def decision_to_swf(decision: AnyDecision) -> dict[str, Any]:
    """Write a decision as SWF takes it."""
    name = decision.decision_type
    return {"decisionType": name, attributes_name(name): to_swf(decision)}


def decision_from_swf(decision: Mapping[str, Any]) -> AnyDecision:
    """Read a decision.

    Raises:
        InvalidInputError: it is no decision of SWF's, or its attributes are missing.
    """
    name = decision.get("decisionType", "")
    cls = DECISIONS.get(name)
    if cls is None:
        raise InvalidInputError(f"not a decision of SWF's API version 2012-01-25: {name!r}")
    return cast(AnyDecision, from_swf(cls, decision.get(attributes_name(name)) or {}))
