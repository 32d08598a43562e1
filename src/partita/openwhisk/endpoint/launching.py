"""Start processes for actions: which program, with what limits, in which environment.

`isolation` says what they are kept apart from.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

from partita.openwhisk.endpoint.isolation import apart

PREFIX = "partita-action-"
"""How the names of folders of processes begin; then comes the server's process id."""

RESULT_BYTES = 1024 * 1024
"""The largest result of an action, as JSON."""

FILE_KILOBYTES = 128 * 1024
OVERHEAD_MEGABYTES = 1024
"""Address space beside what an action may take."""

_LIMITED = 'ulimit -c 0; ulimit -f "$1"; [ "$2" = 0 ] || ulimit -v "$2"; shift 2; exec "$@"'


def command(kind: str, memory: int, descriptor: int, folder: str) -> list[str]:
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
    before = apart(run, folder, _needed(run[0]))
    return [*before, "/bin/sh", "-c", _LIMITED, "sh", str(blocks), str(space), *run]


def _needed(program: str) -> list[str]:
    """Return the folders that a process needs: of its program, of its code, of packages."""
    packages = packages_folder()
    found = {Path(__file__).parent, packages, packages / "node_modules", packages / "python"}
    for path in (Path(program), Path(program).resolve()):
        found.add(path.parent.parent if path.parent.name == "bin" else path.parent)
    if program == sys.executable:
        found |= {Path(sys.prefix), Path(sys.base_prefix)}
    return sorted({str(one.resolve()) for one in found if one.is_dir() and one != Path("/")})


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
