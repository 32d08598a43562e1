"""Raise an exception that was raised elsewhere, with its own context and that of this place."""

from __future__ import annotations

import sys
from typing import NoReturn

from partita.authoring.failure.state import CONTEXT


def raise_here(error: BaseException) -> NoReturn:
    """Raise an exception of another process or thread.

    A plain `raise` would replace its context by the exception that is handled here. As if it had
    been raised below, the exception that is handled here becomes the end of its contexts.
    """
    context, handled = CONTEXT.__get__(error), sys.exc_info()[1]
    if context is None or handled is None or handled is error:
        raise error
    try:
        raise error
    finally:
        _append(context, handled)
        CONTEXT.__set__(error, context)


def _append(context: BaseException, handled: BaseException) -> None:
    seen = {id(handled)}
    while id(context) not in seen:
        seen.add(id(context))
        following = CONTEXT.__get__(context)
        if following is None:
            CONTEXT.__set__(context, handled)
            return
        context = following
