"""A test that says `import flow` and `env.run(flow.wf)` is served what `flow` defines."""

from __future__ import annotations

import pytest

FLOW = """
from partita import activity, workflow

@activity
def double(x: int) -> int:
    return 2 * x

@workflow
def doubled(x: int) -> int:
    return double(x)
"""

TESTS = """
import json

import flow_of_a_test

def test_it(partita_environment):
    assert partita_environment.run(flow_of_a_test.doubled, 5) == 10
"""


def test_modules_that_are_imported_whole_are_served(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(flow_of_a_test=FLOW, test_flow=TESTS)
    done = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    done.assert_outcomes(passed=1)
