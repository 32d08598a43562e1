from __future__ import annotations

import pytest

from partita.integrations.services import Services
from partita.integrations.settings import ServiceSettings
from tests.integrations.moto import moto


@pytest.fixture(scope="session")
def services() -> Services:
    """Return the services of a state machine, at moto's server."""
    return Services(ServiceSettings(endpoint=moto()))
