"""Calls of AWS's services from Task states; moto's server answers."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from partita.errors import TaskFailedError
from partita.integrations.resources import Resource
from partita.integrations.services import Services
from partita.integrations.settings import ServiceSettings
from tests.integrations.moto import client


def sdk(service: str, action: str) -> Resource:
    return Resource(service, action, is_sdk=True)


def failure(services: Services, resource: Resource, arguments: Any) -> TaskFailedError:
    with pytest.raises(TaskFailedError) as raised:
        services.call(resource, arguments)
    return raised.value


@pytest.fixture(scope="module")
def table() -> str:
    name = f"table-{uuid.uuid4().hex}"
    client("dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return name


@pytest.fixture(scope="module")
def queue() -> str:
    found: str = client("sqs").create_queue(QueueName=f"queue-{uuid.uuid4().hex}")["QueueUrl"]
    return found


@pytest.fixture(scope="module")
def bucket() -> str:
    name = f"bucket-{uuid.uuid4().hex}"
    client("s3").create_bucket(Bucket=name)
    return name


class TestSdkIntegrations:
    def test_an_item_is_put_updated_and_found(self, services: Services, table: str) -> None:
        item = {"id": {"S": "1"}, "data": {"S": "hello"}}
        assert services.call(sdk("dynamodb", "putItem"), {"TableName": table, "Item": item}) == {}
        key = {"TableName": table, "Key": {"id": {"S": "1"}}}
        update = {
            **key,
            "UpdateExpression": "set S=:r",
            "ExpressionAttributeValues": {":r": {"S": "new"}},
            "ReturnValues": "UPDATED_NEW",
        }
        updated = services.call(sdk("dynamodb", "updateItem"), update)
        assert updated["Attributes"] == {"S": {"S": "new"}}
        found = services.call(sdk("dynamodb", "getItem"), key)
        assert found["Item"] == {**item, "S": {"S": "new"}}

    def test_a_refusal_has_the_name_of_the_sdks_exception(
        self, services: Services, table: str
    ) -> None:
        put = {
            "TableName": table,
            "Item": {"id": {"S": "once"}},
            "ConditionExpression": "attribute_not_exists(id)",
        }
        services.call(sdk("dynamodb", "putItem"), put)
        found = failure(services, sdk("dynamodb", "putItem"), put)
        assert found.error == "DynamoDb.ConditionalCheckFailedException"
        assert str(found.cause).startswith(
            "The conditional request failed (Service: DynamoDb, Status Code: 400, Request ID: "
        )
        assert str(found.cause).endswith(") (SDK Attempt Count: 1)")

    def test_a_refusal_that_the_api_does_not_describe(self, services: Services, table: str) -> None:
        get = {"TableName": table, "Key": {"other": {"S": "1"}}}
        assert failure(services, sdk("dynamodb", "getItem"), get).error == (
            "DynamoDb.DynamoDbException"
        )

    def test_an_object_is_text(self, services: Services, bucket: str) -> None:
        where = {"Bucket": bucket, "Key": "some/key"}
        services.call(sdk("s3", "putObject"), {**where, "Body": {"a": [1, "ü"]}})
        found = services.call(sdk("s3", "getObject"), where)
        assert found["Body"] == '{"a":[1,"ü"]}'
        assert found["ContentLength"] == 14
        assert found["LastModified"].endswith("Z")
        assert "ETag" in found
        assert "ResponseMetadata" not in found

    @pytest.mark.parametrize(
        ("bucket_of", "error", "status"),
        [("here", "S3.NoSuchKeyException", 404), ("there", "S3.NoSuchBucketException", 404)],
    )
    def test_an_object_that_is_missing(
        self, services: Services, bucket: str, bucket_of: str, error: str, status: int
    ) -> None:
        where = {"Bucket": bucket if bucket_of == "here" else "no-such-bucket", "Key": "none"}
        found = failure(services, sdk("s3", "getObject"), where)
        assert found.error == error
        assert f"(Service: S3, Status Code: {status}, Request ID: " in str(found.cause)

    def test_names_differ_from_the_api(self, services: Services, queue: str) -> None:
        sent = services.call(
            sdk("sqs", "sendMessage"), {"QueueUrl": queue, "MessageBody": {"a": 1}}
        )
        assert {"Md5OfMessageBody", "MessageId"} <= sent.keys()
        got = services.call(sdk("sqs", "receiveMessage"), {"QueueUrl": queue})
        assert got["Messages"][0]["Body"] == '{"a":1}'

    def test_a_queue_that_is_missing(self, services: Services, queue: str) -> None:
        arguments = {"QueueUrl": f"{queue}x", "MessageBody": "hi"}
        found = failure(services, sdk("sqs", "sendMessage"), arguments)
        assert found.error == "Sqs.QueueDoesNotExistException"
        assert "(Service: Sqs, Status Code: 400, Request ID: " in str(found.cause)

    def test_another_service_by_another_name(self, services: Services) -> None:
        name = f"group-{uuid.uuid4().hex}"
        created = services.call(sdk("cloudwatchlogs", "createLogGroup"), {"LogGroupName": name})
        assert created == {}
        twice = failure(services, sdk("cloudwatchlogs", "createLogGroup"), {"LogGroupName": name})
        assert twice.error == "CloudWatchLogs.ResourceAlreadyExistsException"


class TestOptimizedIntegrations:
    def test_a_result_has_the_answers_metadata(self, services: Services, queue: str) -> None:
        arguments = {"QueueUrl": queue, "MessageBody": {"Message": "hi", "Token": "t"}}
        sent = services.call(Resource("sqs", "sendMessage"), arguments)
        assert sent.keys() == {
            "MD5OfMessageBody",
            "MessageId",
            "SdkHttpMetadata",
            "SdkResponseMetadata",
        }
        metadata = sent["SdkHttpMetadata"]
        assert metadata["HttpStatusCode"] == 200
        assert metadata["HttpHeaders"]["Content-Type"]
        assert metadata["AllHttpHeaders"]["Content-Type"] == [
            metadata["HttpHeaders"]["Content-Type"]
        ]
        assert sent["SdkResponseMetadata"].keys() == {"RequestId"}
        bodies = [
            json.loads(one["Body"])
            for one in client("sqs").receive_message(QueueUrl=queue)["Messages"]
        ]
        assert bodies == [arguments["MessageBody"]]

    def test_a_message_that_is_null(self, services: Services, queue: str) -> None:
        arguments = {"QueueUrl": queue, "MessageBody": None}
        found = failure(services, Resource("sqs", "sendMessage"), arguments)
        assert found.error == "SQS.AmazonSQSException"
        assert str(found.cause).startswith(
            "The request must contain the parameter MessageBody. (Service: AmazonSQS; Status Code: "
            "400; Error Code: MissingParameter; Request ID: "
        )
        assert str(found.cause).endswith("; Proxy: null)")

    def test_an_item_that_is_null(self, services: Services, table: str) -> None:
        arguments = {"TableName": table, "Item": None}
        found = failure(services, Resource("dynamodb", "putItem"), arguments)
        assert found.error == "DynamoDB.AmazonDynamoDBException"
        assert str(found.cause).startswith(
            "1 validation error detected: Value null at 'item' failed to satisfy constraint: "
            "Member must not be null (Service: AmazonDynamoDBv2; Status Code: 400; Error Code: "
            "ValidationException; Request ID: "
        )

    def test_a_condition_that_fails(self, services: Services, table: str) -> None:
        put = {
            "TableName": table,
            "Item": {"id": {"S": "twice"}},
            "ConditionExpression": "attribute_not_exists(id)",
        }
        services.call(Resource("dynamodb", "putItem"), put)
        found = failure(services, Resource("dynamodb", "putItem"), put)
        assert found.error == "DynamoDB.ConditionalCheckFailedException"

    @pytest.mark.parametrize("message", [{"a": 1}, "text", 1, True, [1]])
    def test_a_message_of_any_type(self, services: Services, message: Any) -> None:
        topic = client("sns").create_topic(Name=f"topic-{uuid.uuid4().hex}")["TopicArn"]
        sent = services.call(
            Resource("sns", "publish"),
            {
                "TopicArn": topic,
                "Message": message,
                "MessageAttributes": {"n": {"DataType": "String", "StringValue": "x"}},
            },
        )
        assert {"MessageId", "SdkHttpMetadata"} <= sent.keys()

    def test_a_topic_that_is_missing(self, services: Services) -> None:
        arguments = {"TopicArn": "arn:aws:sns:us-east-1:123456789012:no-such", "Message": "x"}
        found = failure(services, Resource("sns", "publish"), arguments)
        assert found.error == "SNS.NotFoundException"
        assert "(Service: AmazonSNS; Status Code: 404; Error Code: NotFound; " in str(found.cause)

    def test_events_that_are_refused(self, services: Services) -> None:
        entries = [
            {"Detail": {"a": 1}, "DetailType": "t", "Source": "some.source"},
            {"Detail": {"a": 1}, "DetailType": "t"},
        ]
        found = failure(services, Resource("events", "putEvents"), {"Entries": entries})
        assert found.error == "EventBridge.FailedEntry"
        cause = json.loads(str(found.cause))
        assert cause["FailedEntryCount"] == 1
        assert cause["Entries"][1]["ErrorCode"] == "InvalidArgument"

    def test_events_that_are_accepted(self, services: Services) -> None:
        entries = [{"Detail": {"a": 1}, "DetailType": "t", "Source": "some.source"}]
        sent = services.call(Resource("events", "putEvents"), {"Entries": entries})
        assert sent["FailedEntryCount"] == 0


class TestArguments:
    @pytest.mark.parametrize(
        ("arguments", "problem"),
        [
            ({"QueueUrl": "u"}, "The field 'MessageBody' is required but was missing"),
            (
                {"QueueUrl": "u", "MessageBody": "b", "Colour": "red"},
                "The field 'Colour' is not supported by Step Functions",
            ),
            (
                {"QueueUrl": "u", "MessageBody": "b", "DelaySeconds": "1"},
                "The value for the field 'DelaySeconds' must be an INTEGER",
            ),
            (
                {"QueueUrl": "u", "MessageBody": "b", "DelaySeconds": 1.5},
                "The value for the field 'DelaySeconds' must be an INTEGER",
            ),
            (
                {"QueueUrl": "u", "MessageBody": "b", "MessageAttributes": []},
                "The value for the field 'MessageAttributes' must be a MAP",
            ),
            ([], "The value for the field 'Parameters' must be a STRUCTURE"),
        ],
    )
    def test_what_does_not_fit(self, services: Services, arguments: Any, problem: str) -> None:
        found = failure(services, Resource("sqs", "sendMessage"), arguments)
        assert found.error == "States.Runtime"
        text = json.dumps(arguments, separators=(",", ":"))
        assert found.cause == (
            f"The Parameters '{text}' could not be used to start the Task: [{problem}]"
        )

    def test_a_service_that_gives_no_answer(self) -> None:
        nowhere = Services(ServiceSettings(endpoint="http://127.0.0.1:9"))
        arguments = {"QueueUrl": "http://127.0.0.1:9/q", "MessageBody": "b"}
        with pytest.raises(TaskFailedError) as raised:
            nowhere.call(sdk("sqs", "getQueueUrl"), {"QueueName": "x"})
        assert raised.value.error == "Sqs.SdkClientException"
        assert failure(nowhere, Resource("sqs", "sendMessage"), arguments).error == (
            "SQS.SdkClientException"
        )

    def test_an_endpoint_that_is_no_url(self) -> None:
        with pytest.raises(TaskFailedError, match="sqs at nonsense cannot be used"):
            Services(ServiceSettings(endpoint="nonsense")).call(
                sdk("sqs", "getQueueUrl"), {"QueueName": "x"}
            )

    def test_a_call_is_identified_where_the_api_allows_that(self, services: Services) -> None:
        arguments = {
            "Name": f"secret-{uuid.uuid4().hex}",
            "SecretString": "x",
        }
        made = services.call(
            sdk("secretsmanager", "createSecret"),
            arguments,
            idempotency_key="11111111-2222-3333-4444-555555555555",
        )
        assert made["VersionId"] == "11111111-2222-3333-4444-555555555555"
