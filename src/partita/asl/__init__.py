"""Run state machines in Amazon States Language as Partita workflows.

`machines` turns a definition into a workflow, `parser` compiles it, `program` interprets it;
`jsonata` evaluates JSONata.

Source: Amazon States Language, states-language.net; AWS Step Functions Developer Guide.
"""

from partita.asl.answers import send_task_failure, send_task_heartbeat, send_task_success
from partita.asl.machines import load_machine, machine
from partita.asl.tasks.integrations import forget_integration, register_integration
from partita.asl.tasks.lambdas import forget_lambda, register_lambda
from partita.asl.tasks.outside import use_services
from partita.integrations.settings import ServiceSettings

__all__ = [
    "ServiceSettings",
    "forget_integration",
    "forget_lambda",
    "load_machine",
    "machine",
    "register_integration",
    "register_lambda",
    "send_task_failure",
    "send_task_heartbeat",
    "send_task_success",
    "use_services",
]
