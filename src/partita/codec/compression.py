"""Compress payloads, and decompress no more than the reader allows."""

from __future__ import annotations

import zlib

from partita.errors import PayloadTooLargeError


class ZlibCodec:
    """Compress payloads with zlib."""

    name = "zlib"

    def encode(self, data: bytes) -> bytes:
        """Return `data`, compressed."""
        return zlib.compress(data)

    def decode(self, data: bytes) -> bytes:
        """Return the decompressed bytes, however many there are."""
        return zlib.decompress(data)

    def decode_within(self, data: bytes, limit: int) -> bytes:
        """Return the decompressed bytes, and hold no more than `limit` of them.

        Raises:
            PayloadTooLargeError: there are more.
            zlib.error: it is not compressed data, or not all of it.
        """
        reading = zlib.decompressobj()
        found = reading.decompress(data, limit + 1)
        if len(found) > limit:
            raise PayloadTooLargeError(f"more than {limit:,} bytes")
        if not reading.eof:
            raise zlib.error("the compressed data is incomplete")
        return found
