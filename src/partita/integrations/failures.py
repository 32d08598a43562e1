"""Name failures that are no answers of a service, and represent those of object stores."""

from __future__ import annotations

RUNTIME = "States.Runtime"
TASK_FAILED = "States.TaskFailed"

NO_AWS = (
    "this worker calls no services of AWS: give --aws REGION or --aws URL, or for data sets "
    "--s3-folder FOLDER, or call use_services"
)


class ObjectFailure(Exception):  # noqa: N818  # whoever reads or writes gives it its error name
    """An object of S3, or a file that stands for one, cannot be read or written."""
