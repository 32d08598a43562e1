"""Name what lowers each function of Python's library: math, json, base64, hashlib, copy."""

from __future__ import annotations

import base64
import collections
import copy
import functools
import hashlib
import json
import random
import time
from collections.abc import Callable
from typing import Any

from partita.compile.context import Context
from partita.compile.library import encodings, json_texts, mathematics
from partita.compile.library.collections_module import lower_counter, lower_defaultdict
from partita.compile.library.folds import lower_reduce
from partita.compile.library.partials import lower_partial
from partita.compile.tree import Value

Lower = Callable[[Any, Context], Value]


def _refused(why: str, way_out: str) -> Lower:
    def lower(node: Any, context: Context) -> Value:
        name = getattr(node.func, "attr", getattr(node.func, "id", "it"))
        raise context.refuse(node, f"call of {name}", why, way_out)

    return lower


_RANDOM = _refused("each replay would give another number", "use partita.random, or an activity")
_CLOCK = _refused("each replay would give another time", "use partita.now, or an activity")

LIBRARY: dict[Any, Lower] = {
    collections.defaultdict: lower_defaultdict,
    collections.Counter: lower_counter,
    **mathematics.FUNCTIONS,
    json.dumps: json_texts.lower_dumps,
    json.loads: json_texts.lower_loads,
    copy.copy: encodings.lower_copy,
    copy.deepcopy: encodings.lower_copy,
    base64.b64encode: encodings.lower_unread,
    base64.b64decode: encodings.lower_unread,
    functools.reduce: lower_reduce,
    functools.partial: lower_partial,
    time.time: _CLOCK,
    time.monotonic: _CLOCK,
    time.sleep: _refused("it would block the worker", "use partita.sleep"),
    **{
        getattr(random, name): _RANDOM
        for name in ("random", "randint", "choice", "shuffle", "uniform", "sample", "randrange")
    },
}
LIBRARY |= {getattr(hashlib, name): encodings.lower_unread for name in encodings.HASHES}
