"""Put together the page of an execution for `export --html`."""

from __future__ import annotations

import time
from pathlib import Path

from partita.cli.histories import is_history_file
from partita.cli.options import Backend
from partita.cli.run_pictures import picture_without_code, source_of_run
from partita.client.why import explained
from partita.history.document import ExportedHistory, read
from partita.views.run_page import RunPage, html_page
from partita.views.verdicts import Verdict


def page_of(target: str, run_id: str, code: str | None, backend: Backend) -> str:
    """Return the page of an execution, given its id or the file of its exported history.

    Raises:
        ExecutionNotFoundError: there is no such execution.
        LoadError: the code cannot be imported.
    """
    if is_history_file(target):
        history = read(Path(target))
        return _page(history, explained(history), code)
    with backend.look() as client:
        history = client.export_history(target, run_id=run_id)
        return _page(history, client.why(target, run_id=history.execution.run_id), code)


def _page(history: ExportedHistory, verdict: Verdict, code: str | None) -> str:
    source = source_of_run(history, code)
    picture = picture_without_code(history) if source is None else source.picture
    page = RunPage(
        history=history,
        picture=picture,
        written_at=time.time(),
        verdict=verdict,
        source=source,
    )
    return html_page(page)
