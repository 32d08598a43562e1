"""Start executions, speak to them, and wait for what comes of them.

`Client` is synchronous; `AsyncClient` has the same methods, each run on a thread.
"""

from partita.client.async_client import AsyncClient
from partita.client.client import Client
from partita.client.handle import Handle

__all__ = ["AsyncClient", "Client", "Handle"]
