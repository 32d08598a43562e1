"""Start executions, speak to them, and wait for what comes of them.

`Client` is synchronous; `AsyncClient` has the same methods, each run on a thread.
"""

from typing import TYPE_CHECKING, Any

from partita.client.client import Client
from partita.client.execution_status import ExecutionStatus
from partita.client.handle import Handle

if TYPE_CHECKING:
    from partita.client.async_client import AsyncClient

__all__ = ["AsyncClient", "Client", "ExecutionStatus", "Handle"]


def __getattr__(name: str) -> Any:
    """Import AsyncClient for those who use it: asyncio takes 25 ms to import."""
    if name != "AsyncClient":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from partita.client.async_client import AsyncClient

    return AsyncClient
