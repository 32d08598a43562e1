"""Load the files and modules that users name, and find what is defined in them."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import traceback
from pathlib import Path
from types import ModuleType

from partita.authoring.file_modules import name_apart
from partita.errors import LoadError


def load(source: str) -> ModuleType:
    """Import `source`: a path to a Python file, or the dotted name of a module.

    A file's own folder is put on the import path, as `python FILE` does.

    Raises:
        LoadError: it is not there, or raises when it is imported.
    """
    is_file = source.endswith(".py") or "/" in source
    if is_file and not Path(source).is_file():
        raise LoadError(f"no file {source}; give a path to a Python file, or a module's name")
    try:
        return _load_file(Path(source).resolve()) if is_file else _load_module(source)
    except LoadError:
        raise
    except SyntaxError as error:
        raise LoadError(f"{error.filename}:{error.lineno}: {error.msg}") from error
    except BaseException as error:
        if isinstance(error, (KeyboardInterrupt, MemoryError)):
            raise
        raise LoadError(
            f"{source} cannot be imported: {type(error).__name__}: {error}{_place(error)}; "
            f"{_advice(source, error)}"
        ) from error


def _place(error: BaseException) -> str:
    """Return the last line of a user's file that led to an error."""
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith("<") and frame.filename != __file__
    ]
    return f" ({frames[-1].filename}:{frames[-1].lineno})" if frames else ""


def _advice(source: str, error: BaseException) -> str:
    if isinstance(error, ImportError) and "relative import" in str(error):
        return (
            f"a file with relative imports is loaded by its module's name, such as "
            f"{_dotted(source)}:NAME, from the folder above its package"
        )
    if isinstance(error, ModuleNotFoundError):
        return (
            "install it, or, if it is a package of yours, give the module's name, such as "
            f"{_dotted(source)}:NAME, from the folder above the package"
        )
    return "run it with python to see more"


def _dotted(source: str) -> str:
    """Return the name by which a file might be imported from the folder above its package."""
    path = Path(source).resolve()
    if not path.is_file():
        return source
    parts, folder = [path.stem], path.parent
    while (folder / "__init__.py").is_file() and folder != folder.parent:
        parts.insert(0, folder.name)
        folder = folder.parent
    return ".".join(parts) if len(parts) > 1 else f"{path.parent.name}.{path.stem}"


def load_again(module: str, file: str) -> ModuleType:
    """Import what was imported by another process: by its name if that finds the same file.

    Raises:
        LoadError: it cannot be imported here.
    """
    return load(module if _is_importable(module, file) else file)


def _is_importable(module: str, file: str) -> bool:
    """Return whether importing the name finds the file, so that its types keep their names."""
    if module == "__main__":
        return False
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        return False
    return spec is not None and (spec.origin == file or not file.endswith(".py"))


def _load_module(name: str) -> ModuleType:
    if "" not in sys.path and str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    if importlib.util.find_spec(name) is None:
        raise LoadError(f"no module {name}; give a path to a Python file, or a module's name")
    return importlib.import_module(name)


def _load_file(path: Path) -> ModuleType:
    name = path.stem
    loaded = sys.modules.get(name)
    if loaded is not None:
        if getattr(loaded, "__file__", None) == str(path):
            return loaded
        name = name_apart(path)
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise LoadError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
