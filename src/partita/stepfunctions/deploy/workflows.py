"""Describe what a deployment of a workflow creates."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from partita.authoring.workflow import WorkflowDefinition
from partita.compile import CompileError, compile_workflow
from partita.compile.activity_calls import activities_of, functions_of
from partita.compile.diagnostics import Diagnostic
from partita.compile.tree import Program
from partita.errors import InvalidOptionError
from partita.stepfunctions.bundle import Target, bundle_of, install, source_of
from partita.stepfunctions.bundle.requirements import RUNTIMES, this_runtime
from partita.stepfunctions.deploy.definitions import calls_own_function
from partita.stepfunctions.deploy.wanted import FunctionSettings, Wanted
from partita.stepfunctions.emitter import emit, express_errors, warnings

LONGEST_TIMEOUT = 900
"""Seconds that a function may run; Lambda's limit."""

_GRACE = 5
"""Seconds by which the machine's own limit comes first, which handlers know as a timeout."""

_LONGEST_KEY, _LONGEST_VALUE = 128, 256  # of a tag
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_ROLE = re.compile(r"arn:aws[\w-]*:iam::\d{12}:role/\S+")


@dataclass(frozen=True)
class Options:
    """How a workflow is deployed."""

    name: str
    role: str = ""  # none where another tool makes it
    function_role: str | None = None
    function: str | None = None  # the ARN or name of one that exists
    requirements: str | None = None
    runtime: str | None = None
    architecture: str = "x86_64"
    memory: int = 256  # MB
    is_express: bool = False
    tags: tuple[str, ...] = ()  # KEY=VALUE


def wanted_of(
    workflow: WorkflowDefinition[..., Any], options: Options, filename: str | None = None
) -> tuple[Wanted, list[Diagnostic]]:
    """Return what is wanted, and warnings of the compiler and of what the bundle lacks.

    Raises:
        CompileError: the workflow cannot be compiled.
        BundleError: its bundle cannot be made.
        InvalidOptionError: a name, a role, a runtime or a time is none that AWS has.
    """
    check(options)
    program = compile_workflow(workflow, filename)
    machine = emit(program)
    errors = express_errors(program, machine) if options.is_express else []
    if errors:
        raise CompileError(errors)
    both = sorted(activities_of(program).keys() & functions_of(program).keys())
    if both:
        raise InvalidOptionError(f"{both[0]} names an activity and a Lambda function; rename one")
    kind = "EXPRESS" if options.is_express else "STANDARD"
    source, activities = source_of(workflow), tuple(sorted(activities_of(program)))
    about: dict[str, Any] = {"kind": kind, "function": options.function}
    about["own_tags"] = tuple(map(tag, options.tags))
    if options.function is None and calls_own_function(machine, activities):
        about |= _function(workflow, program, options, filename)
    made = Wanted(options.name, source, machine, activities, options.role, **about)
    return made, warnings(program)


def _function(
    workflow: WorkflowDefinition[..., Any], program: Program, options: Options, filename: str | None
) -> dict[str, Any]:
    runtime = options.runtime or this_runtime()
    target = Target(runtime, options.architecture)
    packages = install(options.requirements, target) if options.requirements else {}
    bundle = bundle_of(workflow, packages, filename=filename)
    settings = FunctionSettings(
        options.function_role or options.role,
        runtime,
        options.architecture,
        _timeout(program),
        options.memory,
    )
    return {"content": bundle.content, "settings": settings, "missing": bundle.missing}


def _timeout(program: Program) -> int:
    """Return the seconds after which Lambda ends the function: later than its machine would.

    Raises:
        InvalidOptionError: Lambda lets none run that long.
    """
    longest = 1
    for name, activity in activities_of(program).items():
        seconds = activity.settings.start_to_close or activity.settings.schedule_to_close
        if seconds is not None and seconds > LONGEST_TIMEOUT:
            raise InvalidOptionError(
                f"activity {name} may take {seconds:g} s, and Lambda ends functions after "
                f"{LONGEST_TIMEOUT}; give it a shorter start_to_close, or --function"
            )
        longest = max(longest, LONGEST_TIMEOUT if seconds is None else -int(-seconds // 1))
    return min(longest + _GRACE, LONGEST_TIMEOUT)


def tag(text: str) -> tuple[str, str]:
    """Return the key and the value in KEY=VALUE.

    Raises:
        InvalidOptionError: it is of another form, or AWS would refuse it.
    """
    key, equals, value = text.partition("=")
    is_long = len(key) > _LONGEST_KEY or len(value) > _LONGEST_VALUE
    if not (key and equals) or is_long or key.lower().startswith(("aws:", "partita:")):
        raise InvalidOptionError(
            f"--tag {text!r}: write KEY=VALUE, with up to {_LONGEST_KEY} and {_LONGEST_VALUE} "
            "characters, and no key that begins with aws: or partita:"
        )
    return key, value


def check(options: Options) -> None:
    """Check that AWS has such a name, role, runtime and size.

    Raises:
        InvalidOptionError: it has not.
    """
    if _NAME.fullmatch(options.name) is None:
        raise InvalidOptionError(
            f"{options.name!r} cannot name a function; give up to 64 letters, digits, - and _"
        )
    for option, role in (("--role", options.role), ("--function-role", options.function_role)):
        if role and _ROLE.fullmatch(role) is None:
            raise InvalidOptionError(
                f"{option} {role!r} is no role; give its ARN: arn:aws:iam::ACCOUNT:role/NAME"
            )
    if options.runtime is not None and options.runtime not in RUNTIMES:
        known = ", ".join(RUNTIMES)
        raise InvalidOptionError(f"no runtime {options.runtime!r}; give one of {known}")
    if not 128 <= options.memory <= 10_240:
        raise InvalidOptionError(f"--memory {options.memory} is not between 128 and 10240 MB")
