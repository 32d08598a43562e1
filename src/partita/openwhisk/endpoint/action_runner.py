"""Run one action in a process of its own, again and again: requests come in, results go out.

Runs under any Python from 3.8 on, without Partita. A request is a line of JSON on stdin; the answer
is one on the descriptor that the command line names. What the action prints goes to stdout and
stderr, each of which gets a line of its own at the end of a run.
"""

import base64
import inspect
import io
import json
import os
import sys
import traceback
import zipfile
from typing import Any, Dict

END = "XXX_THE_END_OF_A_WHISK_ACTIVATION_XXX"
LARGEST_UNPACKED = 256 * 1024 * 1024


def unpack(code: str, folder: str) -> None:
    """Unpack an archive into a folder, unless it would leave it or fill the disk."""
    archive = zipfile.ZipFile(io.BytesIO(base64.b64decode(code)))
    if sum(one.file_size for one in archive.infolist()) > LARGEST_UNPACKED:
        raise ValueError("the archive is too large when it is unpacked")
    root = os.path.realpath(folder)
    for one in archive.infolist():
        place = os.path.realpath(os.path.join(root, one.filename))
        if place != root and not place.startswith(root + os.sep):
            raise ValueError("the archive has a path outside of its folder: %s" % one.filename)
    archive.extractall(root)


def load(spec: Dict[str, Any]) -> Any:
    """Return the function of an action."""
    code, folder = spec["code"], os.path.join(os.getcwd(), "code")
    names = {"__name__": "__main__"}  # type: Dict[str, Any]
    if spec.get("binary"):
        os.makedirs(folder, exist_ok=True)
        unpack(code, folder)
        sys.path.insert(0, folder)
        path = os.path.join(folder, "__main__.py")
        with open(path, encoding="utf-8") as file:
            code = file.read()
    exec(compile(code, "exec", "exec", dont_inherit=True), names)
    return names[spec.get("main") or "main"]


def run(function: Any, params: Any) -> Any:
    """Return the result of one run, which an exception is, too."""
    try:
        result = function(params) if inspect.signature(function).parameters else function()
    except Exception as error:
        traceback.print_exc()
        return {"error": str(error)}
    return {} if result is None else result


def text_of(answer: Dict[str, Any]) -> str:
    """Return the JSON of an answer, or of what is wrong with it."""
    largest = int(sys.argv[2])
    try:
        text = json.dumps(answer, allow_nan=False, ensure_ascii=False)
        shown = json.dumps(answer.get("result"), ensure_ascii=False) if len(text) > largest else ""
        size = len((shown or text).encode("utf-8"))
    except (TypeError, ValueError, RecursionError):
        traceback.print_exc()
        return json.dumps({"result": None})
    if shown and size > largest:
        return json.dumps({"bytes": size, "begin": shown[:1024]})
    return text


def answer_to(request: Dict[str, Any], function: Any) -> Any:
    """Return the answer to a request, and the function of the action."""
    if "init" not in request:
        os.environ.update(request["env"])
        return {"result": run(function, request["params"])}, function
    try:
        return {"ok": True}, load(request["init"])
    except BaseException:
        traceback.print_exc()
        return {"ok": False}, None


def main() -> None:
    """Serve requests until there are no more."""
    answers = os.fdopen(int(sys.argv[1]), "w", encoding="utf-8")
    requests = os.fdopen(os.dup(0), encoding="utf-8")
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    function = None  # type: Any
    for line in requests:
        answer, function = answer_to(json.loads(line), function)
        text = text_of(answer)
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        for number in (1, 2):
            os.write(number, ("\n%s\n" % END).encode())
        answers.write(text + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
