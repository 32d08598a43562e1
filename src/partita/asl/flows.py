"""Carry data through a state: from its input to its arguments, from its result to its output.

Both query languages have a flow of their own; the states are written once, over `Flow`.

Source: AWS Step Functions Developer Guide, "Processing input and output", "Passing data with
variables", "Transforming data with JSONata".
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from partita.asl.expressions import Fields
from partita.asl.failures import StateFailure
from partita.asl.frame import Frame
from partita.asl.queries import Query, found
from partita.asl.reference_paths import ReferencePath
from partita.asl.templates import Fill


class Flow(ABC):
    """How one state's data flow."""

    @abstractmethod
    def begin(self, frame: Frame) -> Any:
        """Return the state's arguments; `$` of the frame becomes its effective input."""

    @abstractmethod
    def finish(self, frame: Frame, result: Any) -> Any:
        """Return the state's output for a result, and assign its variables."""


class Handler(ABC):
    """How the data of a caught failure flow."""

    @abstractmethod
    def output(self, frame: Frame, failure: StateFailure) -> Any:
        """Return the input of the next state, and assign variables."""


def _selected(query: Query | None, frame: Frame, data: Any) -> Any:
    """Apply InputPath or OutputPath; None stands for null."""
    return {} if query is None else found(query, frame.with_data(data))


class JsonPathFlow(Flow):
    """InputPath, Parameters, ResultSelector, ResultPath, OutputPath and Assign."""

    def __init__(
        self,
        *,
        input_path: Query | None,
        parameters: Fill | None,
        result_selector: Fill | None,
        result_path: ReferencePath | None,
        output_path: Query | None,
        assign: Fill | None,
    ) -> None:
        self._input_path = input_path
        self._parameters = parameters
        self._result_selector = result_selector
        self._result_path = result_path
        self._output_path = output_path
        self._assign = assign

    def begin(self, frame: Frame) -> Any:
        query = self._input_path
        if query is None or query.text != "$":
            frame.data = _selected(query, frame, frame.raw)
        else:
            frame.data = frame.raw
        frame.note("afterInputPath", frame.data)
        arguments = frame.data if self._parameters is None else self._parameters(frame)
        frame.note("afterParameters", arguments)
        return arguments

    def finish(self, frame: Frame, result: Any) -> Any:
        frame.note("result", result)
        frame.data = result
        if self._result_selector is not None:
            frame.data = result = self._result_selector(frame)
        frame.note("afterResultSelector", result)
        assigned = None if self._assign is None else self._assign(frame)
        output = frame.raw
        if self._result_path is not None:
            output = self._result_path.put(frame.raw, result)
        frame.note("afterResultPath", output)
        query = self._output_path
        if query is None or query.text != "$":
            output = _selected(query, frame, output)
        if assigned is not None:
            frame.assign(assigned)
        return output


class JsonPathHandler(Handler):
    """ResultPath and Assign of a catcher."""

    def __init__(self, result_path: ReferencePath | None, assign: Fill | None) -> None:
        self._result_path = result_path
        self._assign = assign

    def output(self, frame: Frame, failure: StateFailure) -> Any:
        error = failure.output
        assigned = None if self._assign is None else self._assign(frame.with_data(error))
        output = frame.raw
        if self._result_path is not None:
            output = self._result_path.put(frame.raw, error)
        if assigned is not None:
            frame.assign(assigned)
        return output


class JsonataFlow(Flow):
    """Arguments, Output and Assign."""

    def __init__(
        self,
        arguments: Fields | None,
        output: Fields | None,
        assign: Fields | None,
        *,
        keeps_input: bool,
    ) -> None:
        self._arguments = arguments
        self._output = output
        self._assign = assign
        self._keeps_input = keeps_input  # the state has no result: its output is its input

    def begin(self, frame: Frame) -> Any:
        frame.data = frame.raw
        arguments = frame.raw if self._arguments is None else self._arguments.fill(frame)
        frame.note("afterArguments", arguments)
        return arguments

    def finish(self, frame: Frame, result: Any) -> Any:
        frame.note("result", result)
        given = {} if self._keeps_input else {"result": result}
        default = frame.raw if self._keeps_input else result
        return fill_output(frame, self._output, self._assign, given, default)


def fill_output(
    frame: Frame, output: Fields | None, assign: Fields | None, given: dict[str, Any], default: Any
) -> Any:
    """Return Output's value, or the default one; assign variables after both are evaluated."""
    assigned = None if assign is None else assign.fill(frame, **given)
    value = default if output is None else output.fill(frame, **given)
    if assigned is not None:
        frame.assign(assigned)
    return value


class JsonataHandler(Handler):
    """Output and Assign of a catcher."""

    def __init__(self, output: Fields | None, assign: Fields | None) -> None:
        self._output = output
        self._assign = assign

    def output(self, frame: Frame, failure: StateFailure) -> Any:
        error = failure.output
        given = {"errorOutput": error}
        return fill_output(frame, self._output, self._assign, given, error)
