"""Load an unpacked bundle and look at each activity; run alone by an interpreter of any version.

The arguments are the job as JSON and the activities' names. The report is a JSON file: `problem`, a
text that says what is wrong, or null; and `answers`, what the activities that were called returned.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import json
import sys
from collections.abc import Iterable
from typing import Any


class _Provided(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Stands in for packages that Lambda brings along and this interpreter lacks."""

    def __init__(self, names: list[str]) -> None:
        self.names = names

    def find_spec(self, name: str, path: Any, target: Any = None) -> Any:
        if name.partition(".")[0] not in self.names:
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def exec_module(self, module: Any) -> None:
        absent = importlib.import_module("partita.names").Absent
        vars(module)["__getattr__"] = lambda name: _attribute(absent, module.__name__, name)


def _attribute(absent: Any, module: str, name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    if name.endswith(("Error", "Exception")):
        return type(name, (Exception,), {})
    return absent(f"{module}.{name}")


def problem(names: list[str]) -> str | None:
    """Return what is wrong with the activities, or None."""
    try:
        handler = importlib.import_module("partita.handler")
    except BaseException as error:
        return f"{type(error).__name__}: {error}"
    for name in names:
        try:
            look_at(handler.forms_of(handler.activities[name]).values())
        except KeyError:
            return f"activity {name} is not defined when its module is loaded"
        except Exception as error:
            return f"the hints of activity {name} cannot be read: {type(error).__name__}: {error}"
    return None


def answers(calls: list[Any], found: list[Any]) -> str | None:
    """Call activities, add what they return to `found`; return what is wrong, or None."""
    handler = importlib.import_module("partita.handler")
    for name, arguments in calls:
        try:
            found.append(handler.dispatch({"activity": name, "arguments": arguments}))
        except BaseException as error:
            text = str(error).partition(handler.SEPARATOR)[0]
            given = json.dumps(arguments, ensure_ascii=False)
            return f"activity {name} fails with {given}: {type(error).__name__}: {text}"
    return None


def look_at(forms: Iterable[Any]) -> None:
    """Read the hints of all parts, too."""
    seen: set[int] = set()
    pending = list(forms)
    while pending:
        one = pending.pop()
        if id(one) not in seen:
            seen.add(id(one))
            pending += one.children()


def main(text: str, names: list[str]) -> None:
    """Do the job."""
    job = json.loads(text)
    sys.path.insert(0, job["folder"])
    sys.meta_path.append(_Provided(job["provided"]))
    found: list[Any] = []
    wrong = problem(names) or answers(job["calls"], found)
    with open(job["report"], "w", encoding="utf-8") as file:
        json.dump({"problem": wrong, "answers": found}, file)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
