"""Test a machine state by state: each state is tested by TestState, with what the last one gave.

Works with any client of Step Functions that has `test_state` as boto3's has: at AWS, or at
Partita's own endpoint.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from partita.errors import InvalidInputError

LONGEST = 1_000
"""Visits after which a machine is taken to be in a loop."""


@dataclass(frozen=True)
class Visit:
    """One state's test."""

    state: str
    status: str  # SUCCEEDED, FAILED, CAUGHT_ERROR or RETRIABLE
    input: Any
    output: Any = None
    error: str | None = None
    cause: str | None = None
    next: str | None = None
    variables: dict[str, Any] = field(default_factory=dict)  # after the visit


class StateChain:
    """The states of a machine, to be tested one after the other."""

    def __init__(
        self, client: Any, definition: str | Mapping[str, Any], *, role_arn: str | None = None
    ) -> None:
        self._client = client
        self._text = definition if isinstance(definition, str) else json.dumps(definition)
        self._start = str(json.loads(self._text)["StartAt"])
        self._role = {} if role_arn is None else {"roleArn": role_arn}

    def run(
        self, input: Any = None, mocks: Mapping[str, Mapping[str, Any]] | None = None
    ) -> list[Visit]:
        """Return the visits, up to the first one that leads nowhere.

        A state that would be retried ends the chain with RETRIABLE.

        Args:
            input: the machine's input, `{}` by default.
            mocks: by state, what stands in for its work: TestState's `mock`.

        Raises:
            InvalidInputError: the machine does not come to an end.
        """
        visits: list[Visit] = []
        state: str | None = self._start
        given, variables = {} if input is None else input, dict[str, Any]()
        while state is not None:
            if len(visits) == LONGEST:
                raise InvalidInputError(f"the machine has visited {LONGEST} states; is it a loop?")
            visit = self._visit(state, given, variables, (mocks or {}).get(state))
            visits.append(visit)
            state, given, variables = visit.next, visit.output, visit.variables
        return visits

    def _visit(
        self, state: str, given: Any, variables: dict[str, Any], mock: Mapping[str, Any] | None
    ) -> Visit:
        answer = self._client.test_state(
            definition=self._text,
            stateName=state,
            input=json.dumps(given),
            variables=json.dumps(variables),
            inspectionLevel="DEBUG",
            **self._role,
            **({} if mock is None else {"mock": dict(mock)}),
        )
        inspected = answer.get("inspectionData", {})
        return Visit(
            state=state,
            status=answer["status"],
            input=given,
            output=json.loads(answer["output"]) if "output" in answer else None,
            error=answer.get("error"),
            cause=answer.get("cause"),
            next=answer.get("nextState"),
            variables=json.loads(inspected.get("variables", "{}")),
        )
