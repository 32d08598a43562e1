"""Partita's tests, one folder per floor of the house.

Bytecode is written even where the environment forbids it: a third of the time would go to hundreds
of processes that compile what they import. pytest compiles what it imports from here on, too.
"""

import os
import sys

sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
