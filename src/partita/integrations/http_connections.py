"""Authorize HTTP tasks by connections, as Amazon EventBridge keeps them.

A connection is given by configuration, with the members of EventBridge's CreateConnection:
`{"AuthorizationType": "BASIC", "AuthParameters": {"BasicAuthParameters": {...}}}`.

Source: Amazon EventBridge API Reference, CreateConnection.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from partita.errors import TaskFailedError


class Additions(Struct, kw_only=True):
    """What a connection adds to a request; it wins over what the task gives."""

    headers: dict[str, str] = field(default_factory=dict)
    query: dict[str, str] = field(default_factory=dict)
    body: dict[str, str] = field(default_factory=dict)


def find_connection(connections: Mapping[str, dict[str, Any]], arn: str) -> dict[str, Any]:
    """Return the connection of an ARN, by the ARN or by the connection's name in it.

    Raises:
        TaskFailedError: the configuration has none.
    """
    path = arn.rpartition(":connection/")[2]
    for name in (arn, path.partition("/")[0]):
        if name in connections:
            return connections[name]
    raise TaskFailedError(
        "Events.ConnectionResource.NotFound",
        f"Connection {arn} is not in the configuration of this machine's services",
    )


def additions_of(connection: dict[str, Any]) -> Additions:
    """Return what a connection adds to a request; OAuth tokens are added by `oauth_request`."""
    parameters = connection.get("AuthParameters", {})
    additions = _common(parameters.get("InvocationHttpParameters", {}))
    basic = parameters.get("BasicAuthParameters")
    if basic:
        pair = f"{basic.get('Username', '')}:{basic.get('Password', '')}".encode()
        additions.headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
    api_key = parameters.get("ApiKeyAuthParameters")
    if api_key:
        additions.headers[api_key["ApiKeyName"]] = api_key["ApiKeyValue"]
    return additions


def _common(parameters: dict[str, Any]) -> Additions:
    def pairs(member: str) -> dict[str, str]:
        return {one["Key"]: one["Value"] for one in parameters.get(member, [])}

    return Additions(
        headers=pairs("HeaderParameters"),
        query=pairs("QueryStringParameters"),
        body=pairs("BodyParameters"),
    )


def oauth_request(connection: dict[str, Any]) -> dict[str, Any] | None:
    """Return the HTTP task that gets a connection's token; None if it needs none."""
    oauth = connection.get("AuthParameters", {}).get("OAuthParameters")
    if not oauth:
        return None
    client = oauth.get("ClientParameters", {})
    extra = _common(oauth.get("OAuthHttpParameters", {}))
    return {
        "ApiEndpoint": oauth["AuthorizationEndpoint"],
        "Method": oauth.get("HttpMethod", "POST"),
        "Headers": {**extra.headers, "Content-Type": "application/x-www-form-urlencoded"},
        "QueryParameters": extra.query,
        "RequestBody": {
            "grant_type": "client_credentials",
            "client_id": client.get("ClientID", ""),
            "client_secret": client.get("ClientSecret", ""),
            **extra.body,
        },
        "Transform": {"RequestBodyEncoding": "URL_ENCODED"},
    }
