"""Write a call and its result by a function's signature, and read them back."""

from __future__ import annotations

from typing import Any

from partita.authoring.signature import Signature
from partita.codec import Converter

_converter = Converter()


def carried(signature: Signature, *args: Any, **kwargs: Any) -> tuple[tuple[Any, ...], Any]:
    """Return the arguments of a call as the function receives them."""
    payload = _converter.dump(signature.bind(args, kwargs), "the arguments", signature.arguments)
    given, named = signature.load(_converter, payload)
    return tuple(given), named


def carried_result(signature: Signature, result: Any) -> Any:
    """Return a result as the caller receives it."""
    payload = _converter.dump(result, "the result", signature.result_form)
    return signature.load_result(_converter, payload, "the result")
