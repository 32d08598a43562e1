"""Take histories out of a service as documents, and into it."""

from __future__ import annotations

from partita.codec import Converter
from partita.errors import InvalidOptionError
from partita.exported import ExportedHistory, export
from partita.history import WorkflowExecution
from partita.service import Importing, Service


class Histories:
    """One service and domain, as a place where histories are kept."""

    def __init__(self, service: Service, domain: str, converter: Converter) -> None:
        self._service = service
        self._domain = domain
        self._converter = converter

    def export(self, execution: WorkflowExecution) -> ExportedHistory:
        """Return a run as a document."""
        info = self._service.describe(self._domain, execution).info
        exact = WorkflowExecution(info.workflow_id, info.run_id)
        events = self._service.history(self._domain, exact)
        return export(self._domain, exact, events, info.search_attributes)

    def import_(self, history: ExportedHistory) -> bool:
        """Keep a closed run that was exported elsewhere."""
        if not isinstance(self._service, Importing):
            raise InvalidOptionError(
                f"{type(self._service).__name__} keeps only what it has run itself; "
                "import histories into a database, such as sqlite:///orders.db"
            )
        return self._service.import_history(self._domain, history)
