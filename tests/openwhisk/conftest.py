"""A local OpenWhisk for a file of tests, with the actions of Apache's tests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from partita.openwhisk import conductor
from partita.server.local import openwhisk_endpoint
from tests.openwhisk import npm
from tests.openwhisk.endpoint import PYTHON
from tests.openwhisk.running import ACTIONS


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    packages = tmp_path_factory.mktemp("packages")
    packages.chmod(0o755)  # actions have users of their own
    (packages / "node_modules").symlink_to(npm.installed())
    (packages / "python").mkdir()
    (packages / "python" / "sample_package.py").write_text("VALUE = 7\n")
    with pytest.MonkeyPatch.context() as patch, openwhisk_endpoint(blocking_seconds=30) as made:
        patch.setenv("PARTITA_ACTION_PACKAGES", str(packages))
        patch.setenv("PARTITA_NODE", npm.program("node"))
        yield made


@pytest.fixture(scope="module")
def wsk(url: str) -> Any:
    client = conductor.openwhisk({"apihost": url, "api_key": "key:secret"})
    assert set(PYTHON) == {name.rpartition("/")[2] for name in ACTIONS if name[:3] == "/_/"}
    for name, code in PYTHON.items():
        client.actions.create({"name": name, "action": code})
    return client
