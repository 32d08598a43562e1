"""Collect what should not have happened, also what logs and dying threads tell of.

Knows which lines of a log the storm explains; knows nothing of what is right at the end.
"""

from __future__ import annotations

import logging
import re
import threading
import traceback
from collections import Counter

from tests.storm.weather import TAG

FOUND = "FINDING "
"""What each finding's line begins with."""

EXPECTED = (TAG, "DECISION", "not mended", "cannot be kept")
"""What a line of level ERROR says if it is in order."""


class Findings:
    """What was found, printed at once; each begins with `FOUND`."""

    def __init__(self) -> None:
        self.count = 0

    def add(self, text: str) -> None:
        """Take a finding."""
        self.count += 1
        print(FOUND + text, flush=True)

    def add_error(self, where: str, error: BaseException) -> None:
        """Take an error that nobody expects, unless the storm has made it."""
        if TAG not in str(error):
            self.add(f"{where}: " + "".join(traceback.format_exception(error)))


class Hearing(logging.Handler):
    """Read the log of the product."""

    def __init__(self, findings: Findings) -> None:
        super().__init__()
        self._findings = findings
        self.kinds: Counter[str] = Counter()  # of lines, with their numbers left out

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        kind = re.sub(r"\b[0-9a-f]{8,}\b|\d+(\.\d+)?", "#", str(record.msg))[:90]
        self.kinds[f"{record.levelname} {kind}"] += 1
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            text += "\n" + "".join(traceback.format_exception(error))
        if (error is not None or "broke" in text or "goes on after" in text) and TAG not in text:
            self._findings.add(f"log: {text}")
        elif record.levelno >= logging.ERROR and not any(word in text for word in EXPECTED):
            self._findings.add(f"error in log: {text}")


def hear(findings: Findings) -> Hearing:
    """Have everything that is logged, or that ends a thread, read from now on."""
    hearing = Hearing(findings)
    log = logging.getLogger("partita")
    log.addHandler(hearing)
    log.setLevel(logging.INFO)
    log.propagate = False

    def died(args: threading.ExceptHookArgs) -> None:
        trace = traceback.format_exception(args.exc_type, args.exc_value, args.exc_traceback)
        name = args.thread.name if args.thread else "?"
        findings.add(f"thread {name} died: {''.join(trace)}")

    threading.excepthook = died
    return hearing
