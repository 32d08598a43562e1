"""URLs of backends that cannot be read are one clear line, for clients and for the doctor."""

from __future__ import annotations

import pytest

from partita.connect import connect, maintenance, sqlite_path
from partita.errors import InvalidOptionError

UNREADABLE = (
    *("postgresql://[", "postgresql://[::1", "postgresql://h]/x", "postgres://u:secret@[", "x://["),
    *("sqlite://[", "memory://[", "http://[", "swf://[", "stepfunctions://[", "[", ":", "://"),
    *("swf://us-east-1/d?endpoint=http://[", "stepfunctions://eu?endpoint=http://["),
)


@pytest.mark.parametrize("url", UNREADABLE)
def test_a_url_that_cannot_be_read(url: str) -> None:
    for use in (connect, maintenance):
        with pytest.raises(InvalidOptionError) as caught:
            use(url)
        assert "\n" not in str(caught.value)
        assert "secret" not in str(caught.value)


def test_the_scheme_is_read_in_any_case() -> None:
    assert sqlite_path("SQLite:///a.db") == "a.db"
    assert sqlite_path("postgresql://[") is None
