"""Threads that act until the storm is over: users and keepers, and a meddler for each engine.

Knows what is done to an engine, and how often; what is asked of it is in `users` and `keepers`.
"""

from __future__ import annotations

import faulthandler
import threading
import time
from collections.abc import Callable

from partita.errors import StoreError
from tests.storm.findings import Findings
from tests.storm.keepers import Keeper
from tests.storm.nodes import Node
from tests.storm.promises import Promises
from tests.storm.users import User
from tests.storm.weather import SKY

LONG = 60.0
"""Seconds in which every call comes back once the weather is calm."""


class Actors:
    """All who act."""

    def __init__(self, nodes: list[Node], promises: Promises, findings: Findings) -> None:
        self._findings = findings
        self._over = threading.Event()
        self._threads: list[threading.Thread] = []
        for number in range(SKY.users):
            self._add(f"user-{number}", self._call, User(nodes, promises).act, SKY.rest)
        self._add("keeper", self._call, Keeper(nodes, promises).act, SKY.rest * 5)
        for node in nodes:
            self._add(f"meddler-{node.number}", self._meddle, node)

    def _add(self, name: str, work: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=work, args=args, name=name, daemon=True)
        self._threads.append(thread)

    def act(self, seconds: float) -> None:
        """Act for so many seconds; then have the weather calm, and all calls come back."""
        for thread in self._threads:
            thread.start()
        time.sleep(seconds)
        self._over.set()
        SKY.calm.set()
        for thread in self._threads:
            thread.join(LONG)
            if thread.is_alive():
                self._findings.add(f"{thread.name} hangs")
                faulthandler.dump_traceback(all_threads=True)

    def _call(self, act: Callable[[], None], rest: float) -> None:
        while not self._over.wait(SKY.dice.random() * rest):
            try:
                act()
            except StoreError:
                SKY.count("call failed")
            except BaseException as error:
                self._findings.add_error("a call", error)

    def _meddle(self, node: Node) -> None:
        while not self._over.wait(SKY.dice.uniform(0.2, 2.5)):
            try:
                self._meddle_once(node)
            except BaseException as error:
                self._findings.add_error(f"what was done to engine {node.number}", error)

    def _meddle_once(self, node: Node) -> None:
        luck = SKY.dice.random()
        if luck < 0.3:
            node.stop()
            self._over.wait(SKY.dice.random() * SKY.lease)
            node.start()
        elif luck < 0.45:
            node.pause()
            self._over.wait(SKY.dice.random() * 0.5)
            node.stop()
            node.start()
        elif luck < 0.6:
            node.detach()
            node.stop()
            node.start()
        elif luck < 0.65:
            node.start()  # over the worker that is there
        elif luck < 0.85:
            node.close()
            node.open()
