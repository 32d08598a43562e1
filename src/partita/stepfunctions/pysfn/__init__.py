"""Files of pyawssfn: what they import as `pysfn`, compiled to machines, and zips for Lambda.

`definition` is what such a file imports; `source` and `lowering` read it, `machine` writes the
state machine, `lambda_package` the zip whose handler the machine calls.
"""

from partita.stepfunctions.pysfn.definition import *  # noqa: F403 - the names of that language
