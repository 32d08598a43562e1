"""Deployments that fail in the middle: what exists then, and what --atomic undoes."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from partita.errors import NotDeployedError
from partita.stepfunctions.bundle import zipped
from partita.stepfunctions.deploy.clients import Clients
from partita.stepfunctions.deploy.deployment import Deployment
from partita.stepfunctions.deploy.wanted import FunctionSettings, Wanted
from tests.deploy.shop import role
from tests.integrations.moto import client

MACHINE = {
    "QueryLanguage": "JSONata",
    "StartAt": "charge",
    "States": {
        "charge": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Arguments": {"FunctionName": "charge", "Payload": {}},
            "End": True,
        }
    },
}


class Refusing:
    """A client of a service that refuses one operation."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.refused: set[str] = set()
        self.only_once = False

    def __getattr__(self, name: str) -> Any:
        def refuse(**_: Any) -> Any:
            self.refused = set() if self.only_once else self.refused
            text = "User tests is not authorized"
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": text}}, name)

        return refuse if name in self.refused else getattr(self.client, name)


class Account:
    """What is deployed at moto's under a name of its own."""

    def __init__(self) -> None:
        self.functions, self.machines = (Refusing(client(s)) for s in ("lambda", "stepfunctions"))
        settings = FunctionSettings(role(), "python3.13", "x86_64", 30, 256)
        self.wanted = Wanted(
            f"m{uuid.uuid4().hex[:10]}",
            "shop:checkout",
            MACHINE,
            ("charge",),
            role(),
            content=zipped({"a.py": b"1"}),
            settings=settings,
        )
        self.changed = replace(
            self.wanted,
            definition={**MACHINE, "Comment": "changed"},
            content=zipped({"a.py": b"2"}),
            settings=replace(settings, timeout=60),
        )

    def deploy(self, wanted: Wanted, *, atomic: bool = False) -> list[str]:
        clients = Clients(self.functions, self.machines, pause=lambda _: None)
        old = self.wanted.content or b""
        made = Deployment(clients, wanted, atomic=atomic, read=lambda _: old)
        return made.apply(made.look())

    def state(self) -> tuple[Any, Any]:
        """Return what is deployed, with nothing that only counts."""
        name = self.wanted.name
        functions = self.functions.client.list_functions()["Functions"]
        function = [
            (one["CodeSha256"], one["Timeout"], self._tags(one["FunctionArn"]))
            for one in functions
            if one["FunctionName"] == name
        ]
        machines = self.machines.client.list_state_machines()["stateMachines"]
        machine = [
            (one["definition"], sorted(str(tag) for tag in tags))
            for found in machines
            if found["name"] == name
            for arn in [found["stateMachineArn"]]
            for one in [self.machines.client.describe_state_machine(stateMachineArn=arn)]
            for tags in [self.machines.client.list_tags_for_resource(resourceArn=arn)["tags"]]
        ]
        return function, machine

    def _tags(self, arn: str) -> Any:
        return self.functions.client.list_tags(Resource=arn)["Tags"]


@pytest.fixture
def account() -> Account:
    return Account()


CREATING: list[tuple[str, str, str]] = [
    ("functions", "create_function", "nothing was changed"),
    ("functions", "publish_version", "done before: created function"),
    ("functions", "tag_resource", "done before: created function"),
    ("machines", "create_state_machine", "done before: created function"),
]
UPDATING: list[tuple[str, str, str]] = [
    ("functions", "update_function_code", "done before: updated function"),
    ("functions", "update_function_configuration", "done before: updated function"),
    ("functions", "publish_version", "done before: updated function"),
    ("machines", "update_state_machine", "done before: updated function"),
    ("machines", "tag_resource", "; updated machine"),
]


@pytest.mark.parametrize(("service", "operation", "message"), CREATING)
def test_a_failed_creation_says_what_exists(
    account: Account, service: str, operation: str, message: str
) -> None:
    getattr(account, service).refused = {operation}
    with pytest.raises(NotDeployedError, match="not authorized") as failed:
        account.deploy(account.wanted)
    assert message in str(failed.value)
    getattr(account, service).refused = set()
    account.deploy(account.wanted)
    assert account.deploy(account.wanted) == []


@pytest.mark.parametrize(("service", "operation", "_"), CREATING)
def test_an_atomic_creation_leaves_nothing(
    account: Account, service: str, operation: str, _: str
) -> None:
    getattr(account, service).refused = {operation}
    with pytest.raises(NotDeployedError, match=r"everything was undone|nothing was changed"):
        account.deploy(account.wanted, atomic=True)
    assert account.state() == ([], [])


@pytest.mark.parametrize(("service", "operation", "message"), UPDATING)
def test_a_failed_update_says_what_was_done(
    account: Account, service: str, operation: str, message: str
) -> None:
    account.deploy(account.wanted)
    getattr(account, service).refused = {operation}
    with pytest.raises(NotDeployedError, match="not authorized") as failed:
        account.deploy(account.changed)
    assert message in str(failed.value)
    getattr(account, service).refused = set()
    account.deploy(account.changed)
    assert account.deploy(account.changed) == []


@pytest.mark.parametrize(("service", "operation", "_"), UPDATING)
def test_an_atomic_update_is_undone(account: Account, service: str, operation: str, _: str) -> None:
    account.deploy(account.wanted)
    before = account.state()
    refusing: Refusing = getattr(account, service)
    refusing.refused, refusing.only_once = {operation}, True
    with pytest.raises(NotDeployedError, match="everything was undone"):
        account.deploy(account.changed, atomic=True)
    assert account.state() == before
    assert account.deploy(account.wanted) == []


def test_an_interrupted_deployment_says_what_exists(account: Account) -> None:
    def interrupt(**_: Any) -> Any:
        raise KeyboardInterrupt

    vars(account.machines)["create_state_machine"] = interrupt
    with pytest.raises(NotDeployedError, match="interrupted; done before: created function"):
        account.deploy(account.wanted)
    account.functions.client.delete_function(FunctionName=account.wanted.name)
    with pytest.raises(NotDeployedError, match="interrupted; everything was undone"):
        account.deploy(account.wanted, atomic=True)
    assert account.state() == ([], [])


def test_undoing_that_fails_is_told(account: Account) -> None:
    account.machines.refused = {"create_state_machine"}
    account.functions.refused = {"delete_function"}
    with pytest.raises(NotDeployedError, match=r"undoing failed too: .*; done: created function"):
        account.deploy(account.wanted, atomic=True)


def test_code_that_cannot_be_kept_is_not_updated_atomically(account: Account) -> None:
    account.deploy(account.wanted)
    before = account.state()

    def fail(_: str) -> bytes:
        raise OSError("404")

    clients = Clients(account.functions, account.machines)
    made = Deployment(clients, account.changed, atomic=True, read=fail)
    with pytest.raises(NotDeployedError, match=r"cannot be read \(404\).*nothing was changed"):
        made.apply(made.look())
    assert account.state() == before
