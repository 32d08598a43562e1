"""Compile files of pyawssfn to machines, and build their zips for Lambda.

`definition` is what such a file imports; `source` and `lowering` read it, `machine` writes the
state machine, `lambda_package` the zip whose handler the machine calls.
"""

from partita.stepfunctions.pysfn.definition import *  # noqa: F403 - the names of that language
