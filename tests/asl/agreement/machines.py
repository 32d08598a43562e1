"""The machines of the recorded cases, each once, by the name of its first case."""

from __future__ import annotations

import json
from typing import Any

from tests.asl.corpus import CASES, areas


def machines() -> dict[str, Any]:
    """Return the definitions that are objects, of all cases that have a whole machine."""
    found: dict[str, Any] = {}
    for area in areas():
        for case in json.loads((CASES / f"{area}.json").read_text())["cases"]:
            if case["kind"] not in ("test_state", "api_script"):
                definition = case.get("definition")
                if isinstance(definition, dict):
                    text = json.dumps(definition, sort_keys=True)
                    found.setdefault(text, f"{area}/{case['name'].rpartition('::')[2]}")
    return {name: json.loads(text) for text, name in found.items()}
