"""Create or update a function and its machine; say what was done, and what exists if it fails.

The function comes first, since the machine names the version of it that it calls: executions that
run go on with the version that they began with.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from partita.errors import NotDeployedError, PartitaError
from partita.stepfunctions.deploy import functions as f
from partita.stepfunctions.deploy import machines as m
from partita.stepfunctions.deploy.clients import Clients
from partita.stepfunctions.deploy.wanted import Wanted

NEXT = "(the next version)"
"""Stands for the version that a deployment would publish."""


@dataclass(frozen=True)
class Found:
    """What is deployed."""

    function: f.FoundFunction | None
    machine: m.FoundMachine | None


@dataclass
class Deployment:
    """One deployment; `done` is what it has done so far, `undo` how to take it back."""

    clients: Clients
    wanted: Wanted
    overwrite: bool = False
    atomic: bool = False
    read: Callable[[str], bytes] = f.download
    done: list[str] = field(default_factory=list)
    undo: list[Callable[[], None]] = field(default_factory=list)

    def look(self) -> Found:
        """Return what is deployed.

        Raises:
            NotDeployedError: a name is taken by what was deployed from another source.
        """
        has_function = self.wanted.content is not None
        function = f.find_function(self.clients, self.wanted.name) if has_function else None
        machine = m.find_machine(self.clients, self.wanted.name)
        self._check_source("function", function)
        self._check_source("machine", machine)
        if machine is not None and machine.kind != self.wanted.kind:
            raise NotDeployedError(
                f"machine {self.wanted.name} is {machine.kind}, and AWS does not change that; "
                "nothing was changed; give another --name, or delete it first"
            )
        return Found(function, machine)

    def _check_source(self, kind: str, found: Any) -> None:
        if found is None or self.overwrite or found.source == self.wanted.source:
            return
        origin = f"deployed from {found.source}" if found.source else "not deployed by partita"
        raise NotDeployedError(
            f"{kind} {self.wanted.name} exists and was {origin}, not from {self.wanted.source}; "
            "nothing was changed; give another --name, or --overwrite"
        )

    def drift(self, found: Found) -> Iterator[str]:
        """Yield what others have changed since the last deployment."""
        for kind, one in (("function", found.function), ("machine", found.machine)):
            if one is not None and one.source is not None and one.has_drifted:
                yield f"{kind} {self.wanted.name} was changed since it was deployed from here"

    def plan(self, found: Found) -> Iterator[str]:
        """Yield the lines of a diff between what is deployed and what is wanted."""
        name, function = self.wanted.name, found.function
        if self.wanted.content is not None:
            changes = f.differences(function, self.wanted)
            yield f"function {name}: {_verb(function, bool(changes))}"
            for key, (old, new) in changes.items():
                before = "" if old is None else f"{_shown(old)} -> "
                yield f"  {key}: {before}{_shown(new)}"
            yield from _tag_changes(function, self.wanted)
        machine, text = found.machine, self.wanted.machine_text(self._reference(function))
        same = machine is not None and machine.is_as(self.wanted, text)
        yield f"machine {name}: {_verb(machine, not same)}"
        if machine is not None and machine.role != self.wanted.role:
            yield f"  role: {machine.role} -> {self.wanted.role}"
        yield from _tag_changes(machine, self.wanted)
        if not same:
            yield from _diff(machine.text if machine is not None else "", text)

    def _reference(self, function: f.FoundFunction | None) -> str:
        """Return how the machine would name its function."""
        if self.wanted.function is not None:
            return self.wanted.function
        if function is None:
            return f"{self.wanted.name}:{NEXT}"
        is_same = function.is_as(self.wanted)
        return f"{function.arn}:{function.version if is_same else NEXT}"

    def apply(self, found: Found) -> list[str]:
        """Deploy; return what was done, which is nothing if nothing has changed.

        Raises:
            NotDeployedError: AWS refused a part; the message says what exists now.
        """
        try:
            self._apply(found)
        except PartitaError as error:
            raise self._failed(error) from error
        except KeyboardInterrupt as error:
            raise self._failed(NotDeployedError("interrupted")) from error
        return self.done

    def _apply(self, found: Found) -> None:
        reference = self.wanted.function or ""
        if self.wanted.content is not None:
            reference = self._deploy_function(found.function)
        text = self.wanted.machine_text(reference)
        if found.machine is None:
            made = m.create_machine(self.clients, self.wanted, text)
            self.done.append(f"created machine {made['stateMachineArn']}{_version(made)}")
        elif not found.machine.is_as(self.wanted, text):
            self.undo.append(lambda: m.restore_machine(self.clients, found.machine))  # type: ignore[arg-type]
            made = m.update_machine(self.clients, found.machine, self.wanted, text)
            self.done.append(f"updated machine {found.machine.arn}{_version(made)}")
            m.tag_machine(self.clients, found.machine.arn, self.wanted, text)
        elif _lacks_tags(found.machine, self.wanted):
            self._tag_machine(found.machine, text)

    def _deploy_function(self, found: f.FoundFunction | None) -> str:
        if found is not None and found.is_as(self.wanted):
            self._tag_function(found)
            return f"{found.arn}:{found.version}"
        if found is None:
            arn = f.create_function(self.clients, self.wanted)
            self.done.append(f"created function {arn}")
            self.undo.append(lambda: f.delete_function(self.clients, self.wanted.name))
        else:
            arn = found.arn
            self._prepare_restoring(found)
            self.done.append(f"updated function {arn}")
            f.update_function(self.clients, found, self.wanted)
        reference = f.publish(self.clients, self.wanted, arn)
        self.done[-1] += f" (version {reference.rpartition(':')[2]})"
        return reference

    def _tag_function(self, found: f.FoundFunction) -> None:
        if _lacks_tags(found, self.wanted):
            old = {key: found.tags[key] for key in self.wanted.tags if key in found.tags}
            self.undo.append(lambda: f.tag_function(self.clients, found.arn, old))
            f.tag_function(self.clients, found.arn, self.wanted.tags)
            self.done.append(f"tagged function {found.arn}")

    def _tag_machine(self, found: m.FoundMachine, text: str) -> None:
        self.undo.append(lambda: m.restore_machine(self.clients, found))
        m.tag_machine(self.clients, found.arn, self.wanted, text)
        self.done.append(f"tagged machine {found.arn}")

    def _prepare_restoring(self, found: f.FoundFunction) -> None:
        if not self.atomic:
            return
        code = f.code_of(found, self.read)
        name = self.wanted.name

        def restore() -> None:
            now = f.find_function(self.clients, name)
            f.restore_function(self.clients, name, found, code, now.version if now else None)

        self.undo.append(restore)

    def _failed(self, error: PartitaError) -> NotDeployedError:
        """Return the error of a deployment that failed in the middle."""
        text = str(error)
        if not self.done:
            suffix = "" if "nothing was changed" in text else "; nothing was changed"
            return NotDeployedError(f"{text}{suffix}")
        if not self.atomic:
            return NotDeployedError(f"{text}; done before: {'; '.join(self.done)}")
        for undo in reversed(self.undo):
            try:
                undo()
            except PartitaError as second:
                done = "; ".join(self.done)
                return NotDeployedError(f"{text}; undoing failed too: {second}; done: {done}")
        return NotDeployedError(f"{text}; everything was undone")


def _lacks_tags(found: f.FoundFunction | m.FoundMachine, wanted: Wanted) -> bool:
    return not wanted.tags.items() <= found.tags.items()


def _tag_changes(found: Any, wanted: Wanted) -> Iterator[str]:
    """Yield the lines of a plan about tags."""
    for key, value in wanted.own_tags if found is not None else ():
        if found.tags.get(key) != value:
            yield f"  tag {key}: {found.tags.get(key, '(none)')} -> {value}"


def _verb(found: object, is_changed: bool) -> str:
    return "create" if found is None else "update" if is_changed else "no change"


def _shown(value: Any) -> str:
    return ", ".join(value) if isinstance(value, list) else str(value)


def _version(made: dict[str, Any]) -> str:
    version = made.get("stateMachineVersionArn", "").rpartition(":")[2]
    return f" (version {version})" if version else ""


def _diff(old: str, new: str) -> Iterator[str]:
    before, after = (_lines(one) for one in (old, new))
    yield from difflib.unified_diff(before, after, "deployed", "new", lineterm="")


def _lines(text: str) -> list[str]:
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False).splitlines()
    except ValueError:
        return text.splitlines()
