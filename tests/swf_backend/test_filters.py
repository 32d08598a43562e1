"""Filters on Amazon SWF, which filters by one thing at a time: the rest is done here."""

from __future__ import annotations

import time

import pytest

from partita import workflow
from partita.client import Client
from partita.client.filter_terms import parse
from partita.client.search import Search, count, find, plan, said
from partita.errors import UnsupportedError
from partita.ports.state import ExecutionFilter
from partita.swf.backend.service import SwfService


@workflow
def checkout() -> None:
    """End at once."""


def ids(service: SwfService, text: str) -> list[str]:
    search = Search(filter=ExecutionFilter(limit=50))
    found = find(service, plan(service, search, parse(text), time.time()))
    return sorted(info.workflow_id for info in found)


@pytest.fixture
def domain(service: SwfService) -> SwfService:
    client = Client(service)
    for id, tag in (("order-1", "eu"), ("order-2", "us"), ("Order 3", "eu")):
        client.start_with(checkout, workflow_id=id, tags=[tag])
    client.terminate("order-2")
    return service


@pytest.mark.parametrize(
    ("text", "found", "here"),
    [
        ("", ["Order 3", "order-1", "order-2"], None),
        ("status:open", ["Order 3", "order-1"], None),
        ("type:checkout tag:eu", ["Order 3", "order-1"], None),
        ("id:order-1", ["order-1"], None),
        ("started:<1h", ["Order 3", "order-1", "order-2"], None),
        ("started:>1h", [], None),
        ("id:order-*", ["order-1", "order-2"], "id:order-*"),
        ("-tag:us", ["Order 3", "order-1"], "-tag:us"),
        ("tag:eu,us status:terminated", ["order-2"], "tag:eu,us"),
        ("status:open order", ["Order 3", "order-1"], '"order"'),
        ("waiting:decision", ["Order 3", "order-1"], "waiting:decision"),
        ("closed:<1h", ["order-2"], None),
        ("closed:>1h", [], None),
    ],
)
def test_amazon_swf(domain: SwfService, text: str, found: list[str], here: str | None) -> None:
    assert ids(domain, text) == found
    search = plan(domain, Search(filter=ExecutionFilter()), parse(text), time.time())
    assert count(domain, search) == len(found)
    assert said(search) == here


def test_attributes_that_a_backend_does_not_have_are_refused(domain: SwfService) -> None:
    with pytest.raises(UnsupportedError, match="search attributes"):
        ids(domain, "attr.customer:42")
