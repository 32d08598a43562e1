"""Read what a deployment is given besides the composition: annotations, limits, a kind."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from partita.errors import InvalidOptionError


def read_annotations(texts: Iterable[str], files: Iterable[str]) -> list[dict[str, Any]]:
    """Return annotations of KEY=VALUE, and of KEY=FILE with JSON or text in the file.

    Raises:
        InvalidOptionError: one is not of that form, or its file cannot be read.
    """
    made = [_pair(text, "KEY=VALUE") for text in texts]
    for text in files:
        key, path = _pair(text, "KEY=FILE").values()
        content = _content(path)
        try:
            value = json.loads(content)
        except ValueError:
            value = content
        made.append({"key": key, "value": value})
    return made


def read_limits(text: str | None, file: str | None, **given: int | None) -> dict[str, Any]:
    """Return limits by action of JSON text or a file, `{"name": {...}}`, or of the conductor alone.

    `given` are limits of the conductor, which has the empty name.

    Raises:
        InvalidOptionError: it is not JSON of that form.
    """
    found: dict[str, Any] = {}
    for one in (text, None if file is None else _content(file)):
        if one is not None:
            found |= _object(one)
    if not all(isinstance(value, dict) for value in found.values()):
        found = {"": found}
    own = {name: value for name, value in given.items() if value is not None}
    return {**found, "": {**found.get("", {}), **own}} if own else found


def with_limits(compiled: dict[str, Any], limits: dict[str, Any], name: str) -> dict[str, Any]:
    """Return a compiled composition whose actions have the limits of their names.

    Raises:
        InvalidOptionError: there is no action of a name.
    """
    made = [dict(action) for action in compiled.get("actions", [])]
    for action in made:
        short = action["name"].removeprefix("/_/")
        own = limits.get(action["name"], limits.get(short))
        if own:
            action["action"] = {**action["action"], "limits": own}
    names = {action["name"] for action in made} | {name}
    for key in limits:
        if key and key not in names and f"/_/{key}" not in names:
            raise InvalidOptionError(f"--limits: the composition defines no action {key}")
    return {**compiled, "actions": made} if made else compiled


def _pair(text: str, form: str) -> dict[str, Any]:
    key, equals, value = text.partition("=")
    if not (key and equals):
        raise InvalidOptionError(f'Annotation syntax must be "{form}", not {text!r}')
    return {"key": key, "value": value}


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise InvalidOptionError(f"--limits is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise InvalidOptionError(f'--limits is not an object: {text}; write {{"timeout": 60000}}')
    return found


def _content(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidOptionError(f"{path} cannot be read: {error}") from error
