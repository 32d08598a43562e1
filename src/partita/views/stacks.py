"""Find where the code of an execution waits, by replaying its history.

Asks no service; the code must be imported here.
"""

from __future__ import annotations

from typing import Any

from partita.authoring.registry import known
from partita.authoring.workflow import WorkflowDefinition
from partita.codec import Converter
from partita.errors import UnknownTypeError
from partita.history import WorkflowType
from partita.history.document import ExportedHistory
from partita.ports.service import UNBOUNDED, Bounds
from partita.replay.compatibility import check_readable
from partita.replay.replayer import Replayer
from partita.replay.stacks import CodeStack, WorkflowStack


def code_of(workflow_type: WorkflowType) -> WorkflowDefinition[..., Any] | None:
    """Return a workflow's code, if this process has imported it."""
    found = (one for one in known(WorkflowDefinition) if one.workflow_type == workflow_type)
    return next(found, None)


def stack_of(
    history: ExportedHistory,
    workflow: WorkflowDefinition[..., Any] | None = None,
    converter: Converter | None = None,
    bounds: Bounds = UNBOUNDED,
) -> WorkflowStack:
    """Return where the code of an execution waits, by a replay of its history.

    The code is `workflow`, or is looked for among what is imported.

    Raises:
        UnknownTypeError: the code is not here, or is another workflow's.
        NonDeterminismError: the code does not fit the history.
        InvalidInputError: a payload needs a codec that is not here.
    """
    converter = converter or Converter()
    code = workflow or code_of(history.workflow_type)
    if history.is_open and code is None:
        raise UnknownTypeError(
            f"the code of workflow {history.workflow_type.key} is not here, so its history "
            "cannot be replayed; give the file that defines it (--code FILE)"
        )
    if code is not None and not code.is_replayed:
        raise UnknownTypeError(
            f"{code.workflow_type.name} is a decider, so no code of it waits anywhere; "
            "what is open in an execution is in `partita show ID`"
        )
    stacks: list[CodeStack] = []
    undecided = 0
    if history.is_open and code is not None:
        check_readable(code, history, converter)
        replayer = Replayer([code], converter=converter, bounds=bounds)
        stacks, undecided = replayer.stack(history.execution, history.workflow_type, history.events)
    return WorkflowStack(
        execution=history.execution,
        workflow_type=history.workflow_type,
        status=history.status,
        undecided=undecided,
        stacks=tuple(stacks),
    )
