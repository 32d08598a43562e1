"""Describe what a deployment of a file of pyawssfn creates: its zip, and its machine."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

from partita.errors import InvalidOptionError
from partita.stepfunctions.bundle.requirements import this_runtime
from partita.stepfunctions.deploy.definitions import OWN_FUNCTION
from partita.stepfunctions.deploy.wanted import FunctionSettings, Wanted
from partita.stepfunctions.deploy.workflows import LONGEST_TIMEOUT, Options, check, tag
from partita.stepfunctions.emitter.states import states_of
from partita.stepfunctions.pysfn.lambda_package import HANDLER, left_out, zip_of
from partita.stepfunctions.pysfn.machine import machine
from partita.stepfunctions.pysfn.workflows import program_of


def wanted_of_file(module: ModuleType, source: str, options: Options) -> Wanted:
    """Return what is wanted of a file.

    Raises:
        CompileError: it is not of pyawssfn's language.
        InvalidOptionError: an option is none that AWS has, or none for such files.
    """
    check(options)
    if options.requirements is not None:
        raise InvalidOptionError(
            "--requirements is for bundles, and the zip of a file of pyawssfn holds nothing else; "
            "put packages into a layer"
        )
    if options.function is not None and not options.function.startswith("arn:"):
        raise InvalidOptionError(
            f"--function {options.function!r} is no ARN, by which machines of pyawssfn call it; "
            "give arn:aws:lambda:REGION:ACCOUNT:function:NAME"
        )
    program = program_of(module, source)
    definition = machine(program, OWN_FUNCTION)
    about: dict[str, Any] = {"kind": "EXPRESS" if options.is_express else "STANDARD"}
    about |= {"function": options.function, "own_tags": tuple(map(tag, options.tags))}
    if options.function is None and _calls_it(definition):
        file = str(module.__file__)
        content, missing = zip_of(file), tuple(left_out(file))
        about |= {"content": content, "missing": missing, "settings": _settings(options)}
    workflow = f"{Path(str(module.__file__)).stem}:{program.name}"
    return Wanted(options.name, workflow, definition, (), options.role, **about)


def _calls_it(definition: dict[str, Any]) -> bool:
    return any(state.get("Resource") == OWN_FUNCTION for _, state in states_of(definition))


def _settings(options: Options) -> FunctionSettings:
    return FunctionSettings(
        options.function_role or options.role,
        options.runtime or this_runtime(),
        options.architecture,
        LONGEST_TIMEOUT,
        options.memory,
        HANDLER,
    )
