"""Find, by reading its source, what a workflow does that a replay could not repeat."""

from partita.replay.lint.check import check_files, check_source
from partita.replay.lint.findings import Finding, Place

__all__ = ["Finding", "Place", "check_files", "check_source"]
