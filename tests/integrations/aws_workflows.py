"""Workflows that call AWS: on their own, and compiled."""

from typing import Any

from botocore.exceptions import ClientError

from partita import ActivityTimedOutError, workflow
from partita.integrations import aws


@workflow
def put_once(table: str, id: str) -> dict[str, Any]:
    try:
        aws.dynamodb.put_item(
            TableName=table,
            Item={"id": {"S": id}},
            ConditionExpression="attribute_not_exists(id)",
        )
    except aws.dynamodb.exceptions.ConditionalCheckFailedException:
        return {"is_there": id}
    found = aws.dynamodb.query.options(start_to_close=30, retry=2)(
        TableName=table,
        KeyConditionExpression="id = :id",
        ExpressionAttributeValues={":id": {"S": id}},
    )
    return {"items": found["Items"], "count": found["Count"]}


@workflow
def several(table: str, ids: list[str], after: str | None = None) -> dict[str, Any]:
    found = aws.dynamodb.batch_get_item(
        RequestItems={"several": {"Keys": [{"id": {"S": id}} for id in ids]}}
    )
    page = aws.dynamodb.scan(
        TableName=table,
        ExclusiveStartKey=None if after is None else {"id": {"S": after}},
        Limit=len(ids),
    )
    return {"found": found["Responses"]["several"], "count": page["Count"]}


@workflow
def at_once(tables: list[str]) -> list[str]:
    futures = [
        aws.dynamodb.get_item.submit(TableName=one, Key={"id": {"S": "none"}}) for one in tables
    ]
    first = aws.dynamodb.get_item.options(retry=2).submit(
        TableName=tables[0], Key={"id": {"S": "none"}}
    )
    found = ["found" if "Item" in first.result() else "empty"]
    for future in futures:
        try:
            found.append("found" if "Item" in future.result() else "empty")
        except aws.dynamodb.exceptions.ResourceNotFoundException:
            found.append("no table")
    return found


@workflow
def caught(table: str) -> str:
    try:
        aws.dynamodb.get_item(TableName=table, Key={"id": {"S": "1"}})
    except KeyError:
        return "another class"
    except ClientError:
        return "refused"
    return "found"


@workflow
def not_caught(table: str) -> None:
    aws.dynamodb.get_item(TableName=table, Key={"id": {"S": "1"}})


@workflow
def upload(bucket: str, text: str) -> dict[str, Any]:
    aws.s3.put_object(Bucket=bucket, Key="k", Body={"text": text})
    found = aws.s3.get_object(Bucket=bucket, Key="k")
    listed = aws.s3.list_objects_v2(Bucket=bucket, MaxKeys=10)
    return {"body": found["Body"], "count": listed["KeyCount"]}


@workflow
def job(name: str) -> Any:
    return aws.glue.start_job_run.sync(JobName=name)


@workflow
def limited_job(name: str) -> Any:
    try:
        return aws.glue.start_job_run.sync.options(start_to_close=60)(JobName=name)
    except ActivityTimedOutError:
        return "too late"


@workflow
def ask(url: str, question: str) -> Any:
    try:
        return aws.sqs.send_message.wait_for_task_token(
            QueueUrl=url, MessageBody={"question": question, "token": aws.TASK_TOKEN}
        )
    except Exception as error:
        return {"failed": str(error)}


@workflow
def ask_in_time(url: str) -> str:
    try:
        aws.sqs.send_message.wait_for_task_token.options(start_to_close=60)(
            QueueUrl=url, MessageBody={"token": aws.TASK_TOKEN}
        )
    except TimeoutError:
        return "nobody"
    return "answered"
