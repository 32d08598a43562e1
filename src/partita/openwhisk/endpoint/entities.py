"""Hold actions and packages as OpenWhisk's API writes them.

Source: Apache OpenWhisk, core/controller/src/main/resources/apiv1swagger.json, reference.md.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from msgspec import Struct, field

from partita.errors import PartitaError

Json = dict[str, Any]

NAMESPACE = "guest"
"""The namespace of everything here."""

LIMITS: Json = {"concurrency": 1, "logs": 10, "memory": 256, "timeout": 60_000}

COMPONENTS = 50
"""Actions that a sequence or a composition may have."""

DEPTH = 400
"""How many arrays and objects may be inside each other in parameters and results."""

NAME_LENGTH = 256
ID_LENGTH = 32
RUNTIMES = "'nodejs:default', 'python:default', 'python:3'"
CODE_BYTES = 48 * 1024 * 1024

_NAME = re.compile(r"\A([\w]|[\w][\w@ .-]*[\w@.-]+)\Z", re.ASCII)
_ID = re.compile(r"[0-9a-fA-F]+")
_VERSION = re.compile(r"\A\d{1,9}\.\d{1,9}\.\d{1,9}\Z")
_KINDS = re.compile(r"\A(python:(default|3|3\.\d+)|nodejs:(default|\d+)|sequence|blackbox)\Z")


class RequestError(PartitaError):
    """A request is refused, with OpenWhisk's status and words."""

    code = "REFUSED"

    def __init__(self, status: int, text: str, body: Any = None) -> None:
        super().__init__(text)
        self.status = status
        self.body = {"error": text} if body is None else body


class Action(Struct, frozen=True, kw_only=True):
    """An action, by its path: `name`, or `package/name`."""

    path: str
    exec: Json
    annotations: list[Json] = []
    parameters: list[Json] = []
    limits: Json = field(default_factory=lambda: dict(LIMITS))
    version: str = "0.0.1"
    publish: bool = False
    updated: int = 0  # milliseconds

    @property
    def is_conductor(self) -> bool:
        """Whether it is a conductor of a composition."""
        return is_truthy(self.annotations, "conductor")

    def as_json(self, *, with_code: bool = True) -> Json:
        """Return it as the API does."""
        package, _, name = self.path.rpartition("/")
        shown = dict(self.exec) if with_code else {"kind": self.exec["kind"]}
        shown.setdefault("binary", False)
        made = {
            "annotations": self.annotations,
            "exec": shown,
            "limits": self.limits,
            "name": name,
            "namespace": f"{NAMESPACE}/{package}" if package else NAMESPACE,
            "publish": self.publish,
            "updated": self.updated,
            "version": self.version,
        }
        return {**made, "parameters": self.parameters} if with_code else made


class Package(Struct, frozen=True, kw_only=True):
    """A package, which may be bound to another one."""

    name: str
    annotations: list[Json] = []
    parameters: list[Json] = []
    binding: Json = {}
    version: str = "0.0.1"
    publish: bool = False
    updated: int = 0

    def as_json(self) -> Json:
        """Return it as the API does."""
        return {
            "annotations": self.annotations,
            "binding": self.binding,
            "name": self.name,
            "namespace": NAMESPACE,
            "parameters": self.parameters,
            "publish": self.publish,
            "updated": self.updated,
            "version": self.version,
        }


def is_truthy(pairs: Sequence[Json], key: str) -> bool:
    """Return whether an annotation has a value other than false, null, 0 and the empty text."""
    return any(bool(one.get("value")) for one in pairs if one.get("key") == key)


def value_of(pairs: Sequence[Json], key: str) -> Any:
    """Return the value of an annotation or parameter; None if there is none."""
    return next((one.get("value") for one in pairs if one.get("key") == key), None)


def checked_path(parts: Sequence[str]) -> str:
    """Return the path of an action whose parts are names.

    Raises:
        RequestError: one is none.
    """
    for one in parts:
        if len(one) > NAME_LENGTH:
            raise RequestError(400, f"Name longer than allowed: {len(one)} > {NAME_LENGTH}.")
    if not 1 <= len(parts) <= 2 or not all(_NAME.match(one) and ".." not in one for one in parts):
        raise RequestError(400, "The name of the entity contains illegal characters.")
    return "/".join(parts)


def checked_id(text: str) -> str:
    """Return the id of an activation.

    Raises:
        RequestError: it is none.
    """
    if len(text) != ID_LENGTH:
        said = f"Activation id length is {len(text)} but must be {ID_LENGTH}."
        raise RequestError(400, said)
    if not _ID.fullmatch(text):
        raise RequestError(400, "The activation id is not valid.")
    return text


def resolved(name: Any) -> str | None:
    """Return the path of a name such as `/ns/pkg/name`; None if it is no name.

    Names of other namespaces keep these, with a slash in front.
    """
    if not isinstance(name, str):
        return None
    parts = name.strip().split("/")
    if parts[0] == "":
        parts = parts[1:]
        if len(parts) < 2:
            return None
    elif len(parts) == 3:
        pass
    else:
        parts = [NAMESPACE, *parts]
    if len(parts) > 3 or not all(_NAME.match(one) for one in parts):
        return None
    namespace, *rest = parts
    path = "/".join(rest)
    return path if namespace in ("_", NAMESPACE) else f"/{namespace}/{path}"


def shown_name(path: str) -> str:
    """Return a path with its namespace, as messages show it."""
    return path[1:] if path.startswith("/") else f"{NAMESPACE}/{path}"


def action_of(path: str, body: Json, before: Action | None, now: float) -> Action:
    """Return the action that a request makes, or changes.

    Raises:
        RequestError: the request is wrong.
    """
    given = body.get("exec")
    if given is None and before is None:
        raise RequestError(400, "exec undefined")
    exec_ = before.exec if given is None and before is not None else _exec(given)
    kept = before or Action(path=path, exec=exec_)
    limits = {**kept.limits, **_limits(_member(body, "limits"))}
    annotations = pairs_of(body, "annotations", kept.annotations)
    annotations = _with_defaults(annotations, exec_["kind"], is_new=before is None)
    return Action(
        path=path,
        exec=exec_,
        annotations=annotations,
        parameters=pairs_of(body, "parameters", kept.parameters),
        limits=limits,
        version=_next_version(body, before),
        publish=bool(body.get("publish", kept.publish)),
        updated=round(now * 1000),
    )


def package_of(name: str, body: Json, before: Package | None, now: float) -> Package:
    """Return the package that a request makes, or changes."""
    kept = before or Package(name=name)
    return Package(
        name=name,
        annotations=pairs_of(body, "annotations", kept.annotations),
        parameters=pairs_of(body, "parameters", kept.parameters),
        binding=_binding(_member(body, "binding")) or kept.binding,
        version=_next_version(body, before),
        publish=bool(body.get("publish", kept.publish)),
        updated=round(now * 1000),
    )


def _member(body: Json, name: str) -> Json:
    """Return a member that is an object.

    Raises:
        RequestError: it is something else.
    """
    given = body.get(name) or {}
    if not isinstance(given, dict):
        raise RequestError(400, f"The request content was malformed:\n{name} malformed!")
    return given


def _binding(given: Json) -> Json:
    if given and not (isinstance(given.get("name"), str) and _NAME.match(given["name"])):
        raise RequestError(400, "The request content was malformed:\nbinding malformed!")
    return given


def _next_version(body: Json, before: Action | Package | None) -> str:
    given = body.get("version")
    if given is not None and not (isinstance(given, str) and _VERSION.match(given)):
        raise RequestError(400, "The request content was malformed:\nversion malformed!")
    if given is not None:
        return str(given)
    if before is None:
        return "0.0.1"
    major, minor, patch = before.version.split(".")
    return f"{major}.{minor}.{int(patch) + 1}"


def _exec(given: Any) -> Json:
    if not isinstance(given, dict) or not isinstance(given.get("kind"), str):
        raise RequestError(400, "The request content was malformed:\nexec undefined")
    kind = given["kind"]
    if not _KINDS.match(kind) or kind == "blackbox":
        raise RequestError(
            400,
            f"The request content was malformed:\nThe specified runtime '{kind}' is not supported "
            f"by this platform. Valid values are: {RUNTIMES}.",
        )
    if kind == "sequence":
        return {"kind": kind, "components": _components(given.get("components"))}
    if not isinstance(given.get("code"), str):
        raise RequestError(
            400,
            "The request content was malformed:\n'code' must be a string or attachment object "
            f"defined in 'exec' for '{kind}' actions",
        )
    if len(given["code"]) > CODE_BYTES:
        raise RequestError(413, "The request content was malformed:\ncode larger than allowed")
    if not isinstance(given.get("main") or "", str):
        raise RequestError(400, "The request content was malformed:\nmain malformed!")
    kept = ("kind", "code", "main", "binary")
    return {name: given[name] for name in kept if given.get(name) is not None}


def _components(given: Any) -> list[str]:
    if not isinstance(given, list) or not given:
        raise RequestError(400, "No component specified for the sequence.")
    if len(given) > COMPONENTS:
        raise RequestError(400, "Too many actions in the sequence.")
    found = []
    for one in given:
        path = resolved(one)
        if path is None:
            raise RequestError(400, f"The request content was malformed:\n{one} is no action name")
        found.append(f"/{shown_name(path)}")
    return found


class _Limit(NamedTuple):
    """A limit of an action, and OpenWhisk's words for it."""

    low: int
    high: int
    name: str
    shown: str  # of a value
    bound: str  # of the lowest and the highest value
    unit: int = 1


_LIMITS = {
    "timeout": _Limit(100, 600_000, "time", "duration {} milliseconds", "{} milliseconds"),
    "memory": _Limit(128, 2048, "memory", "memory {} MB", "{} B", 1 << 20),
    "logs": _Limit(0, 10, "log", "log size {} MB", "{} B", 1 << 20),
}


def _limits(given: Json) -> Json:
    return {
        name: _limit(given[name], one)
        for name, one in _LIMITS.items()
        if given.get(name) is not None
    }


def _limit(value: Any, one: _Limit) -> int:
    """Return the value of a limit.

    Raises:
        RequestError: it is none, or beyond the bounds.
    """
    said = None
    if isinstance(value, float):
        said = f"{one.name} limit must be whole number"
    elif not isinstance(value, int) or isinstance(value, bool):
        said = f"{one.name} limit malformed"
    elif not one.low <= value <= one.high:
        word, bound = ("below", one.low) if value < one.low else ("exceeds", one.high)
        threshold = one.bound.format(bound * one.unit)
        shown = one.shown.format(value)
        said = f"requirement failed: {shown} {word} allowed threshold of {threshold}"
    if said is not None:
        raise RequestError(400, f"The request content was malformed:\n{said}")
    return int(value)


def pairs_of(body: Json, name: str, before: list[Json]) -> list[Json]:
    """Return annotations or parameters of a request, or those that were there before.

    Raises:
        RequestError: they are no pairs.
    """
    given = body.get(name)
    if given is None:
        return before
    is_right = isinstance(given, list) and all(
        isinstance(one, dict) and isinstance(one.get("key"), str) for one in given
    )
    if not is_right:
        raise RequestError(400, f"The request content was malformed:\n{name} malformed!")
    return [{"key": one["key"], "value": one.get("value")} for one in given]


def _with_defaults(annotations: list[Json], kind: str, *, is_new: bool) -> list[Json]:
    """Return annotations with those that OpenWhisk adds."""
    others = [one for one in annotations if one["key"] != "exec"]
    if is_new and not any(one["key"] == "provide-api-key" for one in others):
        others.append({"key": "provide-api-key", "value": False})
    return [*others, {"key": "exec", "value": kind}]
