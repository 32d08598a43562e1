"""Answer `import pysfn` with our module while a file is loaded, as files of pyawssfn write it.

Ours goes before one beside the file, which would be pyawssfn's own.
"""

from __future__ import annotations

from contextlib import AbstractContextManager

from partita.worker.import_names import answered

_MODULES = {
    "pysfn": "partita.stepfunctions.pysfn",
    "pysfn.definition": "partita.stepfunctions.pysfn.definition",
}


def pysfn_names() -> AbstractContextManager[None]:
    """Resolve `import pysfn` and `import pysfn.definition` while a file is loaded."""
    return answered(_MODULES)
