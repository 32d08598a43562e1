"""Name the modules of files that users name, and of programs.

A file is loaded as a module of its own name, as `python FILE` and `import` do. Where another
module has that name already, the file's module is named apart, differently in each process.
"""

from __future__ import annotations

from pathlib import Path

from partita.codec.class_names import module_name

_APART = "partita_file_"


def name_apart(path: Path) -> str:
    """Return the name for the module of a file whose own name another module has."""
    return f"{_APART}{abs(hash(str(path))):x}"


def is_named_apart(module: str) -> bool:
    """Return whether the name of a module is one that `name_apart` made, in any process."""
    return module.startswith(_APART)


def imported_name(module: str, file: str) -> str:
    """Return the name by which a module's file is imported where nothing else has its name."""
    return Path(file).stem if is_named_apart(module) else module_name(module)
