"""The machine of `examples/pysfn/analyse_text.py` in the form that pyawssfn writes.

A call is a Pass state that names the function, and a Task state; `if` and `elif` are a Choice state
each; a branch and the machine end with a Succeed state.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.stepfunctions.pysfn.corpus import ARN

LETTER = "$.locals.start.letter"


def machine_of_pyawssfn() -> dict[str, Any]:
    """Return the machine."""
    caught = [{"ErrorEquals": ["EmptyTextError"], "Next": "empty"}]
    again = {"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1}
    retried = [{**again, "MaxAttempts": 2, "BackoffRate": 1.5}]
    branches = [_branch("v", "count_vowels"), _branch("s", "count_spaces")]
    parallel = {"Type": "Parallel", "Branches": branches, "ResultPath": "$.locals.counts"}
    both = {"Or": [_is("a"), _is("b")], "Next": "b"}
    return {
        "StartAt": "a",
        "States": {
            **_call("a", "describe_start", ["text"], "start", Catch=caught, Next="i"),
            "empty": {"Type": "Fail", "Error": "UnusableText", "Cause": "there is no text"},
            "i": {"Type": "Choice", "Choices": [both], "Default": "j"},
            **_call("b", "add_length", ["text", "start"], "start", Retry=retried, Next="p"),
            "p": {**parallel, "Next": "c"},
            **_call("c", "sentence", ["start", "counts"], "result", Next="e"),
            "j": {"Type": "Choice", "Choices": [{**_is("c"), "Next": "d"}], "Default": "other"},
            **_call("d", "short_sentence", ["start"], "result", Next="e"),
            "other": {"Type": "Fail", "Error": "UnusableText", "Cause": "another letter"},
            "e": {"Type": "Succeed", "InputPath": "$.locals.result"},
        },
    }


def _call(name: str, function: str, arguments: list[str], result: str, **ends: Any) -> Any:
    described = {"function": function, "arg_names": arguments}
    begin = {"Type": "Pass", "Result": described, "ResultPath": "$.call_descr"}
    task = {"Type": "Task", "Resource": ARN, "ResultPath": f"$.locals.{result}", **ends}
    return {name: {**begin, "Next": f"{name}x"}, f"{name}x": task}


def _branch(name: str, function: str) -> dict[str, Any]:
    end = {"Type": "Succeed", "InputPath": "$.locals.found"}
    states = _call(name, function, ["text"], "found", Next=f"{name}e")
    return {"StartAt": name, "States": {**states, f"{name}e": end}}


def _is(letter: str) -> dict[str, str]:
    return {"Variable": LETTER, "StringEquals": letter}


def states_in(machine: dict[str, Any]) -> Iterator[str]:
    """Yield the names of all states, those of branches included."""
    for name, state in machine["States"].items():
        yield name
        for branch in state.get("Branches", ()):
            yield from states_in(branch)
