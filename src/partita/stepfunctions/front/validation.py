"""Validate definitions.

Source: AWS Step Functions API Reference (2016-11-23), ValidateStateMachineDefinition.
"""

from __future__ import annotations

from partita.asl.check import Diagnostic, check_text
from partita.aws.json_protocol import Answer
from partita.aws.shapes import Members
from partita.stepfunctions.execution.beginning import STANDARD
from partita.stepfunctions.front.front import Front, Read

DEFAULT_RESULTS = 100
"""Diagnostics of an answer, unless the request says how many."""


def validate_state_machine_definition(front: Front, request: Members) -> Answer:
    """Return what is wrong with a definition."""
    found = check_text(request["definition"], request.get("type", STANDARD))
    shown = [one for one in found if _is_shown(one, request.get("severity", "ERROR"))]
    limit = request.get("maxResults") or DEFAULT_RESULTS
    failed = any(one.severity == "ERROR" for one in found)
    return {
        "result": "FAIL" if failed else "OK",
        "diagnostics": [one.row() for one in shown[:limit]],
        "truncated": len(shown) > limit,
    }


def _is_shown(one: Diagnostic, severity: str) -> bool:
    return severity == "WARNING" or one.severity == "ERROR"


READS: dict[str, Read] = {"ValidateStateMachineDefinition": validate_state_machine_definition}
