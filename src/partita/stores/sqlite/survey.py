"""Tell whether a file is on a network file system, where SQLite's locks cannot be relied on.

Source: https://www.sqlite.org/wal.html (all processes must be on one machine), proc_mounts(5)
"""

from __future__ import annotations

import os
from pathlib import Path

NETWORK = {
    *("9p", "afs", "ceph", "cifs", "fuse.s3fs", "fuse.sshfs", "glusterfs", "gpfs", "lustre"),
    *("ncpfs", "nfs", "nfs4", "smb3", "smbfs"),
}
"""Types of file systems that other machines may mount as well."""


def network_filesystem(path: Path, mounts: Path = Path("/proc/self/mounts")) -> str | None:
    """Return the type of the network file system that holds a file; None if it is another."""
    try:
        lines = mounts.read_text("utf-8", "replace").splitlines()
    except OSError:
        return None
    folder = os.path.realpath(path.parent)
    best, kind = "", ""
    for line in lines:
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        point = fields[1].replace("\\040", " ")
        if len(point) >= len(best) and _is_below(folder, point):
            best, kind = point, fields[2]
    return kind if kind in NETWORK else None


def _is_below(folder: str, point: str) -> bool:
    return point == "/" or folder == point or folder.startswith(point.rstrip("/") + "/")
