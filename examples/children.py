"""Close the books of a month: each branch is a child workflow with a history of its own.

    partita run examples/children.py:close_month --input '[["Oslo", "Bergen"]]'
    python examples/children.py

`partita list` shows the children beside their parent. `exchange_rate` is known by its name and
version only, as if another team's workers had it; the stand-in is what answers in plain Python
and, because this file defines that type too, in `partita run`. Whoever terminates the parent
asks its open children to cancel themselves: that is its `child_policy`.
"""

from dataclasses import dataclass

from partita import CancelledError, ChildPolicy, activity, child_workflow, sleep, workflow

GRACE = 0.05  # seconds in which a branch may still hand in sales
SALES = {"Head office": [900], "Oslo": [1200, 800], "Bergen": [450, 50, 100]}  # crowns


@dataclass
class Books:
    """A month in numbers."""

    crowns: dict[str, int]
    euros: float


@activity
def read_sales(branch: str) -> list[int]:
    return SALES[branch]


@activity
def lock(branch: str) -> str:
    return f"{branch} is locked"


@activity
def unlock(branch: str) -> str:
    return f"{branch} is open again"


@workflow(name="exchange_rate", version="2")
def fixed_rate(from_: str, to: str) -> float:
    """Stand in for the treasury's own workflow."""
    return {("NOK", "EUR"): 0.085}[from_, to]


treasury = child_workflow("exchange_rate", "2", local=fixed_rate)


@workflow
def close_branch(branch: str) -> int:
    """Wait for what comes late, then add up."""
    lock(branch)
    try:
        sleep(GRACE)
        return sum(read_sales(branch))
    except CancelledError:
        unlock(branch)
        raise


@workflow(child_policy=ChildPolicy.REQUEST_CANCEL)
def close_month(branches: list[str]) -> Books:
    rate = treasury.submit("NOK", "EUR")  # `submit`: it runs beside the rest
    futures = close_branch.map(branches)  # `map`: one child per item, side by side
    crowns = {"Head office": close_branch("Head office")}  # a call: wait for it
    crowns |= zip(branches, futures.result(), strict=True)
    return Books(crowns, round(sum(crowns.values()) * rate.result(), 2))


if __name__ == "__main__":
    print(close_month(["Oslo", "Bergen"]))
