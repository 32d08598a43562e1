"""Wait for the results of express executions that were started for them.

Source: AWS Step Functions API Reference (2016-11-23), StartSyncExecution.
"""

from __future__ import annotations

import math

from partita.aws.shapes import Members
from partita.errors import UnsupportedError
from partita.ports.capabilities import SupportsWaits, supports
from partita.stepfunctions import arns
from partita.stepfunctions.execution.beginning import DOMAIN, parts_of
from partita.stepfunctions.execution.records import (
    STATUSES,
    result_of,
    stop_date,
)
from partita.stepfunctions.front.executions import data_to_api
from partita.stepfunctions.front.front import Front
from partita.stepfunctions.front.starts import Started

BILLED_MEMORY = 64
"""Megabytes that an execution is said to have taken."""

BILLED_STEP = 100
"""Milliseconds to which the duration is rounded up."""


def wait_for_result(front: Front, started: Started, request: Members) -> Members:
    """Wait until an execution is closed; return it as the API does."""
    (execution, beginning), service = started, front.service
    if not supports(service, SupportsWaits):
        raise UnsupportedError("this service cannot wait for the end of an execution")
    service.wait_closed(DOMAIN, execution, None)
    record = front.committed.find(DOMAIN, execution.workflow_id, execution.run_id)
    assert record is not None
    machine, rest = parts_of(execution.workflow_id)
    begun, stopped = record.execution.started_at, stop_date(record) or 0.0
    answer: Members = {
        "executionArn": front.names.arn(arns.EXPRESS, machine, rest),
        "stateMachineArn": request["stateMachineArn"],
        "name": beginning.name,
        "startDate": begun,
        "stopDate": stopped,
        "status": STATUSES[record.progress.status],
        "billingDetails": {
            "billedMemoryUsedInMB": BILLED_MEMORY,
            "billedDurationInMilliseconds": BILLED_STEP
            * math.ceil((stopped - begun) * 1000 / BILLED_STEP),
        },
    }
    if beginning.trace_header is not None:
        answer["traceHeader"] = beginning.trace_header
    has_data = request.get("includedData") != "METADATA_ONLY"
    return answer | data_to_api(
        beginning.input, result_of(front.committed, record), has_data=has_data
    )
