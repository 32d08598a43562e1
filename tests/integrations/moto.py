"""moto's server as AWS, one for all tests of this process."""

from __future__ import annotations

import functools
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3

from tests.swf_backend.endpoint import moto_url

REGION = "us-east-1"


@functools.cache
def moto() -> str:
    """Return the URL of the server."""
    (endpoint,) = parse_qs(urlsplit(moto_url()).query)["endpoint"]
    return endpoint


def client(service: str) -> Any:
    """Return a client of moto's, for a test's own calls."""
    return boto3.client(service, endpoint_url=moto(), region_name=REGION)
