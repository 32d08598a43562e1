"""Define what a check finds, and the list that it finds it in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

ERROR, WARNING = "ERROR", "WARNING"
SCHEMA = "SCHEMA_VALIDATION_FAILED"


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """What is wrong in a definition, and where: `/States/Pay/Catch[0]/Next`."""

    severity: str  # ERROR: it cannot be created; WARNING
    code: str
    message: str
    location: str | None  # None: AWS gives none

    def row(self) -> dict[str, Any]:
        """Return the members as AWS's ValidateStateMachineDefinition gives them."""
        row = {"severity": self.severity, "code": self.code, "message": self.message}
        return row if self.location is None else {**row, "location": self.location}

    def __str__(self) -> str:
        return f"{self.code}: {self.message} at {self.location or 'null'}"


@dataclass(slots=True)
class Report:
    """The diagnostics so far, in the order in which they were found."""

    found: list[Diagnostic] = field(default_factory=list)

    def error(self, code: str, message: str, location: str | None) -> None:
        """Add an error."""
        self.found.append(Diagnostic(ERROR, code, message, location))

    def schema(self, message: str, location: str | None) -> None:
        """Add an error of structure or value."""
        self.error(SCHEMA, message, location or "/")

    def warning(self, code: str, message: str, location: str) -> None:
        """Add a warning."""
        self.found.append(Diagnostic(WARNING, code, message, location))
