"""Run the storm over seeds and stores: a line for each, and what was found in full.

    python -m tests.storm [--seeds N] [--first SEED] [--seconds S] [--store sqlite|postgres|both]

Without --first, seeds are new every time. Exits with 1 if anything was found.
"""

from __future__ import annotations

import argparse
import secrets
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.postgres import server
from tests.storm.findings import FOUND

ROOT = Path(__file__).parents[2]
STORES = ("sqlite", "postgres")


def parsed() -> argparse.Namespace:
    """Return what the command asks for."""
    parser = argparse.ArgumentParser(prog="python -m tests.storm")
    parser.add_argument("--seeds", type=int, default=1, help="how many seeds to run")
    parser.add_argument("--first", type=int, help="the first of them; by default, any")
    parser.add_argument("--seconds", type=float, default=10.0, help="how long each storm lasts")
    parser.add_argument("--store", choices=[*STORES, "both"], default="both")
    return parser.parse_args()


def try_seed(seed: int, seconds: float, store: str) -> bool:
    """Try a seed in a process of its own and print what came of it; return whether all is well."""
    with tempfile.TemporaryDirectory(prefix="partita-storm-") as folder:
        place = server().url() if store == "postgres" else f"{folder}/storm.db"
        trial = [sys.executable, "-m", "tests.storm.trial", str(seed), str(seconds), place]
        done = subprocess.run(
            trial,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
    lines = done.stdout.splitlines()
    exercised = [line for line in lines if line.startswith("EXERCISED ")]
    count = sum(line.startswith(FOUND) for line in lines)
    what = exercised[-1].partition(" ")[2] if exercised else "it did not end"
    print(f"seed {seed} on {store}: {count} findings; {what}", flush=True)
    if done.returncode == 0:
        return True
    print(*[line for line in lines if line not in exercised], sep="\n")
    again = f"--first {seed} --seconds {seconds:g} --store {store}"
    print(f"repeat it with: {shlex.quote(sys.executable)} -m tests.storm {again}", flush=True)
    return False


def main() -> int:
    """Try all that is asked for; return the exit status."""
    asked = parsed()
    first = secrets.randbelow(1_000_000) if asked.first is None else asked.first
    stores = STORES if asked.store == "both" else (asked.store,)
    seeds = range(first, first + asked.seeds)
    outcomes = [try_seed(seed, asked.seconds, store) for seed in seeds for store in stores]
    print(f"{len(outcomes)} storms, {outcomes.count(False)} with findings")
    return 0 if all(outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
