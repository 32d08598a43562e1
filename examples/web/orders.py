"""A web application in front of workflows: it starts, waits, signals, updates, streams progress.

    uvicorn examples.web.orders:app
    curl -X POST localhost:8000/orders/7 -d '{"item": "a piano", "cents": 420000}'
    curl -N localhost:8000/orders/7/events &
    curl -X PUT localhost:8000/orders/7/price -d 400000
    curl -X POST localhost:8000/orders/7/approval -d 'true'
    curl localhost:8000/orders/7

The worker runs in the same process here; in production it is `partita worker` on the same database.
Requests that wait for a result cost no thread, so thousands may wait at a time.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from partita import activity, update, wait_signal, workflow
from partita.client import AsyncClient, Client
from partita.connect import connect
from partita.errors import ExecutionNotFoundError, InvalidInputError, WaitTimeoutError
from partita.worker import Worker

DATABASE = os.environ.get("PARTITA_BACKEND", "sqlite:///orders.db")
WAIT = 30  # seconds that a request waits for a result


@activity
def charge(item: str, cents: int) -> str:
    return f"{item} is paid with {cents / 100:.2f}"


@workflow
def order(item: str, cents: int) -> str:
    @update
    def reprice(new_cents: int) -> int:
        nonlocal cents
        before, cents = cents, new_cents
        return before

    if not wait_signal("approval", bool):
        return f"{item} is refused"
    return charge(item, cents)


async def begin(request: Request) -> Response:
    """Start an order; to repeat the request is safe."""
    body = await _json(request)
    if not isinstance(body, dict) or body.keys() != {"item", "cents"}:
        raise HTTPException(400, "send a JSON object with item and cents")
    client: AsyncClient = request.app.state.client
    handle = await client.start_with(order, (), body, workflow_id=request.path_params["id"])
    return JSONResponse({"id": handle.workflow_id, "run": handle.run_id}, 202)


async def approve(request: Request) -> Response:
    """Send the decision of a person."""
    decision = await _json(request)
    if not isinstance(decision, bool):
        raise HTTPException(400, "send true or false")
    client: AsyncClient = request.app.state.client
    await client.handle(request.path_params["id"]).signal("approval", decision)
    return Response(status_code=204)


async def reprice(request: Request) -> Response:
    """Change the price of an order that is not decided yet; answer with the one before."""
    client: AsyncClient = request.app.state.client
    handle = client.handle(request.path_params["id"])
    return JSONResponse({"before": await handle.update("reprice", await _json(request))})


async def _json(request: Request) -> Any:
    try:
        return await request.json()
    except ValueError as error:
        raise HTTPException(400, f"the body is not JSON: {error}") from error


async def result(request: Request) -> Response:
    """Wait for an order's result."""
    client: AsyncClient = request.app.state.client
    handle = client.handle(request.path_params["id"], workflow=order)
    try:
        return JSONResponse({"result": await handle.result(timeout=WAIT)})
    except WaitTimeoutError:
        return JSONResponse({"result": None}, 202)


async def events(request: Request) -> Response:
    """Stream what happens as server-sent events, until the order is done."""
    client: AsyncClient = request.app.state.client
    followed = client.follow(request.path_params["id"])

    async def lines() -> AsyncIterator[str]:
        async for event in followed:
            yield f"id: {event.event_id}\ndata: {event.event_type}\n\n"

    return StreamingResponse(lines(), media_type="text/event-stream")


async def not_open(_: Request, error: Exception) -> Response:
    is_closed = getattr(error, "code", "") == "EXECUTION_CLOSED"
    return JSONResponse({"error": str(error)}, 409 if is_closed else 404)


async def misfit(_: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, 400)


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    service = connect(DATABASE)
    async with AsyncClient(Client(service)) as app.state.client:
        with Worker(service, workflows=[order], activities=[charge]):
            yield


ROUTES = [
    Route("/orders/{id}", begin, methods=["POST"]),
    Route("/orders/{id}", result),
    Route("/orders/{id}/approval", approve, methods=["POST"]),
    Route("/orders/{id}/price", reprice, methods=["PUT"]),
    Route("/orders/{id}/events", events),
]
HANDLERS: dict[Any, Any] = {ExecutionNotFoundError: not_open, InvalidInputError: misfit}

app = Starlette(routes=ROUTES, lifespan=lifespan, exception_handlers=HANDLERS)
