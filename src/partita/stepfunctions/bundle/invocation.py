"""Call an unpacked bundle's handler once; run alone by an interpreter.

The arguments are the bundle's folder and the file for the report, which is JSON: the result, or the
error as Lambda tells it. The event comes on stdin.
"""

from __future__ import annotations

import importlib
import json
import sys
from typing import Any


def answer(folder: str, event: Any) -> dict[str, Any]:
    """Return the report."""
    sys.path.insert(0, folder)
    try:
        return {"result": importlib.import_module("partita.handler").dispatch(event)}
    except Exception as error:
        return {"error": {"errorType": type(error).__name__, "errorMessage": str(error)}}


if __name__ == "__main__":
    report = json.dumps(answer(sys.argv[1], json.load(sys.stdin)))
    with open(sys.argv[2], "w", encoding="utf-8") as file:
        file.write(report)
