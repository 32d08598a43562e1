"""What a shell may complete a parameter to; `completion` finds it, and is loaded when asked."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from importlib import import_module
from typing import Any

import click


class Offers(Enum):
    """What the shell may complete a parameter to."""

    IDS = "workflow ids"
    TYPES = "workflow types"
    TASK_LISTS = "task lists"
    SCHEDULES = "schedules"
    TARGETS = "files, and the workflows in them"


def completed(kind: Offers) -> Callable[[click.Context, click.Parameter, str], Any]:
    """Return what completes a parameter in a shell; it is loaded when a shell asks."""

    def complete(ctx: click.Context, _: click.Parameter, incomplete: str) -> Any:
        return import_module("partita.cli.completion").offers(kind, ctx, incomplete)

    return complete
