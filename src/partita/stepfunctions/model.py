"""Step Functions' service model, and the constraints that Amazon states in words only.

`model.json` is derived from botocore's model; see `partita.aws.derive`.

Source: AWS Step Functions API Reference (2016-11-23); botocore's service model of it.
"""

from __future__ import annotations

import functools
import json
import re
from importlib.resources import files

from partita.aws.shapes import ServiceModel

_STATUSES = ["SUCCEEDED", "TIMED_OUT", "PENDING_REDRIVE", "ABORTED", "FAILED", "RUNNING"]
"""In the order in which AWS's faults name them."""

_ALIAS = r"^(?=.*[a-zA-Z_\-\.])[a-zA-Z0-9_\-\.]+$"


@functools.cache
def stepfunctions_model() -> ServiceModel:
    """Return Step Functions' model."""
    table = json.loads(files("partita.stepfunctions").joinpath("model.json").read_text("utf-8"))
    table["shapes"]["ExecutionStatus"]["enum"] = _STATUSES
    return ServiceModel("Step Functions", table, {"CharacterRestrictedName": _alias_name})


def _alias_name(value: str, _: str) -> str | None:
    if re.fullmatch(_ALIAS, value):
        return None
    return f"Member must satisfy regular expression pattern: {_ALIAS}"


_BAD_IN_NAMES = re.compile(r"[\s<>{}\[\]?*\"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f]")


def is_name(name: str) -> bool:
    """Return whether machines, executions and activities may have that name."""
    return 0 < len(name) <= 80 and _BAD_IN_NAMES.search(name) is None
