"""Become a user of its own, who sees no temporary files of others, and run a command.

A program for root on Linux, in a mount namespace of its own: `own_user.py PLAN COMMAND...`. Runs
under any Python from 3.8 on, without Partita.
"""

import ctypes
import json
import os
import resource
import sys
from typing import Any

NOSUID, NODEV, BIND, RECURSIVE = 2, 4, 4096, 16384  # flags of mount(2)
DEATH_SIGNAL, NO_NEW_PRIVILEGES, KILL = 1, 38, 9  # options of prctl(2), and a signal

_LIBC = ctypes.CDLL(None, use_errno=True)


def mount(source: str, target: str, kind: str, flags: int, data: str) -> None:
    """Mount something; raise OSError if that fails."""
    given = [one.encode() or None for one in (source, target, kind)]
    if _LIBC.mount(*given, ctypes.c_ulong(flags), data.encode() or None):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), target)


def hide(plan: dict[str, Any]) -> None:
    """Put empty folders over those that are hidden, and back into them what the command needs."""
    kept = [(path, os.open(path, os.O_PATH)) for path in plan["kept"]]
    for path, mode in plan["hidden"].items():
        mount("none", path, "tmpfs", NOSUID | NODEV, f"mode={mode},size={plan['size']}")
    for path, descriptor in kept:
        os.makedirs(path, exist_ok=True)
        mount(f"/proc/self/fd/{descriptor}", path, "", BIND | RECURSIVE, "")
        os.close(descriptor)
    folder, uid = plan["folder"], plan["uid"]
    os.makedirs(folder, exist_ok=True)
    own = f"mode=700,uid={uid},gid={uid},size={plan['size']}"
    mount("none", folder, "tmpfs", NOSUID | NODEV, own)
    os.chdir(folder)


def become(uid: int, processes: int) -> None:
    """Give up all rights for good, and end when the parent ends."""
    resource.setrlimit(resource.RLIMIT_NPROC, (processes, processes))
    os.setgroups([])
    os.setgid(uid)
    os.setuid(uid)
    _LIBC.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    _LIBC.prctl(DEATH_SIGNAL, KILL, 0, 0, 0)


def main(arguments: list[str]) -> None:
    """Run the command of the arguments as the plan says."""
    plan = json.loads(arguments[0])
    hide(plan)
    become(plan["uid"], plan["processes"])
    os.execvp(arguments[1], arguments[1:])


if __name__ == "__main__":
    main(sys.argv[1:])
