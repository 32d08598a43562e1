"""Answer `import composer` with our module while a file is loaded, as Apache's samples write it.

A module of that name beside the file is left alone.
"""

from __future__ import annotations

from contextlib import AbstractContextManager

from partita.worker.import_names import answered

_MODULES = {
    "composer": "partita.openwhisk.composer",
    "conductor": "partita.openwhisk.conductor",
}


def composer_names(file: str) -> AbstractContextManager[None]:
    """Resolve `import composer` and `import conductor` to our modules while a file is loaded."""
    return answered(_MODULES, file)
