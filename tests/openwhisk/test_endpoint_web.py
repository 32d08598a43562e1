"""Web actions of a local OpenWhisk, which answer anybody."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

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
    assert web(url, "page.json", b"{")[0] == 400
    assert web(url, "page.svg")[0] == 404
    assert web(url, "page.exe")[0] == 406
    assert web(url, "echo.json")[0] == 404
