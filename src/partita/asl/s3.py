"""Read the items of files in S3 and write results there, for `activity.map(..., distributed=True)`.

In a compiled workflow, the Map state reads them itself, as many as there are. Elsewhere they are
read into a list, a page at a time, from S3 or the folder that stands for it.
"""

from __future__ import annotations

import functools
from typing import Any

from partita.asl.failures import TOLERANCE_EXCEEDED
from partita.asl.item_readers.data_sets import ITEM_READER_FAILED, DataSet, parse_data_set
from partita.asl.item_readers.pages import ItemPages, Page, Position
from partita.asl.json_text import json_text
from partita.asl.result_writers import ChildResult, parse_writer, write_manifest, write_part
from partita.authoring.activity import activity
from partita.authoring.determinism import uuid4
from partita.errors import CancelledError, TaskFailedError
from partita.integrations import process_services
from partita.integrations.data_sets import ItemReader, ResultWriter
from partita.integrations.services import Services

_OBJECT = ("Bucket", "Key", "VersionId")


@activity(name="s3:items")
def read_page(data_set: DataSet, position: Position | None) -> Page:
    """Return the page of a data set at a position; None is the beginning.

    Raises:
        TaskFailedError: States.ItemReaderFailed.
    """
    return _pages_of(_services()).read(data_set, position)


@activity(name="s3:results")
def write_files(bucket: str, prefix: str, run: str, results: list[str]) -> dict[str, str]:
    """Write results, which are JSON texts, as a Map run does; return where the manifest is.

    Raises:
        TaskFailedError: States.ResultWriterFailed.
    """
    writer = parse_writer({"Bucket": bucket, "Prefix": prefix}, {"Transformation": "COMPACT"})
    ended = [ChildResult(status="SUCCEEDED", input="null", output=one) for one in results]
    store = _services().objects
    part = write_part(store, writer, run, 0, ended)
    found: dict[str, str] = write_manifest(store, writer, run, [part])["ResultWriterDetails"]
    return found


def _services() -> Services:
    found = process_services.configured()
    is_place = found is not None and (found.settings.is_aws_used or found.settings.folder)
    return found if found is not None and is_place else process_services.of_workflows()


@functools.lru_cache(maxsize=4)
def _pages_of(services: Services) -> ItemPages:
    try:
        return ItemPages(services.objects)
    except TaskFailedError as failed:
        raise TaskFailedError(ITEM_READER_FAILED, failed.cause) from failed


def _items(resource: str, arguments: dict[str, Any], config: dict[str, Any]) -> list[Any]:
    data_set = parse_data_set(resource, arguments, config)
    position: Position | None = None
    found: list[Any] = []
    while True:
        page = read_page(data_set, position)
        found += [one["Value"] for one in page.items] if page.have_keys else page.items
        position = page.next
        if position is None:
            return found


def _reader(name: str, input_type: str, *settings: str) -> ItemReader:
    config = {"InputType": input_type}
    return ItemReader(name, "getObject", _OBJECT, 2, (*settings, "MaxItems"), config, _items)


read_json = _reader("read_json", "JSON", "ItemsPointer")
"""The elements of an array, or the values of an object's members."""

read_jsonl = _reader("read_jsonl", "JSONL")
"""The value in each line."""

read_csv = _reader("read_csv", "CSV", "CSVHeaders", "CSVDelimiter")
"""Each row, as a dict of strings; without CSVHeaders the first row has the names."""

read_parquet = _reader("read_parquet", "PARQUET")
"""Each row, as a dict."""

list_objects = ItemReader(
    "list_objects", "listObjectsV2", ("Bucket", "Prefix"), 1, ("MaxItems",), {}, _items
)
"""What S3 says of each object: a dict with its Key, Size, LastModified, ETag and StorageClass."""


def _write(
    activity: Any, items: Any, bucket: str, prefix: str, batch: int | None
) -> dict[str, str]:
    try:
        results = activity.map(items, batch=batch).result()
    except CancelledError:
        raise
    except Exception as error:
        cause = "The specified tolerated failure threshold was exceeded"
        raise TaskFailedError(TOLERANCE_EXCEEDED, cause) from error
    return write_files(bucket, prefix, f"mapRun:{uuid4()}", [json_text(one) for one in results])


write_results = ResultWriter(_write)
"""Map an activity to items, write the results below Prefix, and tell where their manifest is."""
