"""Lower base64 and hashlib, whose bytes exist only between two texts, and copies of values.

Bytes are no values of a state machine: only whole chains such as
`base64.b64encode(text.encode()).decode()` are compiled.
"""

from __future__ import annotations

import ast
import base64
import binascii
import hashlib
from typing import Any

from partita.compile.builtins.aggregates import one_argument
from partita.compile.context import Context
from partita.compile.names.objects import target
from partita.compile.templates import fill
from partita.compile.tree import Value
from partita.compile.types import STR
from partita.compile.values.dynamic import narrowed

HASHES = {
    "md5": "MD5",
    "sha1": "SHA-1",
    "sha256": "SHA-256",
    "sha384": "SHA-384",
    "sha512": "SHA-512",
}
_UTF8 = ("utf-8", "utf8", "UTF-8")


def lower_chain(node: Any, context: Context) -> Value | None:
    """Lower a method at the end of a chain over bytes; None: it is no such chain."""
    name = node.func.attr
    inner = node.func.value
    if not isinstance(inner, ast.Call):
        return None
    made_by = target(inner.func, context)
    if name == "hexdigest" and not node.args and not node.keywords:
        for function, algorithm in HASHES.items():
            if made_by is getattr(hashlib, function):
                return _hashed(node, inner, algorithm, context)
    if name != "decode" or not _is_utf8(node):
        return None
    if made_by in (base64.b64encode, base64.urlsafe_b64encode):
        return _encoded(node, inner, made_by is base64.urlsafe_b64encode, context)
    if made_by in (base64.b64decode, base64.urlsafe_b64decode):
        return _decoded(node, inner, made_by is base64.urlsafe_b64decode, context)
    if isinstance(inner.func, ast.Attribute) and inner.func.attr == "encode" and _is_utf8(inner):
        return _text(node, inner.func.value, context)
    return None


def _is_utf8(node: ast.Call) -> bool:
    values = [*node.args, *(one.value for one in node.keywords if one.arg == "encoding")]
    if len(values) < len(node.args) + len(node.keywords) or len(values) > 1:
        return False
    names = (*_UTF8, "ascii")
    return all(isinstance(one, ast.Constant) and one.value in names for one in values)


def _bytes(node: ast.expr, context: Context) -> Value | None:
    """Return the text whose UTF-8 form bytes are; None if they are others."""
    if isinstance(node, ast.Constant) and isinstance(node.value, bytes):
        return context.text(node.value.decode()) if node.value.isascii() else None
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return None
    if node.func.attr == "encode" and _is_utf8(node):
        return _text(node, node.func.value, context)
    return None


def _text(node: ast.AST, source: ast.expr, context: Context) -> Value | None:
    value = context.read(source)
    value = narrowed(node, value, STR, context, AttributeError, "no attribute 'encode'")
    return value if value.type is STR else None


def _source(node: Any, call: ast.Call, context: Context) -> Value:
    value = _bytes(call.args[0], context) if len(call.args) == 1 and not call.keywords else None
    if value is None:
        raise _unread(node, context)
    return value


def _hashed(node: Any, call: ast.Call, algorithm: str, context: Context) -> Value:
    return fill(node, context, f'$hash(@s, "{algorithm}")', STR, s=_source(node, call, context))


def _encoded(node: Any, call: ast.Call, is_safe: bool, context: Context) -> Value:
    template = '(@s = "" ? "" : $base64encode(@s))'
    found = fill(node, context, template, STR, s=_source(node, call, context))
    if not is_safe:
        return found
    template = '$replace($replace(@s, /[+]/, "-"), /[\\u002f]/, "_")'
    return fill(node, context, template, STR, s=found)


_DECODED = (
    '(@s = "" ? "" : $contains(@s, /[^A-Za-z0-9+\\u002f=]/) ? @guard : (~t := $base64decode(@s); '
    '$contains(~t, "\\ufffd") ? @guard : ~t))'
)
_IS_PADDED = (
    '($length($replace(@s, "=", "")) % 4 != 1 and $length(@s) % 4 = 0 '
    'and $replace(@s, /^[^=]*={0,2}/, "", 1) = "")'
)


def _decoded(node: Any, call: ast.Call, is_safe: bool, context: Context) -> Value:
    if len(call.args) != 1 or call.keywords:
        raise _unread(node, context)
    value = _bytes(call.args[0], context)
    if value is None:
        value = _text(node, call.args[0], context)
    if value is None:
        raise _unread(node, context)
    if is_safe:
        template = '$replace($replace(@s, "-", "+"), "_", "/")'
        value = fill(node, context, template, STR, s=value)
    value = context.simple(node, value)
    test = fill(node, context, _IS_PADDED, STR, s=value)
    message = context.text("Incorrect padding")
    context.check(node, test.text, binascii.Error, message, value)
    guard = "Base64 of bytes that are no text, or with other characters"
    return fill(node, context, _DECODED, STR, guard, s=value)


def _unread(node: Any, context: Context) -> Exception:
    return context.refuse(
        node,
        "bytes",
        "they are no values of a state machine",
        "write the whole chain, such as base64.b64encode(text.encode()).decode() or "
        "hashlib.sha256(text.encode()).hexdigest()",
    )


def lower_unread(node: Any, context: Context) -> Value:
    """Refuse a function whose bytes are not made a text at once."""
    raise _unread(node, context)


def lower_copy(node: Any, context: Context) -> Value:
    """Lower `copy.copy` and `copy.deepcopy`: values of a machine are never shared."""
    return context.read(one_argument(node, context))
