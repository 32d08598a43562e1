"""One endpoint for all tests of a process; each test makes machines of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.stepfunctions.endpoint import Endpoint, endpoint


@pytest.fixture(scope="session")
def sfn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    mocks = tmp_path_factory.mktemp("mocks") / "mocks.json"
    with endpoint(mocks=str(mocks)) as made:
        yield made
