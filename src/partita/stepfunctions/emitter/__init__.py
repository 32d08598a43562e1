"""Write the tree of a compiled workflow as a state machine for AWS Step Functions."""

from partita.stepfunctions.emitter.guards import GUARD
from partita.stepfunctions.emitter.limits import express_errors, warnings
from partita.stepfunctions.emitter.machine import emit
from partita.stepfunctions.emitter.optimiser import optimised

__all__ = ["GUARD", "emit", "express_errors", "optimised", "warnings"]
