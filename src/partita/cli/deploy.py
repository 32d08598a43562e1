"""`deploy`: deploy a composition of actions to OpenWhisk."""

from __future__ import annotations

from typing import Any

import click

from partita.errors import InvalidOptionError
from partita.openwhisk.action_names import qualified_name
from partita.openwhisk.composition import Composition
from partita.openwhisk.composition_files import load_composition, workflow_at
from partita.openwhisk.conductor import CONDUCTOR_KIND, openwhisk
from partita.openwhisk.deploy_options import read_annotations, read_limits, with_limits


@click.command()
@click.argument("target", metavar="FILE[:NAME]")
@click.option("--to", type=click.Choice(["openwhisk"]), required=True, help="Where to.")
@click.option("--name", help="The name of the composition's own action, if it has none itself.")
@click.option("--apihost", metavar="HOST", help="OpenWhisk's host, HOST:PORT, or URL.")
@click.option("-u", "--auth", metavar="KEY", help="The authorization key.")
@click.option("--bearer", metavar="TOKEN", help="A token instead of a key.")
@click.option("--apiversion", metavar="VERSION", help="The version of the API; v1 by default.")
@click.option("-i", "--insecure", is_flag=True, help="Do not check certificates.")
@click.option("-w", "--overwrite", is_flag=True, help="Update actions that exist, in place.")
@click.option("--atomic", is_flag=True, help="Undo everything if one action is refused.")
@click.option("-a", "--annotation", metavar="KEY=VALUE", multiple=True, help="Add an annotation.")
@click.option(
    "-A", "--annotation-file", metavar="KEY=FILE", multiple=True, help="Add one with a file's JSON."
)
@click.option("-l", "--limits", "limits_", metavar="JSON", help="Limits, of actions by name.")
@click.option("-L", "--limits-file", metavar="FILE", help="Limits in a file.")
@click.option("-t", "--timeout", type=int, metavar="MS", help="The conductor's timeout.")
@click.option("-m", "--memory", type=int, metavar="MB", help="The conductor's memory.")
@click.option("--kind", default=CONDUCTOR_KIND, show_default=True, help="The conductor's runtime.")
def deploy(target: str, to: str, name: str | None, **given: Any) -> None:  # noqa: ARG001
    """Deploy a composition: of a file's function, of a JSON file, or compiled from a workflow.

    FILE:WORKFLOW is named after the workflow, and composition(NAME, ...) after its name. The host
    and the key are those of ~/.wskprops by default, as for wsk.
    """
    composition = load_composition(target)
    chosen = name or own_name(composition, target)
    deployed = deploy_compiled(composition.compile(), chosen, given)
    print(f"ok: created {','.join(deployed)}")


def own_name(composition: Composition, target: str) -> str:
    """Return the name under which a composition is deployed if none is given.

    Raises:
        InvalidOptionError: it has none.
    """
    if composition.type == "composition":
        return str(composition.name)
    workflow = workflow_at(target)
    if workflow is None:
        raise InvalidOptionError(
            f"the composition of {target} has no name; give --name, or composition(name, ...)"
        )
    return workflow.workflow_type.name


def deploy_compiled(compiled: dict[str, Any], name: str, given: dict[str, Any]) -> list[str]:
    """Deploy a compiled composition; return the names of its actions."""
    named = qualified_name(name)
    chosen = read_limits(
        given["limits_"],
        given["limits_file"],
        timeout=given.get("timeout"),
        memory=given.get("memory"),
    )
    added = read_annotations(given["annotation"], given["annotation_file"])
    ready = {**with_limits(compiled, chosen, named), "name": named, "annotations": added}
    options = ("apihost", "auth", "bearer", "apiversion", "insecure")
    client = openwhisk({option: given.get(option) for option in options})
    own = chosen.get(named, chosen.get(named.removeprefix("/_/"), chosen.get("")))
    deployed = client.compositions.deploy(
        ready,
        given["overwrite"],
        kind=given.get("kind") or CONDUCTOR_KIND,
        limits=own,
        atomic=given.get("atomic", False),
    )
    return [action["name"] for action in deployed]
