"""Draw compositions, and runs of them."""

from __future__ import annotations

from typing import Any

import pytest

from partita.graph import mermaid, svg
from partita.openwhisk import composer
from partita.openwhisk.compositions import composition_workflow
from partita.openwhisk.pictures import outline_of, picture, picture_of_run
from partita.openwhisk.portable_json import labelled
from partita.testing import Environment
from tests.openwhisk.running import actions, call_action


def drawn(composition: Any) -> list[str]:
    """Return the lines of a picture as Mermaid, without the arrows."""
    found = picture(outline_of(labelled(composer.task(composition))), "test")
    svg(found)
    return [line.strip() for line in mermaid(found).splitlines()[1:]]


def test_a_choice_has_two_ways() -> None:
    assert drawn(composer.when("isEven", "DivideByTwo", lambda p: p)) == [
        'n0((" "))',
        'n1{{"isEven"}}',
        'n2["DivideByTwo"]',
        'n3["lambda p: p"]',
        'n4(((" ")))',
        "n0 --> n1",
        'n1 -->|"yes"| n2',
        'n1 -->|"no"| n3',
        "n2 --> n4",
        "n3 --> n4",
    ]


@pytest.mark.parametrize(
    ("composition", "boxes"),
    [
        (composer.loop(lambda p: False, "a"), ['{{"lambda p: False"}}', '["a"]']),
        (composer.doloop("a", "b"), ['{{"doloop"}}', '["a"]', '{{"b"}}']),
        (composer.repeat(3, "a"), ['{{"repeat 3 times"}}', '["a"]']),
        (composer.retry(2, "a"), ['["retry 2 times"]', '["a"]']),
        (composer.do("a", "b"), ['["do"]', '["a"]', '["b"]']),
        (composer.ensure("a", "b"), ['["ensure"]', '["a"]', '["b"]']),
        (composer.let({"x": 1}, "a"), ['["let x = 1"]', '["a"]']),
        (composer.literal({"n": 1}), ['["{#quot;n#quot;: 1}"]']),
        (composer.mask(composer.seq("a", None)), ['["a"]']),
    ],
)
def test_combinators_are_boxes(composition: Any, boxes: list[str]) -> None:
    arrows = ("-->", "==>", "-.->")
    found = [line for line in drawn(composition) if not any(one in line for one in arrows)]
    shown = [line.lstrip("n0123456789") for line in found]
    assert [line for line in shown if line not in ('((" "))', '(((" ")))')] == boxes


def test_branches_are_side_by_side() -> None:
    found = "\n".join(drawn(composer.parallel("a", composer.map("b"))))
    assert 'subgraph n1 ["parallel"]' in found
    assert found.index('["a"]') < found.index('["map"]') < found.index('["b"]')


def test_a_picture_of_a_run_says_what_actions_came_to() -> None:
    composition = composer.do(
        composer.sequence(composer.repeat(2, "TripleAndIncrement"), "absent"), lambda p: {}
    )
    made = composition_workflow(composition, "drawn")
    with actions(call_action), Environment(workflows=[made], activities=[]) as env:
        handle = env.start(made, {"n": 1})
        assert handle.result() == {}
        events = handle.history()
    found = picture_of_run(events, "drawn")
    assert found is not None
    text = mermaid(found)
    assert '["TripleAndIncrement: succeeded, run 2"]' in text
    assert '["absent: failed"]' in text
    assert 'class="box task succeeded"' in svg(found)
