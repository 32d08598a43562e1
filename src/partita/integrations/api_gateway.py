"""Call REST and HTTP APIs of Amazon API Gateway: `apigateway:invoke`.

Such a task is an HTTP task whose endpoint has parts of its own, and whose errors are named after
the service. Requests are not signed: an API that asks for that is called by `http:invoke`.

Source: AWS Step Functions Developer Guide, "Create API Gateway REST APIs with Step Functions".
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from partita.errors import TaskFailedError
from partita.integrations.failures import RUNTIME
from partita.integrations.http_tasks import SOCKET, HttpTasks

_STATUS = "States.Http.StatusCode."


def invoke_api(http: HttpTasks, arguments: Any) -> dict[str, Any]:
    """Return what an API answers.

    Raises:
        TaskFailedError: a status other than 2xx, no answer, or a host that is not allowed.
    """
    request = _request(arguments)
    try:
        return http.invoke(request)
    except TaskFailedError as failed:
        name = str(failed.error)
        if name == SOCKET:
            raise TaskFailedError("ApiGateway.SdkClientException", failed.cause) from failed
        if name.startswith(_STATUS):
            status = name.removeprefix(_STATUS)
            raise TaskFailedError(f"ApiGateway.{status}", failed.cause) from failed
        raise


def _request(arguments: Any) -> dict[str, Any]:
    """Return the HTTP task for the arguments of an `apigateway:invoke`."""
    given = arguments if isinstance(arguments, dict) else {}
    host, path = given.get("ApiEndpoint"), str(given.get("Path") or "")
    if not isinstance(host, str) or not host:
        raise TaskFailedError(RUNTIME, "ApiEndpoint of the task must be the host of an API")
    if given.get("AuthType", "NO_AUTH") != "NO_AUTH":
        raise TaskFailedError(RUNTIME, f"AuthType {given['AuthType']} is not supported here")
    scheme = "" if "://" in host else "https://"
    parts = [part for part in (given.get("Stage"), path.strip("/")) if part]
    url = "/".join([scheme + host.rstrip("/"), *(quote(str(part), safe="/") for part in parts)])
    return {
        "ApiEndpoint": url,
        "Method": given.get("Method"),
        "Headers": {name: _joined(value) for name, value in (given.get("Headers") or {}).items()},
        "QueryParameters": given.get("QueryParameters") or {},
        "RequestBody": given.get("RequestBody"),
    }


def _joined(value: Any) -> Any:
    return ",".join(map(str, value)) if isinstance(value, list) else value
