"""Represent the ItemReader of a Map state once its paths and expressions are evaluated.

Source: AWS Step Functions Developer Guide, "ItemReader (Map)".
"""

from __future__ import annotations

from typing import Any, Literal, NoReturn, get_args

from msgspec import Struct

from partita.errors import TaskFailedError
from partita.integrations.objects import Location

ITEM_READER_FAILED = "States.ItemReaderFailed"

InputType = Literal["CSV", "JSON", "JSONL", "PARQUET", "MANIFEST"]
Delimiter = Literal["COMMA", "PIPE", "SEMICOLON", "SPACE", "TAB"]
ManifestType = Literal["S3_INVENTORY", "ATHENA_DATA"]

DELIMITERS: dict[str, str] = {
    "COMMA": ",",
    "PIPE": "|",
    "SEMICOLON": ";",
    "SPACE": " ",
    "TAB": "\t",
}

HEADERS_LIMIT = 10_240
"""Bytes that the headers of a text delimited file may have."""


class DataSet(Struct, frozen=True, kw_only=True):
    """Which objects hold the items, and in which form. Plain data, for an activity's arguments."""

    bucket: str
    key: str = ""  # of the object, or of the manifest
    version: str | None = None
    prefix: str = ""  # of a listing
    is_listing: bool = False  # s3:listObjectsV2
    is_flattened: bool = False  # the listed objects are read, too: LOAD_AND_FLATTEN
    input_type: InputType | None = None  # None: the listing itself holds the items
    manifest_type: ManifestType | None = None
    delimiter: str = ","
    headers: tuple[str, ...] | None = None  # None: the first row has them
    pointer: str = ""  # JSON Pointer to the items
    max_items: int = 0  # 0: all

    @property
    def location(self) -> Location:
        """Where the object is."""
        return Location(self.bucket, self.key, self.version)


def parse_data_set(resource: str, arguments: Any, config: Any = None) -> DataSet:
    """Return the data set of an ItemReader's Resource, Parameters or Arguments, and ReaderConfig.

    Raises:
        TaskFailedError: they cannot be used.
    """
    action = resource.rpartition(":")[2]
    if action not in ("getObject", "listObjectsV2"):
        fail(f"The resource {resource} cannot read items")
    given = _object(arguments, "Parameters")
    settings = _object(config or {}, "ReaderConfig")
    is_listing = action == "listObjectsV2"
    is_flattened = settings.get("Transformation", "NONE") == "LOAD_AND_FLATTEN"
    return DataSet(
        bucket=_text(given, "Bucket"),
        key="" if is_listing else _text(given, "Key"),
        version=given.get("VersionId"),
        prefix=given.get("Prefix", "") if is_listing else "",
        is_listing=is_listing,
        is_flattened=is_flattened,
        input_type=_input_type(settings, needed=not is_listing or is_flattened),
        manifest_type=_manifest_type(settings),
        delimiter=DELIMITERS[_choice(settings, "CSVDelimiter", Delimiter) or "COMMA"],
        headers=_headers(settings),
        pointer=settings.get("ItemsPointer") or "",
        max_items=_max_items(settings),
    )


def fail(cause: str, error: Exception | None = None) -> NoReturn:
    """Fail the reading of items."""
    raise TaskFailedError(ITEM_READER_FAILED, cause) from error


def check_headers(headers: list[str]) -> None:
    """Fail if the headers of a text delimited file cannot name the members of items."""
    if len(set(headers)) < len(headers):
        fail("CSV headers cannot contain duplicates.")
    if len(",".join(headers).encode("utf-8", "surrogatepass")) > HEADERS_LIMIT:
        fail(f"CSV headers cannot be larger than {HEADERS_LIMIT // 1024} KiB.")


def _object(value: Any, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        fail(f"{name} of the ItemReader must be an object")
    return value


def _text(given: dict[str, Any], name: str) -> str:
    value = given.get(name)
    if not isinstance(value, str) or not value:
        fail(f"{name} of the ItemReader must be a string")
    return value


def _choice(settings: dict[str, Any], name: str, choices: Any) -> Any:
    value = settings.get(name)
    if value is not None and value not in get_args(choices):
        fail(f"ReaderConfig.{name} must be one of {', '.join(get_args(choices))}, not {value}")
    return value


def _input_type(settings: dict[str, Any], *, needed: bool) -> InputType | None:
    found: InputType | None = _choice(settings, "InputType", InputType)
    if found is None and settings.get("ManifestType") == "S3_INVENTORY":
        return "MANIFEST"
    if found is None and needed:
        fail("ReaderConfig.InputType is required")
    return found if needed else None


def _manifest_type(settings: dict[str, Any]) -> ManifestType | None:
    found: ManifestType | None = _choice(settings, "ManifestType", ManifestType)
    if found is None and settings.get("InputType") == "MANIFEST":
        return "S3_INVENTORY"
    return found


def _headers(settings: dict[str, Any]) -> tuple[str, ...] | None:
    if settings.get("CSVHeaderLocation", "FIRST_ROW") == "FIRST_ROW":
        return None
    headers = settings.get("CSVHeaders")
    if not isinstance(headers, list) or not all(isinstance(name, str) for name in headers):
        fail("ReaderConfig.CSVHeaders must be an array of strings where CSVHeaderLocation is GIVEN")
    check_headers(headers)
    return tuple(headers)


def _max_items(settings: dict[str, Any]) -> int:
    found = settings.get("MaxItems") or 0
    if isinstance(found, float) and found == int(found):
        found = int(found)
    if not isinstance(found, int) or isinstance(found, bool) or found < 0:
        fail(f"ReaderConfig.MaxItems must be a positive integer, not {found}")
    return found
