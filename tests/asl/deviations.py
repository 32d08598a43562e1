"""Name the recorded cases in which Partita differs from AWS, and those that cannot be run."""

DEVIATIONS: dict[str, str] = {}
"""By case, why the outcome differs. One that does not differ any more fails the build."""

_NO_TIME = "the input's time was replaced by a placeholder; run by the endpoint's tests"

NOT_RUN: dict[str, str] = {
    "base/wait::test_timestamp_too_far_in_future_boundary[24855]": _NO_TIME,
    "base/wait::test_timestamp_too_far_in_future_boundary[24856]": _NO_TIME,
}
"""By case, why the recorded data are not enough to run and compare it."""
