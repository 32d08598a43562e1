"""Tokens are words of a command line, too."""

from __future__ import annotations

import pytest

from partita.swf.faults import ValidationFault
from partita.swf.tokens import Seal


def test_no_token_looks_like_an_option() -> None:
    for number in range(300):
        seal = Seal(f"{number}".encode())
        token = seal.close("task", [number, "x"])
        assert token[0].isalpha()
        assert seal.open("task", token) == [number, "x"]
        with pytest.raises(ValidationFault):
            seal.open("page", token)
