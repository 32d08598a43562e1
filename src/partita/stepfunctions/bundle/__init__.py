"""Bundle a workflow's activities as one function for AWS Lambda.

`contents` collects the files, `local_imports` finds the modules among them, `requirements` asks pip
for other packages, `archive` writes the zip and `check` tries it. `stand_in` is code that goes into
every bundle: it stands in for `partita` there, with the standard library alone.
"""

from partita.stepfunctions.bundle.archive import zipped
from partita.stepfunctions.bundle.check import check_bundle
from partita.stepfunctions.bundle.contents import HANDLER, Bundle, bundle_of, source_of
from partita.stepfunctions.bundle.requirements import Target, install

__all__ = [
    "HANDLER",
    "Bundle",
    "Target",
    "bundle_of",
    "check_bundle",
    "install",
    "source_of",
    "zipped",
]
