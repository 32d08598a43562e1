"""Tell faults of the compiler from what is wrong with the program that it compiles."""

from __future__ import annotations

import ast
import traceback
from pathlib import Path
from typing import ClassVar

from partita.compile.diagnostics import Diagnostics
from partita.errors import PartitaError, UnsupportedError

_PACKAGE = Path(__file__).parents[1]


class CompilerFaultError(PartitaError):
    """The compiler itself failed; the program may be right."""

    code: ClassVar[str] = "INTERNAL"
    exit_status: ClassVar[int] = 70


def fault(error: Exception, node: ast.AST, diagnostics: Diagnostics) -> PartitaError:
    """Return what to raise for an exception that compiling a statement has met."""
    if isinstance(error, PartitaError):
        return error
    frames = traceback.extract_tb(error.__traceback__)
    if any(one.name == "get_annotations" for one in frames):
        return _hint_error(error, node, diagnostics)
    own = [one for one in frames if Path(one.filename).is_relative_to(_PACKAGE)]
    last = own[-1] if own else frames[-1]
    name = last.filename if not own else str(Path(last.filename).relative_to(_PACKAGE.parent))
    return CompilerFaultError(
        f"{diagnostics.at(node)}: the compiler failed with {type(error).__name__} at "
        f"{name}:{last.lineno}: {error}; this is a fault of Partita, please report it with that "
        "line of your program"
    )


def _hint_error(error: Exception, node: ast.AST, diagnostics: Diagnostics) -> UnsupportedError:
    if isinstance(error, NameError):
        return UnsupportedError(
            f"{diagnostics.at(node)}: a type hint has the name {error.name}, which is not defined "
            "when the code runs; import it outside of `if TYPE_CHECKING`"
        )
    return UnsupportedError(
        f"{diagnostics.at(node)}: a type hint cannot be evaluated: "
        f"{type(error).__name__}: {error}; correct it"
    )
