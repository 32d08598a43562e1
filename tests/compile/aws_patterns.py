"""The patterns of AWS's skill for Step Functions: as workflows, and as machines written by hand.

The machines have the states, and the ways between them, that the skill describes.

Source: aws/agent-toolkit-for-aws, skill aws-step-functions, architecture patterns.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sfnx import testing as sfnx

from partita.compile import compile_workflow
from partita.compile.activity_calls import activities_of
from partita.stepfunctions.compiled import lambda_of
from partita.stepfunctions.emitter import emit, optimised
from tests.compile.corpus import load
from tests.compile.sfnx_programs import Pair

ACTIVITIES = "from tests.compile.aws_activities import *\n\n\n"
_FILE = Path(__file__).with_name("aws_patterns.txt")


class Answers:
    """What AWS's services answer in one execution."""

    def __init__(self) -> None:
        self.asked = 0

    def of(self, call: sfnx.Call) -> Any:
        """Return the answer to a call."""
        arguments: Any = call.arguments
        if call.resource.endswith("dynamodb:putItem"):
            if arguments["Item"]["lock"]["S"] == "taken":
                raise sfnx.Failure("DynamoDB.ConditionalCheckFailedException", "it is taken")
            return {}
        if call.resource.endswith("dynamodb:getItem"):
            return {"Item": self._item(arguments["Key"])}
        if call.resource.endswith("startExecution"):
            return {"ExecutionArn": "an execution", "StartDate": "2026-12-01T00:00:00Z"}
        return {"MessageId": "1"}

    def _item(self, key: Any) -> Any:
        self.asked += 1
        order = key.get("order", {}).get("S", "")
        if order == "lost":
            return {"status": {"S": "failed"}}
        return {"status": {"S": "fulfilled" if self.asked > 2 else "open"}}


def patterns(folder: Path) -> Iterator[Pair]:
    """Compile the workflows, with their states merged; the other machine is the one by hand."""
    parts = re.split(r"^\[case (\w+)\]\n", _FILE.read_text("utf-8"), flags=re.MULTILINE)[1:]
    for name, text in zip(parts[::2], parts[1::2], strict=True):
        source, hand, inputs = re.split(r"^\[(?:hand|inputs)\]\n", text, flags=re.MULTILINE)
        workflow = load(f"pattern_{name}", ACTIVITIES + source, folder)
        program = compile_workflow(workflow, "program.py")
        functions = {one: lambda_of(it, program) for one, it in activities_of(program).items()}
        lines = [line for line in inputs.splitlines() if line]
        machine = optimised(emit(program))
        yield Pair(name, machine, json.loads(hand), workflow, functions, lines, Answers)
