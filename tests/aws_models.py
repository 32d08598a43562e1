"""Make boto3's sessions cheap: each of the tests' hundreds would take 0.1 s.

Importing this module is all that is needed. botocore's model of a service is read once for a
process, the parameters of its handlers are looked at once, and the old names of other services
in its events are left out.
"""

from __future__ import annotations

import functools
from types import FunctionType
from typing import Any

import botocore.compat
import botocore.hooks
import botocore.loaders
import botocore.session

_accepts_kwargs = functools.cache(botocore.compat.accepts_kwargs)


def accepts_kwargs(handler: Any) -> bool:
    """Do what botocore does, with a memory for functions; a method would keep its object alive."""
    is_function = isinstance(handler, FunctionType)
    return bool((_accepts_kwargs if is_function else botocore.compat.accepts_kwargs)(handler))


botocore.session.create_loader = functools.cache(botocore.loaders.create_loader)
botocore.hooks.accepts_kwargs = accepts_kwargs
botocore.hooks.EVENT_ALIASES = {}
