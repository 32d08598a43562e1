"""Crawl this repository's documents for dead links, as an `async def` workflow.

    partita run examples/crawler.py:crawl --input '["README.md"]'
    python examples/crawler.py

A Queue, a TaskGroup, a Semaphore and `asyncio.timeout` are asyncio's own; on an engine their
event loop is replayed, so that pages which were read before a crash are not read again.
"""

import asyncio
import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from partita import activity, workflow

ROOT = Path(__file__).parents[1]
LINK = re.compile(r"\[[^\]]*\]\(([^)#:\s]+)\)")  # a Markdown link to another file


@dataclass
class Report:
    """What the crawl has found; a page that took too long is late."""

    pages: int = 0
    dead: list[str] = field(default_factory=list)
    late: list[str] = field(default_factory=list)


@activity
async def read_links(page: str) -> list[str] | None:
    """Return the pages that a page links to; None if there is no such page."""
    path = ROOT / page
    if not path.exists():
        return None
    links = LINK.findall(path.read_text("utf-8")) if path.suffix == ".md" else []
    return [os.path.normpath(Path(page).parent / link) for link in links]


@workflow
async def crawl(start: str, at_a_time: int = 4, patience: float = 30.0) -> Report:
    report = Report()
    seen = {start}
    queue: asyncio.Queue[str] = asyncio.Queue()
    queue.put_nowait(start)
    at_once = asyncio.Semaphore(at_a_time)

    async def visit(page: str) -> None:
        try:
            async with at_once, asyncio.timeout(patience):
                note(page, await read_links(page))
        except TimeoutError:
            report.late.append(page)
        queue.task_done()

    def note(page: str, links: list[str] | None) -> None:
        if links is None:
            report.dead.append(page)
            return
        report.pages += 1
        for link in links:  # in their order: that of a set would change from process to process
            if link not in seen:
                seen.add(link)
                queue.put_nowait(link)

    async def dispatch() -> None:
        while True:
            pages.create_task(visit(await queue.get()))

    async with asyncio.TaskGroup() as pages:
        dispatcher = pages.create_task(dispatch())
        await queue.join()
        dispatcher.cancel()
    report.dead.sort()
    report.late.sort()
    return report


if __name__ == "__main__":
    print(asyncio.run(crawl("README.md")))
