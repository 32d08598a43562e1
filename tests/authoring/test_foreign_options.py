"""Options of other libraries on classes: what to write instead."""

from __future__ import annotations

from typing import Any

import pytest

from partita import Activity, Workflow
from partita.deciders import Decider
from partita.errors import InvalidOptionError

WORKFLOWS: dict[str, tuple[Any, str]] = {
    "NAME": ("flow", "write name"),
    "VERSION": ("2", "write version"),
    "OPTIONS": ({"task_list": "x"}, "such as task_list"),
    "execution_timeout": (3600, "write execution_start_to_close"),
    "decision_tasks_timeout": ("300", "write task_start_to_close"),
    "tag_list": (["a"], "write tags"),
    "raises_on_failure": (False, "catch the error"),
    "execution_start_to_close_timeout": (5, "write execution_start_to_close"),
}


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_workflow_class_says_what_to_write_instead(name: str) -> None:
    value, said = WORKFLOWS[name]
    for base in (Workflow, Decider):
        with pytest.raises(InvalidOptionError, match=said) as caught:
            type("Mine", (base,), {"run": lambda self: None, name: value})
        assert str(caught.value).startswith(f"class Mine: {name} is no option here")
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("VERSION", "write version"),
        ("start_to_close_timeout", "write start_to_close"),
        ("schedule_to_start_timeout", "write schedule_to_start"),
        ("raises_on_failure", "catch the error"),
    ],
)
def test_an_activity_class_says_what_to_write_instead(name: str, said: str) -> None:
    with pytest.raises(InvalidOptionError, match=said):
        type("Work", (Activity,), {"execute": lambda self: None, name: 5})


def test_what_a_base_class_says_is_checked_too() -> None:
    class Common(Workflow, abstract=True):
        execution_timeout = 60

    with pytest.raises(InvalidOptionError, match="class Mine: execution_timeout is no option"):
        type("Mine", (Common,), {"run": lambda self: None})


def test_constants_with_an_underscore_are_ones_own() -> None:
    class Fine(Workflow, abstract=True):
        _NAME = "x"
        _OPTIONS: Any = {}
        tags = ("a",)

    assert Fine.tags == ("a",)
