"""A shop whose workflow is deployed, and what deploys it."""

from __future__ import annotations

import functools
import json
import os
import uuid
from pathlib import Path
from typing import Any, NamedTuple

from tests.cli import in_process
from tests.integrations.moto import client, moto

SHOP = """
from dataclasses import dataclass
from partita import Signal, activity, wait_signal, workflow

approved = Signal("approved", bool)


class Refused(ValueError):
    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


@dataclass
class Line:
    name: str
    cents: int


@activity(start_to_close=30)
def charge(card: str, lines: list[Line]) -> str:
    total = sum(one.cents for one in lines)
    if total > 1000:
        raise Refused("too much", total)
    return f"{card} paid {total}"


@activity(start_to_close=5)
def ship(text: str, fast: bool = False) -> str:
    return f"{text}, shipped"


@workflow
def checkout(card: str, lines: list[Line], fast: bool = True) -> str:
    try:
        paid = charge(card, lines)
    except Refused as error:
        return f"refused: {error}, {error.code}"
    return ship(paid, fast)


@workflow
def greet(name: str) -> str:
    return f"hello {name}"


@workflow
def ship_all(texts: list[str]) -> list[str]:
    return ship.map(texts, distributed=True).result()


@workflow
def ask(card: str) -> str:
    text = charge(card, [])
    if wait_signal(approved):
        return ship(text)
    return "denied"
"""


class Ran(NamedTuple):
    """What a command printed, and its exit status."""

    out: str
    err: str
    status: int

    @property
    def error(self) -> str:
        """The last line on stderr."""
        return self.err.splitlines()[-1] if self.err else ""


def partita(folder: Path, *arguments: str, **environment: str) -> Ran:
    """Run a command in a folder."""
    keys = {"AWS_ACCESS_KEY_ID": "tests", "AWS_SECRET_ACCESS_KEY": "tests"}
    given = {**os.environ, **keys, "AWS_DEFAULT_REGION": "us-east-1", "NO_COLOR": "1"}
    return Ran(*in_process.run(folder, list(arguments), {**given, **environment}, ""))


@functools.cache
def role(services: str = "lambda states") -> str:
    """Return the ARN of a role of moto's that services may assume."""
    principal = {"Service": [f"{one}.amazonaws.com" for one in services.split()]}
    allowed = [{"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}]
    trust = json.dumps({"Version": "2012-10-17", "Statement": allowed})
    name = f"r{uuid.uuid4().hex}"
    made = client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=trust)
    arn: str = made["Role"]["Arn"]
    return arn


class Shop:
    """The shop's folder, and the name that it is deployed under at moto's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.name = f"checkout-{uuid.uuid4().hex[:8]}"
        self.file = folder / "shop.py"
        self.file.write_text(SHOP, "utf-8")
        self.lambdas: Any = client("lambda")
        self.machines: Any = client("stepfunctions")

    def deploy(self, *options: str, name: str = "", target: str = "shop.py:checkout") -> Ran:
        """Deploy it to moto."""
        where = ["--endpoint", moto(), "--name", name or self.name]
        roles = [] if "--role" in options else ["--role", role()]
        command = ["deploy", target, "--to", "stepfunctions", *where, *roles, *options]
        return partita(self.folder, *command)

    def edit(self, old: str, new: str) -> None:
        """Change the shop's source."""
        self.file.write_text(self.file.read_text("utf-8").replace(old, new), "utf-8")

    @property
    def arn(self) -> str:
        """The machine's ARN."""
        return f"arn:aws:states:us-east-1:123456789012:stateMachine:{self.name}"

    def machine(self) -> dict[str, Any]:
        """Return the machine as it is deployed."""
        found: dict[str, Any] = self.machines.describe_state_machine(stateMachineArn=self.arn)
        return found

    def function(self) -> dict[str, Any]:
        """Return the function as it is deployed."""
        found: dict[str, Any] = self.lambdas.get_function(FunctionName=self.name)
        return found

    def has_function(self) -> bool:
        """Return whether there is a function of that name."""
        names = [one["FunctionName"] for one in self.lambdas.list_functions()["Functions"]]
        return self.name in names
