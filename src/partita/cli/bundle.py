"""`bundle`: write a workflow's activities as a zip for AWS Lambda."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from partita.cli.machine_options import emitter, outline_option
from partita.cli.options import debug_option, target_argument
from partita.errors import InvalidOptionError

_CALLS = 'an object such as {"charge": {"card": "visa"}}'


@click.command()
@target_argument
@click.option("-o", "file", metavar="ZIP", required=True, help="The file to write.")
@click.option("--check", is_flag=True, help="Load it in a bare interpreter; try each activity.")
@click.option(
    "--call",
    "calls",
    metavar="FILE",
    help="With --check: call activities; JSON of arguments, or a list of them, by activity.",
)
@click.option("--requirements", metavar="FILE", help="Packages to add, as for pip.")
@click.option(
    "--runtime",
    metavar="NAME",
    help="Lambda's runtime, such as python3.13; this interpreter's by default.",
)
@click.option(
    "--architecture",
    type=click.Choice(["x86_64", "arm64"]),
    default="x86_64",
    show_default=True,
    help="Of the function.",
)
@outline_option
@debug_option
def bundle(
    target: str,
    file: str,
    check: bool,
    calls: str | None,
    requirements: str | None,
    runtime: str | None,
    architecture: str,
) -> None:
    """Write a zip with a workflow's activities as one function for AWS Lambda.

    It has the workflow's module, the modules of one's own that it imports, and what calls the
    activities: handler partita.handler.dispatch. The same files give the same bytes.
    """
    if calls is not None and not check:
        raise InvalidOptionError("--call is for --check; give both")
    made = emitter().bundle_at(target, requirements, runtime, architecture)
    for name in made.missing:
        print(f"partita: {name} is not in the bundle; name it in --requirements", file=sys.stderr)
    given = [] if calls is None else read_calls(calls, made.activities)
    answers = emitter().check_bundle(made, calls=given) if check else []
    write_file(file, made.content)
    for (name, _), answer in zip(given, answers, strict=True):
        print(f"{name}: {json.dumps(answer, ensure_ascii=False)}")
    names = ", ".join(made.activities) or "none"
    print(f"{file}: {len(made.files)} files, {len(made.content):,} bytes; activities: {names}")


def read_calls(file: str, activities: Sequence[str]) -> list[tuple[str, dict[str, Any]]]:
    """Return the calls that a file has for activities, in its order.

    Raises:
        InvalidOptionError: it cannot be read, or is of another form.
    """
    try:
        given = json.loads(Path(file).read_text("utf-8"))
    except OSError as error:
        raise InvalidOptionError(f"cannot read {file}: {error.strerror}") from error
    except ValueError as error:
        raise InvalidOptionError(f"{file} is not JSON ({error}); give {_CALLS}") from error
    lists = {} if not isinstance(given, dict) else given
    found = [(name, one) for name, some in lists.items() for one in _listed(some)]
    if lists is not given or not all(isinstance(one, dict) for _, one in found):
        raise InvalidOptionError(f"{file} has no arguments by name; give {_CALLS}")
    for name in lists:
        if name not in activities:
            known = ", ".join(activities) or "none"
            raise InvalidOptionError(f"{file} calls {name}, and the bundle has: {known}")
    return found


def _listed(some: Any) -> list[Any]:
    return some if isinstance(some, list) else [some]


def write_file(file: str, content: bytes) -> None:
    """Write a file whole, or not at all.

    Raises:
        InvalidOptionError: it cannot be written.
    """
    part = Path(f"{file}.part")
    try:
        part.write_bytes(content)
        os.replace(part, file)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise InvalidOptionError(f"cannot write {file}: {error.strerror}") from error
