"""Run processes of actions apart from others: what the system allows, from the best to nothing.

As root on Linux each process gets a user, temporary folders and a process tree of its own; as
another user, a process tree where the system lets it. Everywhere a supervisor limits it.
"""

from __future__ import annotations

import functools
import json
import logging
import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from partita.openwhisk.endpoint.supervisor import processes

PROCESSES = 128
"""Processes that an action may have; about as many threads."""

FOLDER_SIZE = "256m"
"""What an action may keep in its folder and in temporary ones together, if the server is root."""

FILES = 32_768
"""Files and folders that it may keep."""

PROBE_SECONDS = 60.0

_FIRST_USER, _USERS = 1_000_000_000, 500_000_000  # numbers that no account has
_TEMPORARY = ("/var/tmp", "/dev/shm", "/tmp")
_TREE = ("--pid", "--fork", "--mount-proc", "--kill-child=SIGKILL")
_SUPERVISOR = str(Path(__file__).with_name("supervisor.py"))


class Way(NamedTuple):
    """One way to keep a process apart."""

    name: str = "nothing"  # what it gives each process
    before: tuple[str, ...] = ()  # what makes namespaces for the supervisor
    has_user: bool = False  # of its own
    has_folders: bool = False  # of its own, in place of those that all users share


_ROOT_WAYS = (
    Way("a user, folders and a process tree", ("unshare", *_TREE), True, True),
    Way("a user", has_user=True),
    Way("a process tree", ("unshare", *_TREE)),
)
_USER_WAYS = (Way("a process tree", ("unshare", "--user", "--map-current-user", *_TREE)),)

log = logging.getLogger("partita.openwhisk")


class Pipes(NamedTuple):
    """Descriptors of a process."""

    answers: int  # it writes these
    lifeline: int  # it ends when this is closed


def supervised(
    run: Sequence[str],
    folder: str,
    needed: Sequence[str],
    *,
    pipes: Pipes,
    memory: int,
    limits: Mapping[str, int],
) -> list[str]:
    """Return what runs a command, whose program and files are `needed`, apart from others.

    `memory` is in bytes, of all processes together; `limits` are those of each, by the names of
    the module `resource`.

    Raises:
        OSError: the command cannot be run, or the system does not answer in time.
    """
    way = _best_way(run[0], tuple(needed))
    plan = {**_plan(way, folder, needed, limits), **pipes._asdict(), "memory": memory}
    return _command(way, plan, run)


def _command(way: Way, plan: Mapping[str, Any], run: Sequence[str]) -> list[str]:
    return [*way.before, sys.executable, "-ISB", _SUPERVISOR, json.dumps(plan), *run]


@functools.cache
def _best_way(program: str, needed: tuple[str, ...]) -> Way:
    """Return the best way that runs a program here; a failed look is not remembered.

    Raises:
        OSError: none does, or the system does not answer in time.
    """
    ways: tuple[Way, ...] = _ROOT_WAYS if os.geteuid() == 0 else _USER_WAYS
    for way in (*(ways if sys.platform.startswith("linux") else ()), Way()):
        problem = _problem(way, program, needed)
        if problem is None:
            return way
        log.warning("actions do not get %s of their own here: %s", way.name, problem)
    raise OSError(problem)


def _problem(way: Way, program: str, needed: tuple[str, ...]) -> str | None:
    """Return why a way does not run a program; None if it does.

    Raises:
        OSError: it takes too long, so the machine is too busy to tell.
    """
    reads, writes = os.pipe()
    pipes = Pipes(answers=1, lifeline=reads)
    folder = tempfile.mkdtemp()
    plan = {**_plan(way, folder, needed, {}), **pipes._asdict(), "memory": 1 << 40}
    try:
        done = subprocess.run(
            _command(way, plan, [program, "--version"]),
            capture_output=True,
            check=False,
            timeout=PROBE_SECONDS,
            text=True,
            pass_fds=[reads],
        )
    except subprocess.TimeoutExpired as error:
        raise OSError(f"{program} --version took longer than {PROBE_SECONDS:g} s") from error
    except OSError as error:
        return str(error)
    finally:
        os.close(reads)
        os.close(writes)
        os.rmdir(folder)
    return f"{program}: {done.stderr.strip()[-200:]}" if done.returncode else None


def _plan(
    way: Way, folder: str, needed: Sequence[str], limits: Mapping[str, int]
) -> dict[str, Any]:
    """Return what the supervisor is told."""
    temporary = [one for one in _TEMPORARY if way.has_folders and Path(one).is_dir()]
    closed = {one for path in [*needed, str(Path(folder).parent)] if (one := _closed(path))}
    closed = closed if way.has_folders else set()
    hidden = [*temporary, *closed]
    return {
        "uid": _FIRST_USER + secrets.randbelow(_USERS) if way.has_user else None,
        "folder": folder,
        "temporary": temporary,
        "closed": sorted(closed),
        "kept": [one for one in needed if any(_is_in(one, other) for other in hidden)],
        "size": FOLDER_SIZE,
        "files": FILES,
        "processes": PROCESSES,
        "limits": {**limits, "RLIMIT_NPROC": PROCESSES + (0 if way.has_user else _threads())},
    }


def _threads() -> int:
    """Return how many threads this user has, which a limit of processes counts."""
    me, found = os.geteuid(), 0
    for one in processes():
        try:
            found += one.threads if os.stat(f"/proc/{one.id}").st_uid == me else 0
        except OSError:
            continue
    return found


def _closed(path: str) -> str | None:
    """Return the first folder on a path that others may not enter; None if there is none."""
    around = [*reversed(Path(path).parents), Path(path)]
    return next((str(one) for one in around if not one.stat().st_mode & 0o001), None)


def _is_in(path: str, folder: str) -> bool:
    return Path(path).is_relative_to(folder)
