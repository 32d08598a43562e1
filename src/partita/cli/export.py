"""`export` and `import`: write histories of a backend into files, and read them back."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from functools import partial
from importlib import import_module
from pathlib import Path
from urllib.parse import quote

import click

from partita.cli.offers import Offers, completed
from partita.cli.options import Backend, backend_option, run_option, type_option
from partita.cli.output import print_row
from partita.cli.working import note
from partita.client import Client
from partita.errors import ExecutionNotFoundError, InvalidInputError, InvalidOptionError
from partita.history import WorkflowExecution
from partita.history.document import ExportedHistory, read
from partita.operations.archive import SUFFIXES, Pages, files_below
from partita.ports.state import Status
from partita.private_files import make_folder, opener

_MAX_ID_CHARACTERS = 80
"""Length of an id in a file name; file systems allow 255 bytes for the whole name."""


@click.command()
@click.argument("workflow_ids", metavar="[ID]...", nargs=-1, shell_complete=completed(Offers.IDS))
@run_option
@click.option("--all-runs", is_flag=True, help="Every run of these ids.")
@type_option("Every execution of this workflow.")
@click.option(
    "--status", type=click.Choice([status.name for status in Status], case_sensitive=False)
)
@click.option("--into", "folder", metavar="FOLDER", help="Write a file for each run.")
@click.option("--output", "file", metavar="FILE", help="Write one history to a file, not stdout.")
@click.option("--html", "page", metavar="FILE", help="Write one execution as a page to look at.")
@click.option("--code", metavar="FILE", help="The workflow's code, for the page.")
@backend_option
def export(
    workflow_ids: tuple[str, ...],
    run_id: str,
    all_runs: bool,
    type_name: str | None,
    status: str | None,
    folder: str | None,
    file: str | None,
    page: str | None,
    code: str | None,
    backend: Backend,
) -> None:
    """Write histories as JSON: one to stdout, or many into a folder, a file for each run.

    Payloads are written as they are stored. An open execution is written up to its last event.

    With --html one execution, or the .json file of its history, becomes a page that needs nothing
    else: why it is as it is, what has run, its time, its steps, its source with --code, its events.
    """
    if page is not None:
        if len(workflow_ids) != 1 or all_runs or type_name or status or folder or file:
            raise InvalidOptionError("--html is for one execution; give its ID, and --run perhaps")
        _write_page(page, workflow_ids[0], run_id, code, backend)
        return
    if code is not None:
        raise InvalidOptionError("--code is for --html; give both")
    if folder is not None and file is not None:
        raise InvalidOptionError("--into and --output: give one of them")
    if not (workflow_ids or type_name or status):
        raise InvalidOptionError("which executions? Give an ID, --type or --status")
    if workflow_ids and (type_name or status):
        raise InvalidOptionError("give IDs, or --type and --status; not both")
    if run_id and (len(workflow_ids) != 1 or all_runs):
        raise InvalidOptionError("--run says which run of one ID; give just that")
    wanted = None if status is None else Status[status.upper()]
    with backend.look() as client:
        if workflow_ids and not all_runs:
            found: Iterable[WorkflowExecution] = [
                WorkflowExecution(id, run_id) for id in workflow_ids
            ]
        elif workflow_ids:
            found = [one for id in workflow_ids for one in _all_runs(client, id)]
        else:
            found = _matching(client, type_name, wanted)
        histories = (client.export_history(one.workflow_id, run_id=one.run_id) for one in found)
        if folder is not None:
            _write_all(Path(folder), histories)
        else:
            _write_one(list(histories), file)


def _all_runs(client: Client, workflow_id: str) -> list[WorkflowExecution]:
    runs = list(_listed(client, workflow_id=workflow_id))
    return runs or [WorkflowExecution(workflow_id, "")]  # raises ExecutionNotFoundError later


def _matching(
    client: Client, type_name: str | None, status: Status | None
) -> Iterator[WorkflowExecution]:
    found = _listed(client, type_name=type_name, status=status)
    first = next(found, None)
    if first is None:
        raise ExecutionNotFoundError(
            "no execution is of that type and status; `partita list` shows what there is"
        )
    yield first
    yield from found


def _listed(
    client: Client,
    workflow_id: str | None = None,
    type_name: str | None = None,
    status: Status | None = None,
) -> Iterator[WorkflowExecution]:
    """Yield executions, newest first, page by page."""
    before: int | None = None
    while True:
        page = client.list(
            workflow_id=workflow_id, type_name=type_name, status=status, before_run=before
        )
        for info in page.executions:
            yield WorkflowExecution(info.workflow_id, info.run_id)
        before = page.next_page
        if before is None:
            return


def _write_one(histories: list[ExportedHistory], file: str | None) -> None:
    if len(histories) > 1:
        raise InvalidOptionError(
            f"these are {len(histories)} histories; give --into FOLDER, for a file for each"
        )
    if file is None:
        sys.stdout.write(histories[0].dump())
    elif Path(file).is_dir():
        _write(Path(file) / file_name(histories[0]), histories[0])
    else:
        _write(Path(file), histories[0])


def _write_all(folder: Path, histories: Iterable[ExportedHistory]) -> None:
    make_folder(folder)
    count = 0
    for count, history in enumerate(histories, 1):
        note(f"{count:,} written")
        _write(folder / file_name(history), history)
    print(f"partita: histories written into {folder}: {count}", file=sys.stderr)


def _write_page(page: str, target: str, run_id: str, code: str | None, backend: Backend) -> None:
    pages = import_module("partita.cli.run_pages")  # histories alone need none of what draws
    text: str = pages.page_of(target, run_id, code, backend)
    try:
        _write_text(Path(page), text)
    except OSError as error:
        raise InvalidOptionError(f"cannot write {page}: {error.strerror}") from error


def _write(path: Path, history: ExportedHistory) -> None:
    _write_text(path, history.dump())


def _write_text(path: Path, text: str) -> None:
    """Write a file atomically."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(draft, "w", encoding="utf-8", newline="\n", opener=opener) as file:
            file.write(text)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def file_name(history: ExportedHistory) -> str:
    """Return the file name of a run, which is always the same and unique."""
    execution = history.execution
    return f"{_safe(execution.workflow_id)}.{_safe(execution.run_id)}.json"


def _safe(id: str) -> str:
    """Return an id as part of a file name; a hash replaces the end of a long one."""
    name = quote(id, safe="").replace(".", "%2E").replace("~", "%7E")
    if len(name) <= _MAX_ID_CHARACTERS:
        return name
    return f"{name[: _MAX_ID_CHARACTERS - 13]}-{hashlib.sha256(id.encode()).hexdigest()[:12]}"


@click.command("import")
@click.argument("paths", metavar="FILE_OR_FOLDER...", nargs=-1, required=True)
@click.option("--as-terminated", is_flag=True, help="Import open executions too, as terminated.")
@backend_option
def import_(paths: tuple[str, ...], as_terminated: bool, backend: Backend) -> None:
    """Import closed executions from exported files; print their ids. It is safe to repeat.

    They can be shown, queried, forked and run again. Nothing of them runs by itself.
    Archives that `prune` has written (.jsonl, .jsonl.gz) can be imported too.
    """
    files = [file for path in paths for file in files_below(Path(path))]
    with ExitStack() as stack:
        found = [one for file in files for one in _bookmarked(file, as_terminated, stack)]
        found.sort(key=lambda one: one[0])  # oldest run first
        client = stack.enter_context(backend.open())
        for number, (_, bookmark) in enumerate(found, 1):
            note(f"{number:,} of {len(found):,}")
            history = bookmark()
            execution = history.execution
            if client.import_history(history):
                print_row(execution.workflow_id, execution.run_id)
            else:
                what = f"run {execution.run_id} of {execution.workflow_id}"
                print(f"partita: {what} is here already", file=sys.stderr)


Bookmark = tuple[float, Callable[[], ExportedHistory]]
"""When a run started, and a function that reads its history: archives may exceed the memory."""


def _bookmarked(file: Path, as_terminated: bool, stack: ExitStack) -> Iterator[Bookmark]:
    """Yield a bookmark for every history of a file."""
    if not file.name.endswith(SUFFIXES):
        history = _closed(file, read(file), as_terminated)
        yield history.begun.event_timestamp, lambda: history
        return
    pages = stack.enter_context(Pages(file))
    for number, (place, history) in enumerate(pages.every(), 1):
        note(f"{number:,} read")
        start = _closed(file, history, as_terminated).begun.event_timestamp
        yield start, partial(_closed_at, pages, place, file, as_terminated)


def _closed_at(pages: Pages, place: int, file: Path, as_terminated: bool) -> ExportedHistory:
    return _closed(file, pages.at(place), as_terminated)


def _closed(file: Path, history: ExportedHistory, as_terminated: bool) -> ExportedHistory:
    if not history.is_open:
        return history
    if as_terminated:
        return history.terminated("it was open when it was exported")
    raise InvalidInputError(
        f"{file}: execution {history.execution.workflow_id!r} was open when it was exported, and "
        "it would run twice; replay the file, or give --as-terminated to look at it here"
    )
