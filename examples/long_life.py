"""Bill a subscription month after month, in runs that are short however long it lives.

    partita run examples/long_life.py:subscription --input '["Ada", 5]' --id ada
    python examples/long_life.py

`partita list --id ada` shows a run for every second month. With BANK=closed in the environment
a payment fails; open the bank, and `partita rerun ada` goes on with that payment alone, once
`partita run examples/long_life.py:subscription --id ada` or a worker is there to do it.
`partita fork ada --event 7 --as eva` tries the newest run again from there, under another id.
"""

import os
from dataclasses import dataclass, field

from partita import activity, continue_as_new, patched, sleep, workflow, workflow_info

MONTH = 0.02  # seconds, so that you need not wait; timedelta(days=30) is as good


class BankClosedError(Exception):
    """No payment goes through."""


@dataclass
class Account:
    """What goes from run to run."""

    months: int = 0
    runs: int = 1
    paid: list[float] = field(default_factory=list)


@activity
def charge(customer: str, euros: float) -> float:
    if os.environ.get("BANK") == "closed":
        raise BankClosedError(f"{customer} cannot pay {euros} euros")
    return euros


@activity
def thank(customer: str, months: int) -> str:
    return f"{customer} has been with us for {months} months"


def price(months: int) -> float:
    """Return what the next month costs.

    The discount came later. Runs that had passed this line before keep to the old price,
    for their history must fit; all others, and every next run, take the new one.
    """
    if patched("2026-loyalty"):
        return 8.0 if months >= 3 else 10.0
    return 10.0


@workflow
def subscription(customer: str, months: int, account: Account | None = None) -> Account:
    account = account or Account()
    while account.months < months:
        account.paid.append(charge(customer, price(account.months)))
        account.months += 1
        sleep(MONTH)
        if is_long(account) and account.months < months:
            account.runs += 1
            continue_as_new(customer, months, account)  # ends this run; nothing after it is done
    thank(customer, months)
    return account


def is_long(account: Account) -> bool:
    """Say whether to begin a new history: here soon, else when the engine suggests it."""
    return account.months % 2 == 0 or workflow_info().continue_as_new_suggested


if __name__ == "__main__":
    print(subscription("Ada", 5))
