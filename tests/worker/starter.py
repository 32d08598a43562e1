"""One of several client processes: start workflows, and wait for all of them."""

import sys

from partita.client import Client
from partita.connect import connect
from tests.worker.poison import sums


def main() -> None:
    """Start as many as told, each acknowledged, one after the other; check every result."""
    url, me, count = sys.argv[1:]
    client = Client(connect(url))
    handles = []
    for number in range(int(count)):
        handles.append(client.start_with(sums, (number % 7,), workflow_id=f"{me}-{number}"))
        print(f"{me}-{number}", flush=True)
    for number, handle in enumerate(handles):
        assert handle.result(timeout=120) == sum(range(number % 7))
    client.close()


if __name__ == "__main__":
    main()
