"""npm's packages at work against a local OpenWhisk."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from partita.openwhisk.portable_json import compiled
from tests.openwhisk import npm
from tests.openwhisk.endpoint import result, without_texts
from tests.openwhisk.running import run
from tests.openwhisk.test_npm import NOT_RUN, WRITTEN
from tests.soak import scaled

NAMES = [name for name in WRITTEN if name not in NOT_RUN]
SOME = scaled(NAMES[::5], NAMES)


def test_npms_composer_deploys_here_and_both_conductors_agree(url: str, wsk: Any) -> None:
    cases = []
    for name in SOME:
        composition, params = WRITTEN[name]
        action = f"npm {name}".replace(" ", "_")
        cases.append({"name": action, "json": compiled(composition, "js")["composition"]})
        cases[-1]["params"] = params
    done = subprocess.run(
        [npm.program("node"), str(Path(__file__).with_name("npm_endpoint.js"))],
        input=json.dumps({"apihost": url, "cases": cases}),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=100,
        env={"NODE_PATH": str(npm.installed()), "PATH": ""},
    )
    told = json.loads(done.stdout)
    assert {case["name"] for case in cases} <= set(told["names"])
    for name, theirs in zip(SOME, told["answers"], strict=True):
        composition, params = WRITTEN[name]
        expected = run(composition, dict(params))
        assert without_texts(theirs) == without_texts(expected), name
        wsk.compositions.deploy({"name": "ours", **composition.compile()}, True)
        assert without_texts(result(wsk, "ours", dict(params))) == without_texts(expected), name
