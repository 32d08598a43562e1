"""Take histories out of a service as documents, and into it; tell where their code waits."""

from __future__ import annotations

from typing import Any

from partita.authoring.workflow import WorkflowDefinition
from partita.client.messages import code_of
from partita.codec import Converter
from partita.errors import InvalidOptionError, UnknownTypeError
from partita.history import WorkflowExecution
from partita.history.document import ExportedHistory, export
from partita.ports.capabilities import Importing, supports
from partita.ports.service import UNBOUNDED, Bounds, Service, title_of
from partita.replay.compatibility import check_readable
from partita.replay.replayer import Replayer
from partita.replay.stacks import CodeStack, WorkflowStack


class Histories:
    """One service and domain, as a place where histories are kept."""

    def __init__(self, service: Service, domain: str) -> None:
        self._service = service
        self._domain = domain

    def export(self, execution: WorkflowExecution) -> ExportedHistory:
        """Return a run as a document."""
        info = self._service.describe(self._domain, execution).info
        exact = WorkflowExecution(info.workflow_id, info.run_id)
        events = self._service.history(self._domain, exact)
        return export(self._domain, exact, events, info.search_attributes)

    def import_(self, history: ExportedHistory) -> bool:
        """Keep a closed run that was exported elsewhere."""
        if not supports(self._service, Importing):
            raise InvalidOptionError(
                f"{title_of(self._service)} keeps only what it has run itself; "
                "import histories into a database, such as sqlite:///orders.db"
            )
        return self._service.import_history(self._domain, history)


def stack_of(
    history: ExportedHistory,
    workflow: WorkflowDefinition[..., Any] | None = None,
    converter: Converter | None = None,
    bounds: Bounds = UNBOUNDED,
) -> WorkflowStack:
    """Replay a history here, and say where the code waits: `workflow`, or what is imported.

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
