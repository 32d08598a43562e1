"""Bundles: which files are in them, their bytes, their checks, and what is refused."""

from __future__ import annotations

import io
import json
import os
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import partita as real
from partita.errors import BundleError
from partita.stepfunctions.bundle import archive, zipped
from tests.bundle.lambdas import Lambda, interpreters
from tests.cli import in_process

SHOP = """
from __future__ import annotations
import enum
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
import partita
from partita import Retry, Signal, activity, activity_info, get_logger, heartbeat, workflow
from partita import errors as faults
from partita.errors import PartitaError
from partita.testing import Environment
from prices import discount
import lib.deep.tax as tax

if TYPE_CHECKING:
    import nowhere

log = get_logger()
paid = Signal("paid", int)


class Refused(ValueError):
    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


class Lost(PartitaError):
    pass


@dataclass
class Line:
    name: str
    cents: int


@activity(start_to_close=30, retry=Retry(max_attempts=3))
def charge(card: str, lines: list[Line]) -> str:
    total = discount(sum(one.cents for one in lines)) + tax.RATE
    heartbeat(total)
    if total > 1000:
        raise Refused("too much", total)
    return f"{card} paid {total} as {activity_info().idempotency_key}"


@activity(name="ship it")
async def ship(card: str, fast: bool = False) -> dict[str, Any]:
    if not card:
        raise Lost("no card")
    return {"card": card, "fast": fast}


@workflow
def checkout(card: str, lines: list[Line]) -> str:
    text = charge(card, lines)
    ship(card)
    return text
"""
FILES = {
    "shop.py": SHOP,
    "prices.py": "from lib import limits\n\n\ndef discount(n: int) -> int:\n    return n - 1\n",
    "lib/__init__.py": "",
    "lib/deep/__init__.py": "",
    "lib/limits.py": "LIMIT = 1\n",
    "lib/deep/tax.py": "from ..limits import LIMIT\n\nRATE = 2\n",
    "unused.py": "1 / 0\n",
}


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    return folder


class Ran(NamedTuple):
    """What a command printed, and its exit status."""

    stdout: str
    stderr: str
    returncode: int


def partita(folder: Path, *arguments: str) -> Ran:
    environment = {**os.environ, "NO_COLOR": "1"}
    return Ran(*in_process.run(folder, list(arguments), environment, ""))


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """The bundles of the same files in two folders."""
    made = []
    for name in ("one", "two"):
        folder = write(tmp_path_factory.mktemp(name), FILES)
        check = ["--check"] if name == "two" else []
        ran = partita(folder, "bundle", "shop.py:checkout", "-o", "shop.zip", *check)
        assert ran.stderr == ""
        assert ran.returncode == 0
        assert ran.stdout.endswith("activities: charge, ship it\n")
        made.append((folder / "shop.zip").read_bytes())
    return made


def test_the_same_files_give_the_same_bytes(bundles: list[bytes]) -> None:
    assert bundles[0] == bundles[1]


def test_classes_of_the_workflows_own_module_cross(tmp_path: Path) -> None:
    acts = "from typing import Any\nfrom partita import activity\n@activity\n"
    acts += "def echo(value: Any) -> Any:\n    return value\n"
    flow = (
        "from dataclasses import dataclass\nfrom partita import workflow\nfrom acts import echo\n"
    )
    flow += "@dataclass\nclass Item:\n    sku: str\n@workflow\ndef w(sku: str) -> str:\n"
    flow += "    echo(Item(sku))\n    return sku\n"
    write(tmp_path, {"acts.py": acts, "flow.py": flow})
    ran = partita(tmp_path, "bundle", "flow.py:w", "-o", "flow.zip", "--check")
    assert (ran.returncode, ran.stderr) == (0, "")
    function = Lambda((tmp_path / "flow.zip").read_bytes(), tmp_path / "function")
    item = {"$partita": "flow:Item", "value": {"sku": "a"}}
    event = {"activity": "echo", "arguments": {"value": item}}
    assert function.invoke(event) == {"result": item}
    unknown = {"$partita": "json:JSONDecoder", "value": {}}
    event = {"activity": "echo", "arguments": {"value": unknown}}
    assert function.invoke(event)["error"]["errorType"] == "InvalidInputError"
    function.close()


def test_modules_that_are_imported_are_in_it(bundles: list[bytes]) -> None:
    names = zipfile.ZipFile(io.BytesIO(bundles[0])).namelist()
    own = [one for one in names if not one.startswith("partita/")]
    assert own == sorted(set(FILES) - {"unused.py"})
    assert "partita/activities.json" in names


@pytest.mark.parametrize("python", interpreters())
def test_the_handler_works_in_bare_interpreters(
    bundles: list[bytes], python: str, tmp_path: Path
) -> None:
    function = Lambda(bundles[0], tmp_path, python)
    task = {"execution": "arn:e", "state": "charge", "entered": "now", "retries": 2}
    lines = [{"name": "a", "cents": 7}]
    event = {"activity": "charge", "arguments": {"card": "v", "lines": lines}, "task": task}
    assert function.invoke(event) == {"result": "v paid 8 as arn:e:charge:now"}
    event = {"activity": "ship it", "arguments": {"card": "v"}}
    assert function.invoke(event) == {"result": {"card": "v", "fast": False}}
    lines[0]["cents"] = 5000
    error = function.invoke({"activity": "charge", "arguments": {"card": "v", "lines": lines}})
    assert error["error"]["errorType"] == "Refused"
    text, _, more = error["error"]["errorMessage"].partition("\n\nPartita: ")
    assert text == "too much"
    bases = ["Refused", "ValueError", "Exception"]
    assert json.loads(more) == {"bases": bases, "attributes": {"code": 5001}}
    assert 'raise Refused("too much", total)' in error["error"]["stackTrace"][-1]
    error = function.invoke({"activity": "ship it", "arguments": {"card": ""}})
    assert error["error"]["errorType"] == "Lost"
    function.close()


@pytest.mark.parametrize(
    ("event", "message"),
    [
        ({"activity": "charge", "arguments": {"card": "v", "lines": [{"name": "a"}]}}, "cents"),
        ({"activity": "charge", "arguments": {"card": "v"}}, "missing a required argument"),
        ({"activity": "charge", "arguments": {"card": 5, "lines": []}}, "argument 'card'"),
        ({"activity": "nobody", "arguments": {}}, "this function has charge, ship it"),
        ({}, "names no activity"),
        ([], "names no activity"),
        (None, "names no activity"),
        ({"activity": "ship it", "arguments": {"card": "v", "x": 1}}, "unexpected keyword"),
        ({"activity": ["x"], "arguments": {}}, "names no activity"),
        ({"activity": "charge", "arguments": [1]}, "arguments"),
    ],
)
def test_events_that_do_not_fit_are_refused(
    bundles: list[bytes], event: Any, message: str, tmp_path: Path
) -> None:
    function = Lambda(bundles[0], tmp_path)
    error = function.invoke(event)["error"]
    assert error["errorType"] == "InvalidInputError"
    assert message in error["errorMessage"]
    function.close()


def test_what_stands_in_has_all_names_of_partita(tmp_path: Path) -> None:
    text = FILES["prices.py"].replace("from lib import limits", "from partita import *")
    write(tmp_path, {"prices.py": f"{text}\nassert {set(real.__all__)} <= set(dir())\n"})
    shop = "from partita import activity, workflow\nimport prices\n@activity\ndef f() -> int:\n"
    shop += "    return prices.discount(2)\n@workflow\ndef w() -> int:\n    return f()\n"
    write(tmp_path, {"shop.py": shop})
    ran = partita(tmp_path, "bundle", "shop.py:w", "-o", "shop.zip", "--check")
    assert (ran.returncode, ran.stderr) == (0, "")


HARD = """
from partita import activity, workflow
class Wide(Exception):
    def __init__(self, text: str) -> None:
        super().__init__("wide")
        self.text = text
@activity
def long(n: int) -> str:
    raise ValueError("ä" * n)
@activity
def deep(n: int) -> int:
    return deep(n + 1)
@activity
def wide(n: int) -> str:
    raise Wide("x" * n)
@activity
def large(n: int) -> int:
    return 10 ** n
@activity
def broken(n: int) -> str:
    return chr(0xD800 + n)
@activity
def unsaid(n: int) -> str:
    raise KeyError(chr(0xD800 + n))
@activity
def wrong(n: int) -> str:
    return {1}
@workflow
def main(n: int) -> None:
    long(n)
    deep(n)
    wide(n)
    large(n)
    broken(n)
    unsaid(n)
    wrong(n)
"""
ANSWERS = [
    ("long", 5000, "ValueError", "ä... and 1,000 more characters\n\nPartita: {"),
    ("deep", 1, "RecursionError", "maximum recursion depth exceeded"),
    ("wide", 9, "Wide", '"attributes": {"text": "xxxxxxxxx"}'),
    ("wide", 5000, "States.Runtime", "Partita.Guard the attributes of Wide have 5,0"),
    ("large", 16, "States.Runtime", "Partita.Guard the result of activity large has an integer"),
    ("broken", 1, "InvalidInputError", "the result of activity broken cannot be stored"),
    ("unsaid", 1, "KeyError", "ud801"),
    ("wrong", 1, "InvalidInputError", "the result of activity wrong"),
]


@pytest.fixture(scope="module")
def hard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lambda]:
    folder = write(tmp_path_factory.mktemp("hard"), {"hard.py": HARD})
    assert partita(folder, "bundle", "hard.py:main", "-o", "hard.zip").returncode == 0
    function = Lambda((folder / "hard.zip").read_bytes(), folder / "function")
    yield function
    function.close()


@pytest.mark.parametrize(("name", "n", "kind", "text"), ANSWERS)
def test_what_step_functions_cannot_carry_is_told(
    hard: Lambda, name: str, n: int, kind: str, text: str
) -> None:
    found = hard.invoke({"activity": name, "arguments": {"n": n}})
    assert found["error"]["errorType"] == kind
    assert text in found["error"]["errorMessage"]
    assert len(json.dumps(found["error"])) < 32_768


@pytest.mark.parametrize("python", interpreters())
def test_all_interpreters_and_environments_write_the_same_zip(python: str) -> None:
    files = {"b/c.py": "x = 1\n" * 50, "a.py": "", "partita/ä.json": "{}"}
    script = (
        "import json, sys, types\n"
        "errors = types.ModuleType('partita.errors'); errors.BundleError = ValueError\n"
        "sys.modules |= {'partita': types.ModuleType('partita'), 'partita.errors': errors}\n"
        f"names = {{}}; exec(open({archive.__file__!r}).read(), names)\n"
        "files = {k: v.encode() for k, v in json.load(sys.stdin).items()}\n"
        "sys.stdout.buffer.write(names['zipped'](files))\n"
    )
    command = [python, "-I", "-S", "-c", script]
    umask, env = 0o077, {"TZ": "Asia/Kathmandu", "LC_ALL": "C"}
    given = json.dumps(dict(reversed(files.items()))).encode()
    ran = subprocess.run(command, input=given, capture_output=True, env=env, umask=umask)
    assert ran.stdout == zipped({name: text.encode() for name, text in files.items()})


BROKEN = [
    ("import nowhere\n", "", "cannot be imported: ModuleNotFoundError: No module named 'nowhere'"),
    ("1 / 0\n", "", "cannot be imported: ZeroDivisionError"),
    ("", "def broken(:\n", "shop.py:"),
    ("import helper\n", "", "the bundle does not work: ValueError: not here"),
    ("import msgspec\n", "", "No module named 'msgspec'; name its package in a file for --req"),
    ("", "import sys\nif sys.flags.isolated: sys.exit(3)\n", "does not work: SystemExit: 3"),
    ("", "import os, sys\nif sys.flags.isolated: os._exit(3)\n", "exit status 3"),
]


@pytest.mark.parametrize(("begin", "end", "message"), BROKEN)
def test_what_would_not_load_on_lambda_is_refused(
    begin: str, end: str, message: str, tmp_path: Path
) -> None:
    text = f"{begin}from partita import activity, workflow\n@activity\ndef f(n: int) -> int:\n"
    text += f"    return n\n@workflow\ndef w(n: int) -> int:\n    return f(n)\n{end}"
    helper = "import sys\nif sys.flags.isolated: raise ValueError('not here')\n"
    write(tmp_path, {"shop.py": text, "helper.py": helper})
    ran = partita(tmp_path, "bundle", "shop.py:w", "-o", "shop.zip", "--check")
    assert ran.returncode == 2
    assert message in ran.stderr.splitlines()[-1]
    assert not (tmp_path / "shop.zip").exists()


def test_hints_that_only_type_checkers_can_read_are_told(tmp_path: Path) -> None:
    text = """
from __future__ import annotations
from dataclasses import dataclass
from typing import TYPE_CHECKING
from partita import activity, workflow
if TYPE_CHECKING:
    from decimal import Decimal
@dataclass
class Price:
    amount: Decimal
@activity
def f(n: int) -> int:
    return n
@workflow
def w(n: int) -> int:
    return f(n)
"""
    hint = "f.__annotations__['n'] = 'dict[str, list[Price]]'"
    later = f"import sys\nif sys.flags.isolated:\n    {hint}\n"
    write(tmp_path, {"shop.py": text + later})
    ran = partita(tmp_path, "bundle", "shop.py:w", "-o", "shop.zip", "--check")
    assert ran.returncode == 2
    assert "the hints of activity f cannot be read: NameError: name 'Decimal'" in ran.stderr


def test_a_file_named_as_a_module_of_python_is_refused(tmp_path: Path) -> None:
    write(tmp_path, {"queue.py": PACKAGE["pkg/shop.py"].replace("from .steps", "from pkg.steps")})
    write(tmp_path, {name: PACKAGE[name] for name in PACKAGE if name != "pkg/shop.py"})
    ran = partita(tmp_path, "bundle", "queue.py:checkout", "-o", "shop.zip")
    assert "queue.py has the name of a module of Python" in ran.stderr


PACKAGE = {
    "pkg/__init__.py": "VERSION = 1\n",
    "pkg/steps.py": """
from partita import activity
from . import VERSION
@activity(name="grüße")
def greet(name: str) -> str:
    return f"hällo {name} {VERSION}"
""",
    "pkg/shop.py": """
from __future__ import annotations
import partita as p
from partita import Channel, Retry, Signal, Steps, Workflow, signals, wait_signal, workflow
from partita.integrations import aws
from .steps import *
from .steps import greet as hail
RETRY: Retry | None = Retry(max_attempts=2)
approved = Signal("ok", bool)
class Old(Workflow):
    def run(self) -> int:
        return 1
@p.workflow(execution_start_to_close=50)
def checkout(name: str) -> str:
    aws.dynamodb.update_item(TableName="orders", Key={"id": {"S": name}})
    return hail(name)
if __name__ == "__main__":
    raise SystemExit("run")
""",
}


def test_packages_of_ones_own_and_all_names_of_partita_are_there(tmp_path: Path) -> None:
    write(tmp_path, PACKAGE)
    ran = partita(tmp_path, "bundle", "pkg.shop:checkout", "-o", "shop.zip", "--check")
    assert (ran.returncode, ran.stderr) == (0, "")
    function = Lambda((tmp_path / "shop.zip").read_bytes(), tmp_path / "function")
    event = {"activity": "grüße", "arguments": {"name": "du"}}
    assert function.invoke(event) == {"result": "hällo du 1"}
    function.close()


def test_bundles_over_the_limits_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "LARGEST_UNPACKED", 1000)
    monkeypatch.setattr(archive, "LARGEST_ZIP", 500)
    files = {"a.py": b"x", "large/b.so": b"x" * 2000}
    with pytest.raises(BundleError, match=r"2,001 bytes unpacked.*largest: large \(2,000 bytes\)"):
        zipped(files)
    with pytest.raises(BundleError, match="over Lambda's limit of 500 for an upload"):
        zipped({"a.py": b"x" * 600})


def test_packages_are_added_on_request(tmp_path: Path) -> None:
    wheel = tmp_path / "wheels" / "greeting-1.0-py3-none-any.whl"
    wheel.parent.mkdir()
    with zipfile.ZipFile(wheel, "w") as file:
        file.writestr("greeting.py", "def greet(name):\n    return f'hello {name}'\n")
        about = "Metadata-Version: 2.1\nName: greeting\nVersion: 1.0\n"
        file.writestr("greeting-1.0.dist-info/METADATA", about)
        file.writestr("greeting-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        file.writestr("greeting-1.0.dist-info/RECORD", "")
    text = (
        "from partita import activity, workflow\n@activity\ndef f(n: str) -> str:\n"
        "    import greeting\n    return greeting.greet(n)\n"
        "@workflow\ndef w(n: str) -> str:\n    return f(n)\n"
    )
    needed = "--no-index\n--find-links wheels\ngreeting\n"
    write(tmp_path, {"shop.py": text, "needed.txt": needed, "wrong.txt": "--no-index\nnothing-x\n"})
    options = ["bundle", "shop.py:w", "-o", "shop.zip", "--requirements"]
    ran = partita(tmp_path, *options, "needed.txt", "--check", "--runtime", "python3.13")
    assert ran.returncode == 0, ran.stderr
    function = Lambda((tmp_path / "shop.zip").read_bytes(), tmp_path / "function")
    assert function.invoke({"activity": "f", "arguments": {"n": "you"}}) == {"result": "hello you"}
    function.close()
    ran = partita(tmp_path, *options, "wrong.txt")
    assert ran.returncode == 2
    assert "wrong.txt: No matching distribution found for nothing-x; Lambda needs" in ran.stderr
    ran = partita(tmp_path, *options, "absent.txt")
    assert ran.stderr == ("partita: no file absent.txt; give a requirements file [BUNDLE]\n")


CALLED = """
from partita import activity, workflow

class Refused(ValueError):
    pass

@activity
def pay(card: str, cents: int = 1) -> str:
    if cents > 1000:
        raise Refused("too much")
    return f"{card} paid {cents}"

@activity
def marked() -> int:
    open("marked", "w").close()
    return 1

@workflow
def w(card: str) -> str:
    marked()
    return pay(card)
"""


def checked(folder: Path, calls: str, *options: str) -> Ran:
    write(folder, {"shop.py": CALLED, "calls.json": calls})
    given = ("--check", "--call", "calls.json", *options)
    return partita(folder, "bundle", "shop.py:w", "-o", "shop.zip", *given)


def test_activities_are_called_with_given_arguments_and_no_others(tmp_path: Path) -> None:
    calls = '{"pay": [{"card": "vïsa"}, {"card": "x", "cents": 2}]}'
    ran = checked(tmp_path, calls)
    assert ran.stdout.splitlines()[:2] == ['pay: "vïsa paid 1"', 'pay: "x paid 2"'], ran.stderr
    assert not (tmp_path / "marked").exists()
    assert checked(tmp_path, '{"marked": {}}').stdout.startswith("marked: 1\n")
    assert (tmp_path / "marked").exists()


@pytest.mark.parametrize(
    ("calls", "told"),
    [
        ('{"pay": {"card": "x", "cents": 2000}}', '"cents": 2000}: Refused: too much [BUNDLE]'),
        ('{"pay": {"card": 1}}', "InvalidInputError: argument 'card' of pay: "),
        ('{"pay": {}}', "InvalidInputError: the arguments do not fit pay: missing"),
        ('{"ship": {}}', "calls.json calls ship, and the bundle has: marked, pay"),
        ('{"pay": [1]}', "calls.json has no arguments by name; give an object such as"),
        ("[]", "calls.json has no arguments by name"),
        ("{", "calls.json is not JSON"),
    ],
)
def test_calls_that_fail_are_told(calls: str, told: str, tmp_path: Path) -> None:
    ran = checked(tmp_path, calls)
    assert ran.returncode == 2
    assert told in ran.stderr.splitlines()[-1]
    assert not (tmp_path / "shop.zip").exists()


def test_calls_need_the_check(tmp_path: Path) -> None:
    write(tmp_path, {"shop.py": CALLED})
    ran = partita(tmp_path, "bundle", "shop.py:w", "-o", "shop.zip", "--call", "none.json")
    assert "--call is for --check; give both" in ran.stderr
    ran = partita(tmp_path, "bundle", "shop.py:w", "-o", "z", "--check", "--call", "none.json")
    assert "cannot read none.json: No such file" in ran.stderr
