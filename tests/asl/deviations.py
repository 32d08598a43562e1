"""Name the recorded cases in which Partita differs from AWS, and those that cannot be run."""

DEVIATIONS: dict[str, str] = {}
"""By case, why the outcome differs. One that does not differ any more fails the build."""

_PARTIAL = "the mock file repeats only a part of the service's answer, which is the output"
_NO_TIME = "the input's time was replaced by a placeholder"

NOT_RUN: dict[str, str] = {
    "base/wait::test_timestamp_too_far_in_future_boundary[24855]": _NO_TIME,
    "base/wait::test_timestamp_too_far_in_future_boundary[24856]": _NO_TIME,
    "mocked_integrations/base_callbacks::test_sfn_start_execution_sync[SFN_SYNC2]": _PARTIAL,
    "mocked_integrations/base_callbacks::test_sfn_start_execution_sync[SFN_SYNC]": _PARTIAL,
    "mocked_integrations/base_scenarios::"
    "test_numbered_mock_responses_multiple_success_invocations": _PARTIAL,
    "mocked_integrations/base_scenarios::test_sqs_send_message": _PARTIAL,
}
"""By case, why the recorded data are not enough to run and compare it."""
