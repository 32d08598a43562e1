"""Name what a defaultdict makes for a key that it does not have."""

from __future__ import annotations

from partita.compile.types import BOOL, FLOAT, INT, NEVER, STR, Type, dict_of, list_of, set_of

DEFAULTS: dict[str, tuple[str, Type]] = {
    "int": ("0", INT),
    "float": ("0", FLOAT),
    "str": ('""', STR),
    "bool": ("false", BOOL),
    "list": ("[]", list_of(NEVER)),
    "dict": ("{}", dict_of(NEVER)),
    "counter": ("0", INT),
    "set": ("[]", set_of(NEVER)),
}
"""The expression and the type of what each class makes without arguments."""
