"""What the types of states do, in both query languages."""

from __future__ import annotations

from typing import Any

import pytest

from partita.asl import machine
from partita.testing import Environment
from tests.asl.running import failure, of, run, task

AT_A = "An error occurred while executing the state 'A' (entered at the event id #2). "


def passing(**fields: Any) -> dict[str, Any]:
    return {"Type": "Pass", "End": True, **fields}


# -- data flow -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "output"),
    [
        ({}, {"a": {"b": 1}}),
        ({"InputPath": "$.a"}, {"b": 1}),
        ({"InputPath": None}, {}),
        ({"OutputPath": "$.a"}, {"b": 1}),
        ({"OutputPath": None}, {}),
        ({"Result": 5}, 5),
        ({"Result": 5, "ResultPath": "$.a.c"}, {"a": {"b": 1, "c": 5}}),
        ({"Result": 5, "ResultPath": None}, {"a": {"b": 1}}),
        ({"Result": None}, None),
        ({"InputPath": "$.a", "ResultPath": "$.r"}, {"a": {"b": 1}, "r": {"b": 1}}),
        (
            {"Parameters": {"x.$": "$.a.b", "l": [{"y.$": "$.a.b"}, 2]}},
            {"x": 1, "l": [{"y": 1}, 2]},
        ),
        ({"Parameters": {"x.$": "$.a[*]"}}, {"x": [1]}),
        (
            {"Parameters": {"s.$": "$$.State.Name", "m.$": "$$.StateMachine.Name"}},
            {"s": "A", "m": "test"},
        ),
    ],
)
def test_a_pass_state_transforms(fields: dict[str, Any], output: Any) -> None:
    assert run(of({"A": passing(**fields)}), {"a": {"b": 1}}) == output


def test_a_task_selects_from_its_result() -> None:
    state = task(
        "f",
        Parameters={"n.$": "$.n"},
        ResultSelector={"twice.$": "$.value", "name.$": "$$.State.Name"},
        ResultPath="$.out",
    )
    made = of({"A": state})
    assert run(made, {"n": 2}, f=lambda event: {"value": event["n"] * 2}) == {
        "n": 2,
        "out": {"twice": 4, "name": "A"},
    }


@pytest.mark.parametrize(
    ("fields", "error", "cause"),
    [
        (
            {"Parameters": {"x.$": "$.nope"}},
            "States.Runtime",
            "The JSONPath '$.nope' specified for the field 'x.$' could not be found in the input "
            "'{\"a\":1}'",
        ),
        (
            {"InputPath": "$.nope"},
            "States.Runtime",
            "Invalid path '$.nope' : No results for path: $['nope']",
        ),
        (
            {"Parameters": {"x.$": "States.ArrayGetItem(States.Array(1), 1)"}},
            "States.IntrinsicFailure",
            "The function 'States.ArrayGetItem(States.Array(1), 1)' had the following error: The "
            "index is out of the bounds of the array",
        ),
    ],
)
def test_a_field_that_cannot_be_evaluated_fails_the_machine(
    fields: dict[str, Any], error: str, cause: str
) -> None:
    assert failure(of({"A": passing(**fields)}), {"a": 1}) == (error, AT_A + cause)


def test_a_path_of_a_null_input_fails() -> None:
    for fields in ({"InputPath": "$.a"}, {"Parameters": {"x.$": "$"}}, {"OutputPath": "$.a"}):
        states = {
            "N": {"Type": "Pass", "Result": None, "Next": "A"},
            "A": passing(**fields),
        }
        assert failure(of(states)) == (
            "States.Runtime",
            "An error occurred while executing the state 'A' (entered at the event id #4). "
            "Unable to apply Path transformation to null or empty input.",
        )


def test_a_result_that_has_no_place_fails() -> None:
    made = of({"A": passing(Result=1, ResultPath="$.a.b")})
    assert failure(made, {"a": "x"}) == (
        "States.ResultPathMatchFailure",
        'Unable to apply step "b" to input "x"',
    )


def test_an_index_past_the_end_is_null_in_a_template_only() -> None:
    made = of({"A": passing(Parameters={"x.$": "$.l[5]"})})
    assert run(made, {"l": [1]}) == {"x": None}


def test_an_output_over_256_kib_fails() -> None:
    made = of({"A": passing(Parameters={"x.$": "$.x", "y.$": "$.x"})})
    error, cause = failure(made, {"x": "x" * 200_000})
    assert error == "States.DataLimitExceeded"
    assert cause is not None
    assert cause.startswith("The state/task 'A' returned a result with a size exceeding")


# -- variables -----------------------------------------------------------------------------------


def test_variables_are_assigned_after_all_are_evaluated() -> None:
    states = {
        "A": {"Type": "Pass", "Assign": {"x": 1, "y": 2}, "Next": "B"},
        "B": {"Type": "Pass", "Assign": {"x.$": "$y", "y.$": "$x"}, "Next": "C"},
        "C": passing(Parameters={"x.$": "$x", "y.$": "$y"}),
    }
    assert run(of(states)) == {"x": 2, "y": 1}


def test_output_sees_the_variables_before_assign() -> None:
    states = {
        "A": {"Type": "Pass", "Assign": {"x": 1}, "Next": "B"},
        "B": {"Type": "Pass", "Assign": {"x": 2}, "Output": "{% $x %}", "Next": "C"},
        "C": passing(Output={"before": "{% $states.input %}", "after": "{% $x %}"}),
    }
    assert run(of(states, jsonata=True)) == {"before": 1, "after": 2}


def test_a_branch_reads_outer_variables_and_keeps_its_own() -> None:
    branch = {
        "StartAt": "P",
        "States": {
            "P": {"Type": "Pass", "Assign": {"inner.$": "$outer"}, "Next": "Q"},
            "Q": passing(Parameters={"inner.$": "$inner"}),
        },
    }
    states = {
        "A": {"Type": "Pass", "Assign": {"outer": 7}, "Next": "B"},
        "B": {"Type": "Parallel", "Branches": [branch], "Next": "C"},
        "C": passing(Parameters={"out.$": "$[0].inner", "inner.$": "$inner"}),
    }
    error, cause = failure(of(states))
    assert error == "States.Runtime"
    assert cause is not None
    assert "'$inner'" in cause


def test_variables_have_limits() -> None:
    large = "{% $pad('x', 200000) %}"
    pair = {"A": passing(Assign={"x": large, "y": large})}
    error, cause = failure(of(pair, jsonata=True))
    assert error == "States.DataLimitExceeded"
    assert cause == (
        "The variables assigned by one state have a size exceeding the maximum number of bytes "
        "service limit."
    )
    names = [f"v{number}" for number in range(53)]
    states = {
        name: {"Type": "Pass", "Assign": {name: large}, "Next": after}
        for name, after in zip(names, [*names[1:], "End"], strict=True)
    }
    made = of({**states, "End": {"Type": "Succeed", "Output": 1}}, jsonata=True)
    assert failure(made)[0] == "States.DataLimitExceeded"


def test_variables_of_iterations_are_forgotten() -> None:
    iteration = passing(Assign={"x": "{% $pad('x', 200000) %}"}, Output=1)
    made = of({"A": mapped(iteration)}, jsonata=True)
    assert run(made, list(range(60))) == [1] * 60


# -- choices -------------------------------------------------------------------------------------


def choose(rule: dict[str, Any], input: Any) -> Any:
    states = {
        "A": {"Type": "Choice", "Choices": [{**rule, "Next": "Yes"}], "Default": "No"},
        "Yes": passing(Result=True),
        "No": passing(Result=False),
    }
    return run(of(states), input)


@pytest.mark.parametrize(
    ("rule", "value", "fulfilled"),
    [
        ({"StringMatches": "log-*.txt"}, "log-1.txt", True),
        ({"StringMatches": "log-*.txt"}, "log-1.csv", False),
        ({"StringMatches": "a\\*b"}, "a*b", True),
        ({"StringMatches": "a\\*b"}, "axb", False),
        ({"StringLessThan": "b"}, "a", True),
        ({"StringGreaterThanEquals": "b"}, "b", True),
        ({"NumericLessThanEquals": 1}, 1.0, True),
        ({"NumericGreaterThan": 1}, True, False),
        ({"BooleanEquals": False}, False, True),
        ({"BooleanEquals": False}, 0, False),
        ({"TimestampLessThan": "2024-01-01T00:00:00Z"}, "2023-12-31T23:59:59.999Z", True),
        ({"TimestampEquals": "2024-01-01T00:00:00Z"}, "2024-01-01T00:00:00.000Z", True),
        ({"TimestampEquals": "2024-01-01T00:00:00Z"}, "2024-01-01T01:00:00+01:00", False),
        ({"IsNull": True}, None, True),
        ({"IsTimestamp": True}, "2024-01-01T00:00:00Z", True),
        ({"IsTimestamp": True}, "2024-01-01", False),
        ({"IsNumeric": False}, "1", True),
        ({"IsBoolean": True}, True, True),
        ({"IsPresent": True}, None, True),
    ],
)
def test_a_comparison(rule: dict[str, Any], value: Any, fulfilled: bool) -> None:
    assert choose({"Variable": "$.v", **rule}, {"v": value}) is fulfilled


def test_rules_are_combined() -> None:
    one = {"Variable": "$.v", "NumericGreaterThan": 1}
    two = {"Variable": "$.v", "NumericLessThan": 5}
    assert choose({"And": [one, two]}, {"v": 3}) is True
    assert choose({"And": [one, two]}, {"v": 7}) is False
    assert choose({"Or": [{"Not": one}, {"Not": two}]}, {"v": 7}) is True
    assert choose({"Variable": "$.w", "IsPresent": False}, {"v": 1}) is True


def test_a_choice_of_a_value_that_is_not_there_fails() -> None:
    rule = {"Variable": "$.w", "NumericEquals": 1, "Next": "B"}
    states = {"A": {"Type": "Choice", "Choices": [rule]}, "B": {"Type": "Succeed"}}
    assert failure(of(states)) == (
        "States.Runtime",
        AT_A + "Invalid path '$.w': The choice state's condition path references an invalid value.",
    )


def test_a_choice_without_a_match_fails() -> None:
    rule = {"Variable": "$.v", "NumericEquals": 1, "Next": "B"}
    states = {"A": {"Type": "Choice", "Choices": [rule]}, "B": {"Type": "Succeed"}}
    assert failure(of(states), {"v": 2}) == (
        "States.Runtime",
        AT_A + "Failed to transition out of the state. The state does not point to a next state.",
    )


def test_a_rule_in_jsonata_has_an_output_and_assigns() -> None:
    rule = {
        "Condition": "{% $states.input.v > 1 %}",
        "Output": {"v": "{% $states.input.v * 2 %}"},
        "Assign": {"seen": "{% $states.input.v %}"},
        "Next": "B",
    }
    states = {
        "A": {"Type": "Choice", "Choices": [rule], "Default": "B", "Assign": {"seen": 0}},
        "B": passing(Output={"in": "{% $states.input %}", "seen": "{% $seen %}"}),
    }
    made = of(states, jsonata=True)
    assert run(made, {"v": 2}) == {"in": {"v": 4}, "seen": 2}
    assert run(made, {"v": 0}) == {"in": {"v": 0}, "seen": 0}


def test_a_condition_that_is_no_boolean_fails() -> None:
    rule = {"Condition": "{% 1 %}", "Next": "B"}
    states = {"A": {"Type": "Choice", "Choices": [rule]}, "B": {"Type": "Succeed"}}
    error, cause = failure(of(states, jsonata=True))
    assert error == "States.QueryEvaluationError"
    assert cause is not None
    assert "specified for the field 'Choices[0]/Condition'" in cause


# -- waits ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "seconds"),
    [
        ({"Seconds": 60}, 60),
        ({"SecondsPath": "$.s"}, 30),
        ({"Timestamp": "2030-01-01T00:01:00Z"}, 60),
        ({"TimestampPath": "$.t"}, 3600),
        ({"Timestamp": "2020-01-01T00:00:00Z"}, 0),
        ({"Seconds": 0}, 0),
    ],
)
def test_a_wait_lasts(fields: dict[str, Any], seconds: float) -> None:
    made = of({"A": {"Type": "Wait", "End": True, **fields}})
    begin = 1893456000.0  # 2030-01-01T00:00:00Z
    with Environment(workflows=[made], activities=[], start=begin) as env:
        given = {"s": 30, "t": "2030-01-01T02:00:00+01:00"}
        assert env.run(made, given) == given
        assert env.clock() - begin == pytest.approx(seconds)


def test_a_wait_in_jsonata() -> None:
    made = of({"A": {"Type": "Wait", "Seconds": "{% 60 * 2 %}", "End": True}}, jsonata=True)
    with Environment(workflows=[made], activities=[], start=0.0) as env:
        env.run(made, {})
        assert env.clock() == pytest.approx(120)


# -- parallel and map ----------------------------------------------------------------------------


def test_branches_run_at_the_same_time() -> None:
    branches = [
        {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 100, "End": True}}},
        {"StartAt": "X", "States": {"X": {"Type": "Wait", "Seconds": 60, "End": True}}},
    ]
    made = of({"A": {"Type": "Parallel", "Branches": branches, "End": True}})
    with Environment(workflows=[made], activities=[], start=0.0) as env:
        assert env.run(made, 1) == [1, 1]
        assert env.clock() == pytest.approx(100)


def test_a_failed_branch_ends_the_others() -> None:
    branches = [
        {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 100, "End": True}}},
        {"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "Bad", "Cause": "branch"}}},
    ]
    caught = {"ErrorEquals": ["Bad"], "Next": "B", "ResultPath": "$.e"}
    states = {
        "A": {"Type": "Parallel", "Branches": branches, "Catch": [caught], "End": True},
        "B": passing(),
    }
    made = of(states)
    with Environment(workflows=[made], activities=[], start=0.0) as env:
        assert env.run(made, {}) == {"e": {"Error": "Bad", "Cause": "branch"}}
        assert env.clock() == pytest.approx(0)


def mapped(processor: dict[str, Any], **fields: Any) -> dict[str, Any]:
    config = fields.pop("config", None)
    inside = {"StartAt": "P", "States": {"P": processor}}
    if config:
        inside["ProcessorConfig"] = config
    return {"Type": "Map", "ItemProcessor": inside, "End": True, **fields}


def test_at_most_so_many_iterations_run_at_a_time() -> None:
    wait = {"Type": "Wait", "Seconds": 10, "End": True}
    made = of({"A": mapped(wait, MaxConcurrency=2)})
    with Environment(workflows=[made], activities=[], start=0.0) as env:
        assert env.run(made, [1, 2, 3, 4, 5]) == [1, 2, 3, 4, 5]
        assert env.clock() == pytest.approx(30)


def test_an_item_selector_sees_input_and_item() -> None:
    selector = {"i.$": "$$.Map.Item.Index", "v.$": "$$.Map.Item.Value", "k.$": "$.k"}
    made = of({"A": mapped(passing(), ItemsPath="$.l", ItemSelector=selector)})
    assert run(made, {"l": ["a"], "k": 1}) == [{"i": 0, "v": "a", "k": 1}]


DISTRIBUTED = {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}


def test_items_are_batched() -> None:
    batcher = {"MaxItemsPerBatch": 2, "BatchInput": {"k.$": "$.k"}}
    made = of({"A": mapped(passing(), config=DISTRIBUTED, ItemsPath="$.l", ItemBatcher=batcher)})
    assert run(made, {"l": [1, 2, 3], "k": 9}) == [
        {"BatchInput": {"k": 9}, "Items": [1, 2]},
        {"BatchInput": {"k": 9}, "Items": [3]},
    ]


def test_an_object_has_items_with_keys() -> None:
    selector = {"k": "{% $states.context.Map.Item.Key %}"}
    made = of(
        {"A": mapped(passing(), config=DISTRIBUTED, Items="{% {'a': 1} %}", ItemSelector=selector)},
        jsonata=True,
    )
    assert run(made) == [{"k": "a"}]


FAIL_BELOW_3 = {
    "StartAt": "C",
    "States": {
        "C": {
            "Type": "Choice",
            "Choices": [{"Variable": "$", "NumericLessThan": 3, "Next": "F"}],
            "Default": "S",
        },
        "F": {"Type": "Fail", "Error": "Low"},
        "S": {"Type": "Succeed"},
    },
    "ProcessorConfig": DISTRIBUTED,
}


@pytest.mark.parametrize(
    ("fields", "tolerated"),
    [
        ({}, False),
        ({"ToleratedFailureCount": 2}, True),
        ({"ToleratedFailureCount": 1}, False),
        ({"ToleratedFailurePercentage": 50}, True),
        ({"ToleratedFailurePercentage": 49}, False),
        ({"ToleratedFailurePercentage": 50, "ToleratedFailureCount": 0}, True),
        ({"ToleratedFailurePercentage": 50, "ToleratedFailureCount": 1}, False),
    ],
)
def test_failures_are_tolerated(fields: dict[str, Any], tolerated: bool) -> None:
    made = of({"A": {"Type": "Map", "ItemProcessor": FAIL_BELOW_3, "End": True, **fields}})
    if tolerated:
        failed = {"Status": "FAILED", "Error": "Low", "Cause": ""}
        assert run(made, [1, 2, 3, 4]) == [failed, failed, 3, 4]
    else:
        assert failure(made, [1, 2, 3, 4]) == (
            "States.ExceedToleratedFailureThreshold",
            "The specified tolerated failure threshold was exceeded",
        )


def test_a_failed_batch_counts_its_items() -> None:
    processor = {
        "StartAt": "F",
        "States": {"F": {"Type": "Fail"}},
        "ProcessorConfig": DISTRIBUTED,
    }
    fields = {"Type": "Map", "ItemProcessor": processor, "ItemBatcher": {"MaxItemsPerBatch": 2}}
    for tolerated, is_enough in ((4, True), (3, False)):
        made = of({"A": {**fields, "ToleratedFailureCount": tolerated, "End": True}})
        if is_enough:
            assert len(run(made, [1, 2, 3, 4])) == 2
        else:
            assert failure(made, [1, 2, 3, 4])[0] == "States.ExceedToleratedFailureThreshold"


def test_members_of_an_object_are_items_with_key_and_value() -> None:
    made = of({"A": mapped(passing(), config=DISTRIBUTED)})
    assert run(made, {"a": 1, "b": 2}) == [{"Key": "a", "Value": 1}, {"Key": "b", "Value": 2}]


def test_the_item_can_be_read_in_the_selector_only() -> None:
    made = of({"A": mapped(passing(Parameters={"i.$": "$$.Map.Item.Index"}))})
    error, cause = failure(made, [1])
    assert error == "States.Runtime"
    assert cause is not None
    assert "'$$.Map.Item.Index'" in cause


def test_distributed_executions_have_variables_and_contexts_of_their_own() -> None:
    processor = passing(Parameters={"in.$": "$$.Execution.Input", "of.$": "$$.StateMachine.Id"})
    states = {
        "A": {"Type": "Pass", "Assign": {"x": 1}, "Next": "B"},
        "B": mapped(processor, config=DISTRIBUTED, ItemsPath="$.l"),
    }
    (output,) = run(of(states), {"l": [5]})
    assert output["in"] == 5
    assert output["of"].endswith(":stateMachine:test/B")


def test_items_that_are_not_there_fail() -> None:
    made = of({"A": mapped(passing(), ItemsPath="$.l")})
    assert failure(made, {"k": 1}) == (
        "States.ReferencePathConflict",
        'Unable to apply step "l" to input {"k":1}',
    )
    assert failure(made, {"l": 1}) == (
        "States.Runtime",
        AT_A + 'Reference path "$.l" must point to array.',
    )


# -- the whole machine ---------------------------------------------------------------------------


def test_a_machine_is_a_child_of_a_workflow() -> None:
    from partita import workflow

    child = machine({"StartAt": "A", "States": {"A": passing(Result=3)}}, "child")

    @workflow
    def parent() -> int:
        found: int = child({})
        return found + 1

    with Environment(workflows=[child, parent], activities=[]) as env:
        assert env.run(parent) == 4


def test_times_come_from_the_history() -> None:
    output = {
        "now": "{% $now() %}",
        "millis": "{% $millis() %}",
        "entered": "{% $states.context.State.EnteredTime %}",
    }
    made = of({"A": {"Type": "Pass", "Output": output, "End": True}}, jsonata=True)
    with Environment(workflows=[made], activities=[], start=0.5) as env:
        assert env.run(made, {}) == {
            "now": "1970-01-01T00:00:00.500Z",
            "millis": 500,
            "entered": "1970-01-01T00:00:00.500Z",
        }
