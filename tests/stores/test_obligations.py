"""What `partita.store` obliges every store to do."""

from __future__ import annotations

import pytest

from partita.ports.store import Store
from partita.testing.conformance import STORE_CHECKS


@pytest.mark.parametrize("name", STORE_CHECKS)
def test_an_obligation(store: Store, name: str) -> None:
    STORE_CHECKS[name](store)
