"""What lies between workers, clients and PostgreSQL breaks again and again under load."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest

from tests.faults.fleet import Fleet, pause
from tests.faults.load import Load, judged
from tests.faults.proxy import Proxy
from tests.postgres import Server


@pytest.fixture
def proxy(durable: Server) -> Iterator[Proxy]:
    made = Proxy(durable.socket)
    yield made
    made.close()


def cut(proxy: Proxy, chance: Random) -> None:
    proxy.cut()


def lose_an_answer(proxy: Proxy, chance: Random) -> None:
    proxy.cut_instead_of_reply(chance.randrange(20))


def silence(proxy: Proxy, chance: Random) -> None:
    proxy.silence()


def delay(proxy: Proxy, chance: Random) -> None:
    proxy.delay(chance.uniform(0.01, 0.1))
    pause(0.5)
    proxy.delay(0.0)


@pytest.mark.timeout(1200)
@pytest.mark.parametrize(
    ("fault", "times"), [(cut, 4), (lose_an_answer, 10), (silence, 2), (delay, 3)]
)
def test_the_network_breaks(
    durable: Server,
    proxy: Proxy,
    ledger: Path,
    chance: Random,
    fault: Callable[[Proxy, Random], None],
    times: int,
    scale: int,
) -> None:
    schema = durable.url().partition("schema=")[2]
    url = durable.url_through(proxy.port, schema, answer_timeout="1")
    with Fleet(url, ledger), Load(url) as load:
        load.wait_for_workers(2)
        for _ in range(times * scale):
            pause(chance.uniform(0.05, 0.4))
            fault(proxy, chance)
        proxy.pass_all_replies()
        load.finish()
    assert judged(durable.url(schema), ledger, load.told) == []
