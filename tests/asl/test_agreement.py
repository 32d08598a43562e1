"""Other validators agree with `check` on every recorded machine, or the difference is explained.

`agreement/verdicts.json` has what they said: asl-validator 4.0.0 and
amazon-states-language-service 1.16.1 of npm, statelint 3.1.0 of PyPI. `python -m
tests.asl.agreement` writes it. AWS itself, which is recorded, agrees with `check` each time.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from partita.asl.check import check_definition
from tests.asl.agreement.machines import machines

VERDICTS: dict[str, dict[str, list[str]]] = json.loads(
    (Path(__file__).parent / "agreement" / "verdicts.json").read_text()
)
SCHEMAS, SERVICE, LINT = "asl-validator", "amazon-states-language-service", "statelint"

# (validator, pattern of its first message): why it refuses what AWS runs
REFUSES: dict[tuple[str, str], str] = {
    (SCHEMAS, "MaxItems is invalid. must be >= 1"): "AWS takes 0: all items",
    (SCHEMAS, "ToleratedFailurePercentage is invalid. must be integer"): "AWS takes fractions",
    (SERVICE, "Incorrect type. Expected one of integer, JSONata"): "AWS takes fractions",
    (
        LINT,
        'Field "(Assign|CSV\\w+|ProcessorConfig|InputType)" not allowed',
    ): "it knows an older language",
    (LINT, 'is "{% .* %}" but should be'): "it does not know JSONata in numbers",
    (LINT, "is not a JSONPath or intrinsic"): "it does not know variables",
    (LINT, 'is "\\$\\w+" but should be'): "it does not know variables",
    (LINT, 'is "\\$\\$\\..*" but should be'): "it does not know the context object in these",
    (LINT, "MaxItems is 0 but allowed floor is 0"): "AWS takes 0: all items",
    (LINT, "is 0.5 but should be an Integer"): "AWS takes fractions",
    (LINT, "BackoffRate is \\d but should be a Float"): "AWS takes whole numbers",
}
# (validators, our message): what they do not look at, but AWS refuses
ACCEPTS: dict[tuple[str, str], str] = {
    (f"{SCHEMAS}|{SERVICE}|{LINT}", "The field 'RoleArn' is required"): "credentials",
    (f"{SCHEMAS}|{SERVICE}|{LINT}", "dynamodb:query is not recognized"): "integrations",
    (f"{SCHEMAS}|{SERVICE}|{LINT}", "'QueryLanguage' can not be"): "languages of states",
    (f"{SCHEMAS}|{SERVICE}|{LINT}", "does not match RFC3339"): "forms of timestamps",
}


def errors(definition: Any) -> list[str]:
    return [str(one) for one in check_definition(definition) if one.severity == "ERROR"]


def test_every_difference_is_explained_and_every_explanation_is_needed() -> None:
    used, unexplained = set(), []
    for name, definition in machines().items():
        ours = errors(definition)
        for validator in (SCHEMAS, SERVICE, LINT):
            theirs = VERDICTS.get(name, {}).get(validator, [])
            if bool(ours) == bool(theirs):
                continue
            table, message = (ACCEPTS, ours[0]) if ours else (REFUSES, theirs[0])
            reasons = [key for key in table if validator in key[0] and re.search(key[1], message)]
            used.update(reasons)
            if not reasons:
                unexplained.append((name, validator, message))
    assert unexplained == []
    assert {*REFUSES, *ACCEPTS} - used == set(), "take these out of the tables"


def test_the_verdicts_are_of_the_machines_that_are_recorded() -> None:
    assert VERDICTS.keys() <= machines().keys()
