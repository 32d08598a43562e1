"""What stands in data is printed as it is, and steers neither Rich nor the terminal."""

from __future__ import annotations

import pytest

from partita.cli.output import print_row, print_table


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
