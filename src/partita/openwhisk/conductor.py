"""Make conductor actions of compositions, and deploy them: Apache's `conductor` module.

A conductor action is one Python file: the code of `conductor_action` and the program.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from partita.errors import ComposerError
from partita.openwhisk.action_names import qualified_name
from partita.openwhisk.composer import parse
from partita.openwhisk.composition import Composition
from partita.openwhisk.deployment import deploy_actions
from partita.openwhisk.emitter.actions import values_source
from partita.openwhisk.host import Host
from partita.openwhisk.host_settings import HostSettings, host_settings
from partita.openwhisk.json_text import json_text
from partita.openwhisk.portable_json import VERSION, compiled
from partita.openwhisk.states import program_of

__all__ = ["ComposerError", "openwhisk", "synthesize"]

__version__ = VERSION

CONDUCTOR_KIND = "python:default"


def conductor_code(composition: Composition) -> str:
    """Return the code of the conductor action of a composition."""
    program = json.dumps(program_of(composition))
    library = _library() if "StepValues(" in program else ""
    if '"type": "parallel"' in program or '"type": "map"' in program:
        library += _barrier()
    return f"{_runtime()}\n{library}\nPROGRAM = json.loads({program!r})\n\n\n" + (
        "def main(args):\n    return conduct(PROGRAM, args)\n"
    )


@cache
def _runtime() -> str:
    return Path(__file__).with_name("conductor_action.py").read_text(encoding="utf-8").rstrip()


@cache
def _barrier() -> str:
    """Return what waits for branches by Redis."""
    source = Path(__file__).with_name("redis_barrier.py").read_text(encoding="utf-8")
    return f"\n\n{source.rstrip()}\n\n\nBARRIER = RedisBarrier\n"


def synthesize(
    composition: Mapping[str, Any],
    kind: str = CONDUCTOR_KIND,
    limits: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the conductor action of a compiled composition that has a `name`.

    Raises:
        ComposerError: it has no name, or is no composition.
    """
    name = qualified_name(composition.get("name"))
    tree = parse(dict(composition))
    ast = (
        json_text(composition["ast"]) if "ast" in composition else json_text(compiled(tree)["ast"])
    )
    annotations = [
        *composition.get("annotations", []),
        {"key": "conductor", "value": ast},
        {"key": "composerVersion", "value": composition.get("version", VERSION)},
        {"key": "conductorVersion", "value": VERSION},
        {"key": "provide-api-key", "value": True},
    ]
    action: dict[str, Any] = {
        "exec": {"kind": kind, "code": conductor_code(tree)},
        "annotations": annotations,
    }
    if limits:
        action["limits"] = dict(limits)
    return {"name": name, "action": action}


@cache
def _library() -> str:
    """Return what steps of compiled workflows use."""
    return f"\n\n{values_source()}\n\n\nLIBRARY['StepValues'] = StepValues\n"


class Compositions:
    """Deploys compositions to a host."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def deploy(
        self,
        composition: Mapping[str, Any],
        overwrite: bool = False,
        *,
        kind: str = CONDUCTOR_KIND,
        limits: Mapping[str, Any] | None = None,
        atomic: bool = False,
    ) -> list[dict[str, Any]]:
        """Deploy a compiled composition with a `name`; return the actions, the conductor last.

        Raises:
            ComposerError: it is no composition, or has no name.
            DeploymentError: an action was refused.
        """
        conductor = synthesize(composition, kind, limits)
        actions = [*composition.get("actions", []), conductor]
        deploy_actions(self._host, actions, overwrite=overwrite, atomic=atomic)
        return actions


class Client(Host):
    """A host to which compositions can be deployed."""

    def __init__(self, settings: HostSettings) -> None:
        super().__init__(settings)
        self.compositions = Compositions(self)


def openwhisk(options: Mapping[str, Any] | None = None) -> Client:
    """Return a client for the host that options, variables and `.wskprops` give.

    Options are `apihost`, `api_key`, `apiversion`, `namespace`, `bearer` and `ignore_certs`.

    Raises:
        InvalidOptionError: no host is given, or no key.
    """
    names = {"api_key": "auth", "ignore_certs": "insecure"}
    known = {names.get(name, name): value for name, value in (options or {}).items()}
    return Client(host_settings(known, os.environ))
