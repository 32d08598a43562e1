"""Read the cases recorded from AWS, and compare what a machine did with what AWS recorded.

`cases/README.md` says what the data are, and where they come from.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CASES = Path(__file__).parent / "cases"
ACCOUNT = "111111111111"

_ANY = re.compile(r"<[\w.:-]+>")
_PLACEHOLDERS = {
    *("date", "timestamp", "datetime", "time", "start-time", "entered-time", "start-date"),
    *("stop-date", "snf_role_arn", "sfn_role_arn", "RequestId", "x-amzn-RequestId"),
    *("X-Amzn-Trace-Id", "x-amz-crc32", "RandomNumberGenerated"),
}
_UNSTABLE = {"stackTrace", "Content-Length"}  # members that depend on the stand-in's own code


@dataclass(frozen=True)
class Case:
    """One recorded case."""

    area: str
    data: dict[str, Any]

    @property
    def name(self) -> str:
        file, _, rest = str(self.data["name"]).partition("::")
        module = file.rpartition("/")[2].removeprefix("test_").removesuffix(".py")
        return f"{self.area}/{module}::{rest.partition('::')[2]}"

    @property
    def expect(self) -> dict[str, Any]:
        expect: dict[str, Any] = self.data["expect"]
        return expect

    @property
    def events(self) -> list[dict[str, Any]]:
        events: list[dict[str, Any]] = self.expect.get("events", [])
        return events


def executions(area: str) -> Iterator[Case]:
    """Return the cases of an area in which an execution was started."""
    data = json.loads((CASES / f"{area}.json").read_text())
    for one in data["cases"]:
        if one["kind"] == "execution":
            yield Case(area, one)


def areas() -> list[str]:
    return sorted(path.stem for path in CASES.glob("*.json"))


class Matcher:
    """Compares values with recorded ones, in which placeholders stand for any text."""

    def __init__(self, case: Case) -> None:
        self._names = case.data.get("placeholders", {})
        self._wild = {*case.data.get("expect_placeholders", ()), *_PLACEHOLDERS} - {*self._names}
        self.difference = ""

    def matches(self, expected: Any, found: Any, where: str = "$") -> bool:
        """Return whether a value is as recorded; `difference` says what is not."""
        if isinstance(expected, str):
            ok = self._text(expected, found)
        elif isinstance(expected, dict) and isinstance(found, str) and found.startswith("{"):
            return self.matches(expected, json.loads(found), where)
        elif isinstance(expected, dict) and isinstance(found, dict):
            return self._objects(expected, found, where)
        elif isinstance(expected, list) and isinstance(found, list):
            return self._arrays(expected, found, where)
        else:
            ok = type(expected) is type(found) and bool(expected == found)
        return ok or self._differs(where, expected, found)

    def _objects(self, expected: dict[str, Any], found: dict[str, Any], where: str) -> bool:
        if expected.keys() != found.keys():
            return self._differs(where, sorted(expected), sorted(found))
        return all(
            name in _UNSTABLE or self.matches(value, found[name], f"{where}.{name}")
            for name, value in expected.items()
        )

    def _arrays(self, expected: list[Any], found: list[Any], where: str) -> bool:
        if len(expected) != len(found):
            return self._differs(where, len(expected), len(found))
        pairs = enumerate(zip(expected, found, strict=True))
        return all(self.matches(one, other, f"{where}[{i}]") for i, (one, other) in pairs)

    def _text(self, expected: str, found: Any) -> bool:
        if expected in self._wild or _ANY.fullmatch(expected) or expected == found:
            return True
        if not isinstance(found, str):
            return False
        if expected.startswith("{") and found.startswith("{"):
            try:
                return self.matches(json.loads(expected), json.loads(found))
            except ValueError:
                pass
        return re.fullmatch(self._pattern(expected), found, re.DOTALL) is not None

    def _pattern(self, text: str) -> str:
        wild = sorted((one for one in self._wild if "<" not in one), key=len, reverse=True)
        tokens = [_ANY.pattern, *(re.escape(name) for name in self._names)]
        tokens += [rf"\b{re.escape(name)}\b" for name in wild]
        parts = re.split(f"({'|'.join(tokens)})", text)
        return "".join(self._part(part) for part in parts)

    def _part(self, part: str) -> str:
        if part in self._names:
            return f"(?:{re.escape(self._names[part])}|.*?)"
        is_wild = part in self._wild or _ANY.fullmatch(part)
        return ".*?" if is_wild else re.escape(part)

    def _differs(self, where: str, expected: Any, found: Any) -> bool:
        self.difference = f"{where}: expected {expected!r}, found {found!r}"
        return False
