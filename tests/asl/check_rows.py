"""Definitions with faults, and what AWS answers to each: code, message and location.

Measured by: floci-io/floci (its pull requests 2786 and 3167, and its tests of
ValidateStateMachineDefinition), badmintoncryer/cdk-preflight (its rules for state machines).
"""

from __future__ import annotations

import json
from typing import Any

END = {"Type": "Pass", "End": True}
TASK = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": True}
SCHEMA = "SCHEMA_VALIDATION_FAILED"
TARGET = "MISSING_TRANSITION_TARGET"


def machine(states: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"StartAt": next(iter(states)), "States": states, **fields}


def jsonata(states: dict[str, Any]) -> dict[str, Any]:
    return machine(states, QueryLanguage="JSONata")


def field_of_other_language(field: str, own: str, other: str) -> str:
    return (
        f"The QueryLanguage is set to '{own}', but field '{field}' is only supported for the "
        f"'{other}' QueryLanguage"
    )


def branch(states: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"Type": "Parallel", "Branches": [machine(states, **fields)], "End": True}


def mapped(states: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"Type": "Map", "ItemProcessor": machine(states), "End": True, **fields}


def caught(catcher: dict[str, Any]) -> dict[str, Any]:
    return {**TASK, "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "E", **catcher}]}


def choosing(rule: dict[str, Any]) -> dict[str, Any]:
    return machine({"C": {"Type": "Choice", "Choices": [rule]}, "E": END})


ONE_OF = "This object should have only one of the following fields: "
ONLY_ONE = "There should only be one of the following fields: "
TOP = "Reference to 'phone' at the top level is not supported."
UNSUPPORTED = "UNSUPPORTED_JSONATA_EXPRESSION"
LANGUAGE = "Value should be one of the following: [JSONPath, JSONata]"

Finding = tuple[str, str, str | None]  # code, message, location
Row = tuple[str, Any, list[Finding]]

FIELDS: list[Row] = [
    (
        f"{field} on {kind}",
        machine({"X": {**state, field: value}}),
        [(SCHEMA, f"Field '{field}' is not supported", "/States/X")],
    )
    for kind, state, field, value in [
        ("Pass", END, "TimeoutSeconds", 5),
        ("Pass", END, "Catch", []),
        ("Wait", {"Type": "Wait", "Seconds": 1, "End": True}, "Retry", []),
        ("Map", mapped({"W": END}), "TimeoutSeconds", 5),
        ("Parallel", branch({"W": END}), "TimeoutSeconds", 5),
        ("Pass", END, "next", "X"),
        ("Fail", {"Type": "Fail"}, "End", True),
        ("Succeed", {"Type": "Succeed"}, "Assign", {}),
        ("Task", TASK, "Result", {}),
    ]
]

SYNTAX: list[Row] = [
    (
        text,
        jsonata({"E": {**END, "Output": f"{{% {text} %}}"}}),
        [("INVALID_JSONATA_EXPRESSION", message, "/States/E/Output")],
    )
    for text, message in [
        ("a[1,2)", 'Expected "]", got ","'),
        ("1 +", "Unexpected end of expression"),
        ("", "Unexpected end of expression"),
        ("$a ?? 1", 'The symbol "?" cannot be used as a unary operator'),
    ]
]

PLACES: list[Row] = [
    (
        f"at {location}",
        jsonata({name: state, "Z": END} if "Z" in json.dumps(state) else {name: state}),
        [(UNSUPPORTED, TOP, location)],
    )
    for name, state, location in [
        ("E", {**END, "Output": {"v": "{% phone %}"}}, "/States/E/Output/v"),
        ("E", {**END, "Output": {"a": {"b": ["{% phone %}"]}}}, "/States/E/Output/a/b[0]"),
        ("E", {**END, "Assign": {"Next": "{% phone %}"}}, "/States/E/Assign/Next"),
        (
            "C",
            {"Type": "Choice", "Choices": [{"Condition": "{% phone = 1 %}", "Next": "Z"}]},
            "/States/C/Choices[0]/Condition",
        ),
        ("W", {"Type": "Wait", "Seconds": "{% phone %}", "End": True}, "/States/W/Seconds"),
        ("F", {"Type": "Fail", "Cause": "{% phone %}"}, "/States/F/Cause"),
        ("M", mapped({"A": END}, Items="{% phone %}"), "/States/M/Items"),
        (
            "M",
            mapped({"A": END}, ItemBatcher={"BatchInput": {"Comment": "{% phone %}"}}),
            "/States/M/ItemBatcher/BatchInput/Comment",
        ),
        (
            "P",
            branch({"B": {**END, "Output": {"v": "{% phone %}"}}}),
            "/States/P/Branches[0]/States/B/Output/v",
        ),
        (
            "T",
            {
                **TASK,
                "Catch": [{"ErrorEquals": ["X"], "Next": "Z", "Output": {"v": "{% phone %}"}}],
            },
            "/States/T/Catch[0]/Output/v",
        ),
    ]
]

ROWS: list[Row] = [
    (
        "loop without an end",
        machine({"A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Pass", "Next": "A"}}),
        [("MISSING_END_STATE", "Workflow has no terminal state", None)],
    ),
    (
        "no end hides unreachable states",
        machine({"A": {"Type": "Pass", "Next": "A"}, "U": {"Type": "Pass", "Next": "A"}}),
        [("MISSING_END_STATE", "Workflow has no terminal state", None)],
    ),
    (
        "a missing target and no end",
        machine({"A": {"Type": "Pass", "Next": "NOPE"}}),
        [
            (TARGET, "Missing 'Next' target: NOPE", "/States/A/Next"),
            ("MISSING_END_STATE", "Workflow has no terminal state", None),
        ],
    ),
    (
        "an unreachable end",
        machine({"A": {"Type": "Pass", "Next": "A"}, "C": END}),
        [(TARGET, 'State "C" is not reachable.', "/States/C")],
    ),
    (
        "a loop within a map may lack an end",
        machine({"M": mapped({"A": {"Type": "Pass", "Next": "A"}})}),
        [],
    ),
    (
        "a slash in a name",
        machine({"S": END, "a/b": END}),
        [(TARGET, 'State "a/b" is not reachable.', "/States/a/b")],
    ),
    (
        "a missing start",
        {"StartAt": "Nope", "States": {"A": END}},
        [
            (TARGET, "Missing 'Next' target: Nope", "/StartAt"),
            (TARGET, 'State "A" is not reachable.', "/States/A"),
        ],
    ),
    (
        "a missing target of a rule",
        machine(
            {
                "C": {
                    "Type": "Choice",
                    "Choices": [{"Variable": "$.x", "IsPresent": True, "Next": "Ghost"}],
                    "Default": "Z",
                },
                "Z": END,
            }
        ),
        [(TARGET, "Missing 'Next' target: Ghost", "/States/C/Choices[0]/Next")],
    ),
    (
        "a missing default",
        machine(
            {
                "C": {
                    "Type": "Choice",
                    "Choices": [{"Variable": "$.x", "IsPresent": True, "Next": "Z"}],
                    "Default": "Ghost",
                },
                "Z": END,
            }
        ),
        [(TARGET, "Missing 'Next' target: Ghost", "/States/C/Default")],
    ),
    (
        "a missing target of a catcher",
        machine({"T": caught({"Next": "Ghost"})}),
        [(TARGET, "Missing 'Next' target: Ghost", "/States/T/Catch[0]/Next")],
    ),
    (
        "unreachable in a branch",
        machine({"P": branch({"W": END, "Ghost": END})}),
        [(TARGET, 'State "Ghost" is not reachable.', "/States/P/Branches[0]/States/Ghost")],
    ),
    (
        "unreachable in a processor",
        machine({"M": mapped({"W": END, "Ghost": END})}),
        [(TARGET, 'State "Ghost" is not reachable.', "/States/M/ItemProcessor/States/Ghost")],
    ),
    (
        "a name twice",
        machine({"P": branch({"P": END})}),
        [("DUPLICATE_STATE_NAME", "Duplicate State name: P", "/States/P/Branches[0]/States/P")],
    ),
    *FIELDS,
    (
        "a field of the machine",
        machine({"A": END}, Startat="A"),
        [(SCHEMA, "Field 'Startat' is not supported", "/")],
    ),
    (
        "the version",
        machine({"A": END}, Version="2.0"),
        [(SCHEMA, "Value should be one of the following: [1.0]", "/Version")],
    ),
    (
        "a branch with a language",
        machine({"P": branch({"W": END}, QueryLanguage="JSONata")}),
        [(SCHEMA, "Field 'QueryLanguage' is not supported", "/States/P/Branches[0]")],
    ),
    (
        "a processor without states",
        machine({"M": {"Type": "Map", "ItemProcessor": {"StartAt": "A"}, "End": True}}),
        [(SCHEMA, "These fields are required: [States]", "/States/M/ItemProcessor")],
    ),
    (
        "no branch",
        machine({"P": {"Type": "Parallel", "Branches": [], "End": True}}),
        [(SCHEMA, "Value cannot be empty", "/States/P/Branches")],
    ),
    (
        "next and end",
        machine({"A": {**END, "Next": "A"}}),
        [(SCHEMA, f"{ONLY_ONE}[Next, End]", "/States/A")],
    ),
    (
        "neither next nor end",
        machine({"A": {"Type": "Pass"}, "B": END}),
        [
            (SCHEMA, f"{ONE_OF}[Next, End]", "/States/A"),
            (TARGET, 'State "B" is not reachable.', "/States/B"),
        ],
    ),
    (
        "no processor",
        machine({"M": {"Type": "Map", "End": True}}),
        [(SCHEMA, f"{ONE_OF}[ItemProcessor, Iterator]", "/States/M")],
    ),
    (
        "two times of a wait",
        machine({"W": {"Type": "Wait", "Seconds": 1, "SecondsPath": "$.a", "End": True}}),
        [(SCHEMA, f"{ONLY_ONE}[SecondsPath, Seconds, TimestampPath, Timestamp]", "/States/W")],
    ),
    (
        "a number and its path",
        machine({"M": mapped({"A": END}, MaxConcurrency=2, MaxConcurrencyPath="$.limit")}),
        [(SCHEMA, f"{ONLY_ONE}[MaxConcurrency, MaxConcurrencyPath]", "/States/M")],
    ),
    (
        "a path of several places",
        machine({"M": mapped({"A": END}, MaxConcurrencyPath="$.limits[*]")}),
        [(SCHEMA, "Value is not a Reference Path", "/States/M/MaxConcurrencyPath")],
    ),
    (
        "a negative number, nested",
        machine({"M": mapped({"N": mapped({"A": END}, MaxConcurrency=-1)})}),
        [(SCHEMA, "Minimum value is 0", "/States/M/ItemProcessor/States/N/MaxConcurrency")],
    ),
    ("a large number", machine({"M": mapped({"A": END}, MaxConcurrency=2**63 - 1)}), []),
    (
        "a text for a number",
        machine({"T": {**TASK, "TimeoutSeconds": "5"}}),
        [(SCHEMA, "Expected value of type Integer", "/States/T/TimeoutSeconds")],
    ),
    (
        "a time that is too long",
        machine({"W": {"Type": "Wait", "Seconds": 100_000_000, "End": True}}),
        [(SCHEMA, "Maximum value is 99999999", "/States/W/Seconds")],
    ),
    (
        "a heartbeat as long as the timeout",
        machine({"T": {**TASK, "TimeoutSeconds": 5, "HeartbeatSeconds": 5}}),
        [
            (
                SCHEMA,
                "HeartbeatSeconds must be smaller than TimeoutSeconds",
                "/States/T/HeartbeatSeconds",
            )
        ],
    ),
    (
        "no path",
        machine({"A": {**END, "InputPath": "a"}}),
        [(SCHEMA, "Value must be a valid JSONPath.", "/States/A/InputPath")],
    ),
    (
        "a template without a path",
        machine({"A": {**END, "Parameters": {"a": {"b.$": "c"}}}}),
        [
            (
                SCHEMA,
                "The value for the field 'b.$' must be a valid JSONPath or a valid intrinsic "
                "function call",
                "/States/A/Parameters/a",
            )
        ],
    ),
    (
        "a result path of several places",
        machine({"A": {**END, "ResultPath": "$..a"}}),
        [(SCHEMA, "Value is not a Reference Path", "/States/A/ResultPath")],
    ),
    (
        "a variable that is no path",
        choosing({"Variable": "x", "IsNull": True, "Next": "E"}),
        [
            (
                SCHEMA,
                "Value is not a Reference Path: Reference path didn't start with '$'",
                "/States/C/Choices[0]/Variable",
            )
        ],
    ),
    (
        "no rule",
        machine({"C": {"Type": "Choice", "Choices": [], "Default": "E"}, "E": END}),
        [(SCHEMA, "Value cannot be empty", "/States/C/Choices")],
    ),
    (
        "a nested rule that leads somewhere",
        choosing({"Not": {"Variable": "$.x", "IsNull": True, "Next": "E"}, "Next": "E"}),
        [(SCHEMA, "Field 'Next' is not supported", "/States/C/Choices[0]/Not")],
    ),
    (
        "two comparisons",
        choosing({"Variable": "$.x", "IsNull": True, "IsString": True, "Next": "E"}),
        [(SCHEMA, f"{ONLY_ONE}[IsNull, IsString]", "/States/C/Choices[0]")],
    ),
    (
        "no test",
        choosing({"Next": "E"}),
        [
            (
                SCHEMA,
                "The object must have only one of the following fields, "
                "[And, Or, Not, Variable, Condition]",
                "/States/C/Choices[0]",
            )
        ],
    ),
    (
        "States.ALL beside another",
        machine({"T": {**TASK, "Retry": [{"ErrorEquals": ["States.ALL", "X"]}]}}),
        [
            (
                SCHEMA,
                "States.ALL must appear alone and at end of list",
                "/States/T/Retry[0]/ErrorEquals",
            )
        ],
    ),
    (
        "States.ALL before another",
        machine(
            {"T": {**TASK, "Retry": [{"ErrorEquals": ["States.ALL"]}, {"ErrorEquals": ["X"]}]}}
        ),
        [
            (
                SCHEMA,
                "States.ALL must appear alone and at end of list",
                "/States/T/Retry[0]/ErrorEquals",
            )
        ],
    ),
    (
        "a retrier without errors",
        machine({"T": {**TASK, "Retry": [{"ErrorEquals": []}, {}]}}),
        [
            (SCHEMA, "Value cannot be empty", "/States/T/Retry[0]/ErrorEquals"),
            (SCHEMA, "These fields are required: [ErrorEquals]", "/States/T/Retry[1]"),
        ],
    ),
    (
        "a retrier's numbers",
        machine(
            {
                "T": {
                    **TASK,
                    "Retry": [
                        {
                            "ErrorEquals": ["X"],
                            "BackoffRate": 0.5,
                            "IntervalSeconds": 0,
                            "MaxDelaySeconds": 0,
                            "JitterStrategy": "SOME",
                        }
                    ],
                }
            }
        ),
        [
            (SCHEMA, "Minimum value is 1", "/States/T/Retry[0]/BackoffRate"),
            (SCHEMA, "Minimum value is 1", "/States/T/Retry[0]/MaxDelaySeconds"),
            (
                SCHEMA,
                "Value should be one of the following: [NONE, FULL]",
                "/States/T/Retry[0]/JitterStrategy",
            ),
        ],
    ),
    (
        "a resource that is no ARN",
        machine({"T": {**TASK, "Resource": "charge"}}),
        [(SCHEMA, "Value is not a valid resource ARN", "/States/T/Resource")],
    ),
    (
        "a pattern that an integration lacks",
        machine({"T": {**TASK, "Resource": "arn:aws:states:::lambda:invoke.sync"}}),
        [
            (
                SCHEMA,
                "The resource provided arn:aws:states:::lambda:invoke.sync is not recognized. The "
                "value is not a valid resource ARN, or the resource is not available in this "
                "region.",
                "/States/T/Resource",
            )
        ],
    ),
    (
        "credentials of an activity",
        machine(
            {
                "T": {
                    **TASK,
                    "Resource": "arn:aws:states:us-east-1:1:activity:a",
                    "Credentials": {"RoleArn": "x"},
                }
            }
        ),
        [
            (
                SCHEMA,
                "The field 'Credentials' is not supported for activities",
                "/States/T/Credentials",
            )
        ],
    ),
    (
        "a distributed map without a type",
        machine(
            {
                "M": {
                    **mapped({"A": END}),
                    "ItemProcessor": {
                        "ProcessorConfig": {"Mode": "DISTRIBUTED"},
                        **machine({"A": END}),
                    },
                }
            }
        ),
        [
            (
                SCHEMA,
                "These fields are required: [ExecutionType]",
                "/States/M/ItemProcessor/ProcessorConfig",
            )
        ],
    ),
    (
        "a reader's resource and type",
        machine(
            {
                "M": mapped(
                    {"A": END},
                    ItemReader={
                        "Resource": "arn:aws:states:::s3:x",
                        "ReaderConfig": {"InputType": "CSV"},
                    },
                )
            }
        ),
        [
            (
                SCHEMA,
                "The field 'Resource' does not match any of the allowed values",
                "/States/M/ItemReader/Resource",
            ),
            (
                SCHEMA,
                "The field 'CSVHeaderLocation' is required",
                "/States/M/ItemReader/ReaderConfig",
            ),
        ],
    ),
    (
        "a writer with one half of its config",
        machine(
            {"M": mapped({"A": END}, ResultWriter={"WriterConfig": {"Transformation": "COMPACT"}})}
        ),
        [
            (
                SCHEMA,
                "These fields are required: [OutputType]",
                "/States/M/ResultWriter/WriterConfig",
            )
        ],
    ),
    (
        "a label twice",
        machine(
            {
                "M": {**mapped({"A": END}, Label="L"), "Next": "N"} | {"End": False},
                "N": mapped({"B": END}, Label="L"),
            }
        ),
        [
            (SCHEMA, f"{ONLY_ONE}[Next, End]", "/States/M"),
            ("DUPLICATE_LABEL_NAME", "Duplicate Label name: L", "/States/N/Label"),
        ],
    ),
    (
        "a label that is too long",
        machine({"M": mapped({"A": END}, Label="L" * 41)}),
        [
            (
                "INVALID_LABEL_NAME",
                f"The label name '{'L' * 41}' exceeds the 40-character limit allowed by the "
                "service",
                "/States/M/Label",
            )
        ],
    ),
    (
        "fields of JSONata in a JSONPath state",
        machine({"T": {**TASK, "Output": {"v": 1}, "Arguments": {"a": 1}}}),
        [
            (SCHEMA, field_of_other_language("Output", "JSONPath", "JSONata"), "/States/T"),
            (SCHEMA, field_of_other_language("Arguments", "JSONPath", "JSONata"), "/States/T"),
        ],
    ),
    (
        "fields of JSONPath in a JSONata state",
        jsonata({"X": {**END, "InputPath": "$.a", "OutputPath": "$.b", "ResultPath": "$.c"}}),
        [
            (SCHEMA, field_of_other_language(field, "JSONata", "JSONPath"), "/States/X")
            for field in ("InputPath", "OutputPath", "ResultPath")
        ],
    ),
    (
        "a map's language is not that of its processor",
        machine({"M": {**mapped({"P": {**END, "Output": 1}}), "QueryLanguage": "JSONata"}}),
        [
            (
                SCHEMA,
                field_of_other_language("Output", "JSONPath", "JSONata"),
                "/States/M/ItemProcessor/States/P",
            )
        ],
    ),
    (
        "a JSONPath state in a JSONata machine",
        jsonata({"M": {**mapped({"A": END}, MaxConcurrency=-1), "QueryLanguage": "JSONPath"}}),
        [
            (
                SCHEMA,
                "'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine",
                "/States/M",
            ),
            (SCHEMA, "Minimum value is 0", "/States/M/MaxConcurrency"),
        ],
    ),
    (
        "an unknown language is JSONata",
        machine({"X": {**END, "QueryLanguage": "foo", "InputPath": "$.a"}}),
        [
            (SCHEMA, field_of_other_language("InputPath", "JSONata", "JSONPath"), "/States/X"),
            (SCHEMA, LANGUAGE, "/States/X/QueryLanguage"),
        ],
    ),
    (
        "an unknown language of the machine",
        machine({"X": {**END, "InputPath": "$.a"}}, QueryLanguage="jsonpath"),
        [
            (SCHEMA, LANGUAGE, "/QueryLanguage"),
            (SCHEMA, field_of_other_language("InputPath", "JSONata", "JSONPath"), "/States/X"),
        ],
    ),
    (
        "a number for a language",
        machine({"X": END}, QueryLanguage=5),
        [(SCHEMA, "Expected value of type [STRING]", "/QueryLanguage")],
    ),
    *SYNTAX,
    *PLACES,
    (
        "the root",
        jsonata({"E": {**END, "Output": "{% $$ %}"}}),
        [(UNSUPPORTED, "Reference to '$$' is not supported.", "/States/E/Output")],
    ),
    (
        "two names",
        jsonata({"E": {**END, "Output": "{% aaa + bbb %}"}}),
        [
            (
                UNSUPPORTED,
                f"Reference to '{name}' at the top level is not supported.",
                "/States/E/Output",
            )
            for name in ("aaa", "bbb")
        ],
    ),
    (
        "an error output where there is none",
        jsonata({"E": {**END, "Output": "{% $states.errorOutput %}"}}),
        [(UNSUPPORTED, "Field '$states.errorOutput' does not exist.", "/States/E/Output")],
    ),
    (
        "an error output in a catcher",
        jsonata({"T": caught({"Output": "{% $states.errorOutput %}"}), "E": END}),
        [],
    ),
    (
        "a result where there is none",
        jsonata({"T": {**TASK, "Arguments": {"a": "{% $states.result %}"}}}),
        [(UNSUPPORTED, "Field '$states.result' does not exist.", "/States/T/Arguments/a")],
    ),
    (
        "half an expression",
        jsonata({"E": {**END, "Output": {"v": "{% 1"}}}),
        [(SCHEMA, "JSONata string must start with {% and end with %}", "/States/E/Output/v")],
    ),
    (
        "fields that hold no expressions",
        jsonata(
            {"T": {**TASK, "Comment": "{% phone %}", "Retry": [{"ErrorEquals": ["{% phone %}"]}]}}
        ),
        [],
    ),
    (
        "the reserved variable",
        jsonata({"E": {**END, "Assign": {"states": 1}}}),
        [
            (
                "RESERVED_VARIABLE_NAME",
                "Cannot assign to reserved variable '$states'.",
                "/States/E/Assign/states",
            )
        ],
    ),
    (
        "a bad name of a variable",
        jsonata({"E": {**END, "Assign": {"_a": 1, "größe": 1}}}),
        [
            (
                "INVALID_VARIABLE_NAME",
                "Invalid variable name '_a': the variable name contains invalid characters.",
                "/States/E/Assign/_a",
            )
        ],
    ),
    (
        "a variable of an outer scope",
        jsonata(
            {
                "A": {"Type": "Pass", "Assign": {"x": 1}, "Next": "P"},
                "P": branch({"B": {**END, "Assign": {"x": 2, "y": 1}}}),
            }
        ),
        [
            (
                "DUPLICATE_VARIABLE_NAME",
                "The variable name 'x' was already defined in a parent scope.",
                "/States/P/Branches[0]/States/B/Assign/x",
            )
        ],
    ),
    (
        "a long name of a state",
        machine({"x" * 81: END}),
        [
            (
                "INVALID_STATE_NAME",
                f"The state name '{'x' * 81}' exceeds the 80-character limit allowed by the "
                "service",
                f"/States/{'x' * 81}",
            )
        ],
    ),
    (
        "a result path in a catcher of JSONata",
        jsonata({"T": caught({"ResultPath": "$.e"}), "E": END}),
        [
            (
                SCHEMA,
                field_of_other_language("ResultPath", "JSONata", "JSONPath"),
                "/States/T/Catch[0]",
            )
        ],
    ),
    (
        "an output in a catcher of JSONPath",
        machine({"T": caught({"Output": 1}), "E": END}),
        [(SCHEMA, field_of_other_language("Output", "JSONPath", "JSONata"), "/States/T/Catch[0]")],
    ),
    (
        "a template within a batcher",
        machine({"M": mapped({"A": END}, ItemBatcher={"BatchInput": {"a.$": "b"}})}),
        [
            (
                SCHEMA,
                "The value for the field 'a.$' must be a valid JSONPath or a valid intrinsic "
                "function call",
                "/States/M/ItemBatcher/BatchInput",
            )
        ],
    ),
    (
        "a token in an express child of a standard machine",
        machine(
            {
                "M": {
                    "Type": "Map",
                    "ItemProcessor": {
                        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"},
                        **machine(
                            {"T": {**TASK, "Resource": f"{TASK['Resource']}.waitForTaskToken"}}
                        ),
                    },
                    "End": True,
                }
            }
        ),
        [
            (
                SCHEMA,
                "Express state machine does not support '.waitForTaskToken' service integration ",
                "/States/M/ItemProcessor/States/T/Resource",
            )
        ],
    ),
]
