"""An error two modules away from those that raise and catch it."""

from __future__ import annotations

import json

from tests.values import farther_errors


class FarError(json.JSONDecodeError):
    """Say more than its base."""

    def __init__(self) -> None:
        super().__init__("far", "document", 3)
        self.away = 2


def down() -> None:
    raise farther_errors.FartherError(limit=5) from FarError()
