"""Write log records as JSON or as text, each with the execution that it belongs to.

Only those who ask for it: importing this changes nothing, and Partita itself logs to
`logging.getLogger("partita...")` alone. No payload is ever logged by Partita.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from typing import Any

import msgspec

from partita.authoring.logs import is_repeated, whereabouts
from partita.telemetry.spans import current

FORMATS = ("text", "json")
LEVELS = ("debug", "info", "warning", "error")

VARIABLE = "PARTITA_LOG"
"""Environment variable that tells child processes how their worker logs: `json:INFO`."""

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
"""What a record says of where it was made, as far as it was made somewhere."""

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class Whereabouts(logging.Filter):
    """Give every record the fields of where it was made; add it to handlers, not to loggers.

    Records of workflow code that is being replayed were written before, and are dropped.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Complete a record; return whether it is to be written."""
        if is_repeated():
            return False
        found = whereabouts()
        found.update(_span())
        for name, value in found.items():
            if not hasattr(record, name):
                setattr(record, name, value)
        return True


def _span() -> dict[str, str]:
    here = current()
    if here is None:
        return {}
    _, trace_id, span_id, _ = here.split("-")
    return {"trace_id": trace_id, "span_id": span_id}


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time (ISO 8601, UTC), level, logger, message, fields, `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        """Return a record as a line without its end."""
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
    except (msgspec.MsgspecError, TypeError, ValueError, RecursionError):  # an odd `extra`
        return msgspec.json.encode({name: _plain(line[name]) for name in line}).decode()


def _plain(value: Any) -> Any:
    """Return a value, or its repr if it has no JSON form."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()  # half of a surrogate pair, perhaps
    return value if value is None or isinstance(value, (bool, int, float)) else repr(value)


class TextFormatter(logging.Formatter):
    """One line for people: time, level, logger, where, message."""

    def format(self, record: logging.LogRecord) -> str:
        """Return a record as text."""
        found = vars(record)
        names = ("workflow_id", "run_id", "activity_id", "attempt")
        where = " ".join(f"{name}={found[name]}" for name in names if name in found)
        start = f"{_time(record)} {record.levelname} {record.name}" + (
            f" [{where}]" if where else ""
        )
        text = f"{start}: {record.getMessage()}"
        return text + (f"\n{self.formatException(record.exc_info)}" if record.exc_info else "")


def _time(record: logging.LogRecord) -> str:
    moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
    return f"{moment}.{int(record.msecs):03d}Z"


def configure(format: str, level: str) -> None:
    """Write the records of all loggers to stderr, and let child processes do the same.

    Args:
        format: `json` or `text`.
        level: below which nothing is written, such as `info`.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if format == "json" else TextFormatter())
    handler.addFilter(Whereabouts())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    os.environ[VARIABLE] = f"{format}:{level}"


def told_as_json(message: str, code: str, error: Exception | None) -> bool:
    """Log what ends a command, with the traceback of an `error`; only where records are JSON."""
    if not any(isinstance(one.formatter, JsonFormatter) for one in logging.getLogger().handlers):
        return False
    logging.getLogger("partita").error("%s", message, extra={"code": code}, exc_info=error)
    return True


def inherit() -> None:
    """Log as the process that started this one does, if that has said how."""
    format, colon, level = os.environ.get(VARIABLE, "").partition(":")
    if colon and format in FORMATS and level in LEVELS:
        configure(format, level)
