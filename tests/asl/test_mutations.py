"""Mutated definitions are refused with a location, or run to an end that AWS has, too."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from typing import Any

from partita.asl import machine
from partita.asl.machines import compiled_text
from partita.errors import InvalidDefinitionError, MachineFailedError, WorkflowFailedError
from partita.testing import Environment
from tests.asl.corpus import areas, executions
from tests.asl.running import Machine

VALUES = [
    *(None, True, 0, -1, 1.5, 10**30, "", "x", "$", "$.a", "$[", "$$", [], {}, [1]),
    *("{% 1 %}", "{% ( %}", "States.Format('{}', 1)", "States.X()", {"a.$": 1}, {"a.$": "$.x"}),
]
FIELDS = [
    *("Next", "Default", "Choices", "Catch", "Retry", "ErrorEquals", "Seconds", "ItemsPath"),
    *("Assign", "Output", "Arguments", "ResultPath", "Type", "ItemBatcher", "MaxConcurrency"),
    *("ToleratedFailureCountPath", "QueryLanguage"),
]
INPUTS: list[Any] = [None, {}, [], [1, 2], "x", 5, {"a": 1}, {"Variable": None, "Value": 5}]


def small_definitions() -> list[Any]:
    texts = {json.dumps(one.data["definition"]) for area in areas() for one in executions(area)}
    return [json.loads(text) for text in sorted(texts) if len(text) < 3000]


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield containers in a definition, with the keys of their members."""
    members = value.items() if isinstance(value, dict) else enumerate(value)
    for key, member in members:
        yield value, key
        if isinstance(member, (dict, list)):
            yield from places(member)


def mutated(definition: Any, chance: random.Random) -> Any:
    changed = copy.deepcopy(definition)
    for _ in range(chance.choice([1, 1, 2])):
        container, key = chance.choice(list(places(changed)) or [({}, "StartAt")])
        kind = chance.random()
        if kind < 0.6:
            container[key] = copy.deepcopy(chance.choice(VALUES))
        elif isinstance(container, dict):
            value = container.pop(key, None)
            if kind > 0.8:
                container[chance.choice(FIELDS)] = value
    return changed


def test_a_mutated_definition_is_compiled_or_refused() -> None:
    chance = random.Random(1)
    definitions = small_definitions()
    refused = 0
    for _ in range(1500):
        try:
            compiled_text(json.dumps(mutated(chance.choice(definitions), chance)))
        except InvalidDefinitionError:
            refused += 1
    assert 100 < refused < 1400


def ends(definition: Any) -> bool:
    """Return whether a definition has no loop, and calls nothing that waits for an answer."""
    text = json.dumps(definition)
    return not any(word in text for word in ("waitForTaskToken", "activity", "Choice", "Wait"))


def test_a_mutated_machine_ends() -> None:
    chance = random.Random(2)
    definitions = [one for one in small_definitions() if ends(one)]
    made: list[Machine] = []
    while len(made) < 150:
        changed = mutated(chance.choice(definitions), chance)
        try:
            if ends(changed):
                made.append(machine(changed, f"mutated-{len(made)}"))
        except InvalidDefinitionError:
            continue
    with Environment(workflows=made, activities=[]) as env:
        failures = [failure_of(env, one, chance.choice(INPUTS)) for one in made]
    assert {type(failure) for failure in failures} == {type(None), MachineFailedError}


def failure_of(env: Environment, made: Machine, input: Any) -> BaseException | None:
    try:
        env.run(made, input)
    except WorkflowFailedError as error:
        return error.__cause__ or error
    return None
