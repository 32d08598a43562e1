"""Write log records as JSON or as text, each with the execution that it belongs to.

Importing this module configures nothing. Partita itself logs to `logging.getLogger("partita...")`
only, and never logs a payload.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import msgspec

from partita.authoring.logs import is_replaying, whereabouts
from partita.telemetry.spans import current_traceparent

FORMATS = ("text", "json")
LEVELS = ("debug", "info", "warning", "error")
USUAL = "usual"

VARIABLE = "PARTITA_LOG"
"""Environment variable by which child processes log as their worker does: `json:info`."""

FIELDS = (
    "domain",
    "workflow_id",
    "run_id",
    "workflow_type",
    "activity_id",
    "activity_type",
    "attempt",
    "trace_id",
    "span_id",
)
"""The fields of a record that name the execution, the activity and the span it was made in."""

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class Whereabouts(logging.Filter):
    """Add the execution, activity and span to every record. Add it to handlers, not to loggers.

    Records of workflow code under replay are dropped: the first run has written them.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Add the fields to a record; return whether it is written."""
        if is_replaying():
            return False
        for name, value in {**whereabouts(), **_span()}.items():
            if not hasattr(record, name):
                setattr(record, name, value)
        return True


def _span() -> dict[str, str]:
    traceparent = current_traceparent()
    if traceparent is None:
        return {}
    _, trace_id, span_id, _ = traceparent.split("-")
    return {"trace_id": trace_id, "span_id": span_id}


class JsonFormatter(logging.Formatter):
    """Format JSON lines: time (ISO 8601, UTC), level, logger, message, fields, `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        """Return a record as one line, without a line break."""
        line: dict[str, Any] = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: vars(record)[name] for name in FIELDS if name in vars(record)}
        line |= {
            name: value
            for name, value in vars(record).items()
            if name not in _STANDARD and name not in line
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        if record.stack_info:
            line["stack"] = record.stack_info
        return _json(line)


def _json(line: dict[str, Any]) -> str:
    try:
        return msgspec.json.encode(line, enc_hook=repr).decode()
    except (
        msgspec.MsgspecError,
        TypeError,
        ValueError,
        RecursionError,
    ):  # an `extra` without JSON form
        return msgspec.json.encode({name: _plain(line[name]) for name in line}).decode()


def _plain(value: Any) -> Any:
    """Return a value, or its repr if it has no JSON form."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()  # half of a surrogate pair, perhaps
    return value if value is None or isinstance(value, (bool, int, float)) else repr(value)


class TextFormatter(logging.Formatter):
    """Format one line for people: time, level, logger, fields, message."""

    def format(self, record: logging.LogRecord) -> str:
        """Return a record as text."""
        found = vars(record)
        names = ("workflow_id", "run_id", "activity_id", "attempt")
        fields = " ".join(f"{name}={found[name]}" for name in names if name in found)
        fields = f" [{fields}]" if fields else ""
        text = f"{_time(record)} {record.levelname} {record.name}{fields}: {record.getMessage()}"
        return text + (f"\n{self.formatException(record.exc_info)}" if record.exc_info else "")


def _time(record: logging.LogRecord) -> str:
    moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
    return f"{moment}.{int(record.msecs):03d}Z"


EXECUTIONS = "partita.executions"
"""The logger of what happens to executions, which a worker writes from level INFO on."""


class _Usual(logging.Filter):
    """Keep warnings and worse, and what happens to executions."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether a record is written."""
        return record.levelno >= logging.WARNING or record.name == EXECUTIONS


def configure(format: str, level: str) -> None:
    """Write the records of all loggers to stderr, in this process and in its child processes.

    Args:
        format: `json`, `text`, or `plain` for the message alone.
        level: the lowest level that is written, such as `info`; `usual` is that of warnings, and
            also writes what happens to executions.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_FORMATTERS[format]())
    handler.addFilter(Whereabouts())
    if level == USUAL:
        handler.addFilter(_Usual())
    lowest = "WARNING" if level == USUAL else level.upper()
    logging.basicConfig(level=lowest, handlers=[handler], force=True)
    logging.getLogger("partita").setLevel(logging.INFO if level == USUAL else logging.NOTSET)
    os.environ[VARIABLE] = f"{format}:{level}"


def _plain_formatter() -> logging.Formatter:
    return logging.Formatter("partita: %(message)s")


_FORMATTERS: dict[str, Callable[[], logging.Formatter]] = {
    "json": JsonFormatter,
    "text": TextFormatter,
    "plain": _plain_formatter,
}


def log_error_as_json(message: str, code: str, error: Exception | None) -> bool:
    """Log the error that ends a command if records are written as JSON; return whether they are."""
    if not any(isinstance(one.formatter, JsonFormatter) for one in logging.getLogger().handlers):
        return False
    logging.getLogger("partita").error("%s", message, extra={"code": code}, exc_info=error)
    return True


def inherit() -> None:
    """Configure logging as the parent process does, if it has passed that on."""
    format, colon, level = os.environ.get(VARIABLE, "").partition(":")
    if colon and format in _FORMATTERS and level in (*LEVELS, USUAL):
        configure(format, level)
