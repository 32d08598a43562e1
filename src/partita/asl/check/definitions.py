"""Check a whole definition: the machine, and the flows within its states."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from partita.asl.check import values
from partita.asl.check.diagnostics import Diagnostic, Report
from partita.asl.check.fields import (
    BRANCH,
    JSONPATH,
    MACHINE,
    PROCESSOR,
    check_names,
    check_required,
)
from partita.asl.check.json_text import TOO_DEEP, read
from partita.asl.check.maps import check_processor_config
from partita.asl.check.states import Setting, check_query_language, check_state, language_of
from partita.asl.check.transitions import check_transitions
from partita.asl.check.variables import Scope, assignments, check_variables

MAX_STATE_NAME = 80  # characters
MAX_NESTING = 100  # flows within flows
_MACHINE_VALUES: dict[str, values.Check] = {
    "Comment": values.string,
    "StartAt": values.string,
    "States": values.filled(values.json_object),
    "TimeoutSeconds": values.integer(0, values.MAX_SECONDS),
    "Version": values.one_of("1.0"),
}


def check_text(text: str, kind: str = "STANDARD") -> list[Diagnostic]:
    """Return what is wrong with the text of a definition; `kind` is STANDARD or EXPRESS."""
    report = Report()
    definition = read(report, text)
    return report.found if report.found else check_definition(definition, kind)


def check_definition(definition: Any, kind: str = "STANDARD") -> list[Diagnostic]:
    """Return what is wrong with a definition, which is a JSON value."""
    report = Report()
    if not isinstance(definition, dict):
        report.found.append(Diagnostic(*_NO_OBJECT))
        return report.found
    check_query_language(report, definition, "")
    setting = Setting(language_of(definition, JSONPATH), kind)
    try:
        _Definition(report, setting).check_flow(definition, "", MACHINE, Scope())
    except RecursionError:
        report.error("TOO_DEEPLY_NESTED", TOO_DEEP, None)
    return report.found


_NO_OBJECT = ("ERROR", "SCHEMA_VALIDATION_FAILED", "Definition must be a valid JSON object", None)


@dataclass(slots=True)
class _Definition:
    """A check under way, and the names that it has met."""

    report: Report
    setting: Setting
    names: set[str] = field(default_factory=set)
    labels: set[str] = field(default_factory=set)
    depth: int = 0

    def check_flow(self, flow: Any, location: str, known: frozenset[str], scope: Scope) -> None:
        """Check a machine, a branch or a processor."""
        if not values.json_object(self.report, flow, location):
            return
        self.depth += 1
        if self.depth > MAX_NESTING:
            message = f"The states are nested more than {MAX_NESTING} levels deep"
            self.report.error("TOO_DEEPLY_NESTED", message, location)
        else:
            self._check_flow(flow, location, known, scope)
        self.depth -= 1

    def _check_flow(
        self, flow: dict[str, Any], location: str, known: frozenset[str], scope: Scope
    ) -> None:
        check_names(self.report, flow, known, location or "/")
        is_whole = check_required(self.report, flow, ("States", "StartAt"), location or "/")
        fits = [
            check(self.report, flow[name], f"{location}/{name}")
            for name, check in _MACHINE_VALUES.items()
            if name in flow and name in known
        ]
        if not isinstance(flow.get("States"), dict):
            return
        for name, state in flow["States"].items():
            place = f"{location}/States/{name}"
            self._check_state_name(name, place)
            if values.json_object(self.report, state, place):
                scope.reads[name] = check_state(self.report, state, place, self.setting)
        if not is_whole or not all(fits):
            return
        if all(isinstance(state, dict) for state in flow["States"].values()):
            self._check_graph(flow, location, known, scope)

    def _check_graph(
        self, flow: dict[str, Any], location: str, known: frozenset[str], scope: Scope
    ) -> None:
        """Check the transitions and variables of a flow, and the flows within its states."""
        check_transitions(self.report, flow, location, is_machine=known is MACHINE)
        before = check_variables(self.report, flow, location, scope)
        for name, state in flow["States"].items():
            self._check_inner(
                state, f"{location}/States/{name}", scope, before.get(name, frozenset())
            )

    def _check_inner(
        self, state: dict[str, Any], location: str, scope: Scope, before: frozenset[str]
    ) -> None:
        around = frozenset(before | {name for name, _ in assignments(state, "")})
        if state.get("Type") == "Parallel" and "Branches" in state:
            self._check_branches(state["Branches"], f"{location}/Branches", scope, around)
        if state.get("Type") == "Map":
            for name in ("ItemProcessor", "Iterator"):
                if name in state:
                    self._check_processor(state[name], f"{location}/{name}", scope, around)
            self._check_label(state, location)

    def _check_branches(
        self, branches: Any, location: str, scope: Scope, before: frozenset[str]
    ) -> None:
        if values.filled(values.array)(self.report, branches, location):
            for number, branch in enumerate(branches):
                inner = scope.inner(before, is_distributed=False)
                self.check_flow(branch, f"{location}[{number}]", BRANCH, inner)

    def _check_processor(
        self, processor: Any, location: str, scope: Scope, before: frozenset[str]
    ) -> None:
        config = processor.get("ProcessorConfig") if isinstance(processor, dict) else None
        if config is not None:
            place = f"{location}/ProcessorConfig"
            check_processor_config(self.report, config, place, self.setting.kind)
        settings = config if isinstance(config, dict) else {}
        is_distributed = settings.get("Mode") == "DISTRIBUTED"
        outer = self.setting
        if is_distributed and settings.get("ExecutionType") == "EXPRESS":
            self.setting = replace(outer, kind="EXPRESS")
        inner = scope.inner(before, is_distributed=is_distributed)
        self.check_flow(processor, location, PROCESSOR, inner)
        self.setting = outer

    def _check_state_name(self, name: str, location: str) -> None:
        if len(name) > MAX_STATE_NAME:
            self.report.error(
                "INVALID_STATE_NAME",
                f"The state name '{name}' exceeds the {MAX_STATE_NAME}-character limit allowed "
                "by the service",
                location,
            )
        if name in self.names:
            self.report.error("DUPLICATE_STATE_NAME", f"Duplicate State name: {name}", location)
        self.names.add(name)

    def _check_label(self, state: dict[str, Any], location: str) -> None:
        label = state.get("Label")
        if not isinstance(label, str):
            return
        if label in self.labels:
            self.report.error(
                "DUPLICATE_LABEL_NAME", f"Duplicate Label name: {label}", f"{location}/Label"
            )
        self.labels.add(label)
