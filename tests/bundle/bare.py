"""Call a bundle's handler as Lambda's runtime for Python does, for one line of JSON after another.

Run by a bare interpreter; the argument is the folder of the unpacked bundle.
"""

import importlib
import json
import sys
import traceback
from typing import Any


def answer(handler: Any, event: Any) -> dict[str, Any]:
    try:
        return {"result": handler(event, None)}
    except Exception as error:
        frames = traceback.format_list(traceback.extract_tb(error.__traceback__)[1:])
        return {
            "error": {
                "errorMessage": str(error),
                "errorType": type(error).__name__,
                "requestId": "0",
                "stackTrace": frames,
            }
        }


def main(folder: str) -> None:
    sys.path.insert(0, folder)
    handler = importlib.import_module("partita.handler").dispatch
    for line in sys.stdin:
        print(json.dumps(answer(handler, json.loads(line))), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
