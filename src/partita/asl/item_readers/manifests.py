"""Read the data files that a manifest lists: an inventory of S3, or the result of Athena.

Source: AWS Step Functions Developer Guide, "ItemReader (Map)"; Amazon S3 User Guide, "Inventory
manifest"; Amazon Athena User Guide, UNLOAD.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing

import msgspec
from msgspec import Struct

from partita.asl.item_readers.content import CHUNK, RECORD_LIMIT, Content, Lines, Start
from partita.asl.item_readers.data_sets import InputType, fail
from partita.integrations.objects import Location, ObjectStore


class DataFile(Struct, frozen=True, kw_only=True):
    """A data file of a manifest."""

    at: Location
    input_type: InputType
    headers: tuple[str, ...] | None = None  # that the manifest gives


class _InventoryFile(Struct):
    key: str


class _Inventory(Struct):
    """manifest.json of an inventory."""

    destinationBucket: str  # noqa: N815  # AWS's own name
    fileFormat: str  # noqa: N815
    fileSchema: str  # noqa: N815
    files: list[_InventoryFile]


_PREFIX = "arn:aws:s3:::"
_FORMATS: dict[str, InputType] = {"CSV": "CSV", "Parquet": "PARQUET"}


def inventory_files(store: ObjectStore, at: Location) -> Generator[DataFile, None, None]:
    """Return the data files of an inventory; fail if it is none, or of an unknown format."""
    try:
        inventory = msgspec.json.decode(_whole(store, at), type=_Inventory)
    except msgspec.DecodeError as error:
        fail(f"{at} is no manifest of an S3 inventory: {error}", error)
    kind = _FORMATS.get(inventory.fileFormat)
    if kind is None:
        fail(f"{at} lists files of the format {inventory.fileFormat}, which cannot be read")
    headers = tuple(name.strip() for name in inventory.fileSchema.split(","))
    bucket = inventory.destinationBucket.removeprefix(_PREFIX)
    for file in inventory.files:
        where = Location(bucket, file.key)
        yield DataFile(at=where, input_type=kind, headers=headers if kind == "CSV" else None)


def athena_files(
    store: ObjectStore, at: Location, input_type: InputType
) -> Generator[DataFile, None, None]:
    """Return the data files of a result of Athena: each line of its manifest is the URI of one."""
    lines = Lines(store, at, None)
    try:
        for line in lines:
            uri = line.strip().strip('"')
            if not uri:
                continue
            bucket, _, key = uri.removeprefix("s3://").partition("/")
            if not uri.startswith("s3://") or not key:
                lines.fail(f"{uri!r} is no URI of an object")
            yield DataFile(at=Location(bucket, key), input_type=input_type)
    finally:
        lines.close()


def _whole(store: ObjectStore, at: Location) -> bytes:
    """Return the content of a manifest, which lists some hundred files."""
    data = bytearray()
    with closing(Content(store, at, Start())) as content:
        while (part := content.read(CHUNK)) and len(data) <= RECORD_LIMIT:
            data += part
    return bytes(data)
