"""Compile workflows: Python source in, a structured tree of states out, with all diagnostics.

`workflows` finds the source and the names that it sees; `statements` and `expressions` lower it,
directed by `types`; `tree` is what comes out. Each family of Python's syntax or functions is a
package: `methods`, `builtins`, `containers`, `loops`, `concurrency` and so on; `values` says how
they all keep values, `analysis` what the source tells before. Knows no state machine: emitters do.
"""

from partita.compile.diagnostics import CompileError, Diagnostic
from partita.compile.workflows import compile_workflow

__all__ = ["CompileError", "Diagnostic", "compile_workflow"]
