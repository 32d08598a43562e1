"""Which of our errors becomes which of Amazon's, and that Amazon knows them all."""

from __future__ import annotations

from typing import Any

import botocore.session
import pytest

from partita import errors
from partita.swf import faults
from partita.swf.faults import SwfFault, fault_of

MODEL: Any = botocore.session.get_session().get_service_model("swf")


@pytest.mark.parametrize(
    ("error", "wire", "status"),
    [
        (errors.ExecutionNotFoundError("x"), "UnknownResourceFault", 400),
        (errors.TaskLostError("x"), "UnknownResourceFault", 400),
        (
            errors.ExecutionAlreadyStartedError("x"),
            "WorkflowExecutionAlreadyStartedFault",
            400,
        ),
        (errors.DecisionRefusedError("x"), "ValidationException", 400),
        (errors.InvalidInputError("x"), "ValidationException", 400),
        (errors.InvalidTokenError("x"), "ValidationException", 400),
        (errors.ConflictError("x"), "ServiceUnavailableException", 503),
        (errors.StoreFullError("x"), "ServiceUnavailableException", 503),
        (errors.NoWorkerError("x"), "OperationNotPermittedFault", 400),
        (ZeroDivisionError("x"), "InternalFailure", 500),
        (errors.PartitaError("x"), "InternalFailure", 500),
        (faults.TooManyTagsFault("x"), "TooManyTagsFault", 400),
    ],
)
def test_every_error_is_a_fault(error: Exception, wire: str, status: int) -> None:
    fault = fault_of(error)
    assert (fault.wire, fault.status) == (wire, status)
    assert fault.body()["__type"].endswith(f"#{wire}")
    assert "x" in fault.body()["message"] or wire == "WorkflowExecutionAlreadyStartedFault"


def test_the_faults_of_swf_are_amazons() -> None:
    ours = {cls.wire for cls in SwfFault.__subclasses__()}
    assert ours == {shape.name for shape in MODEL.error_shapes}


def test_a_client_of_swf_is_not_sent_to_our_command_line() -> None:
    text = "no execution 'a; `partita b' in domain 'd'; `partita list` shows what there is"
    fault = fault_of(errors.ExecutionNotFoundError(text))
    assert str(fault) == "Unknown execution: no execution 'a; `partita b' in domain 'd'"
    assert str(fault_of(errors.ExecutionNotFoundError("none"))) == "Unknown execution: none"
