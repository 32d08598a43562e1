"""Know where OpenWhisk is and how to authenticate: options, then variables, then `.wskprops`.

Source: Apache OpenWhisk, docs/cli.md; the variables are those that actions get.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from partita.errors import InvalidOptionError

_VARIABLES = {
    "apihost": "__OW_API_HOST",
    "auth": "__OW_API_KEY",
    "namespace": "__OW_NAMESPACE",
    "bearer": "__OW_APIGW_TOKEN",
    "insecure": "__OW_IGNORE_CERTS",
}
_PROPERTIES = {
    "apihost": "APIHOST",
    "auth": "AUTH",
    "apiversion": "APIVERSION",
    "namespace": "NAMESPACE",
    "bearer": "APIGW_ACCESS_TOKEN",
}


class HostSettings(Struct, frozen=True, kw_only=True):
    """An OpenWhisk host."""

    apihost: str  # a host, HOST:PORT, or a URL
    auth: str | None = None  # user:password
    bearer: str | None = None  # a token, instead of `auth`
    apiversion: str = "v1"
    namespace: str = "_"
    insecure: bool = False  # do not check certificates

    @property
    def url(self) -> str:
        """The URL that requests begin with; a bare host is reached by https."""
        host = self.apihost.rstrip("/")
        return f"{host if '://' in host else f'https://{host}'}/api/{self.apiversion}"

    @property
    def authorization(self) -> str:
        """The value of the header of that name."""
        if self.auth is None:
            return f"Bearer {self.bearer}"
        return f"Basic {base64.b64encode(self.auth.encode()).decode()}"


def host_settings(options: Mapping[str, Any], environment: Mapping[str, str]) -> HostSettings:
    """Return the settings that options, variables, and the file of properties give.

    Raises:
        InvalidOptionError: no host is given, or no key.
    """
    found: dict[str, Any] = _properties(environment)
    for name, variable in _VARIABLES.items():
        if environment.get(variable):
            found[name] = environment[variable]
    found |= {name: value for name, value in options.items() if value not in (None, False)}
    if options.get("bearer"):
        found.pop("auth", None)
    if not found.get("apihost"):
        raise InvalidOptionError(
            "no OpenWhisk host is given: use --apihost, or APIHOST in ~/.wskprops, or __OW_API_HOST"
        )
    if not (found.get("auth") or found.get("bearer")):
        raise InvalidOptionError(
            "no key for OpenWhisk is given: use --auth, or AUTH in ~/.wskprops, or __OW_API_KEY"
        )
    found["insecure"] = str(found.get("insecure", "")).lower() in ("1", "true", "yes")
    return HostSettings(**found)


def _properties(environment: Mapping[str, str]) -> dict[str, Any]:
    home = Path(environment.get("HOME", "~")).expanduser()
    path = Path(environment.get("WSK_CONFIG_FILE") or home / ".wskprops")
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return {}
    given = {}
    for line in lines:
        name, equals, value = line.strip().partition("=")
        if equals:
            given[name.strip()] = value.strip()
    return {name: given[key] for name, key in _PROPERTIES.items() if given.get(key)}
