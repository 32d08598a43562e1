"""What tests of single states show of Map states and of HTTP tasks."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from partita.asl.tasks.outside import use_services
from partita.integrations.settings import ServiceSettings
from tests.stepfunctions.endpoint import Endpoint
from tests.stepfunctions.test_limits import refused

ROLE = "arn:aws:iam::111111111111:role/any"
CONNECTION = "arn:aws:events:us-east-1:111111111111:connection/bank/1"
MOCK = {"result": "[]"}
ROWS = [{"n": "1"}, {"n": "2"}]


def inspected(sfn: Endpoint, state: dict[str, Any], **more: Any) -> dict[str, Any]:
    given = {"inspectionLevel": "DEBUG", "roleArn": ROLE, **more}
    found: dict[str, Any] = sfn.client.test_state(definition=json.dumps(state), **given)
    return found


def map_state(reader: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    processor = {
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
        "StartAt": "Work",
        "States": {"Work": {"Type": "Pass", "End": True}},
    }
    read: dict[str, Any] = {}
    if reader is not None:
        read["ItemReader"] = {
            "Resource": "arn:aws:states:::s3:getObject",
            "Parameters": {"Bucket": "data", "Key": "items"},
            "ReaderConfig": reader,
        }
    return {"Type": "Map", "ItemProcessor": processor, "End": True, **read, **more}


def texts(found: dict[str, Any], name: str) -> Any:
    return json.loads(found["inspectionData"][name])


def test_batches_of_selected_items(sfn: Endpoint) -> None:
    state = map_state(
        ItemsPath="$.all",
        ItemSelector={"n.$": "$$.Map.Item.Value"},
        ItemBatcher={"MaxItemsPerBatch": 2, "BatchInput": {"of.$": "$.name"}},
    )
    found = inspected(sfn, state, input='{"all": [1, 2, 3], "name": "x"}', mock=MOCK)
    assert texts(found, "afterItemsPath") == [1, 2, 3]
    assert texts(found, "afterItemSelector") == [{"n": 1}, {"n": 2}, {"n": 3}]
    assert texts(found, "afterItemBatcher") == [
        {"BatchInput": {"of": "x"}, "Items": [{"n": 1}, {"n": 2}]},
        {"BatchInput": {"of": "x"}, "Items": [{"n": 3}]},
    ]


@pytest.mark.parametrize(
    ("reader", "data", "items"),
    [
        ({"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"}, "n\n1\n2\n", ROWS),
        ({"InputType": "JSON"}, '[{"n": 1}]', [{"n": 1}]),
        ({"InputType": "JSONL", "MaxItems": 1}, '{"n": 1}\n{"n": 2}\n', [{"n": 1}]),
    ],
)
def test_the_data_of_an_item_reader(
    reader: dict[str, Any], data: str, items: list[Any], sfn: Endpoint
) -> None:
    state = map_state(reader, ItemSelector={"item.$": "$$.Map.Item.Value"})
    configuration = {"mapItemReaderData": data}
    found = inspected(sfn, state, mock=MOCK, stateConfiguration=configuration)
    assert found["status"] == "SUCCEEDED"
    assert texts(found, "afterItemSelector") == [{"item": one} for one in items]


def test_the_pointer_of_an_item_reader(sfn: Endpoint) -> None:
    state = map_state({"InputType": "JSON", "ItemsPointer": "/a/b"})
    configuration = {"mapItemReaderData": '{"a": {"b": [1, 2]}}'}
    found = inspected(sfn, state, mock=MOCK, stateConfiguration=configuration)
    assert texts(found, "afterItemsPointer") == [1, 2]


def test_data_that_cannot_be_read_fail_the_state(sfn: Endpoint) -> None:
    configuration = {"mapItemReaderData": "[1,"}
    found = inspected(
        sfn, map_state({"InputType": "JSON"}), mock=MOCK, stateConfiguration=configuration
    )
    assert (found["status"], found["error"]) == ("FAILED", "States.ItemReaderFailed")


def test_items_of_a_reader_may_be_the_input(sfn: Endpoint) -> None:
    state = map_state({"InputType": "JSON"}, ItemsPath="$.orders")
    found = inspected(sfn, state, mock=MOCK, input='{"orders": [7]}')
    assert texts(found, "afterItemsPath") == [7]
    assert inspected(sfn, state, mock=MOCK)["status"] == "SUCCEEDED"


def test_a_state_inside_a_map_sees_its_item(sfn: Endpoint) -> None:
    state = map_state()
    state["ItemProcessor"]["States"]["Work"]["Parameters"] = {
        "index.$": "$$.Map.Item.Index",
        "value.$": "$$.Map.Item.Value",
    }
    machine = {"StartAt": "Each", "States": {"Each": state}}
    found = inspected(sfn, machine, stateName="Work", input='{"n": 1}')
    assert json.loads(found["output"]) == {"index": 0, "value": {"n": 1}}


@pytest.mark.parametrize(
    "resource",
    [
        "arn:aws:states:us-east-1:111111111111:activity:some",
        "arn:aws:states:::batch:submitJob.sync",
        "arn:aws:states:::states:startExecution.sync:2",
        "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
    ],
)
def test_what_needs_a_mock(resource: str, sfn: Endpoint) -> None:
    given = {"StateMachineArn": "x", "TaskToken.$": "$$.Task.Token"}
    state = {"Type": "Task", "Resource": resource, "Parameters": given, "End": True}
    if ".wait" not in resource:
        del given["TaskToken.$"]
    call = {"definition": json.dumps(state), "roleArn": ROLE}
    assert refused(sfn.client.test_state, **call)[0] == "InvalidDefinition"


def test_the_state_that_caused_an_error_exists(sfn: Endpoint) -> None:
    given: dict[str, Any] = {
        "definition": json.dumps(map_state()),
        "mock": {"errorOutput": {"error": "States.TaskFailed", "cause": "c"}},
        "input": "[1]",
    }
    found = sfn.client.test_state(**given, stateConfiguration={"errorCausedByState": "Work"})
    assert (found["status"], found["error"]) == ("FAILED", "States.TaskFailed")
    wrong = {"errorCausedByState": "Other"}
    assert refused(sfn.client.test_state, **given, stateConfiguration=wrong)[0] == (
        "ValidationException"
    )


class _Bank(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        is_paid = self.path.startswith("/pay")
        body = b'{"paid": true}' if is_paid else b"no"
        self.send_response(200 if is_paid else 402)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def bank() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), _Bank) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        secret = {
            "AuthorizationType": "API_KEY",
            "AuthParameters": {
                "ApiKeyAuthParameters": {"ApiKeyName": "X-Key", "ApiKeyValue": "hidden"},
                "InvocationHttpParameters": {
                    "QueryStringParameters": [{"Key": "q", "Value": "secret"}]
                },
            },
        }
        use_services(
            ServiceSettings(
                is_aws_used=False, http_hosts=("127.0.0.1",), connections={"bank": secret}
            )
        )
        yield f"http://127.0.0.1:{server.server_port}"
        use_services(None)
        server.shutdown()
        thread.join()


def http_task(url: str) -> dict[str, Any]:
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::http:invoke",
        "Parameters": {
            "Method": "POST",
            "ApiEndpoint": url,
            "Authentication": {"ConnectionArn": CONNECTION},
            "Headers": {"X-Mine": "h"},
            "RequestBody": {"cents": 42},
        },
        "End": True,
    }


def test_the_request_and_the_answer_of_an_http_task(bank: str, sfn: Endpoint) -> None:
    found = inspected(sfn, http_task(f"{bank}/pay"), inspectionLevel="TRACE")
    assert found["status"] == "SUCCEEDED", found
    request, response = (found["inspectionData"][one] for one in ("request", "response"))
    assert (request["protocol"], request["method"]) == ("http", "POST")
    assert request["url"] == f"{bank}/pay"
    assert request["headers"].startswith("[X-Mine: h, ")
    assert request["body"] == '{"cents":42}'
    assert "hidden" not in json.dumps(request)
    assert (response["statusCode"], response["statusMessage"]) == ("200", "OK")
    assert "content-type: application/json" in response["headers"]
    assert response["body"] == '{"paid": true}'
    shown = inspected(sfn, http_task(f"{bank}/pay"), inspectionLevel="TRACE", revealSecrets=True)
    request = shown["inspectionData"]["request"]
    assert "X-Key: hidden" in request["headers"]
    assert request["url"] == f"{bank}/pay?q=secret"
    assert "request" not in inspected(sfn, http_task(f"{bank}/pay"))["inspectionData"]


def test_the_answer_of_an_http_task_that_fails(bank: str, sfn: Endpoint) -> None:
    found = inspected(sfn, http_task(f"{bank}/other"), inspectionLevel="TRACE")
    assert (found["status"], found["error"]) == ("FAILED", "States.Http.StatusCode.402")
    assert found["inspectionData"]["response"]["body"] == "no"
