"""Mock tasks by a file in the format of AWS Step Functions Local.

    {"StateMachines": {"order": {"TestCases": {"happy": {"Pay": "paid"}}}},
     "MockedResponses": {"paid": {"0": {"Throw": {"Error": "Busy", "Cause": "…"}},
                                  "1-3": {"Return": {"StatusCode": 200}}}}}

Source: AWS Step Functions Developer Guide, "Using mocked service integrations".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from partita.asl.failures import StateFailure
from partita.errors import InvalidInputError

Responses = Mapping[str, list[dict[str, Any]]]
"""By state, the responses to its first, second, … invocation."""


def responses_of(config: Mapping[str, Any], machine: str, test_case: str) -> Responses:
    """Return the responses that a file has for a test case of a machine.

    Raises:
        InvalidInputError: it has no such machine, case or response, or numbers that leave a gap.
    """
    cases = _member(config.get("StateMachines", {}), machine, "StateMachines")
    states = _member(cases.get("TestCases", {}), test_case, f"the test cases of {machine}")
    mocked = config.get("MockedResponses", {})
    return {
        state: _numbered(name, _member(mocked, name, "MockedResponses"))
        for state, name in states.items()
    }


def _member(value: Mapping[str, Any], name: str, where: str) -> Any:
    if name not in value:
        names = ", ".join(value) or "none"
        raise InvalidInputError(f"the mock file has no {name!r} in {where}; it has: {names}")
    return value[name]


def _numbered(name: str, responses: Mapping[str, Any]) -> list[dict[str, Any]]:
    found: dict[int, dict[str, Any]] = {}
    for key, response in responses.items():
        first, _, last = key.partition("-")
        if not (first.isdigit() and (last or first).isdigit()):
            raise InvalidInputError(f"mocked response {name!r}: {key!r} is no number or range")
        for number in range(int(first), int(last or first) + 1):
            found[number] = response
    if sorted(found) != list(range(len(found))):
        raise InvalidInputError(f"mocked response {name!r}: the numbers leave a gap")
    return [found[number] for number in range(len(found))]


class Mocks:
    """The mocks of one execution."""

    def __init__(self, responses: Responses) -> None:
        self._responses = responses
        self._calls: dict[str, int] = {}

    def has(self, state: str) -> bool:
        """Return whether the tasks of a state are mocked."""
        return state in self._responses

    def submitted(self, state: str) -> Any:
        """Return what the service answers at once to the next request, where a task goes on.

        It is the response's `Submit`, or else its `Return`; None: the request itself fails.
        """
        responses, number = self._responses[state], self._calls.get(state, 0)
        response = responses[number] if number < len(responses) else {}
        return response.get("Submit", response.get("Return"))

    def answer(self, state: str) -> Any:
        """Return the next response to a state's task.

        Raises:
            StateFailure: it is a failure, or there is none.
        """
        number = self._calls.get(state, 0)
        self._calls[state] = number + 1
        responses = self._responses[state]
        if number >= len(responses):
            raise StateFailure(
                "States.Runtime", f"state {state!r} has no mocked response number {number}"
            )
        thrown = responses[number].get("Throw")
        if thrown is not None:
            raise StateFailure(thrown.get("Error"), thrown.get("Cause"))
        return responses[number].get("Return")
