"""Check the fields of a Map besides its processor's states."""

from __future__ import annotations

import re
from typing import Any

from partita.asl.check import values
from partita.asl.check.diagnostics import Report
from partita.asl.check.fields import (
    JSONATA,
    JSONPATH,
    PROCESSOR_CONFIG,
    check_names,
    check_required,
)

_READER = re.compile(r"arn:[^:]+:states:::s3:(getObject|listObjectsV2)")
_WRITER = re.compile(r"arn:[^:]+:states:::s3:putObject")
_READER_CONFIG = {
    "InputType": values.one_of("CSV", "JSON", "JSONL", "PARQUET", "MANIFEST"),
    "CSVHeaderLocation": values.one_of("FIRST_ROW", "GIVEN"),
    "CSVHeaders": values.filled(values.array),
    "CSVDelimiter": values.one_of("COMMA", "PIPE", "SEMICOLON", "SPACE", "TAB"),
    "MaxItems": values.integer(0, 100_000_000),
    "MaxItemsPath": values.path,
    "ItemsPointer": values.string,
    "ManifestType": values.one_of("ATHENA_DATA", "S3_INVENTORY"),
    "Transformation": values.one_of("NONE", "LOAD_AND_FLATTEN"),
}
_WRITER_CONFIG = {
    "Transformation": values.one_of("NONE", "COMPACT", "FLATTEN"),
    "OutputType": values.one_of("JSON", "JSONL"),
}
_BATCHER = {
    "BatchInput": None,
    "MaxItemsPerBatch": values.integer(1),
    "MaxItemsPerBatchPath": values.path,
    "MaxInputBytesPerBatch": values.integer(1, 262_144),
    "MaxInputBytesPerBatchPath": values.path,
}
MAX_LABEL = 40
_BAD_LABEL = re.compile(r"[\s?*<>{}\[\]:;,\\|^~$#%&`\"\x00-\x1f\x7f-\x9f]")


def check_map(report: Report, state: dict[str, Any], location: str, language: str) -> None:
    """Check ItemReader, ItemBatcher, ResultWriter and Label."""
    if "ItemReader" in state:
        _check_reader(report, state["ItemReader"], f"{location}/ItemReader", language)
    if "ResultWriter" in state:
        _check_writer(report, state["ResultWriter"], f"{location}/ResultWriter", language)
    if "ItemBatcher" in state:
        place = f"{location}/ItemBatcher"
        _check_members(report, state["ItemBatcher"], place, _BATCHER, language)
    if "Label" in state and values.string(report, state["Label"], f"{location}/Label"):
        _check_label(report, state["Label"], f"{location}/Label")


def check_processor_config(report: Report, value: Any, location: str, kind: str) -> None:
    """Check the ProcessorConfig of a Map's processor, in a machine of a kind."""
    if not values.json_object(report, value, location):
        return
    check_names(report, value, PROCESSOR_CONFIG, location)
    mode = value.get("Mode", "INLINE")
    values.one_of("INLINE", "DISTRIBUTED")(report, mode, f"{location}/Mode")
    if mode == "INLINE" and "ExecutionType" in value:
        report.schema("Field 'ExecutionType' is not supported", location)
    if mode != "DISTRIBUTED":
        return
    if kind == "EXPRESS":
        report.schema(
            "The field 'Mode' with value 'DISTRIBUTED' is not supported inside 'EXPRESS' state "
            "machines",
            f"{location}/Mode",
        )
    if check_required(report, value, ("ExecutionType",), location):
        check = values.one_of("STANDARD", "EXPRESS")
        check(report, value["ExecutionType"], f"{location}/ExecutionType")


def _check_reader(report: Report, value: Any, location: str, language: str) -> None:
    if not values.json_object(report, value, location):
        return
    check_names(report, value, _with_payload("ReaderConfig", language), location)
    if check_required(report, value, ("Resource",), location):
        _check_resource(report, value["Resource"], f"{location}/Resource", _READER)
    if "ReaderConfig" in value:
        place = f"{location}/ReaderConfig"
        if _check_members(report, value["ReaderConfig"], place, _READER_CONFIG, language):
            _check_headers(report, value["ReaderConfig"], place)


def _check_headers(report: Report, config: dict[str, Any], location: str) -> None:
    header = config.get("CSVHeaderLocation")
    if config.get("InputType") == "CSV" and header is None:
        report.schema("The field 'CSVHeaderLocation' is required", location)
    if config.get("InputType") == "JSON" and header is not None:
        report.schema("Field 'CSVHeaderLocation' is not supported", location)
    if header == "GIVEN":
        check_required(report, config, ("CSVHeaders",), location)


def _check_writer(report: Report, value: Any, location: str, language: str) -> None:
    if not values.json_object(report, value, location):
        return
    check_names(report, value, _with_payload("WriterConfig", language), location)
    payload = "Arguments" if language == JSONATA else "Parameters"
    if "Resource" in value:
        _check_resource(report, value["Resource"], f"{location}/Resource", _WRITER)
        check_required(report, value, (payload,), location)
    elif "WriterConfig" not in value:
        report.schema("These fields are required: [Resource]", location)
    if "WriterConfig" in value:
        place = f"{location}/WriterConfig"
        if _check_members(report, value["WriterConfig"], place, _WRITER_CONFIG, language):
            check_required(report, value["WriterConfig"], tuple(_WRITER_CONFIG), place)


def _with_payload(config: str, language: str) -> frozenset[str]:
    payload = "Arguments" if language == JSONATA else "Parameters"
    return frozenset({"Resource", "Comment", config, payload})


def _check_resource(report: Report, value: Any, location: str, known: re.Pattern[str]) -> None:
    if not values.string(report, value, location) or "${" in value:
        return
    if not known.fullmatch(value):
        report.schema("The field 'Resource' does not match any of the allowed values", location)


def _check_members(
    report: Report,
    value: Any,
    location: str,
    checks: dict[str, values.Check] | dict[str, values.Check | None],
    language: str,
) -> bool:
    """Check the members of an object by a table; return whether it is an object."""
    if not values.json_object(report, value, location):
        return False
    names = {name for name in checks if language == JSONPATH or not name.endswith("Path")}
    check_names(report, value, frozenset(names), location)
    for name, check in checks.items():
        if name in value and check is not None and not values.is_expression(value[name]):
            check(report, value[name], f"{location}/{name}")
    return True


def _check_label(report: Report, label: str, location: str) -> None:
    code = "INVALID_LABEL_NAME"
    if len(label) > MAX_LABEL:
        report.error(
            code,
            f"The label name '{label}' exceeds the {MAX_LABEL}-character limit allowed by the "
            "service",
            location,
        )
    elif not label or _BAD_LABEL.search(label):
        report.error(code, f"The label name '{label}' contains invalid characters", location)
