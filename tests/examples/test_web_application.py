"""The example of a web application, called as a server calls it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from examples.web import orders

MANY = 1_000


async def call(method: str, path: str, body: Any = None) -> tuple[int, str]:
    """Return status and body of the application's response."""
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [],
        "app": orders.app,
    }
    sent: list[Any] = []
    is_asked = False

    async def receive() -> Any:
        nonlocal is_asked
        if is_asked:  # the client stays
            await asyncio.Event().wait()
        is_asked = True
        return {"type": "http.request", "body": json.dumps(body).encode(), "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    await orders.app(scope, receive, send)
    text = b"".join(one.get("body", b"") for one in sent[1:]).decode()
    return sent[0]["status"], text


@pytest.fixture(autouse=True)
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orders, "DATABASE", f"sqlite:///{tmp_path / 'orders.db'}")


def test_an_order_is_started_approved_awaited_and_followed() -> None:
    async def use() -> None:
        async with orders.lifespan(orders.app):
            begun = await call("POST", "/orders/7", {"item": "a piano", "cents": 420_000})
            assert begun[0] == 202
            assert await call("POST", "/orders/7", {"item": "a piano", "cents": 420_000}) == begun
            streamed = asyncio.create_task(call("GET", "/orders/7/events"))
            waited = asyncio.create_task(call("GET", "/orders/7"))
            assert await call("POST", "/orders/7/approval", True) == (204, "")
            assert await waited == (200, '{"result":"a piano is paid with 4200.00"}')
            events = (await streamed)[1].split("\n\n")
            assert events[0] == "id: 1\ndata: WorkflowExecutionStarted"
            assert events[-2].endswith("data: WorkflowExecutionCompleted")
            assert (await call("GET", "/orders/8"))[0] == 404
            assert (await call("POST", "/orders/7/approval", True))[0] == 409
            assert (await call("POST", "/orders/7/approval", "yes"))[0] == 400
            assert (await call("POST", "/orders/9", {"item": "a pen"}))[0] == 400
            assert (await call("POST", "/orders/9", [1]))[0] == 400
            assert (await call("PUT", "/orders/7/price", 1))[0] == 409
            assert (await call("POST", "/orders/9", {"item": "a pen", "cents": "x"}))[0] == 400

    asyncio.run(use())


def test_a_thousand_requests_wait_at_a_time() -> None:
    async def use() -> None:
        async with orders.lifespan(orders.app):
            ids = range(MANY)
            order = {"item": "a pen", "cents": 100}
            await asyncio.gather(*[call("POST", f"/orders/{id}", order) for id in ids])
            waits = [asyncio.create_task(call("GET", f"/orders/{id}")) for id in ids]
            prices = [call("PUT", f"/orders/{id}/price", 200) for id in ids]
            assert set(await asyncio.gather(*prices)) == {(200, '{"before":100}')}
            assert not any(wait.done() for wait in waits)
            sent = [call("POST", f"/orders/{id}/approval", id % 2 == 0) for id in ids]
            assert {status for status, _ in await asyncio.gather(*sent)} == {204}
            ends = [json.loads(text)["result"] for _, text in await asyncio.gather(*waits)]
            assert ends == ["a pen is paid with 2.00", "a pen is refused"] * (MANY // 2)

    asyncio.run(use())
