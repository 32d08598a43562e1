"""Read the objects below a prefix as items: what a listing says of each.

Source: AWS Step Functions Developer Guide, "ItemReader (Map)", Amazon S3 objects; recorded
executions of AWS Step Functions (shared/conformance/asl).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from partita.asl.item_readers.data_sets import fail
from partita.integrations.failures import ObjectFailure
from partita.integrations.objects import ListedObject, ObjectStore

LISTED_AT_ONCE = 1_000


class Listing:
    """The objects below a prefix whose keys come after one."""

    have_keys = False

    def __init__(self, store: ObjectStore, bucket: str, prefix: str, after: str | None) -> None:
        self._store = store
        self._bucket, self._prefix = bucket, prefix
        self._after = after or ""

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Return the items; fail if the bucket cannot be listed."""
        for found in self.objects():
            yield {
                "Etag": found.tag,
                "Key": found.key,
                "LastModified": int(found.modified),
                "Size": found.size,
                "StorageClass": found.storage_class,
            }

    def objects(self) -> Iterator[ListedObject]:
        """Return what the items are made of."""
        while True:
            try:
                part = self._store.list(self._bucket, self._prefix, self._after, LISTED_AT_ONCE)
            except ObjectFailure as failure:
                fail(str(failure), failure)
            if not part:
                return
            for found in part:
                self._after = found.key
                yield found

    def position(self) -> Any:
        """Return the key behind which the next object is."""
        return self._after

    def close(self) -> None:
        """Hold nothing."""
