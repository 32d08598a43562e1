"""Run processes of actions apart from others: what the system allows, from the best to nothing.

As root on Linux each process gets a user, a `/tmp` and a process tree of its own; as another user,
a process tree where the system lets it; elsewhere nothing.
"""

from __future__ import annotations

import functools
import json
import logging
import os
import secrets
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

PROCESSES = 128
"""Processes and threads that an action may have."""

FOLDER_SIZE = "256m"
"""What an action may keep in its folder and in `/tmp`, each."""

_FIRST_USER, _USERS = 1_000_000_000, 500_000_000  # numbers that no account has
_TEMPORARY = ("/tmp", "/var/tmp", "/dev/shm")
_TREE = ["--pid", "--fork", "--mount-proc", "--kill-child=SIGKILL"]
_DIES = ["setpriv", "--pdeathsig", "KILL"]
_WAYS = (
    [*_DIES, "unshare", *_TREE],
    [*_DIES, "unshare", "--user", "--map-current-user", *_TREE],
    _DIES,
)

log = logging.getLogger("partita.openwhisk")


def apart(run: Sequence[str], folder: str, needed: Sequence[str]) -> list[str]:
    """Return what goes before a command whose program and files are `needed`."""
    if _gets_own_user(run[0], tuple(needed)):
        return _own_user(folder, needed)
    return _tree()


@functools.cache
def _gets_own_user(program: str, needed: tuple[str, ...]) -> bool:
    """Return whether a program runs as a user of its own here."""
    if os.geteuid() != 0 or not sys.platform.startswith("linux"):
        return False
    tried = [*_own_user("/tmp/partita-action-probe", needed), program, "--version"]
    try:
        done = subprocess.run(tried, capture_output=True, check=False, timeout=10, text=True)
    except (OSError, subprocess.TimeoutExpired) as error:
        log.warning("actions run as root: %s", error)
        return False
    if done.returncode:
        said = done.stderr.strip().splitlines()[-1:]
        log.warning("actions run as root: %s cannot run as another user: %s", program, said)
    return done.returncode == 0


def _own_user(folder: str, needed: Sequence[str]) -> list[str]:
    hidden = dict.fromkeys((one for one in _TEMPORARY if Path(one).is_dir()), "1777")
    paths = [*needed, str(Path(folder).parent)]
    closed = {one: "755" for path in paths if (one := _closed(path)) is not None}
    hidden = {**closed, **hidden}
    plan = {
        "uid": _FIRST_USER + secrets.randbelow(_USERS),
        "folder": folder,
        "hidden": hidden,
        "kept": [one for one in needed if any(_is_in(one, other) for other in hidden)],
        "size": FOLDER_SIZE,
        "processes": PROCESSES,
    }
    program = [sys.executable, "-ISB", str(Path(__file__).with_name("own_user.py"))]
    return [*_WAYS[0], *program, json.dumps(plan)]


def _closed(path: str) -> str | None:
    """Return the first folder on a path that others may not enter; None if there is none."""
    around = [*reversed(Path(path).parents), Path(path)]
    return next((str(one) for one in around if not one.stat().st_mode & 0o001), None)


def _is_in(path: str, folder: str) -> bool:
    return Path(path).is_relative_to(folder)


@functools.cache
def _tree() -> list[str]:
    for one in _WAYS:
        try:
            done = subprocess.run([*one, "true"], capture_output=True, check=False, timeout=10)
        except (OSError, subprocess.TimeoutExpired):
            continue
        if done.returncode == 0:
            return list(one)
    return []
