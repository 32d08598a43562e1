"""Run an execution: the workflow of all of them, whatever their machine."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from partita.asl.failures import RUNTIME, StateFailure
from partita.asl.frame import Execution, Identity, Serving, timestamp
from partita.asl.machines import compiled_text, interpret
from partita.asl.page_runs import run_page
from partita.asl.page_tasks import PageTask
from partita.asl.parser import Machine
from partita.asl.states.state import run_program
from partita.asl.tasks.mocks import Mocks
from partita.asl.trail import LimitedTrail, Trail
from partita.authoring.definition import WorkflowOptions
from partita.authoring.execution import workflow_info
from partita.authoring.hooks import NO_HOOKS
from partita.authoring.workflow import WorkflowDefinition
from partita.errors import InvalidDefinitionError, MachineFailedError
from partita.stepfunctions.arns import EXECUTION, EXPRESS, MACHINE, Names
from partita.stepfunctions.execution.beginning import (
    ACTIVITY_LIST,
    TASK_LIST,
    WORKFLOW_TYPE,
    Beginning,
    Redrive,
    parts_of,
)

MakeTrail = Callable[[Beginning], Trail]


def new_trail(start: Beginning) -> Trail:
    """Return the trail of an execution that nobody looks at."""
    trail = Trail() if start.is_express else LimitedTrail()
    trail.last_id = 0 if start.redrive is None else start.redrive.events
    return trail


def execution_workflow(
    seal: Callable[[str], str], make_trail: MakeTrail = new_trail
) -> WorkflowDefinition[..., Any]:
    """Return the workflow that runs executions; `seal` makes task tokens of what they say."""
    serving = Serving(activities=ACTIVITY_LIST, seal=seal)

    def run(start: Beginning, page: PageTask | None = None) -> Any:
        compiled = _compiled(start.definition)
        mocks = None if start.mocks is None else Mocks(start.mocks)

        def start_page(task: PageTask, name: str) -> Any:
            return made.options(workflow_id=name).submit(start, task)

        if page is not None:
            return run_page(compiled.program, page, mocks, serving, make_trail(start), start_page)
        input = json.loads(start.input)
        execution = Execution(_identity(start), input, make_trail(start), mocks, serving)
        execution.start_page = start_page
        if start.redrive is not None:
            return _go_on(compiled, execution, start.redrive)
        return interpret(compiled, execution, input)

    run.__annotations__ |= {"start": Beginning, "page": PageTask | None, "return": Any}
    settings = WorkflowOptions(task_list=TASK_LIST)
    made: WorkflowDefinition[..., Any] = WorkflowDefinition(run, WORKFLOW_TYPE, settings, NO_HOOKS)
    return made


def _go_on(compiled: Machine, execution: Execution, redrive: Redrive) -> Any:
    """Return the output of an execution that begins with the state in which it ended before."""
    started_at = timestamp(datetime.fromtimestamp(redrive.started_at, UTC))
    execution.redriven(redrive.count, started_at)
    resumption = redrive.resumption
    begun = ("ExecutionRedriven", {"redriveCount": redrive.count})
    try:
        return run_program(compiled.program, execution, resumption.input, begun, resumption)
    except StateFailure as failure:
        raise MachineFailedError(failure.error, failure.cause) from failure


def _compiled(definition: str) -> Machine:
    try:
        return compiled_text(definition)
    except InvalidDefinitionError as error:
        raise MachineFailedError(RUNTIME, str(error)) from error


def _identity(start: Beginning) -> Identity:
    names = Names(start.region, start.account)
    kind = EXPRESS if start.is_express else EXECUTION
    _, rest = parts_of(workflow_info().workflow_id)
    return Identity(
        execution_arn=names.arn(kind, start.machine, rest),
        execution_name=start.name,
        machine_arn=names.arn(MACHINE, start.machine),
        machine_name=start.machine,
        role_arn=start.role_arn,
        lambda_prefix=f"arn:aws:lambda:{start.region}:{start.account}:function",
    )
