"""Name services, operations and members as AWS Step Functions does.

Step Functions calls AWS by the SDKs for Java, and names what it shows as their classes are named:
the API's `DBInstanceIdentifier` is `DbInstanceIdentifier` in an `aws-sdk:` task, the service with
the id `DynamoDB` has errors that begin with `DynamoDb.`. The optimised integrations are older and
only capitalise the API's own names.

Source: AWS Step Functions Developer Guide, "Learning to use AWS service SDK integrations"; AWS
SDK for Java 2.x, the naming of generated code.
"""

from __future__ import annotations

import functools
import re

_NOT_WORD = re.compile(r"[^A-Za-z0-9]+")
_VERSION = re.compile(r"(?<=[a-z]{2})V([0-9]+)|(?<=[A-Z]{2})v([0-9]+)")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z][A-Za-z0-9])")
_ACRONYM = re.compile(r"([A-Z]+)([A-Z][a-z])")
_AFTER_NUMBER = re.compile(r"([0-9])([A-Za-z])")


@functools.cache
def java_name(name: str) -> str:
    """Return a name as the SDK for Java 2.x has it: `DBInstance` is `DbInstance`."""
    words = _NOT_WORD.sub(" ", name)
    words = _VERSION.sub(lambda found: f" V{found[1] or found[2]} ", words)
    words = _CAMEL.sub(" ", words)
    words = _ACRONYM.sub(r"\1 \2", words)
    words = _AFTER_NUMBER.sub(r"\1 \2", words)
    return "".join(word.capitalize() for word in words.split())


def capitalized(name: str) -> str:
    """Return a name with its first letter in upper case, as the optimised integrations have it."""
    return name[:1].upper() + name[1:]


def exception_name(shape: str) -> str:
    """Return the name of the SDK's exception for an error shape: `NoSuchKeyException`."""
    if shape.endswith("Exception"):
        return shape
    return shape.removesuffix("Fault") + "Exception"


SDK_NAMES = {
    "applicationdiscovery": "discovery",
    "cloudwatchlogs": "logs",
    "cognitoidentityprovider": "cognito-idp",
    "config": "config",
    "costandusagereport": "cur",
    "costexplorer": "ce",
    "databasemigration": "dms",
    "directory": "ds",
    "elasticloadbalancing": "elb",
    "elasticloadbalancingv2": "elbv2",
    "elasticsearch": "es",
    "eventbridge": "events",
    "iotdataplane": "iot-data",
    "iotjobsdataplane": "iot-jobs-data",
    "lexmodelbuilding": "lex-models",
    "lexmodelsv2": "lexv2-models",
    "lexruntime": "lex-runtime",
    "lexruntimev2": "lexv2-runtime",
    "marketplaceentitlement": "marketplace-entitlement",
    "marketplacemetering": "meteringmarketplace",
    "migrationhub": "mgh",
    "pinpointsmsvoice": "sms-voice",
    "serverlessapplicationrepository": "serverlessrepo",
    "sfn": "stepfunctions",
    "simpledb": "sdb",
}
"""Services of `aws-sdk:` whose name is not boto3's without hyphens -> boto3's name."""
