"""Graphs as SVG and as Mermaid."""

from __future__ import annotations

from xml.etree import ElementTree

from partita.graph import Box, Edge, Graph, Shape, mermaid, svg

SVG = "{http://www.w3.org/2000/svg}"
BAD = 'a "quoted" <b>&amp;</b> \x00 \ud800 #1; `x`'
MERMAID_BAD = "a #quot;quoted#quot; #60;b#62;#38;amp;#60;/b#62;   \ufffd #35;1; #96;x#96;"
GRAPH = Graph(
    (
        Box("s", "start", shape=Shape.START),
        Box("c", "Choose", "choice", shape=Shape.CHOICE),
        Box("t", BAD, "task", detail=BAD),
        Box("m", "Each", "map", shape=Shape.STACK, inner=(Graph((Box("i", "inner"),)),)),
        Box(
            "p",
            "Both",
            "parallel",
            inner=(Graph((Box("a", "A"),), label="one"), Graph((Box("b", "B"),), label="two")),
        ),
        Box("e", "end", shape=Shape.END),
    ),
    (
        Edge("s", "c"),
        Edge("c", "t", BAD, "choice"),
        Edge("c", "m", "otherwise"),
        Edge("t", "c", "again"),
        Edge("m", "p", "Busy", "catch"),
        Edge("p", "e"),
    ),
    BAD,
)


def test_an_svg_is_well_formed_whatever_the_texts_are() -> None:
    root = ElementTree.fromstring(svg(GRAPH))
    texts = ["".join(element.itertext()) for element in root.iter(f"{SVG}text")]
    assert {"Choose", "Each", "inner", "Both", "A", "B", "otherwise"} <= {*texts}
    assert any('"quoted" <b>&amp;</b>' in text for text in texts)


def test_kinds_are_classes_and_loops_are_drawn_as_such() -> None:
    root = ElementTree.fromstring(svg(GRAPH))
    classes = [element.get("class") or "" for element in root.iter()]
    assert classes.count("box task") == 1
    assert classes.count("box map holder") == 3  # two of them behind
    assert "edge catch" in classes
    assert classes.count("edge loop") == 1
    assert len(list(root.iter(f"{SVG}polygon"))) == 1
    assert len(list(root.iter(f"{SVG}circle"))) == 2


def test_a_status_is_a_class() -> None:
    drawn = svg(Graph((Box("a", "A", "task", status="failed"),)))
    assert 'class="box task failed"' in drawn


def test_a_drawing_is_the_same_every_time() -> None:
    assert svg(GRAPH) == svg(GRAPH)
    assert mermaid(GRAPH) == mermaid(GRAPH)


def test_a_flowchart() -> None:
    assert mermaid(GRAPH).splitlines() == [
        "flowchart TD",
        '    n0((" "))',
        '    n1{{"Choose"}}',
        f'    n2["{MERMAID_BAD}<br/>{MERMAID_BAD}"]',
        '    subgraph n3 ["Each"]',
        '        n3b0n0["inner"]',
        "    end",
        '    subgraph n4 ["Both"]',
        '        subgraph n4b0 ["one"]',
        '            n4b0n0["A"]',
        "        end",
        '        subgraph n4b1 ["two"]',
        '            n4b1n0["B"]',
        "        end",
        "    end",
        '    n5(((" ")))',
        "    n0 --> n1",
        f'    n1 -->|"{MERMAID_BAD}"| n2',
        '    n1 -->|"otherwise"| n3',
        '    n2 ==>|"again"| n1',
        '    n3 -.->|"Busy"| n4',
        "    n4 --> n5",
    ]
