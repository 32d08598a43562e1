"""Structured programs as SVG and as Mermaid."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from partita.graph import Cycle, Flow, Region, Shape, Step, Structure, Ways, mermaid, svg
from partita.graph.nesting import WIDTH, Drawing, arrange

SVG = "{http://www.w3.org/2000/svg}"
BAD = 'if a < "b" & c: \x00 \ud800 #1; `x`'


def step(label: str, line: int) -> Step:
    return Step(label, "task", line)


def choice(label: str, line: int) -> Step:
    return Step(label, "choice", line, Shape.CHOICE)


def program(first: Flow = (), inner: Flow = (), last: Flow = ()) -> Structure:
    flow: Flow = (
        *first,
        step("charge", 1),
        Ways(choice("paid", 2), (("yes", (step("ship", 3), *inner)), ("no", ()))),
        Cycle(choice("x in xs", 4), (step("note", 5),), (step("after", 6),)),
        Region(Step("try", "region", 7), (step("mail", 8),), (("OSError", (step("log", 9),)),)),
        Step("stop", "pass", 10),
        *last,
    )
    return Structure("order", flow)


def places(drawing: Drawing) -> dict[str, tuple[float, float]]:
    return {one.step.label: (one.x, one.y) for one in drawing.boxes}


def test_each_box_carries_its_line() -> None:
    root = ElementTree.fromstring(svg(program()))
    lines = {one.get("data-line") for one in root.iter(f"{SVG}g")}
    assert lines == {str(number) for number in range(1, 11)}
    texts = {"".join(one.itertext()) for one in root.iter(f"{SVG}text")}
    assert {"charge", "line 1", "x in xs", "line 4", "yes", "OSError", "try · line 7"} <= texts


def test_any_text_can_be_drawn() -> None:
    structure = Structure(BAD, (Ways(choice(BAD, 1), ((BAD, (step(BAD, 2),)), (BAD, ()))),))
    ElementTree.fromstring(svg(structure))
    assert '"if a #60; #quot;b#quot; #38; c:' in mermaid(structure)


def test_boxes_do_not_overlap() -> None:
    drawing = arrange(program())
    boxes = [one for one in drawing.boxes if not one.is_holder]
    for number, one in enumerate(boxes):
        for other in boxes[number + 1 :]:
            apart = one.y + one.height <= other.y or other.y + other.height <= one.y
            assert apart or abs(one.x - other.x) >= WIDTH
    assert all(0 <= one.x <= one.x + one.width <= drawing.width for one in boxes)
    assert all(0 <= one.y <= one.y + one.height <= drawing.height for one in boxes)


def test_an_edit_moves_only_what_comes_after_it() -> None:
    before = places(arrange(program()))
    loop = Cycle(choice("y in ys", 11), (step("more", 12),))
    after = places(
        arrange(program(last=(loop, Step("all", inner=((step("a", 1),), (step("b", 2),))))))
    )
    assert all(after[label] == place for label, place in before.items() if label != "end")
    edited = places(arrange(program(inner=(step("insured", 3),))))
    assert {label for label in before if edited[label] == before[label]} == {
        *("start", "charge", "paid", "ship")
    }
    assert all(edited[label][0] == x for label, (x, _) in before.items())


def test_mermaid_has_the_same_ways() -> None:
    lines = mermaid(program()).splitlines()
    names = dict(re.findall(r'^ +(n\d+)\W+"(\w[\w ]*)<br/>', "\n".join(lines), re.M))
    found = re.findall(
        r"^ +(n\d+) (\S+)> ?(?:\|.*\| )?(n\d+)$".replace(">", ""), "\n".join(lines), re.M
    )
    edges = {
        (names.get(source), arrow.partition("|")[0], names.get(target))
        for source, arrow, target in found
    }
    assert ("note", "==>", "x in xs") in edges
    assert ("x in xs", "-->", "after") in edges
    assert ("paid", "-->", "x in xs") in edges
    assert ("try", "-.->", "log") in edges
    assert ("log", "-->", "stop") in edges
