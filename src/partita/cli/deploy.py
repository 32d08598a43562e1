"""`deploy`: a composition of actions to OpenWhisk, a workflow to AWS Step Functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from partita.cli.machine_options import import_needing, outline_option
from partita.cli.options import add_options, debug_option
from partita.errors import InvalidOptionError
from partita.openwhisk.action_names import qualified_name
from partita.openwhisk.composition import Composition
from partita.openwhisk.composition_files import load_composition, workflow_at
from partita.openwhisk.conductor import CONDUCTOR_KIND, openwhisk
from partita.openwhisk.deploy_options import read_annotations, read_limits, with_limits

F = TypeVar("F", bound=Callable[..., Any])

_OPENWHISK = (
    click.option("--apihost", metavar="HOST", help="OpenWhisk's host, HOST:PORT, or URL."),
    click.option("-u", "--auth", metavar="KEY", help="The authorization key."),
    click.option("--bearer", metavar="TOKEN", help="A token instead of a key."),
    click.option("--apiversion", metavar="VERSION", help="The version of the API; v1 by default."),
    click.option("-i", "--insecure", is_flag=True, help="Do not check certificates."),
    click.option(
        "-a", "--annotation", metavar="KEY=VALUE", multiple=True, help="Add an annotation."
    ),
    click.option(
        "-A",
        "--annotation-file",
        metavar="KEY=FILE",
        multiple=True,
        help="Add one with a file's JSON.",
    ),
    click.option("-l", "--limits", "limits_", metavar="JSON", help="Limits, of actions by name."),
    click.option("-L", "--limits-file", metavar="FILE", help="Limits in a file."),
    click.option("-t", "--timeout", type=int, metavar="MS", help="The conductor's timeout."),
    click.option(
        "--kind", default=CONDUCTOR_KIND, show_default=True, help="The conductor's runtime."
    ),
)
_AWS = (
    click.option("--role", metavar="ARN", help="Step Functions: the machine's role."),
    click.option("--function-role", metavar="ARN", help="The function's role; --role by default."),
    click.option("--function", metavar="ARN", help="Call this function, and make none."),
    click.option("--region", metavar="NAME", help="AWS's region; that of the profile by default."),
    click.option("--profile", metavar="NAME", help="A profile of AWS's configuration."),
    click.option("--endpoint", metavar="URL", help="Where AWS's services are, if not at AWS."),
    click.option(
        "--tag", "tags", metavar="KEY=VALUE", multiple=True, help="A tag of both; may be repeated."
    ),
    click.option("--express", is_flag=True, help="Make an Express machine."),
    click.option(
        "--dry-run", is_flag=True, help="Print what would be changed, and change nothing."
    ),
    click.option("--requirements", metavar="FILE", help="Packages for the function, as for pip."),
    click.option("--runtime", metavar="NAME", help="Lambda's runtime, such as python3.13."),
    click.option(
        "--architecture",
        type=click.Choice(["x86_64", "arm64"]),
        default="x86_64",
        help="Of the function.",
    ),
)
_LIVE = ("dry_run", "atomic", "overwrite", "region", "profile", "endpoint")
_ONLY = {"openwhisk": _OPENWHISK, "stepfunctions": _AWS}


def _options(command: F) -> F:
    return add_options(command, *_OPENWHISK, *_AWS)


@click.command()
@click.argument("target", metavar="FILE[:NAME]")
@click.option("--to", type=click.Choice(list(_ONLY)), help="Where to.")
@click.option(
    "--emit",
    type=click.Choice(["sam", "cloudformation", "terraform", "cdk"]),
    help="Deploy nothing: write files for this tool, for AWS.",
)
@click.option("-o", "folder", metavar="FOLDER", help="Where --emit writes.")
@click.option(
    "--name", help="Of the composition's own action, or of the machine; its own if left out."
)
@click.option("-w", "--overwrite", is_flag=True, help="Update what exists, whatever its source.")
@click.option("--atomic", is_flag=True, help="Undo everything if one part is refused.")
@click.option("-m", "--memory", type=int, metavar="MB", help="Of the conductor, or function.")
@_options
@outline_option
@debug_option
@click.pass_context
def deploy(
    ctx: click.Context,
    /,
    target: str,
    to: str | None,
    emit: str | None,
    folder: str | None,
    name: str | None,
    **given: Any,
) -> None:
    """Deploy a composition to OpenWhisk, or a workflow to AWS Step Functions.

    OpenWhisk: the composition of a file's function or a JSON file, or one compiled from a workflow.
    FILE:WORKFLOW is named after the workflow, and composition(NAME, ...) after its name. The host
    and the key are those of ~/.wskprops by default, as for wsk.

    Step Functions: FILE:WORKFLOW is compiled; its activities become one Lambda function, and both
    are created, or updated where they have changed.
    """
    to = to or ("stepfunctions" if emit else None)
    if to is None:
        raise InvalidOptionError(
            "where to? give --to openwhisk, --to stepfunctions, or --emit TOOL"
        )
    _check_options(ctx, to, emit, folder)
    if emit is not None:
        _deployer().emit(target, name, emit, folder, given)
        return
    if to == "stepfunctions":
        _deployer().deploy(target, name, given)
        return
    composition = load_composition(target)
    chosen = name or own_name(composition, target)
    deployed = deploy_compiled(composition.compile(), chosen, given)
    print(f"ok: created {','.join(deployed)}")


def own_name(composition: Composition, target: str) -> str:
    """Return the name under which a composition is deployed if none is given.

    Raises:
        InvalidOptionError: it has none.
    """
    if composition.own_name is not None:
        return composition.own_name
    workflow = workflow_at(target)
    if workflow is None:
        raise InvalidOptionError(
            f"the composition of {target} has no name; give --name, or composition(name, ...)"
        )
    return workflow.workflow_type.name


def _check_options(ctx: click.Context, to: str, emit: str | None, folder: str | None) -> None:
    """Check that no option is for deployments to elsewhere.

    Raises:
        InvalidOptionError: one is, or a role is missing.
    """
    other = next(one for one in _ONLY if one != to)
    names = {one.name for one in _parameters(_ONLY[other])}
    for parameter in ctx.command.params:
        is_given = ctx.get_parameter_source(parameter.name or "") is ParameterSource.COMMANDLINE
        if parameter.name in names and is_given:
            raise InvalidOptionError(f"{parameter.opts[-1]} is for --to {other}; leave it out")
    if (emit is None) != (folder is None) or (emit and to != "stepfunctions"):
        raise InvalidOptionError("--emit and -o belong together, for AWS; give both, or none")
    for name in _LIVE if emit is not None else ():
        if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            option = f"--{name.replace('_', '-')}"
            raise InvalidOptionError(
                f"{option} is for deployments; --emit asks no one: leave it out"
            )
    if to == "stepfunctions" and emit is None and not ctx.params["role"]:
        raise InvalidOptionError("a machine needs a role; give --role ARN")


def _parameters(options: tuple[Any, ...]) -> list[click.Parameter]:
    """Return the parameters that decorators add."""

    def command() -> None:
        """Carry them."""

    for one in options:
        one(command)
    found: list[click.Parameter] = command.__click_params__  # type: ignore[attr-defined]
    return found


def _deployer() -> Any:
    return import_needing("aws", "partita.cli.deployer", "deployments to AWS")


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
