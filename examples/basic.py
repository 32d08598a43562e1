"""Compute `(x + 1) * 2` from two durable steps, with a delay beside them.

    partita run examples/basic.py:calculate --input '[20]'
    python examples/basic.py

`double` is given the *future* of `increment`: that is an edge of data flow, and nobody waits
for it. The delay runs meanwhile; on an engine it is a timer, which no crash stops.
"""

from partita import activity, sleep, workflow


@activity
def increment(x: int) -> int:
    return x + 1


@activity
def double(x: int) -> int:
    return x * 2


@workflow
def calculate(x: int, delay: float = 0.2) -> int:
    doubled = double.submit(increment.submit(x))
    sleep(delay)  # seconds
    return doubled.result()


if __name__ == "__main__":
    print(calculate(20))
