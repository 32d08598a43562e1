"""Compile the rules of Choice states into functions of the frame."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from partita.asl.comparisons import OPERATORS, WITH_PATH, Compare
from partita.asl.failures import EvaluationFault
from partita.asl.frame import Frame
from partita.asl.path_reader import PathMissingError
from partita.asl.queries import Query
from partita.asl.reader import Reader

Condition = Callable[[Frame], bool]


def compile_rule(rule: Reader) -> Condition:
    """Return the condition of a rule of a JSONPath state.

    Raises:
        InvalidDefinitionError: it has no operator, an unknown one, or no variable.
    """
    if "And" in rule:
        parts = [compile_rule(one) for one in rule.each("And")]
        return lambda frame: all(part(frame) for part in parts)
    if "Or" in rule:
        parts = [compile_rule(one) for one in rule.each("Or")]
        return lambda frame: any(part(frame) for part in parts)
    if "Not" in rule:
        inner = compile_rule(rule.inner("Not"))
        return lambda frame: not inner(frame)
    return _test(rule)


def _test(rule: Reader) -> Condition:
    variable = rule.needed_query("Variable")
    for name, operand in rule.fields.items():
        if name == "IsPresent":
            return lambda frame: _is_present(variable, frame) is operand
        if name in OPERATORS:
            return _with_constant(OPERATORS[name], variable, operand)
        if name.endswith("Path") and name[:-4] in WITH_PATH:
            return _with_path(WITH_PATH[name[:-4]], variable, rule.needed_query(name))
    raise rule.fault(f"the rule for {variable.text} has no comparison operator")


def _with_constant(compare: Compare, variable: Query, operand: Any) -> Condition:
    return lambda frame: compare(_value(variable, frame), operand)


def _with_path(compare: Compare, variable: Query, operand: Query) -> Condition:
    return lambda frame: compare(_value(variable, frame), _value(operand, frame))


def _value(query: Query, frame: Frame) -> Any:
    try:
        return query.evaluate(frame)
    except PathMissingError as error:
        raise EvaluationFault(
            f"Invalid path '{query.text}': The choice state's condition path references an "
            "invalid value."
        ) from error


def _is_present(query: Query, frame: Frame) -> bool:
    try:
        query.evaluate(frame)
    except PathMissingError:
        return False
    return True
