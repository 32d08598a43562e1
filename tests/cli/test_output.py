"""What stands in data is printed as it is, and steers neither Rich nor the terminal."""

from __future__ import annotations

import pytest

from partita.cli.output import print_table


def test_markup_in_data_is_text(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(["ID", "INPUT"], [["[red]x[/red]", "[/a]"]])
    assert capsys.readouterr().out.split() == ["ID", "INPUT", "[red]x[/red]", "[/a]"]
