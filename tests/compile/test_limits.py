"""Warn of what AWS's limits may end, and check what Express machines cannot do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.compile.test_commands import Command

SOURCE = """
import logging

from partita import Retry, activity, sleep, workflow
log = logging.getLogger(__name__)


@activity(retry=Retry(max_attempts=3, initial_interval=0.5), start_to_close=600)
def charge(n: int) -> int:
    return n


@workflow
def warned(xs: list[int]) -> list[int]:
    out: list[int] = []
    log.info("begin %s", xs)
    for x in xs:
        out.append(charge(x))
    for i in range(100000):
        logging.getLogger("shop").warning(f"{i:.3f}")
        out = [i]
    while len(out) < 5:
        sleep(400)
        out = out + [1]
    return out


@workflow
def quiet(n: int) -> int:
    for i in range(10):
        n += i
    for i in range(3, 0, -1):
        n -= i
    return n


@workflow
def logged(n: int) -> int:
    log.info(charge(n))
    print(n)
    return n
"""
WARNED = [
    "line 15: log.info(...) is left out: a state machine writes no log",
    "line 16: loop without a known end: an execution has at most 25,000 events, and each round "
    "makes about 11, so that it fails after about 2,272 rounds",
    "line 17: out grows in each round: a value may have at most 256 KiB",
    "line 17: retry interval of charge: 0.5 s: a machine waits whole seconds, so that it waits 1 s",
    "line 18: loop of 100,000 rounds: an execution has at most 25,000 events",
    "line 19: logging.getLogger('shop').warning(...) is left out: a state machine writes no log",
]


@pytest.fixture
def partita(tmp_path: Path) -> Command:
    (tmp_path / "limits.py").write_text(SOURCE.lstrip("\n"), "utf-8")
    return Command(tmp_path)


def test_warnings_have_their_lines(partita: Command) -> None:
    assert partita("compile", "limits.py:warned", "-o", "machine.json") == 0
    found = [line for line in partita.err.splitlines() if line.startswith("warning:")]
    assert len(found) == len(WARNED)
    for line, wanted in zip(found, WARNED, strict=True):
        assert line.startswith(f"warning: limits.py, {wanted}")
    assert partita("compile", "limits.py:quiet", "-o", "machine.json") == 0
    assert partita.err == ""


def test_a_warning_of_several_loops_names_the_lines_of_all(partita: Command) -> None:
    assert partita("compile", "limits.py:warned", "-o", "machine.json") == 0
    heads = [line for line in partita.err.splitlines() if line.startswith("warning:")]
    assert [one for one in heads if one.endswith("each part of the rounds; so in line 21")]
    assert [one for one in heads if one.endswith("pass its key on; so in line 23")]


def test_the_last_line_of_a_refusal_counts_the_places(partita: Command) -> None:
    assert partita("compile", "limits.py:logged") == 2
    last = partita.err.splitlines()[-1]
    assert last == "partita: 2 places in limits.py cannot be compiled [NOT_COMPILED]"


def test_warnings_are_printed_as_json(partita: Command) -> None:
    command = ["compile", "limits.py:warned", "--output", "json"]
    assert partita(*command, "-o", "machine.json") == 0
    rows = json.loads(partita.out)
    assert {row["severity"] for row in rows} == {"WARNING"}
    assert len(rows) == len(WARNED)
    assert partita(*command) == 0
    assert json.loads(partita.err) == rows
    assert "States" in json.loads(partita.out)


def test_calls_of_loggers_do_nothing_else(partita: Command) -> None:
    assert partita("compile", "limits.py:logged") == 2
    heads = [line for line in partita.err.splitlines() if line.startswith("limits.py:")]
    assert [head.partition(";")[0] for head in heads] == [
        "limits.py:38:14: call within a call of a logger: calls of loggers are left out, "
        "with all that they would do",
        "limits.py:39:5: print: a state machine has no output to print to",
    ]


def test_express_machines_are_checked(partita: Command) -> None:
    assert partita("compile", "limits.py:warned", "--express") == 2
    heads = [line for line in partita.err.splitlines() if line.startswith("limits.py:")]
    assert [head.partition(";")[0] for head in heads] == [
        "limits.py:17:9: call that may take 600 s: Express machines run for five minutes at most",
        "limits.py:22:9: waiting for 400 s: Express machines run for five minutes at most",
    ]
    assert partita("compile", "limits.py:quiet", "--express") == 0
