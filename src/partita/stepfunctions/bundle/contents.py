"""Collect the files of a bundle: the workflow's modules, packages, and what calls activities."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import partita
from partita import errors
from partita.authoring.file_modules import imported_name
from partita.authoring.workflow import WorkflowDefinition
from partita.codec import union_rules
from partita.compile import compile_workflow
from partita.compile.activity_calls import activities_of
from partita.errors import BundleError
from partita.stepfunctions.bundle.archive import zipped
from partita.stepfunctions.bundle.local_imports import Imports, Module, own_roots

HANDLER = "partita.handler.dispatch"
"""The function of a bundle that Lambda calls."""

_STAND_IN = Path(__file__).with_name("stand_in")
_TABLE = "partita/activities.json"
_OWN = "partita/modules.json"


@dataclass(frozen=True)
class Bundle:
    """The files of a function, by their names in its zip."""

    files: Mapping[str, bytes]
    activities: tuple[str, ...]
    missing: tuple[str, ...] = ()  # packages that the modules import and the bundle has not
    _zip: list[bytes] = field(default_factory=list, repr=False, compare=False)

    @property
    def content(self) -> bytes:
        """The zip."""
        if not self._zip:
            self._zip.append(zipped(self.files))
        return self._zip[0]


def bundle_of(
    definition: WorkflowDefinition[..., Any],
    packages: Mapping[str, bytes] | None = None,
    steps: Mapping[str, tuple[str, str]] | None = None,
    filename: str | None = None,
) -> Bundle:
    """Return the bundle of a workflow's activities.

    Args:
        definition: the workflow.
        packages: files of other packages, such as `install` returns.
        steps: generated activities: by name, the module's name and its source.
        filename: how messages name the workflow's file.

    Raises:
        CompileError: the workflow uses what cannot be compiled.
        BundleError: a module cannot be read, or is none of the program's own.
    """
    program = compile_workflow(definition, filename)
    own_steps = re.sub(r"\W", "_", f"partita_steps_{program.name}")
    steps = steps or dict.fromkeys(program.steps, (own_steps, program.step_source))
    called = {name: one.function.__module__ for name, one in activities_of(program).items()}
    names = dict.fromkeys([definition.function.__module__, *called.values()])
    modules = {name: _module_of(sys.modules[name]) for name in names}
    imports = Imports(own_roots(_root(one) for one in modules.values()))
    for one in modules.values():
        imports.add(one)
    files = {one.place: one.path.read_bytes() for one in imports.modules.values()}
    generated = {f"{module}.py": text.encode() for module, text in (steps or {}).values()}
    table = {name: modules[module].name for name, module in called.items()}
    table |= {name: module for name, (module, _) in (steps or {}).items()}
    own = {**stand_in(), _TABLE: json.dumps(table, sort_keys=True, indent=1).encode()}
    own[_OWN] = json.dumps(sorted(imports.modules), indent=1).encode()
    packages = {k: one for k, one in (packages or {}).items() if not k.startswith("partita/")}
    tops = {name.partition("/")[0].removesuffix(".py") for name in packages}
    missing = tuple(sorted(imports.outside - tops))
    return Bundle({**packages, **files, **generated, **own}, tuple(sorted(table)), missing)


def source_of(definition: WorkflowDefinition[..., Any]) -> str:
    """Return the workflow as MODULE:NAME, the same wherever its file is."""
    module = _module_of(sys.modules[definition.function.__module__])
    return f"{module.name}:{definition.function.__qualname__}"


def stand_in() -> dict[str, bytes]:
    """Return the files that stand in for `partita` in every bundle."""
    found = {one.relative_to(_STAND_IN).as_posix(): one for one in _STAND_IN.rglob("*.py")}
    found |= {
        "errors.py": Path(errors.__file__),
        "codec/union_rules.py": Path(union_rules.__file__),
    }
    files = {f"partita/{name}": one.read_bytes() for name, one in sorted(found.items())}
    files["partita/__init__.py"] += f"\n__all__ = {partita.__all__!r}\n".encode()
    return files


def _module_of(module: ModuleType) -> Module:
    file = getattr(module, "__file__", None)
    if file is None or not file.endswith(".py"):
        raise BundleError(f"{module.__name__} has no source file; a bundle needs it")
    path = Path(file).resolve()
    name = imported_name(module.__name__, file)
    if name in sys.stdlib_module_names:
        raise BundleError(
            f"{path.name} has the name of a module of Python, which Lambda would load instead; "
            "rename it"
        )
    if "site-packages" in path.parts:
        raise BundleError(
            f"{name} has activities of the workflow, and is an installed package; "
            "import it in a module of your own, and name the package in --requirements"
        )
    return Module(name, path)


def _root(module: Module) -> Path:
    """Return the folder that the module's name begins below."""
    depth = module.name.count(".") + (1 if module.is_package else 0)
    return module.path.parents[depth]
