"""Tests of broken states never break the endpoint, and never change the database."""

from __future__ import annotations

import json
import random
from typing import Any

from tests.asl.corpus import Case
from tests.soak import scaled
from tests.stepfunctions.test_fuzz import dump, fuzzed, post  # noqa: F401 - a fixture
from tests.stepfunctions.test_recorded_calls import cases

JUNK: list[Any] = [None, True, -1, 1.5, "", "$", "$.x", "{% $y %}", "States.ALL", [], {}, [{}]]
JUNK += ["\ud800", "é" * 90, 10**400]


def broken(value: Any, chance: random.Random) -> Any:
    """Return JSON with something changed at random."""
    if chance.random() < 0.06:
        return chance.choice(JUNK)
    if isinstance(value, dict):
        kept = {name: broken(one, chance) for name, one in value.items() if chance.random() > 0.04}
        if value and chance.random() < 0.05:
            kept[chance.choice(["Type", "Next", "Catch", "Retry", "Assign", "ItemReader"])] = (
                chance.choice(JUNK)
            )
        return kept
    if isinstance(value, list):
        return [broken(one, chance) for one in value]
    return value


def request_of(case: Case, chance: random.Random) -> dict[str, Any]:
    """Return a recorded request whose definition, input and other members are changed."""
    data = case.data
    request = broken(data["request"], chance)
    if not isinstance(request, dict):
        request = {}
    for name in ("variables", "context"):
        if isinstance(request.get(name), str) and chance.random() < 0.3:
            request[name] = json.dumps(broken({"Map": {"Item": {}}, "Execution": {}}, chance))
    request["definition"] = json.dumps(broken(data["definition"], chance))
    if chance.random() < 0.7:
        request["input"] = json.dumps(broken(data.get("input", {}), chance))
    return request


def test_no_state_breaks_it(fuzzed: Any) -> None:  # noqa: F811
    chance = random.Random(15)
    recorded = [one for one in cases("test_state", "test_state").values() if not _waits(one)]
    before = dump(fuzzed)
    for _ in range(scaled(150, 3000)):
        body = json.dumps(request_of(chance.choice(recorded), chance)).encode()
        assert post(fuzzed.url, "TestState", body) < 500, body
    assert dump(fuzzed) == before


def _waits(case: Case) -> bool:
    return '"Wait"' in json.dumps(case.data["definition"])
