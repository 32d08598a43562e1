from __future__ import annotations

from pathlib import Path

import pytest

from tests.deploy.shop import Shop


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """A shop that is not deployed yet."""
    return Shop(tmp_path)
