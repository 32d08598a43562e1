"""Web actions of a local OpenWhisk, which answer anybody."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

import pytest

from tests.openwhisk.endpoint import defined

WEB = """
def main(p):
    if p.get('kind') == 'http':
        return {'statusCode': 201, 'headers': {'X-A': 'b', 'Content-Type': 'text/x'}, 'body': 'hi'}
    if p.get('kind') == 'fail':
        return {'error': {'statusCode': 418, 'body': 'tea'}}
    del p['__ow_headers']
    return {'html': '<b>', 'text': 'plain', 'p': p}
"""


def web(url: str, path: str, body: bytes | None = None) -> tuple[int, str, str]:
    """Return status, content type and text of a request to a web action, without a key."""
    request = urllib.request.Request(f"{url}/api/v1/web/guest/default/{path}", body)
    if body is not None:
        request.add_header("Content-Type", "application/json")
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.headers["content-type"], answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers["content-type"], error.read().decode()


def test_web_actions_answer_anybody(url: str, wsk: Any) -> None:
    exported = [{"key": "web-export", "value": True}]
    action = {"exec": {"kind": "python:3", "code": WEB}, "annotations": exported}
    wsk.actions.update({"name": "page", "action": {**action, "parameters": [{"key": "a"}]}})
    assert web(url, "page.html")[:2] == (200, "text/html; charset=utf-8")
    assert web(url, "page.text")[2] == "plain"
    found = json.loads(web(url, "page.json/x/y?n=1", b'{"m": 2}')[2])["p"]
    assert found == {"a": None, "n": "1", "m": 2, "__ow_method": "post", "__ow_path": "/x/y"}
    assert web(url, "page?kind=http") == (201, "text/x; charset=utf-8", "hi")
    assert web(url, "page.http?kind=fail")[::2] == (418, "tea")
    assert web(url, "page.json?a=1")[0] == 400
    for body in (b"{", b'{"n": NaN}', b'{"n": "\\ud800"}', b"[" * 401 + b"]" * 401):
        assert web(url, "page.json", body)[0] == 400
    assert web(url, "page.svg")[0] == 404
    assert web(url, "page.exe")[0] == 406
    assert web(url, "echo.json")[0] == 404


@pytest.mark.parametrize(
    ("said", "status", "text"),
    [
        ({"statusCode": 101, "body": "x"}, 400, None),
        ({"statusCode": 999, "body": "x"}, 400, None),
        ({"statusCode": True, "body": "x"}, 400, None),
        ({"statusCode": "201", "body": "x"}, 201, "x"),
        ({"statusCode": 204, "body": ""}, 204, ""),
        ({"headers": {"X-A": "a\r\nSet-Cookie: b"}, "body": "x"}, 400, None),
        ({"headers": {"X A": "a"}, "body": "x"}, 400, None),
        ({"headers": {"X-A": "\u6f22"}, "body": "x"}, 400, None),
        ({"headers": {"X-A": {"a": 1}}, "body": "x"}, 400, None),
        ({"headers": ["X-A"], "body": "x"}, 400, None),
        ({"headers": {"Content-Length": "5", "Transfer-Encoding": "chunked"}, "body": "x"}, 200,
         "x"),
        ({"headers": {"Content-Type": "image/png"}, "body": "aGk="}, 200, "hi"),
        ({"headers": {"Content-Type": "image/svg+xml"}, "body": "<svg/>"}, 200, "<svg/>"),
        ({"headers": {"Content-Type": "a/b+json"}, "body": {"a": 1}}, 200, '{"a": 1}'),
        ({"body": [1]}, 200, "[1]"),
    ],
)  # fmt: skip
def test_what_an_action_says_of_its_response_harms_nothing(
    url: str, wsk: Any, said: dict[str, Any], status: int, text: str | None
) -> None:
    exported = [{"key": "web-export", "value": True}]
    defined(wsk, "said", "def main(p):\n    return p['said']\n", annotations=exported)
    found = web(url, "said.http", json.dumps({"said": said}).encode())
    assert found[0] == status
    wanted = "Response is not valid 'message/http'."
    assert json.loads(found[2])["error"] == wanted if text is None else found[2] == text


@pytest.mark.parametrize(("kind", "body"), [("text/plain", {"a": 1}), ("image/png", "no base64")])
def test_a_response_has_the_type_that_it_names(url: str, wsk: Any, kind: str, body: Any) -> None:
    exported = [{"key": "web-export", "value": True}]
    defined(wsk, "said", "def main(p):\n    return p['said']\n", annotations=exported)
    said = {"headers": {"Content-Type": kind}, "body": body}
    status, _, text = web(url, "said.http", json.dumps({"said": said}).encode())
    wanted = "Response type in header did not match generated content type."
    assert (status, json.loads(text)["error"]) == (400, wanted)


def test_a_header_may_have_several_values(url: str, wsk: Any) -> None:
    code = "def main(p):\n    return {'headers': {'Set-Cookie': ['a=1', 'b=2']}, 'body': 'x'}\n"
    defined(wsk, "cookies", code, annotations=[{"key": "web-export", "value": True}])
    with urllib.request.urlopen(f"{url}/api/v1/web/guest/default/cookies") as answer:
        assert answer.headers.get_all("set-cookie") == ["a=1", "b=2"]


def test_refusals_have_openwhisks_words(url: str, wsk: Any) -> None:
    code = "def main(p):\n    return {}\n"
    defined(wsk, "empty", code, annotations=[{"key": "web-export", "value": True}])
    assert "Response does not include requested property." in web(url, "empty.svg")[2]
    assert "Extension must be specified and one of [.json, " in web(url, "empty.exe")[2]
