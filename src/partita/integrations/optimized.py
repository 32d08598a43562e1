"""List the optimised integrations: their services, actions, and where they differ from the API.

Source: AWS Step Functions Developer Guide, "Integrating optimized services"; AWS SDK for Java
1.x, the names of its exceptions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Struct

from partita.errors import TaskFailedError
from partita.integrations.json_texts import json_text


class Service(Struct, frozen=True):
    """A service as the optimised integrations know it."""

    sdk: str  # boto3's name
    prefix: str  # of error names
    title: str  # in causes
    exception: str  # of errors that the API's model lacks
    actions: tuple[str, ...]


FIRST_SDK = {
    "athena": Service(
        "athena",
        "Athena",
        "AmazonAthena",
        "AmazonAthenaException",
        ("startQueryExecution", "stopQueryExecution", "getQueryExecution", "getQueryResults"),
    ),
    "batch": Service("batch", "Batch", "AWSBatch", "AWSBatchException", ("submitJob",)),
    "bedrock": Service(
        "bedrock-runtime",
        "Bedrock",
        "AmazonBedrockRuntime",
        "AmazonBedrockRuntimeException",
        ("invokeModel",),
    ),
    "codebuild": Service(
        "codebuild",
        "CodeBuild",
        "AWSCodeBuild",
        "AWSCodeBuildException",
        (
            "startBuild",
            "stopBuild",
            "batchDeleteBuilds",
            "batchGetReports",
            "startBuildBatch",
            "stopBuildBatch",
            "retryBuildBatch",
            "deleteBuildBatch",
        ),
    ),
    "databrew": Service(
        "databrew", "DataBrew", "AWSGlueDataBrew", "AWSGlueDataBrewException", ("startJobRun",)
    ),
    "dynamodb": Service(
        "dynamodb",
        "DynamoDB",
        "AmazonDynamoDBv2",
        "AmazonDynamoDBException",
        ("getItem", "putItem", "updateItem", "deleteItem"),
    ),
    "ecs": Service("ecs", "ECS", "AmazonECS", "AmazonECSException", ("runTask",)),
    "eks": Service(
        "eks",
        "EKS",
        "AmazonEKS",
        "AmazonEKSException",
        (
            "createCluster",
            "deleteCluster",
            "createFargateProfile",
            "deleteFargateProfile",
            "createNodegroup",
            "deleteNodegroup",
        ),
    ),
    "elasticmapreduce": Service(
        "emr",
        "EMR",
        "AmazonElasticMapReduce",
        "AmazonElasticMapReduceException",
        (
            "createCluster",
            "terminateCluster",
            "addStep",
            "cancelStep",
            "setClusterTerminationProtection",
        ),
    ),
    "emr-serverless": Service(
        "emr-serverless",
        "EMRServerless",
        "EMRServerless",
        "EMRServerlessException",
        (
            "createApplication",
            "startApplication",
            "stopApplication",
            "deleteApplication",
            "startJobRun",
            "cancelJobRun",
        ),
    ),
    "events": Service(
        "events",
        "EventBridge",
        "AmazonEventBridge",
        "AmazonEventBridgeException",
        ("putEvents",),
    ),
    "glue": Service("glue", "Glue", "AWSGlue", "AWSGlueException", ("startJobRun",)),
    "mediaconvert": Service(
        "mediaconvert",
        "MediaConvert",
        "AWSMediaConvert",
        "AWSMediaConvertException",
        ("createJob",),
    ),
    "sagemaker": Service(
        "sagemaker",
        "SageMaker",
        "AmazonSageMaker",
        "AmazonSageMakerException",
        (
            "createEndpoint",
            "createEndpointConfig",
            "createHyperParameterTuningJob",
            "createLabelingJob",
            "createModel",
            "createProcessingJob",
            "createTrainingJob",
            "createTransformJob",
            "updateEndpoint",
        ),
    ),
    "sns": Service("sns", "SNS", "AmazonSNS", "AmazonSNSException", ("publish",)),
    "sqs": Service("sqs", "SQS", "AmazonSQS", "AmazonSQSException", ("sendMessage",)),
    "states": Service(
        "stepfunctions",
        "StepFunctions",
        "AWSStepFunctions",
        "AWSStepFunctionsException",
        ("startExecution",),
    ),
}
"""Optimised integrations, by the service of their ARN; without Lambda, HTTP and activities."""

OPERATIONS = {
    ("elasticmapreduce", "createCluster"): "RunJobFlow",
    ("elasticmapreduce", "terminateCluster"): "TerminateJobFlows",
    ("elasticmapreduce", "addStep"): "AddJobFlowSteps",
    ("elasticmapreduce", "cancelStep"): "CancelSteps",
    ("elasticmapreduce", "setClusterTerminationProtection"): "SetTerminationProtection",
}
"""Actions whose operation has another name in the API."""


def _emr_cluster(arguments: dict[str, Any]) -> dict[str, Any]:
    """Give one cluster to an operation that takes many."""
    others = {name: value for name, value in arguments.items() if name != "ClusterId"}
    return {"JobFlowIds": [arguments.get("ClusterId")], **others}


def _emr_step(arguments: dict[str, Any]) -> dict[str, Any]:
    others = {name: arguments[name] for name in arguments if name not in ("ClusterId", "Step")}
    return {"JobFlowId": arguments.get("ClusterId"), "Steps": [arguments.get("Step")], **others}


def _emr_cancelled_step(arguments: dict[str, Any]) -> dict[str, Any]:
    return {"ClusterId": arguments.get("ClusterId"), "StepIds": [arguments.get("StepId")]}


ARGUMENTS: dict[tuple[str, str], Callable[[dict[str, Any]], dict[str, Any]]] = {
    ("elasticmapreduce", "terminateCluster"): _emr_cluster,
    ("elasticmapreduce", "setClusterTerminationProtection"): _emr_cluster,
    ("elasticmapreduce", "addStep"): _emr_step,
    ("elasticmapreduce", "cancelStep"): _emr_cancelled_step,
}
"""Arguments that the integration takes in another form than the API."""


def _check_entries(result: dict[str, Any]) -> None:
    """Fail if EventBridge has refused entries."""
    if result.get("FailedEntryCount"):
        part = {
            "Entries": result.get("Entries", []),
            "FailedEntryCount": result["FailedEntryCount"],
        }
        raise TaskFailedError("EventBridge.FailedEntry", json_text(part))


def _cluster(result: dict[str, Any]) -> None:
    result["ClusterId"] = result.pop("JobFlowId", None)


def _step(result: dict[str, Any]) -> None:
    result["StepId"] = next(iter(result.pop("StepIds", [])), None)


def _parsed_body(result: dict[str, Any]) -> None:
    """Give the model's answer as JSON, as the integration does."""
    try:
        result["Body"] = msgspec.json.decode(result.get("Body", ""))
    except msgspec.DecodeError:
        pass  # not every model answers in JSON


RESULTS: dict[tuple[str, str], Callable[[dict[str, Any]], None]] = {
    ("bedrock", "invokeModel"): _parsed_body,
    ("events", "putEvents"): _check_entries,
    ("elasticmapreduce", "createCluster"): _cluster,
    ("elasticmapreduce", "addStep"): _step,
}
"""What is done to a result in place; some results are failures."""
