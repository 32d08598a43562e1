"""Compile workflows: Python source in, a structured tree of states out, with all diagnostics.

`workflows` finds the source and the names that it sees; `statements`, `expressions` and `calls`
lower it, directed by `types`; `tree` is what comes out. Knows no state machine: emitters do.
"""

from partita.compile.diagnostics import CompileError, Diagnostic
from partita.compile.workflows import compile_workflow

__all__ = ["CompileError", "Diagnostic", "compile_workflow"]
