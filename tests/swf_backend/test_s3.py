"""Large payloads in a bucket of S3: moto's server stands in for it."""

from __future__ import annotations

import random
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest

from partita import activity, workflow
from partita.client import Client
from partita.errors import InvalidInputError, OperationRefusedError, StoreUnavailableError
from partita.swf.backend.payloads import large_store
from tests.swf_backend.conftest import Connect, worker
from tests.swf_backend.endpoint import moto_url


@activity
def double(text: str) -> str:
    return text + text


@workflow
def doubled(text: str) -> str:
    return double(text)


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the name of a new bucket, where the SDK finds it."""
    (endpoint,) = parse_qs(urlsplit(moto_url()).query)["endpoint"]
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", endpoint)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    name = f"bucket-{random.randrange(10**9)}"
    boto3.client("s3").create_bucket(Bucket=name)
    return name


def test_a_workflow_with_large_payloads(connect: Connect, bucket: str) -> None:
    service = connect(large=f"s3://{bucket}/some/where")
    text = "".join(random.Random(7).choices("abcdefgh", k=150_000))  # however it is compressed
    with worker(service, doubled, double):
        assert Client(service).start(doubled, text).result(timeout=30) == text + text
    found = boto3.client("s3").list_objects_v2(Bucket=bucket)["Contents"]
    assert len(found) >= 2
    assert all(one["Key"].startswith("some/where/") for one in found)


def test_what_is_not_there_is_named(bucket: str) -> None:
    store = large_store(f"s3://{bucket}", boto3.Session())
    assert store is not None
    with pytest.raises(InvalidInputError, match=f"gone: s3://{bucket}/nothing"):
        store.get("nothing")
    nowhere = large_store("s3://no-such-bucket/x", boto3.Session())
    assert nowhere is not None
    with pytest.raises(StoreUnavailableError, match="cannot be kept in s3://no-such-bucket"):
        nowhere.put("name", b"data")
    with pytest.raises(OperationRefusedError, match="cannot be read from s3://no-such-bucket"):
        nowhere.get("name")
