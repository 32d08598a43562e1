"""Find, by reading its source, what a workflow must not do for a replay could not repeat it."""

from partita.replay.lint.check import check_files, check_source
from partita.replay.lint.finding import Finding, Place

__all__ = ["Finding", "Place", "check_files", "check_source"]
