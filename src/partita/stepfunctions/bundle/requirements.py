"""Get the packages of a requirements file as they are for Lambda, by pip."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from partita.errors import BundleError

RUNTIMES = ("python3.11", "python3.12", "python3.13", "python3.14")
"""Lambda's runtimes that a bundle works in."""

_GLIBC = {"python3.11": 26}  # the minor version of Amazon Linux's C library
_NEWER_GLIBC = 34
_MACHINES = {"x86_64": "x86_64", "arm64": "aarch64"}
_UNSTABLE = ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json")
"""Files of a package's metadata that say how and from where it was installed."""


@dataclass(frozen=True)
class Target:
    """Where a function runs."""

    runtime: str
    architecture: str = "x86_64"

    @property
    def platforms(self) -> list[str]:
        """The platforms of wheels that run there, best first."""
        machine = _MACHINES[self.architecture]
        newest = _GLIBC.get(self.runtime, _NEWER_GLIBC)
        known = [f"manylinux_2_{minor}_{machine}" for minor in range(newest, 16, -1)]
        return [*known, f"manylinux2014_{machine}"]


def this_runtime() -> str:
    """Return the runtime that is most like this interpreter."""
    own = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return own if own in RUNTIMES else RUNTIMES[-1]


def install(file: str, target: Target) -> dict[str, bytes]:
    """Return the files of the packages that a requirements file names.

    Raises:
        BundleError: there is no such file, or pip cannot install them as wheels.
    """
    if not Path(file).is_file():
        raise BundleError(f"no file {file}; give a requirements file")
    with tempfile.TemporaryDirectory() as folder:
        _pip(file, target, folder)
        found = sorted(one for one in Path(folder).rglob("*") if one.is_file())
        names = {one.relative_to(folder).as_posix(): one for one in found}
        return {name: one.read_bytes() for name, one in names.items() if _is_kept(name)}


def _is_kept(name: str) -> bool:
    parts = name.split("/")
    if "__pycache__" in parts or name.startswith("bin/"):
        return False
    return not (parts[0].endswith(".dist-info") and parts[-1] in _UNSTABLE)


def _pip(file: str, target: Target, folder: str) -> None:
    version = target.runtime.removeprefix("python")
    options = ["--target", folder, "--no-compile", "--only-binary", ":all:", "--no-input"]
    options += ["--implementation", "cp", "--python-version", version]
    options += [part for one in target.platforms for part in ("--platform", one)]
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    ran = subprocess.run([*command, *options, "-r", file], capture_output=True, text=True)
    if ran.returncode:
        lines = [line for line in ran.stderr.splitlines() if "ERROR" in line] or ["pip failed"]
        raise BundleError(
            f"{file}: {lines[-1].removeprefix('ERROR: ')}; Lambda needs wheels for "
            f"{target.runtime} on {target.architecture}"
        )
