"""Write a zip whose bytes depend on nothing but the files in it."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

from partita.errors import BundleError

LARGEST_UNPACKED = 250 * 1024 * 1024
"""Bytes of all files of a function; Lambda's limit, layers included."""

LARGEST_ZIP = 50 * 1024 * 1024
"""Bytes of a zip that is uploaded directly."""

_LARGEST_STORED = 40 * 1024 * 1024
_DATE = (1980, 1, 1, 0, 0, 0)
_UNIX, _FILE_MODE = 3, 0o100644


def zipped(files: Mapping[str, bytes]) -> bytes:
    """Return a zip of files by their names.

    They are stored as they are, since compressors differ; only what would be too large for Lambda
    is compressed.

    Raises:
        BundleError: they are over a limit of Lambda.
    """
    size = sum(map(len, files.values()))
    if size > LARGEST_UNPACKED:
        raise BundleError(
            f"the bundle has {size:,} bytes unpacked, over Lambda's limit of {LARGEST_UNPACKED:,}; "
            f"largest: {_largest(files)}; leave out packages, or put them into a layer"
        )
    method = zipfile.ZIP_STORED if size <= _LARGEST_STORED else zipfile.ZIP_DEFLATED
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name in sorted(files):
            archive.writestr(_entry(name), files[name], method, 9)
    if data.tell() > LARGEST_ZIP:
        raise BundleError(
            f"the zip has {data.tell():,} bytes, over Lambda's limit of {LARGEST_ZIP:,} for an "
            f"upload; largest: {_largest(files)}; leave out packages, or put them into a layer"
        )
    return data.getvalue()


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _DATE)
    entry.create_system = _UNIX
    entry.external_attr = _FILE_MODE << 16
    return entry


def _largest(files: Mapping[str, bytes]) -> str:
    """Return the largest of the folders and files at the top, with its size."""
    sizes: dict[str, int] = {}
    for name, content in files.items():
        top = name.partition("/")[0]
        sizes[top] = sizes.get(top, 0) + len(content)
    top = max(sizes, key=lambda one: sizes[one])
    return f"{top} ({sizes[top]:,} bytes)"
