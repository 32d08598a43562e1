"""Send notices as signals of the blinker library, one signal for each kind (`partita[blinker]`).

    signals = BlinkerSignals()
    client.listen(signals)
    signals.on_activity_completed.connect(receiver)  # receiver(sender, notice=...)

The sender is the name of the workflow type, so a receiver can be connected to one workflow type
only. As usual with blinker, receivers are held by weak references; `weak=False` keeps them alive.
"""

from __future__ import annotations

from difflib import get_close_matches

import blinker

from partita.ports.notices import NAMES, Notice


class BlinkerSignals:
    """A listener with a signal `on_NAME` for every notice, and `on_notice` for all of them."""

    def __init__(self) -> None:
        self.on_notice = blinker.Signal()
        self._signals = {f"on_{name}": blinker.Signal() for name in NAMES}

    def __getattr__(self, name: str) -> blinker.Signal:
        """Return the signal of that name."""
        signals: dict[str, blinker.Signal] = vars(self).get("_signals", {})
        if name in signals:
            return signals[name]
        close = get_close_matches(name, signals, n=1)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise AttributeError(f"no signal is named {name}{hint}")

    def __call__(self, notice: Notice) -> None:
        """Send a notice. If a receiver raises, later receivers of that signal do not get it."""
        sender = notice.workflow_type.name
        try:
            self._signals[f"on_{notice.name}"].send(sender, notice=notice)
        finally:
            self.on_notice.send(sender, notice=notice)
