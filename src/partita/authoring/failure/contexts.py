"""Raise an exception that was raised elsewhere, with its own context and that of this place."""

from __future__ import annotations

import sys
from typing import NoReturn


def raise_here(error: BaseException) -> NoReturn:
    """Raise an exception of another process or thread.

    A plain `raise` would replace its context by the exception that is handled here. As if it had
    been raised below, the exception that is handled here becomes the end of its contexts.
    """
    context, handled = error.__context__, sys.exc_info()[1]
    if context is None or handled is None or handled is error:
        raise error
    try:
        raise error
    finally:
        _append(context, handled)
        error.__context__ = context


def _append(context: BaseException, handled: BaseException) -> None:
    seen = {id(handled)}
    while id(context) not in seen:
        seen.add(id(context))
        if context.__context__ is None:
            context.__context__ = handled
            return
        context = context.__context__
