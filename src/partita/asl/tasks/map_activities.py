"""Read data sets and write results for distributed Map states: the activities."""

from __future__ import annotations

from typing import Any

from partita.asl.item_readers.data_sets import DataSet
from partita.asl.item_readers.pages import Page, Position
from partita.asl.result_writers import (
    RESULT_WRITER_FAILED,
    ChildResult,
    Part,
    Writer,
)
from partita.asl.result_writers import write_manifest as write_manifest_to
from partita.asl.result_writers import write_part as write_part_to
from partita.asl.tasks.outside import item_pages, objects
from partita.authoring.activity import activity
from partita.authoring.registry import register


@activity(name="states:map:read")
def read_page(data_set: DataSet, position: Position | None) -> Page:
    """Return the page of a data set at a position; None is the beginning.

    Raises:
        TaskFailedError: States.ItemReaderFailed.
    """
    return item_pages().read(data_set, position)


@activity(name="states:map:write")
def write_part(writer: Writer, map_run_arn: str, number: int, results: list[ChildResult]) -> Part:
    """Write a part of a run's results.

    Raises:
        TaskFailedError: States.ResultWriterFailed.
    """
    store = objects(RESULT_WRITER_FAILED)
    return write_part_to(store, writer, map_run_arn, number, results)


@activity(name="states:map:write-manifest")
def write_manifest(writer: Writer, map_run_arn: str, parts: list[Part]) -> dict[str, Any]:
    """Write the manifest of a run's results; return the Map state's output.

    Raises:
        TaskFailedError: States.ResultWriterFailed.
    """
    return write_manifest_to(objects(RESULT_WRITER_FAILED), writer, map_run_arn, parts)


def prepare() -> None:
    """Define the activities of Map states in this process."""
    for one in (read_page, write_part, write_manifest):
        register(one)
