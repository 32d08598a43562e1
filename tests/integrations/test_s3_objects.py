"""Objects of S3 as data sets and results; moto's server answers."""

from __future__ import annotations

import gzip
import io
import uuid
from contextlib import closing
from typing import Any

import pyarrow
import pytest
from pyarrow import parquet

from partita.asl.item_readers.data_sets import parse_data_set
from partita.asl.item_readers.pages import ItemPages
from partita.asl.result_writers import ChildResult, parse_writer, write_manifest, write_part
from partita.errors import TaskFailedError
from partita.integrations.services import Services
from tests.integrations.moto import client

GET = "arn:aws:states:::s3:getObject"
LIST = "arn:aws:states:::s3:listObjectsV2"


@pytest.fixture(scope="module")
def bucket() -> str:
    name = f"bucket-{uuid.uuid4().hex}"
    client("s3").create_bucket(Bucket=name)
    return name


def put(bucket: str, key: str, content: bytes) -> None:
    client("s3").put_object(Bucket=bucket, Key=key, Body=content)


def read(
    services: Services, resource: str, arguments: Any, config: Any = None, page_items: int = 2
) -> list[Any]:
    """Return all items; each page but the first is read from its position."""
    data_set = parse_data_set(resource, arguments, config)
    items, position = [], None
    while True:
        with closing(ItemPages(services.objects, page_items=page_items)) as pages:
            page = pages.read(data_set, position)
        items += page.items
        position = page.next
        if position is None:
            return items


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_objects_are_read_in_ranges(services: Services, bucket: str, pack: Any) -> None:
    put(bucket, "rows", pack(b"a,b\n1,2\n3,4\n5,6\n7,8\n"))
    where = {"Bucket": bucket, "Key": "rows"}
    items = read(services, GET, where, {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"})
    assert [one["a"] for one in items] == ["1", "3", "5", "7"]


def test_parquet_is_read_in_ranges(services: Services, bucket: str) -> None:
    rows = [{"n": number} for number in range(5)]
    file = io.BytesIO()
    parquet.write_table(pyarrow.Table.from_pylist(rows), file, row_group_size=2)
    put(bucket, "rows.parquet", file.getvalue())
    where = {"Bucket": bucket, "Key": "rows.parquet"}
    assert read(services, GET, where, {"InputType": "PARQUET"}) == rows


def test_a_listing_goes_on_behind_a_key(services: Services, bucket: str) -> None:
    for number in range(5):
        put(bucket, f"list/{number}", b"12")
    items = read(services, LIST, {"Bucket": bucket, "Prefix": "list/"})
    assert [one["Key"] for one in items] == [f"list/{number}" for number in range(5)]
    assert items[0].keys() == {"Etag", "Key", "LastModified", "Size", "StorageClass"}
    assert items[0]["Size"] == 2


def test_an_object_that_changes_is_not_read_on(services: Services, bucket: str) -> None:
    put(bucket, "changing", b"1\n2\n3\n")
    data_set = parse_data_set(GET, {"Bucket": bucket, "Key": "changing"}, {"InputType": "JSONL"})
    with closing(ItemPages(services.objects, page_items=1)) as pages:
        page = pages.read(data_set)
    put(bucket, "changing", b"1\n4\n5\n")
    pages = ItemPages(services.objects)
    with pytest.raises(TaskFailedError, match="has changed while it was read"):
        pages.read(data_set, page.next)


@pytest.mark.parametrize(
    ("arguments", "cause"),
    [
        ({"Key": "missing"}, "The specified key does not exist. (Service: S3, Status Code: 404"),
        (
            {"Bucket": "no-such-bucket", "Key": "x"},
            "The specified bucket does not exist (Service: S3, Status Code: 404",
        ),
    ],
)
def test_what_is_missing(
    services: Services, bucket: str, arguments: dict[str, str], cause: str
) -> None:
    with pytest.raises(TaskFailedError) as raised:
        read(services, GET, {"Bucket": bucket, **arguments}, {"InputType": "JSON"})
    assert raised.value.error == "States.ItemReaderFailed"
    assert str(raised.value.cause).startswith(cause)


def test_results_are_written(services: Services, bucket: str) -> None:
    arn = "arn:aws:states:us-east-1:123456789012:mapRun:m/Map:run-1"
    writer = parse_writer({"Bucket": bucket, "Prefix": "out"}, {"Transformation": "COMPACT"})
    done = ChildResult(status="SUCCEEDED", input="1", output='{"a":1}')
    part = write_part(services.objects, writer, arn, 0, [done])
    output = write_manifest(services.objects, writer, arn, [part])
    key = output["ResultWriterDetails"]["Key"]
    assert key == "out/run-1/manifest.json"
    files = client("s3").get_object(Bucket=bucket, Key="out/run-1/SUCCEEDED_0.json")
    assert files["Body"].read() == b'[{"a":1}]'


def test_results_cannot_be_written(services: Services) -> None:
    writer = parse_writer({"Bucket": "no-such-bucket"})
    with pytest.raises(TaskFailedError) as raised:
        write_manifest(services.objects, writer, "arn:x:run", [])
    assert raised.value.error == "States.ResultWriterFailed"
