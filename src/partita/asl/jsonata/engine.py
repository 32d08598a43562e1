"""Choose the library that evaluates JSONata.

jlens, if it is installed; else jsonata-python, which is pure Python: slower by orders of
magnitude, less exact, and without a bound of time within a regular expression.
"""

from __future__ import annotations

from partita.asl.jsonata.contract import Compiled

try:
    from partita.asl.jsonata.jlens_engine import compile_text as compile_by_library
except ImportError:
    from partita.asl.jsonata.pure_engine import compile_text as compile_by_library


def compile_text(text: str) -> Compiled:
    """Compile the text of an expression.

    Raises:
        JsonataError: it is not JSONata.
    """
    return compile_by_library(text)
