"""Give pyawssfn's package by its name: what files import, and its tools as modules to run."""

from partita.stepfunctions.pysfn import *  # noqa: F403 - the names of that language
