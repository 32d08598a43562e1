"""Tokens are words of a command line, too."""

from __future__ import annotations

import string

import pytest

from partita.aws.faults import ValidationFault
from partita.aws.tokens import Seal


def test_no_token_looks_like_an_option() -> None:
    for number in range(300):
        seal = Seal(f"{number}".encode())
        token = seal.close("task", [number, "x"])
        assert token[0].isalpha()
        assert seal.open("task", token) == [number, "x"]
        with pytest.raises(ValidationFault):
            seal.open("page", token)


@pytest.mark.parametrize("content", ["", "x", "xx", {"page": 3}])
def test_a_token_has_one_spelling(content: object) -> None:
    """Base64 leaves bits of a last letter unread, and has another alphabet, and padding."""
    seal = Seal(b"key")
    token = seal.close("task", content)
    letters = string.ascii_letters + string.digits + "-_+/="
    for at in (0, len(token) // 2, len(token) - 1):
        for letter in letters.replace(token[at], ""):
            with pytest.raises(ValidationFault):
                seal.open("task", token[:at] + letter + token[at + 1 :])
    altered = [token + more for more in ("=", "==", "\n", "A")]
    for bad in (*altered, token[:-1], "é", "\ud800"):
        with pytest.raises(ValidationFault):
            seal.open("task", bad)
    assert seal.open("task", token) == content
