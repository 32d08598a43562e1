"""Evaluate JSONata as AWS Step Functions does: the language at 2.0.6, with AWS's own functions.

`expression` compiles and evaluates; `engine` chooses the library beneath, of which `contract` says
what it offers; `functions` are AWS's own.
"""

from partita.asl.jsonata.expression import UNDEFINED, UNSUPPORTED, Expression, compile_expression
from partita.asl.jsonata.failures import TIMEOUT, JsonataError

__all__ = [
    "TIMEOUT",
    "UNDEFINED",
    "UNSUPPORTED",
    "Expression",
    "JsonataError",
    "compile_expression",
]
