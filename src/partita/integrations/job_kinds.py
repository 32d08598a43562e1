"""List the jobs that `.sync` tasks wait for: which operation tells how one stands, and how.

Source: AWS Step Functions Developer Guide, "Integrating optimized services"; the API references
of the services.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from partita.errors import TaskFailedError
from partita.integrations.json_texts import json_text

Values = dict[str, Any]
Asked = Callable[[Values, Values], Values]
"""Returns the arguments of an operation, from those of the job's start and its answer."""


class JobKind(Struct, frozen=True, kw_only=True):
    """A kind of job. Names are those of Task states: PascalCase."""

    describe: str  # the operation that tells how a job stands
    asked: Asked
    job: Callable[[Values], Any]  # the part of its answer that is the task's result
    state: Callable[[Any], Any]
    succeeded: tuple[Any, ...]
    failed: tuple[Any, ...]
    refused: Callable[[Values], None] | None = None  # fails if nothing was started
    stop: str | None = None
    stopped: Asked | None = None


def _given(**names: str) -> Asked:
    """Return the function that takes members of the answer, or else of the start's arguments."""
    return lambda arguments, started: {
        name: started.get(source, arguments.get(source)) for name, source in names.items()
    }


def _member(*path: Any) -> Callable[[Any], Any]:
    """Return the function that follows a path; it gives None where the path ends early."""

    def follow(value: Any) -> Any:
        for step in path:
            try:
                value = value[step]
            except (KeyError, IndexError, TypeError):
                return None
        return value

    return follow


def _whole(value: Any) -> Any:
    return value


def _sagemaker(title: str) -> JobKind:
    """Return a kind of SageMaker's jobs, which all have the same members."""
    asked = _given(**{f"{title}Name": f"{title}Name"})
    return JobKind(
        describe=f"Describe{title}",
        asked=asked,
        job=_whole,
        state=_member(f"{title}Status"),
        succeeded=("Completed",),
        failed=("Failed", "Stopped"),
        stop=f"Stop{title}",
        stopped=asked,
    )


def _ecs_state(task: Any) -> str:
    """Return how a task of ECS stands: it has failed if any of its containers has."""
    if task is None:
        return "GONE"
    if task.get("LastStatus") != "STOPPED":
        return "RUNNING"
    codes = [container.get("ExitCode") for container in task.get("Containers", [])]
    return "SUCCEEDED" if codes and all(code == 0 for code in codes) else "FAILED"


def _check_placed(started: Values) -> None:
    """Fail if ECS has found no place for the task."""
    if started.get("Failures") or not started.get("Tasks"):
        part = {"Failures": started.get("Failures", []), "Tasks": started.get("Tasks", [])}
        raise TaskFailedError("AmazonECS.Unknown", json_text(part))


def _ecs_asked(arguments: Values, started: Values) -> Values:
    task = started["Tasks"][0]
    return {"Cluster": arguments.get("Cluster"), "Tasks": [task["TaskArn"]]}


def _ecs_stopped(arguments: Values, started: Values) -> Values:
    task = started["Tasks"][0]
    return {"Cluster": arguments.get("Cluster"), "Task": task["TaskArn"]}


def _build_ids(member: str) -> Asked:
    return lambda _arguments, started: {"Ids": [started[member]["Id"]]}


def _build_id(member: str) -> Asked:
    return lambda _arguments, started: {"Id": started[member]["Id"]}


def _wrapped(part: str, whole: str) -> Callable[[Values], Any]:
    """Return the function that takes the first of a list, under the name of one."""
    first = _member(part, 0)
    return lambda described: {whole: first(described)}


def _build(batch: str) -> JobKind:
    """Return a kind of CodeBuild's builds; `batch` is `Build` or `BuildBatch`."""
    many = f"{batch}s" if batch == "Build" else f"{batch}es"
    return JobKind(
        describe=f"BatchGet{many}",
        asked=_build_ids(batch),
        job=_wrapped(many, batch),
        state=_member(batch, f"{batch}Status"),
        succeeded=("SUCCEEDED",),
        failed=("FAILED", "FAULT", "TIMED_OUT", "STOPPED"),
        stop=f"Stop{batch}",
        stopped=_build_id(batch),
    )


def _databrew_asked(arguments: Values, started: Values) -> Values:
    return {"Name": arguments.get("Name"), "RunId": started["RunId"]}


def _eks(title: str, *names: str) -> JobKind:
    """Return a kind of EKS's creations, which are done when the thing is active."""
    return JobKind(
        describe=f"Describe{title}",
        asked=_given(**{name: name for name in names}),
        job=_whole,
        state=_member(title, "Status"),
        succeeded=("ACTIVE",),
        failed=("FAILED", "CREATE_FAILED", "DEGRADED", "DELETING"),
    )


JOBS: dict[tuple[str, str], JobKind] = {
    ("athena", "startQueryExecution"): JobKind(
        describe="GetQueryExecution",
        asked=_given(QueryExecutionId="QueryExecutionId"),
        job=_whole,
        state=_member("QueryExecution", "Status", "State"),
        succeeded=("SUCCEEDED",),
        failed=("FAILED", "CANCELLED"),
        stop="StopQueryExecution",
        stopped=_given(QueryExecutionId="QueryExecutionId"),
    ),
    ("batch", "submitJob"): JobKind(
        describe="DescribeJobs",
        asked=lambda _arguments, started: {"Jobs": [started["JobId"]]},
        job=_member("Jobs", 0),
        state=_member("Status"),
        succeeded=("SUCCEEDED",),
        failed=("FAILED",),
        stop="TerminateJob",
        stopped=lambda _arguments, started: {
            "JobId": started["JobId"],
            "Reason": "The state machine's task was stopped",
        },
    ),
    ("codebuild", "startBuild"): _build("Build"),
    ("codebuild", "startBuildBatch"): _build("BuildBatch"),
    ("databrew", "startJobRun"): JobKind(
        describe="DescribeJobRun",
        asked=_databrew_asked,
        job=_whole,
        state=_member("State"),
        succeeded=("SUCCEEDED",),
        failed=("FAILED", "STOPPED", "TIMEOUT"),
        stop="StopJobRun",
        stopped=_databrew_asked,
    ),
    ("ecs", "runTask"): JobKind(
        describe="DescribeTasks",
        asked=_ecs_asked,
        job=_member("Tasks", 0),
        state=_ecs_state,
        succeeded=("SUCCEEDED",),
        failed=("FAILED", "GONE"),
        refused=_check_placed,
        stop="StopTask",
        stopped=_ecs_stopped,
    ),
    ("eks", "createCluster"): _eks("Cluster", "Name"),
    ("eks", "createFargateProfile"): _eks("FargateProfile", "ClusterName", "FargateProfileName"),
    ("eks", "createNodegroup"): _eks("Nodegroup", "ClusterName", "NodegroupName"),
    ("elasticmapreduce", "createCluster"): JobKind(
        describe="DescribeCluster",
        asked=_given(ClusterId="ClusterId"),
        job=_whole,
        state=_member("Cluster", "Status", "State"),
        succeeded=("WAITING", "TERMINATED"),
        failed=("TERMINATED_WITH_ERRORS",),
    ),
    ("elasticmapreduce", "terminateCluster"): JobKind(
        describe="DescribeCluster",
        asked=_given(ClusterId="ClusterId"),
        job=_whole,
        state=_member("Cluster", "Status", "State"),
        succeeded=("TERMINATED",),
        failed=("TERMINATED_WITH_ERRORS",),
    ),
    ("elasticmapreduce", "addStep"): JobKind(
        describe="DescribeStep",
        asked=_given(ClusterId="ClusterId", StepId="StepId"),
        job=_whole,
        state=_member("Step", "Status", "State"),
        succeeded=("COMPLETED",),
        failed=("FAILED", "CANCELLED", "INTERRUPTED"),
    ),
    ("emr-serverless", "startJobRun"): JobKind(
        describe="GetJobRun",
        asked=_given(ApplicationId="ApplicationId", JobRunId="JobRunId"),
        job=_whole,
        state=_member("JobRun", "State"),
        succeeded=("SUCCESS",),
        failed=("FAILED", "CANCELLED"),
        stop="CancelJobRun",
        stopped=_given(ApplicationId="ApplicationId", JobRunId="JobRunId"),
    ),
    ("glue", "startJobRun"): JobKind(
        describe="GetJobRun",
        asked=_given(JobName="JobName", RunId="JobRunId"),
        job=_member("JobRun"),
        state=_member("JobRunState"),
        succeeded=("SUCCEEDED",),
        failed=("FAILED", "STOPPED", "TIMEOUT", "ERROR", "EXPIRED"),
        stop="BatchStopJobRun",
        stopped=lambda arguments, started: {
            "JobName": arguments.get("JobName"),
            "JobRunIds": [started["JobRunId"]],
        },
    ),
    ("mediaconvert", "createJob"): JobKind(
        describe="GetJob",
        asked=lambda _arguments, started: {"Id": started["Job"]["Id"]},
        job=_whole,
        state=_member("Job", "Status"),
        succeeded=("COMPLETE",),
        failed=("CANCELED", "ERROR"),
        stop="CancelJob",
        stopped=lambda _arguments, started: {"Id": started["Job"]["Id"]},
    ),
    ("sagemaker", "createHyperParameterTuningJob"): _sagemaker("HyperParameterTuningJob"),
    ("sagemaker", "createLabelingJob"): _sagemaker("LabelingJob"),
    ("sagemaker", "createProcessingJob"): _sagemaker("ProcessingJob"),
    ("sagemaker", "createTrainingJob"): _sagemaker("TrainingJob"),
    ("sagemaker", "createTransformJob"): _sagemaker("TransformJob"),
    ("states", "startExecution"): JobKind(
        describe="DescribeExecution",
        asked=_given(ExecutionArn="ExecutionArn"),
        job=_whole,
        state=_member("Status"),
        succeeded=("SUCCEEDED",),
        failed=("FAILED", "TIMED_OUT", "ABORTED"),
        stop="StopExecution",
        stopped=_given(ExecutionArn="ExecutionArn"),
    ),
}
"""Jobs, by the service and the action of their ARN."""
