"""What stands in data is printed as it is, and steers neither Rich nor the terminal."""

from __future__ import annotations

import json

import pytest

from partita.cli.output import print_row, print_table
from tests.cli.conftest import Partita


def test_markup_in_data_is_text(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(["ID", "INPUT"], [["[red]x[/red]", "[/a]"]])
    assert capsys.readouterr().out.split() == ["ID", "INPUT", "[red]x[/red]", "[/a]"]


def test_control_characters_in_data_are_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    """Ids that were chosen elsewhere than in a client may have some."""
    print_row("a\nb\tc", "e\x1b[31mred\x9b", "ünï")
    print_table(["ID"], [["a\nb"], ["e\x1b[31mred"]])
    said = capsys.readouterr().out.splitlines()
    assert said[0] == r"a\nb\tc" + "\t" + r"e\x1b[31mred\x9b" + "\tünï"
    assert [line.strip() for line in said[1:]] == ["ID", r"a\nb", r"e\x1b[31mred"]


def test_what_the_encoding_lacks_is_escaped_as_in_json(
    partita: Partita, partita_process: Partita
) -> None:
    id = "zürich→日本 😀"
    partita("start", "flow.py:sleeper", "--input", "[60]", "--id", id)
    plain = {"PYTHONIOENCODING": "ascii"}
    rows = partita_process("list", "-o", "jsonl", env=plain)
    assert rows.out.isascii()
    assert json.loads(rows.out)["workflow_id"] == id
    for command in (["list"], ["show", id], ["why", id], ["watch", "--once"]):
        said = partita_process(*command, env=plain)
        assert said.status == 0, said
        assert r"z\u00fcrich\u2192\u65e5\u672c \ud83d\ude00" in said.out
