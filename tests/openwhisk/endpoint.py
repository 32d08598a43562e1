"""Call a local OpenWhisk in tests, and look at what it has recorded."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any

from partita.errors import OpenWhiskError
from tests.conftest import until

Params = dict[str, Any]

PYTHON = {
    "DivideByTwo": "def main(p):\n    return {'n': p['n'] / 2}\n",
    "TripleAndIncrement": "def main(p):\n    return {'n': p['n'] * 3 + 1}\n",
    "isNotOne": "def main(p):\n    return {'value': p['n'] != 1}\n",
    "isEven": "def main(p):\n    return {'value': p['n'] % 2 == 0}\n",
    "echo": "def main(p):\n    return p\n",
    "fail": "def main(p):\n    return {'error': 'failed', 'n': p.get('n')}\n",
}


def invoke(wsk: Any, name: str, params: Params | None = None) -> Params:
    """Return the record of a blocking invocation, whatever it came to."""
    try:
        found: Params = wsk.actions.invoke({"name": name, "params": params, "blocking": True})
    except OpenWhiskError as error:
        return failed(error)
    return found


def failed(error: OpenWhiskError) -> Params:
    """Return the record that an error has, as those of actions have."""
    assert error.status_code == 502
    assert isinstance(error.error, dict)
    return error.error


def result(wsk: Any, name: str, params: Params | None = None) -> Any:
    return invoke(wsk, name, params)["response"]["result"]


def ended(wsk: Any, id: str) -> Params:
    """Return the record of an activation, once there is one."""
    until(lambda: wsk.record(id) is not None, 30.0)
    found: Params = wsk.record(id)
    return found


def defined(wsk: Any, name: str, code: Any, **options: Any) -> None:
    wsk.actions.update({"name": name, "action": code, **options})


def activations(wsk: Any, record: Params) -> list[Params]:
    """Return the activations of one invocation, the first one first."""
    listed = wsk.request("GET", f"namespaces/_/activations?limit=200&since={record['start']}")
    mine = {record["activationId"], *record["logs"]}
    found = [one for one in listed if one["activationId"] in mine]
    return list(reversed(found))


def without_texts(value: Any) -> Any:
    """Replace the text of an absent action's error, which OpenWhisk words differently."""
    text = json.dumps(value)
    is_absent = "no action" in text or "Failed to resolve action" in text
    return "absent" if is_absent else value


def archive(files: Mapping[str, str], zeros: int = 0) -> str:
    """Return a zip archive in base64; one of its files may have so many megabytes of zeros."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as made:
        for name, text in files.items():
            made.writestr(name, text)
        if zeros:
            with made.open("zeros", "w") as file:
                for _ in range(zeros):
                    file.write(bytes(1 << 20))
    return base64.b64encode(data.getvalue()).decode()
