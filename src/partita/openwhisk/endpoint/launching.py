"""Start processes for actions: which program, with what limits, apart from what.

On Linux, where the system lets it, a process sees no other process than those that it has started,
and ends with the server. It is no sandbox: code runs as the server's user, and sees its files.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

PREFIX = "partita-action-"
"""How the names of folders of processes begin; then comes the server's process id."""

RESULT_BYTES = 1024 * 1024
"""The largest result of an action, as JSON."""

FILE_KILOBYTES = 128 * 1024
OVERHEAD_MEGABYTES = 1024
"""Address space beside what an action may take."""

_LIMITED = 'ulimit -c 0; ulimit -f "$1"; [ "$2" = 0 ] || ulimit -v "$2"; shift 2; exec "$@"'
_APART = (
    ["setpriv", "--pdeathsig", "KILL", "unshare"],
    ["setpriv", "--pdeathsig", "KILL", "unshare", "--user", "--map-current-user"],
    ["setpriv", "--pdeathsig", "KILL"],
)
_PROCESSES = ["--pid", "--fork", "--mount-proc", "--kill-child=SIGKILL"]


def command(kind: str, memory: int, descriptor: int) -> list[str]:
    """Return the command of a process that answers on a descriptor; memory is in megabytes."""
    given = [str(descriptor), str(RESULT_BYTES)]
    here = Path(__file__)
    is_node = kind.startswith("nodejs")
    if is_node:  # it takes much more address space than it uses
        runner = str(here.with_name("action_runner.js"))
        run = [node(), f"--max-old-space-size={memory}", runner, *given]
    else:
        runner = str(here.with_name("action_runner.py"))
        run = [python(kind), "-u", runner, *given]
    space = 0 if is_node else (memory + OVERHEAD_MEGABYTES) * 1024
    blocks = FILE_KILOBYTES * 2  # of 512 bytes
    return [*_apart(), "/bin/sh", "-c", _LIMITED, "sh", str(blocks), str(space), *run]


@functools.cache
def _apart() -> list[str]:
    """Return what runs a command apart from other processes; nothing where that cannot be."""
    for one in _APART:
        tried = [*one, *(_PROCESSES if "unshare" in one else ())]
        try:
            done = subprocess.run([*tried, "true"], capture_output=True, check=False, timeout=10)
        except (OSError, subprocess.TimeoutExpired):
            continue
        if done.returncode == 0:
            return tried
    return []


def node() -> str:
    """Return the path of node: what PARTITA_NODE names, or what is on the path."""
    return os.environ.get("PARTITA_NODE") or shutil.which("node") or "node"


def python(kind: str) -> str:
    """Return the Python of a kind: this one by default, `python:3.N` where it is on the path."""
    version = kind.partition(":")[2]
    is_own = version in ("", "default", "3", f"3.{sys.version_info.minor}")
    return sys.executable if is_own else (shutil.which(f"python{version}") or "")


def packages_folder() -> Path:
    """Return the folder with packages that actions may use: `node_modules`, and `python`."""
    given = os.environ.get("PARTITA_ACTION_PACKAGES")
    return Path(given) if given else Path.home() / ".partita" / "actions"


def environment(folder: str) -> dict[str, str]:
    """Return the environment of a process, without the server's variables."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    folder_of = packages_folder()
    packages = {
        "NODE_PATH": str(folder_of / "node_modules"),
        "PYTHONPATH": str(folder_of / "python"),
    }
    return {**kept, **packages, "HOME": folder, "TMPDIR": folder, "PYTHONDONTWRITEBYTECODE": "1"}


def remove_leftovers() -> None:
    """Remove the folders of servers that were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        pid = folder.name.removeprefix(PREFIX).partition("-")[0]
        if pid.isdecimal() and not _is_alive(int(pid)):
            shutil.rmtree(folder, ignore_errors=True)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass
    return True
