"""Compile a definition into states with parsed paths, templates and expressions.

It refuses what it cannot run; what AWS refuses beyond that is for `check`.

Source: Amazon States Language, states-language.net.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from partita.asl import map_parser, numbers
from partita.asl.choice_rules import compile_rule
from partita.asl.expressions import Fields
from partita.asl.field_parsers import JSONATA, JSONPATH, StateReader
from partita.asl.flows import Flow
from partita.asl.frame import Frame
from partita.asl.program import StateProgram
from partita.asl.reader import Reader
from partita.asl.states.choice import ChoiceState, Rule, expressed_condition
from partita.asl.states.map import MapState
from partita.asl.states.parallel import ParallelState
from partita.asl.states.simple import FailState, PassState, SucceedState
from partita.asl.states.state import State
from partita.asl.states.task import TaskState
from partita.asl.states.wait import (
    Delay,
    WaitState,
    constant_seconds,
    constant_timestamp,
    expressed_seconds,
    expressed_timestamp,
    seconds_path,
    timestamp_path,
)
from partita.asl.tasks.resources import parse_resource
from partita.asl.texts import ConstantText, ExpressedText, QueriedText, Text


@dataclass(frozen=True)
class Machine:
    """A compiled definition."""

    program: StateProgram
    timeout: float | None  # seconds that an execution may take
    comment: str | None


def compile_machine(definition: Any) -> Machine:
    """Return the machine of a definition.

    Raises:
        InvalidDefinitionError: it is none; the error has the location.
    """
    reader = Reader(definition, "")
    language = _language(reader, JSONPATH)
    timeout = reader.number("TimeoutSeconds")
    problem = None if timeout is None else numbers.duration("TimeoutSeconds")(timeout)
    if problem is not None:
        raise reader.fault(problem, "TimeoutSeconds")
    return Machine(parse_program(reader, language), timeout, reader.get("Comment", str))


def _language(reader: Reader, outer: str) -> str:
    language = reader.get("QueryLanguage", str) or outer
    if language not in (JSONPATH, JSONATA):
        raise reader.fault(f"there is no query language {language!r}", "QueryLanguage")
    return language


def parse_program(reader: Reader, language: str) -> StateProgram:
    """Return the states of a machine, a branch or a processor."""
    start = reader.need("StartAt", str)
    states = reader.inner("States")
    parsed = {name: _state(states, name, language) for name in states.fields}
    if start not in parsed:
        raise reader.fault(f"there is no state {start!r}", "StartAt")
    for name in parsed:
        for field, target in _targets(states.inner(name)):
            if target not in parsed:
                raise states.fault(f"there is no state {target!r}", f"{name}/{field}")
    return StateProgram(start, parsed)


def _targets(reader: Reader) -> list[tuple[str, str]]:
    """Return the names of states that a state names, with the fields."""
    found = [(field, reader.get(field, str)) for field in ("Next", "Default")]
    for field in ("Choices", "Catch"):
        for number, one in enumerate(reader.each(field)):
            found.append((f"{field}/{number}/Next", one.get("Next", str)))
    return [(field, target) for field, target in found if target is not None]


def _state(states: Reader, name: str, outer: str) -> State:
    reader = states.inner(name)
    language = _language(reader, outer)
    if outer == JSONATA and language == JSONPATH:
        raise reader.fault("a JSONPath state cannot be inside a JSONata machine", "QueryLanguage")
    kind = reader.need("Type", str)
    if kind not in _PARSERS:
        raise reader.fault(f"there is no type of state {kind!r}", "Type")
    return _PARSERS[kind](name, StateReader(reader, language))


def _next(state: StateReader) -> str | None:
    reader = state.reader
    is_end = reader.get("End", bool) or False
    next = reader.get("Next", str)
    if is_end == (next is not None):
        raise reader.fault("give either Next or End")
    return next


def _pass(name: str, state: StateReader) -> State:
    has_result = "Result" in state.reader
    result = state.reader.fields.get("Result")
    flow = state.flow(keeps_input=True)
    return PassState(name, _next(state), flow, has_result=has_result, result=result)


def _succeed(name: str, state: StateReader) -> State:
    return SucceedState(name, None, state.flow(keeps_input=True))


def _fail(name: str, state: StateReader) -> State:
    return FailState(
        name, state.flow(keeps_input=True), _text(state, "Error"), _text(state, "Cause")
    )


def _text(state: StateReader, field: str) -> Text | None:
    reader = state.reader
    if state.is_jsonata:
        fields = state.fields_if_given(field)
        return None if fields is None else ExpressedText(fields)
    query = reader.query(f"{field}Path")
    if query is not None:
        return QueriedText(f"{field}Path", query)
    constant = reader.get(field, str)
    return None if constant is None else ConstantText(constant)


def _wait(name: str, state: StateReader) -> State:
    return WaitState(name, _next(state), state.flow(keeps_input=True), _delay(state))


def _delay(state: StateReader) -> Delay:
    reader = state.reader
    for field, parse in _DELAYS.items():
        if field in reader:
            return parse(state, field)
    raise reader.fault("give Seconds, SecondsPath, Timestamp or TimestampPath")


def _seconds(state: StateReader, field: str) -> Delay:
    if state.is_jsonata:
        return expressed_seconds(state.fields(field))
    return constant_seconds(state.reader.number(field) or 0)


def _timestamp(state: StateReader, field: str) -> Delay:
    if state.is_jsonata:
        return expressed_timestamp(state.fields(field))
    return constant_timestamp(state.reader.need(field, str))


_DELAYS: Mapping[str, Callable[[StateReader, str], Delay]] = {
    "Seconds": _seconds,
    "Timestamp": _timestamp,
    "SecondsPath": lambda state, field: seconds_path(state.reader.needed_query(field)),
    "TimestampPath": lambda state, field: timestamp_path(state.reader.needed_query(field)),
}


def _choice(name: str, state: StateReader) -> State:
    rules = [_rule(state, number, one) for number, one in enumerate(state.reader.each("Choices"))]
    default = state.reader.get("Default", str)
    return ChoiceState(name, default, state.flow(keeps_input=True), rules)


def _rule(state: StateReader, number: int, rule: Reader) -> Rule:
    next = rule.need("Next", str)
    where = f"Choices[{number}]"
    if state.is_jsonata:
        text = rule.fields.get("Condition")
        fields = rule.parsed("Condition", lambda: Fields(text, f"{where}/Condition"))
        condition = expressed_condition(fields)
    else:
        condition = compile_rule(rule)
    own = StateReader(rule, state.language).choice_flow(state, where)
    return Rule(condition, next, _finish(own))


def _finish(flow: Flow) -> Callable[[Frame, Any], Any]:
    return flow.finish


def _task(name: str, state: StateReader) -> State:
    reader = state.reader
    arn = reader.need("Resource", str)
    return TaskState(
        name,
        _next(state),
        state.flow(),
        state.recovery(),
        resource=reader.parsed("Resource", lambda: parse_resource(arn)),
        timeout=state.number("TimeoutSeconds", numbers.duration("TimeoutSeconds")),
        heartbeat=state.number("HeartbeatSeconds", numbers.duration("HeartbeatSeconds")),
        credentials=state.credentials(),
    )


def _parallel(name: str, state: StateReader) -> State:
    branches = state.reader.each("Branches")
    programs = [parse_program(branch, state.language_inside) for branch in branches]
    return ParallelState(name, _next(state), state.flow(), state.recovery(), [*programs])


def _map(name: str, state: StateReader) -> State:
    reader = state.reader
    field = "ItemProcessor" if "ItemProcessor" in reader else "Iterator"
    processor = reader.inner(field)
    program = parse_program(processor, state.language_inside)
    is_distributed = map_parser.is_distributed(processor)
    map_run = map_parser.map_run(name, state, program) if is_distributed else None
    return MapState(
        name,
        _next(state),
        state.flow(has_parameters=False),
        state.recovery(),
        items=map_parser.items(state, is_distributed=is_distributed),
        selector=map_parser.selector(state),
        concurrency=state.number("MaxConcurrency", numbers.not_negative("MaxConcurrency"))
        or numbers.constant(0),
        program=program,
        map_run=map_run,
        data_set_run=map_parser.data_set_run(state, map_run),
    )


_PARSERS: Mapping[str, Callable[[str, StateReader], State]] = {
    "Pass": _pass,
    "Succeed": _succeed,
    "Fail": _fail,
    "Wait": _wait,
    "Choice": _choice,
    "Task": _task,
    "Parallel": _parallel,
    "Map": _map,
}
