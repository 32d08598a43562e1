"""`demo`: kill a worker, let another one continue its workflow, and show what each one did."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import click
from rich.console import Console
from rich.syntax import Syntax

from partita.cli.options import Backend
from partita.errors import PartitaError
from partita.private_files import make_folder

STEPS = ("flight", "hotel", "car", "museum", "dinner")

SOURCE = """\
import os, time
from partita import activity, workflow

@activity
def book(what: str) -> str:
    with open({log!r}, "a") as log:
        print(os.getpid(), what, file=log)
    time.sleep(0.25)
    return f"{{what}} booked"

@workflow
def trip(wishes: list[str]) -> list[str]:
    return [book(wish) for wish in wishes]      # each call is one durable step
"""


@click.command()
def demo() -> int:
    """Show a workflow that survives kill -9, in a few seconds."""
    folder = Path(".partita") / "demo"
    console = Console(highlight=False)
    try:
        make_folder(folder)
        demonstration = _Demonstration(folder, console)
    except OSError as error:
        raise PartitaError(
            f"the demo needs a folder to write to: {error}; run it where you may write"
        ) from error
    try:
        return demonstration.run()
    finally:
        demonstration.stop_workers()


class _Demonstration:
    """The demo's files and processes."""

    def __init__(self, folder: Path, console: Console) -> None:
        self._file = folder / "trip.py"
        self._log = folder / "trip.log"
        self._database = folder / "partita.db"
        self._print = partial(console.print, soft_wrap=True)  # so that commands can be copied
        for old in folder.glob("*"):
            if old.is_file():
                old.unlink()
        self._file.write_text(SOURCE.format(log=str(self._log)))
        self._log.touch()
        self._url = f"sqlite:///{self._database}"
        self._workers: list[subprocess.Popen[bytes]] = []

    def run(self) -> int:
        wishes = str([list(STEPS)]).replace("'", '"')  # one argument, a list
        self._print(f"\n[bold]1.[/bold] A workflow of {len(STEPS)} steps, in {self._file}:\n")
        code = Syntax(self._file.read_text(), "python", background_color="default")
        self._print(code)
        self._partita("start", f"{self._file}:trip", "--input", wishes, "--id", "my-trip")
        first = self._worker()
        self._print(f"[bold]2.[/bold] It is started; worker {first.pid} runs it on SQLite.")
        self._await_steps(3)
        first.send_signal(signal.SIGKILL)
        first.wait()
        before = self._lines()
        self._print(f"   {len(before)} steps begun. [red bold]kill -9 {first.pid}[/red bold]\n")
        second = self._worker()
        self._print(f"[bold]3.[/bold] Worker {second.pid} takes over.")
        with Backend(self._url, is_verbose=False).open() as client:
            result = client.result("my-trip", timeout=20)
        self._print(f"   Done: {', '.join(result)}\n")
        return self._conclude(first.pid, second.pid)

    def _conclude(self, first: int, second: int) -> int:
        self._print("[bold]4.[/bold] What each worker really did:\n")
        lines = self._lines()
        for pid, what in lines:
            which = "first" if pid == str(first) else "second"
            self._print(f"   {which} worker {pid}   {what}")
        repeated = {what for _, what in lines if sum(what == other for _, other in lines) > 1}
        finished = [what for what in STEPS if what not in repeated]
        self._print(
            f"\n   {len(finished)} steps ran once. "
            + (
                f"Only {', '.join(sorted(repeated))}, cut off in the middle, ran again.\n"
                if repeated
                else "None ran twice.\n"
            )
        )
        if len(repeated) > 1 or str(second) not in {pid for pid, _ in lines}:
            self._print("[red]That is not what should have happened; please report it.[/red]")
            return 1
        self._print("[bold]Try next[/bold]")
        partita = _program()
        self._print(f"   {partita} --backend {self._url} show my-trip")
        self._print(f"   {partita} --backend {self._url} history my-trip")
        self._print(f"   {partita} run {self._file}:trip --input '[[\"boat\"]]'")
        return 0

    def _partita(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "partita", "--backend", self._url, *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def _worker(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "partita", "--backend", self._url, "worker"]
        worker = subprocess.Popen([*command, str(self._file)], stderr=subprocess.DEVNULL)
        self._workers.append(worker)
        return worker

    def _lines(self) -> list[tuple[str, str]]:
        lines = self._log.read_text().splitlines()
        return [(pid, what) for pid, _, what in (line.partition(" ") for line in lines)]

    def _await_steps(self, count: int) -> None:
        deadline = time.monotonic() + 20
        while len(self._lines()) < count:
            if time.monotonic() > deadline or self._workers[-1].poll() is not None:
                raise PartitaError("the demo's worker did not begin; run it with --debug")
            time.sleep(0.02)
        time.sleep(0.05)

    def stop_workers(self) -> None:
        for worker in self._workers:
            if worker.poll() is None:
                os.kill(worker.pid, signal.SIGTERM)
        for worker in self._workers:
            worker.wait()


def _program() -> str:
    """Return how to call this program on the command line."""
    if shutil.which("partita"):
        return "partita"
    path = Path(sys.executable).with_name("partita")
    return os.path.relpath(path) if path.exists() else "python -m partita"
