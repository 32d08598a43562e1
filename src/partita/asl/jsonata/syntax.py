"""Parse an expression into a tree, to know what it refers to; the engine evaluates the text.

A parser by operator precedence, of the grammar of JSONata 2.0.6: it has neither `??` nor `?:`,
which came later. It does not repeat the engine's checks of literals and signatures.

Source: JSONata 2.0.6, parser.js, as its test suite shows it.
"""

from __future__ import annotations

from dataclasses import dataclass

from partita.asl.jsonata.failures import STACK, JsonataError
from partita.asl.jsonata.tokens import Kind, Token, Tokens

MAX_NESTING = 150  # levels; evaluation may nest 100

_POWERS = {
    **dict.fromkeys(("[", "(", "@", "#"), 80),
    ".": 75,
    "{": 70,
    **dict.fromkeys(("*", "/", "%"), 60),
    **dict.fromkeys(("+", "-", "&"), 50),
    **dict.fromkeys(("=", "<", ">", "^", "!=", "<=", ">=", "~>", "in"), 40),
    "and": 30,
    "or": 25,
    **dict.fromkeys(("?", ".."), 20),
    ":=": 10,
}
_FUNCTION_WORDS = frozenset({"function", "λ"})


@dataclass(frozen=True, slots=True)
class Node:
    """A part of an expression: its kind, its extent in the text, a name or operator, its parts.

    Kinds: literal, regex, name, wildcard, variable, negative, array, object, block, condition,
    lambda, call, placeholder, transform, path, filter, group, sort, focus, binary, apply, bind.
    """

    kind: str
    start: int
    end: int
    text: str = ""
    parts: tuple[Node, ...] = ()
    depth: int = 1  # levels of parts within parts


def parse(text: str) -> Node:
    """Return the tree of an expression.

    Raises:
        JsonataError: the text is not of the grammar, or nested too deeply.
    """
    return _Parser(text).whole()


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens = Tokens(text)
        self._token = self._tokens.next(operand=True)
        self._last = self._token
        self._level = 0

    def whole(self) -> Node:
        node = self._expression(0)
        if self._token.kind is not Kind.END:
            raise _unexpected(self._token)
        return node

    def _advance(self, *, operand: bool) -> Token:
        self._last, self._token = self._token, self._tokens.next(operand=operand)
        return self._last

    def _is(self, *operators: str) -> bool:
        return self._token.kind is Kind.OPERATOR and self._token.text in operators

    def _take(self, operator: str, *, operand: bool = False) -> Token:
        if self._is(operator):
            return self._advance(operand=operand)
        if self._token.kind is Kind.END:
            raise JsonataError(
                "S0203", f'Expected "{operator}" before end of expression', self._token.start
            )
        raise JsonataError(
            "S0202", f'Expected "{operator}", got "{self._token.text}"', self._token.end
        )

    def _expression(self, power: int) -> Node:
        self._level += 1
        if self._level > MAX_NESTING:
            raise JsonataError(None, STACK, self._token.start)
        node = self._operand()
        while self._token.kind is Kind.OPERATOR and _POWERS.get(self._token.text, 0) > power:
            node = self._continued(node)
        self._level -= 1
        return node

    def _operand(self) -> Node:
        token = self._token
        if token.kind is Kind.END:
            raise JsonataError("S0207", "Unexpected end of expression", token.start)
        if token.kind is Kind.OPERATOR:
            return self._prefixed(token)
        self._advance(operand=False)
        if token.text in _FUNCTION_WORDS and token.kind is Kind.NAME and self._is("("):
            return self._lambda(token)
        return Node(token.kind.name.lower(), token.start, token.end, token.text)

    def _prefixed(self, token: Token) -> Node:
        match token.text:
            case "*" | "**" | "%":
                self._advance(operand=False)
                return Node("wildcard", token.start, token.end, token.text)
            case "and" | "or" | "in":
                self._advance(operand=False)
                return Node("name", token.start, token.end, token.text)
            case "-":
                self._advance(operand=True)
                return self._node("negative", token.start, "-", self._expression(70))
            case "(":
                return self._block(token)
            case "[":
                return self._array(token)
            case "{":
                return self._node("object", token.start, "", *self._pairs())
            case "|":
                return self._transform(token)
        raise JsonataError(
            "S0211", f'The symbol "{token.text}" cannot be used as a unary operator', token.end
        )

    def _continued(self, left: Node) -> Node:
        operator = self._token
        match operator.text:
            case "[":
                return self._filter(left)
            case "(":
                return self._call(left)
            case "{":
                return self._node("group", left.start, "", left, *self._pairs())
            case "^":
                return self._sort(left)
            case "?":
                return self._condition(left)
            case "@" | "#":
                self._advance(operand=True)
                return self._node("focus", left.start, operator.text, left, self._expression(80))
        self._advance(operand=True)
        kind = {".": "path", "~>": "apply", ":=": "bind"}.get(operator.text, "binary")
        power = _POWERS[operator.text] - (operator.text == ":=")
        return self._node(kind, left.start, operator.text, left, self._expression(power))

    def _block(self, token: Token) -> Node:
        self._advance(operand=True)
        parts = []
        while not self._is(")"):
            parts.append(self._expression(0))
            if not self._is(";"):
                break
            self._advance(operand=True)
        self._take(")")
        return self._node("block", token.start, "", *parts)

    def _array(self, token: Token) -> Node:
        self._advance(operand=True)
        parts = []
        while not self._is("]"):
            parts.append(self._expression(0))
            if not self._is(","):
                break
            self._advance(operand=True)
        self._take("]")
        return self._node("array", token.start, "", *parts)

    def _pairs(self) -> list[Node]:
        """Read `{key: value, ...}`; return keys and values in turn."""
        self._advance(operand=True)
        parts = []
        while not self._is("}"):
            parts.append(self._expression(0))
            self._take(":", operand=True)
            parts.append(self._expression(0))
            if not self._is(","):
                break
            self._advance(operand=True)
        self._take("}")
        return parts

    def _transform(self, token: Token) -> Node:
        self._advance(operand=True)
        parts = [self._expression(20)]
        self._take("|", operand=True)
        parts.append(self._expression(20))
        if self._is(","):
            self._advance(operand=True)
            parts.append(self._expression(20))
        self._take("|")
        return self._node("transform", token.start, "", *parts)

    def _filter(self, left: Node) -> Node:
        self._advance(operand=True)
        parts = [left] if self._is("]") else [left, self._expression(0)]
        self._take("]")
        return self._node("filter", left.start, "", *parts)

    def _sort(self, left: Node) -> Node:
        self._advance(operand=False)
        self._take("(", operand=True)
        parts = [left]
        while True:
            if self._is("<", ">"):
                self._advance(operand=True)
            parts.append(self._expression(0))
            if not self._is(","):
                break
            self._advance(operand=True)
        self._take(")")
        return self._node("sort", left.start, "^", *parts)

    def _condition(self, left: Node) -> Node:
        self._advance(operand=True)
        parts = [left, self._expression(0)]
        if self._is(":"):
            self._advance(operand=True)
            parts.append(self._expression(0))
        return self._node("condition", left.start, "?", *parts)

    def _call(self, left: Node) -> Node:
        self._advance(operand=True)
        parts = [left]
        while not self._is(")"):
            parts.append(self._argument())
            if not self._is(","):
                break
            self._advance(operand=True)
        self._take(")")
        return self._node("call", left.start, "", *parts)

    def _argument(self) -> Node:
        if not self._is("?"):
            return self._expression(0)
        token = self._advance(operand=False)
        return Node("placeholder", token.start, token.end, "?")

    def _lambda(self, token: Token) -> Node:
        self._advance(operand=True)
        parameters = []
        while not self._is(")"):
            if self._token.kind is not Kind.VARIABLE:
                raise _unexpected(self._token)
            parameters.append(self._advance(operand=False).text)
            if not self._is(","):
                break
            self._advance(operand=True)
        self._take(")")
        self._skip_signature()
        self._take("{", operand=True)
        body = self._expression(0)
        self._take("}")
        return self._node("lambda", token.start, ",".join(parameters), body)

    def _skip_signature(self) -> None:
        """Skip `<...>` after the parameters; the engine checks it."""
        depth = 0
        while self._token.kind is not Kind.END and (depth or self._is("<")):
            depth += self._is("<") - self._is(">")
            self._advance(operand=False)

    def _node(self, kind: str, start: int, text: str, *parts: Node) -> Node:
        depth = 1 + max((part.depth for part in parts), default=0)
        if depth > MAX_NESTING:
            raise JsonataError(None, STACK, start)
        return Node(kind, start, self._last.end, text, parts, depth)


def _unexpected(token: Token) -> JsonataError:
    return JsonataError("S0201", f'Syntax error: "{token.text}"', token.end)
