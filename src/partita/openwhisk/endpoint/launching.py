"""Start processes for actions: which program, with what limits, in which environment.

`isolation` says what they are kept apart from.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from partita.openwhisk.endpoint.isolation import Pipes, supervised

PREFIX = "partita-action-"
"""How the names of folders of processes begin; then comes the server's process id."""

RESULT_BYTES = 1024 * 1024
"""The largest result of an action, as JSON."""

FILE_BYTES = 128 << 20
OVERHEAD_MEGABYTES = 1024
"""Address space beside what an action may take."""

RUNTIME_MEGABYTES = 64
"""Memory that Python or node may take beside what an action may."""


def command(kind: str, memory: int, pipes: Pipes, folder: str) -> list[str]:
    """Return the command of a process; memory is in megabytes.

    Raises:
        OSError: the program is not there or cannot be run.
    """
    given = [str(pipes.answers), str(RESULT_BYTES)]
    here = Path(__file__)
    limits = {"RLIMIT_CORE": 0, "RLIMIT_FSIZE": FILE_BYTES}
    if kind.startswith("nodejs"):  # it takes much more address space than it uses
        runner = str(here.with_name("action_runner.js"))
        run = [node(), f"--max-old-space-size={memory}", runner, *given]
    else:
        runner = str(here.with_name("action_runner.py"))
        run = [python(kind), "-u", runner, *given]
        limits["RLIMIT_AS"] = (memory + OVERHEAD_MEGABYTES) << 20
    most = (memory + RUNTIME_MEGABYTES) << 20
    needed = _needed(run[0])
    return supervised(run, folder, needed, pipes=pipes, memory=most, limits=limits)


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
    """Return the path of node: what PARTITA_NODE names, or what is on the path.

    Raises:
        FileNotFoundError: there is none.
    """
    return os.environ.get("PARTITA_NODE") or _on_path("node")


def python(kind: str) -> str:
    """Return the Python of a kind: this one by default, `python:3.N` where it is on the path.

    Raises:
        FileNotFoundError: there is none.
    """
    version = kind.partition(":")[2]
    is_own = version in ("", "default", "3", f"3.{sys.version_info.minor}")
    return sys.executable if is_own else _on_path(f"python{version}")


def _on_path(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise FileNotFoundError(f"{name} is not on the path")
    return found


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


def remove_folder(folder: str) -> None:
    """Remove the folder of a process, whatever that has made of it."""
    with suppress(RecursionError):
        shutil.rmtree(folder, ignore_errors=True)
    for command in (["chmod", "-R", "u+rwX"], ["rm", "-rf"]):
        if Path(folder).exists():
            subprocess.run([*command, "--", folder], capture_output=True, check=False)


def remove_leftovers() -> None:
    """Remove the folders of servers that were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        pid = folder.name.removeprefix(PREFIX).partition("-")[0]
        if pid.isdecimal() and not _is_alive(int(pid)):
            remove_folder(str(folder))


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass
    return True
