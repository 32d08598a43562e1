"""Name classes in payloads, and find them again among the modules that are loaded.

Nothing is ever imported by a name in the data, and no module's own code runs for a look-up.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any


def path_of(cls: type[Any]) -> str:
    """Return `module:qualified name`; for a program's own module the name that others import."""
    return f"{module_name(cls.__module__)}:{cls.__qualname__}"


def find_class(path: str) -> type[Any] | None:
    """Return the loaded class of that path, or None."""
    module, _, qualname = path.partition(":")
    for place in _modules(module):
        found: Any = None
        names: Mapping[str, Any] = place
        for name in qualname.split("."):
            found = names.get(name)
            names = vars(found) if isinstance(found, type) else {}
        if isinstance(found, type) and path_of(found) == path:
            return found
    return None


def _modules(name: str) -> list[Mapping[str, Any]]:
    loaded: list[Mapping[str, Any]] = [vars(sys.modules[name])] if name in sys.modules else []
    main = sys.modules.get("__main__")
    if main is not None and module_name("__main__") == name:
        loaded.append(vars(main))
    return loaded


def module_name(name: str) -> str:
    """Return the name that other programs import a module by; `__main__` has another one there."""
    if name != "__main__":
        return name
    main = sys.modules.get("__main__")
    spec = getattr(main, "__spec__", None)
    if spec is not None:
        return str(spec.name).removesuffix(".__main__")
    file = getattr(main, "__file__", None)
    return os.path.splitext(os.path.basename(file))[0] if file else name
