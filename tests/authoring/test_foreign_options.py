"""Options of other libraries on classes: what to write instead."""

from __future__ import annotations

from datetime import timedelta
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
    "tagList": (["a"], "write tags"),
    "tags_list": (("a",), "write tags"),
    "timeout": (timedelta(hours=1), "write execution_start_to_close"),
    "decision_timeout": (None, "write task_start_to_close"),
    "raise_on_failure": (True, "catch the error"),
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
        ("OPTIONS", "such as task_list"),
        ("start_to_close_timeout", "write start_to_close"),
        ("schedule_to_start_timeout", "write schedule_to_start"),
        ("execution_timeout", "write start_to_close"),
        ("scheduled_timeout", "write schedule_to_start"),
        ("heartbeat", "write heartbeat_timeout"),
        ("tag_list", "an activity has no tags"),
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


@pytest.mark.parametrize(
    ("name", "option"),
    [("TASK_LIST", "task_list"), ("childPolicy", "child_policy"), ("task_lists", "task_list")],
)
def test_another_spelling_is_told(name: str, option: str) -> None:
    for base in (Workflow, Decider):
        with pytest.raises(InvalidOptionError, match=f"{name}; did you mean {option}"):
            type("Mine", (base,), {"run": lambda self: None, name: "x"})


def test_code_may_have_such_a_name() -> None:
    """Methods, properties, activities and hints without a value are no options."""

    class Fine(Workflow):
        decision_timeout: int

        def run(self) -> str:
            return f"{self.timeout()} {self.tag_list} {self.execution_timeout}"

        def timeout(self) -> int:
            return 5

        @property
        def tag_list(self) -> str:
            return "a property"

        def __init__(self) -> None:
            self.execution_timeout = "an attribute"

    assert Fine.definition() == "5 a property an attribute"

    class Beating(Activity):
        def execute(self) -> None: ...

        def heartbeat(self, details: Any = None) -> None: ...

    assert Beating.call() is None


def test_constants_with_an_underscore_are_ones_own() -> None:
    class Fine(Workflow, abstract=True):
        _NAME = "x"
        _OPTIONS: Any = {}
        tags = ("a",)

    assert Fine.tags == ("a",)
