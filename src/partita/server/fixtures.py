"""Fixtures for pytest: endpoints with AWS's APIs and OpenWhisk's, for tests of what calls them.

Part of the plugin `partita.testing.plugin`, so it imports nothing of Partita until a fixture is
used. An endpoint requires no signature and no key, and ends with the test.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture
def partita_stepfunctions() -> Iterator[str]:
    """Serve Step Functions' API over a new database in memory; return the URL."""
    from partita.server.local import stepfunctions_endpoint

    with stepfunctions_endpoint() as url:
        yield url


@pytest.fixture
def partita_swf() -> Iterator[str]:
    """Serve Amazon SWF's API over a new database in memory; return the URL."""
    from partita.server.local import swf_endpoint

    with swf_endpoint() as url:
        yield url


@pytest.fixture
def partita_openwhisk() -> Iterator[str]:
    """Serve OpenWhisk's API over a new database in memory; return the URL."""
    from partita.server.local import openwhisk_endpoint

    with openwhisk_endpoint() as url:
        yield url
