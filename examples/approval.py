"""Wait for people: typed signals come in, queries look, updates change what is asked for.

    partita run examples/approval.py:purchase --input '["a piano", 4200]'
    python examples/approval.py

Two children stand for the managers. With `--id piano --input '["a piano", 4200, false]'` nobody
does: it waits, for months if need be, and from another terminal you say
`partita query piano standing`, `partita update piano haggle --input '[3900]'` and, for ann and
for bob, `partita signal piano decision --input '{"by": "ann", "yes": true}'`.
"""

from dataclasses import dataclass, field

from partita import Signal, activity, parent, query, signals, update, workflow


@dataclass
class Decision:
    """What a manager says."""

    by: str
    yes: bool


@dataclass
class Standing:
    """How a purchase stands: who is for it, who is against it."""

    what: str
    euros: int
    for_it: list[str] = field(default_factory=list)
    against: list[str] = field(default_factory=list)


DECISION = Signal("decision", Decision)
MANAGERS = {"ann": 10_000, "bob": 5_000}  # and what each may spend


@activity
def order(what: str, euros: int) -> str:
    return f"{what} is ordered for {euros} euros"


@activity
def ask_seller(euros: int, offer: int) -> int:
    return max(offer, round(euros * 0.9))  # nobody gives more than a tenth away


@workflow
def manager(name: str, euros: int) -> None:
    """Stand for somebody who decides by the sum."""
    asker = parent()
    if asker is not None:
        asker.signal(DECISION, Decision(name, euros <= MANAGERS[name])).result()


@workflow
def purchase(what: str, euros: int, by_rule: bool = True) -> str:
    now = Standing(what, euros)

    @query
    def standing() -> Standing:
        return now

    @update
    def haggle(offer: int) -> int:
        """Try to lower the price; the answer is the price from now on."""
        if offer >= now.euros:
            raise ValueError(f"it costs {now.euros} already")
        now.euros = ask_seller(now.euros, offer)  # runs beside the wait below
        return now.euros

    if by_rule:
        manager.starmap((name, euros) for name in MANAGERS)
    for decision in signals(DECISION):
        side = now.for_it if decision.yes else now.against
        if decision.by in MANAGERS and decision.by not in now.for_it + now.against:
            side.append(decision.by)
        if now.against:
            return f"{what} is refused by {now.against[0]}"
        if len(now.for_it) == len(MANAGERS):
            break
    return order(what, now.euros)


if __name__ == "__main__":
    print(purchase("a piano", 4200))
