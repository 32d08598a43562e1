"""Print letters on the right press: task lists, priorities, and attributes to search by.

    partita run examples/routing.py:print_all --input '["Ada Ltd", [2, 3, 400]]'
    python examples/routing.py

`partita run` serves one task list, so everything goes there unless PRESSES=apart is in the
environment of all who take part; then `partita worker examples/routing.py --task-list default
--task-list small --task-list large` serves all three. `partita limit large --concurrency 1`
lets one large press run at a time, however many workers there are. `partita schedule create
nightly examples/routing.py:print_all --cron '30 3 * * *' --input '["Ada Ltd", [2, 3, 400]]'`
does it every night, and `partita list --attribute 'customer="Ada Ltd"'` finds each run.
"""

import os

from partita import activity, upsert_search_attributes, workflow

APART = os.environ.get("PRESSES") == "apart"


def press(size: str) -> str:
    """Return the task list of a press."""
    return size if APART else "default"


def press_for(pages: int) -> str:
    """Tell the task list from the arguments of a call."""
    return press("large" if pages > 100 else "small")


@activity(task_list=press("small"))  # always the same list
def address(customer: str) -> str:
    return f"an envelope for {customer}"


@activity(task_list=press_for)  # a list for each call
def print_letter(pages: int) -> str:
    return f"a letter of {pages} pages"


@activity  # the workflow's own list
def hand_over(parcel: list[str]) -> str:
    return f"{len(parcel)} things are with the post"


@workflow(tags=("print",))
def print_all(customer: str, letters: list[int]) -> list[str]:
    total = sum(letters)
    upsert_search_attributes(customer=customer, pages=total, printed=False)
    proof = print_letter.options(task_list=press("small"))  # for these calls only
    proof(1)
    futures = [address.submit(customer)]
    for pages in letters:
        urgent = print_letter.options(task_priority=1000 - pages)  # short ones first
        futures.append(urgent.submit(pages))
    parcel = [future.result() for future in futures]
    upsert_search_attributes(printed=True)
    return [*parcel, hand_over(parcel)]


if __name__ == "__main__":
    print(print_all("Ada Ltd", [2, 3, 400]))
