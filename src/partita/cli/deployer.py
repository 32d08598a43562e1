"""Deploy compiled workflows to AWS for the command. Needs AWS's SDK."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from partita.cli.bundle import write_file
from partita.cli.compiler import deployable_at, pysfn_at
from partita.cli.targets import file_of
from partita.errors import InvalidOptionError
from partita.stepfunctions.deploy.clients import connect
from partita.stepfunctions.deploy.deployment import Deployment
from partita.stepfunctions.deploy.pysfn_files import wanted_of_file
from partita.stepfunctions.deploy.templates import files_of
from partita.stepfunctions.deploy.templates.emission import emission_of
from partita.stepfunctions.deploy.wanted import Wanted
from partita.stepfunctions.deploy.workflows import Options, wanted_of


def wanted_at(target: str, name: str | None, given: dict[str, Any]) -> Wanted:
    """Return what the deployment of a workflow should come to; print warnings."""
    source, module = pysfn_at(target)
    if module is not None:
        options = _options(name or Path(source).stem, given)
        return _with_notes(wanted_of_file(module, source, options), "put it into a layer")
    workflow = deployable_at(target)
    options = _options(name or workflow.workflow_type.name, given)
    wanted, warnings = wanted_of(workflow, options, file_of(target))
    for one in warnings:
        print(one, file=sys.stderr)
    return _with_notes(wanted, "name it in --requirements")


def _options(name: str, given: dict[str, Any]) -> Options:
    return Options(
        name,
        given["role"] or "",
        given["function_role"],
        given["function"],
        given["requirements"],
        given["runtime"],
        given["architecture"],
        given["memory"] or Options.memory,
        given["express"],
        given["tags"],
    )


def _with_notes(wanted: Wanted, way_out: str) -> Wanted:
    for package in wanted.missing:
        print(f"partita: {package} is not in the bundle; {way_out}", file=sys.stderr)
    return wanted


def deploy(target: str, name: str | None, given: dict[str, Any]) -> None:
    """Create or update the function and the machine, or print what would be changed."""
    wanted = wanted_at(target, name, given)
    clients = connect(given["region"], given["profile"], given["endpoint"])
    deployment = Deployment(clients, wanted, given["overwrite"], given["atomic"])
    found = deployment.look()
    for line in deployment.drift(found):
        print(f"partita: {line}", file=sys.stderr)
    if given["dry_run"]:
        for line in deployment.plan(found):
            print(line)
        return
    for line in deployment.apply(found) or [
        f"nothing changed: {wanted.name} is as it was deployed"
    ]:
        print(line)


def emit(target: str, name: str | None, kind: str, folder: str, given: dict[str, Any]) -> None:
    """Write files for another tool into a folder."""
    emission = emission_of(wanted_at(target, name, given))
    for note in emission.notes:
        print(f"partita: {note}", file=sys.stderr)
    files = files_of(emission, kind)
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidOptionError(f"cannot write {folder}: {error.strerror}") from error
    for file, content in files.items():
        write_file(str(Path(folder) / file), content)
    print(f"{folder}: {', '.join(sorted(files))}")
