"""Know every combinator: its arguments, and its names in the two Composers.

A combinator has the name of Composer for Python here; JavaScript's is an alias. `deriving` says
what the derived ones stand for.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

Kind = Literal["composition", "name", "action", "function", "object", "number", "value"]
Dialect = Literal["python", "js"]


class Argument(NamedTuple):
    """An argument that is not one of the components."""

    name: str
    kind: Kind = "composition"
    is_optional: bool = False


class Combinator(NamedTuple):
    """What a combinator takes."""

    arguments: tuple[Argument, ...] = ()
    has_components: bool = False
    is_derived: bool = False


_TEST, _BODY = Argument("test"), Argument("body")
_WHEN = (_TEST, Argument("consequent"), Argument("alternate", is_optional=True))
_COUNT = (Argument("count", "number"),)
_VALUE = (Argument("value", "value"),)

COMBINATORS: dict[str, Combinator] = {
    "sequence": Combinator(has_components=True),
    "when_nosave": Combinator(_WHEN),
    "loop_nosave": Combinator((_TEST, _BODY)),
    "doloop_nosave": Combinator((_BODY, _TEST)),
    "do": Combinator((_BODY, Argument("handler"))),
    "ensure": Combinator((_BODY, Argument("finalizer"))),
    "let": Combinator((Argument("declarations", "object"),), has_components=True),
    "mask": Combinator(has_components=True),
    "action": Combinator((Argument("name", "name"), Argument("action", "action", True))),
    "function": Combinator((Argument("function", "function"),)),
    "asynchronous": Combinator(has_components=True),
    "parallel": Combinator(has_components=True),
    "map": Combinator(has_components=True),
    "dynamic": Combinator(),
    "composition": Combinator(
        (Argument("name", "name"), Argument("composition", is_optional=True)), is_derived=True
    ),
    "empty": Combinator(is_derived=True),
    "seq": Combinator(has_components=True, is_derived=True),
    "when": Combinator(_WHEN, is_derived=True),
    "loop": Combinator((_TEST, _BODY), is_derived=True),
    "doloop": Combinator((_BODY, _TEST), is_derived=True),
    "repeat": Combinator(_COUNT, has_components=True, is_derived=True),
    "retry": Combinator(_COUNT, has_components=True, is_derived=True),
    "retain": Combinator(has_components=True, is_derived=True),
    "retain_catch": Combinator(has_components=True, is_derived=True),
    "value": Combinator(_VALUE, is_derived=True),
    "literal": Combinator(_VALUE, is_derived=True),
    "merge": Combinator(has_components=True, is_derived=True),
    "par": Combinator(has_components=True, is_derived=True),
}

JAVASCRIPT_NAMES = {
    "when": "if",
    "when_nosave": "if_nosave",
    "loop": "while",
    "loop_nosave": "while_nosave",
    "doloop": "dowhile",
    "doloop_nosave": "dowhile_nosave",
    "do": "try",
    "ensure": "finally",
    "asynchronous": "async",
}

_PYTHON_NAMES = {js: python for python, js in JAVASCRIPT_NAMES.items()}


def type_of(name: object) -> str | None:
    """Return the combinator of a name in either dialect, or None."""
    if not isinstance(name, str):
        return None
    found = _PYTHON_NAMES.get(name, name)
    return found if found in COMBINATORS else None


def name_in(dialect: Dialect, type: str) -> str:
    """Return a combinator's name in a dialect."""
    return JAVASCRIPT_NAMES.get(type, type) if dialect == "js" else type
