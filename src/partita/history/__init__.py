"""Define what is recorded of an execution: events, the decisions behind them, their values."""

from partita.history.decisions import *
from partita.history.events import *
from partita.history.values import *
