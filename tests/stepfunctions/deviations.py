"""Name the recorded cases in which the endpoint differs from AWS. One that does not differ any more
fails the build. Cases whose outcome differs in the language are in `tests/asl/deviations.py`."""

from __future__ import annotations

_LATER = "recorded before AWS had this member"
_MAP_EXIT = "recorded before the exit of a distributed Map state followed MapRunStarted"

HISTORIES: dict[str, str] = {
    "scenarios/base_scenarios::test_lambda_invoke_with_retry_extended_input": _LATER,
    "scenarios/base_scenarios::test_map_state_config_distributed_reentrant": _MAP_EXIT,
    "scenarios/base_scenarios::test_map_state_config_distributed_reentrant_lambda": _MAP_EXIT,
}
"""By case, why the history differs where the outcome does not."""

STATES: dict[str, str] = {
    "test_state/field_validation_mode_present::"
    "test_present_mode_aws_sdk_lambda_get_function_task[integer_more_than_maximum_allowed]": (
        "the SDK's model of Lambda has a larger maximum by now"
    ),
}
"""By case, why the test of a single state differs."""
