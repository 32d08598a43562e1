"""Compile the fields that several types of states have, in the state's query language."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from partita.asl import numbers
from partita.asl.expressions import Fields, is_expression
from partita.asl.flows import (
    Flow,
    Handler,
    JsonataFlow,
    JsonataHandler,
    JsonPathFlow,
    JsonPathHandler,
)
from partita.asl.frame import Frame
from partita.asl.reader import Reader
from partita.asl.recovery import Catcher, Recovery, Retrier
from partita.asl.reference_paths import ReferencePath
from partita.asl.templates import Fill, compile_template

JSONPATH, JSONATA = "JSONPath", "JSONata"


class StateReader:
    """The fields of one state, and its query language."""

    def __init__(self, reader: Reader, language: str) -> None:
        self.reader = reader
        self.language = language
        self.is_jsonata = language == JSONATA

    @property
    def language_inside(self) -> str:
        """The default language of the states in branches and processors."""
        return self.language

    # -- single fields

    def fields(self, field: str) -> Fields:
        """Return a field of a JSONata state."""
        return self.reader.parsed(field, lambda: Fields(self.reader.fields[field], field))

    def fields_if_given(self, field: str, location: str | None = None) -> Fields | None:
        """Return a field of a JSONata state, None if there is none."""
        if field not in self.reader:
            return None
        value = self.reader.fields[field]
        return self.reader.parsed(field, lambda: Fields(value, location or field))

    def template(self, field: str) -> Fill | None:
        """Return a payload template, None if there is none."""
        if field not in self.reader:
            return None
        value = self.reader.fields[field]
        return self.reader.parsed(field, lambda: compile_template(value))

    def credentials(self) -> Callable[[Frame], Any] | None:
        """Return what gives the role with which a task is done."""
        if not self.is_jsonata:
            return self.template("Credentials")
        fields = self.fields_if_given("Credentials")
        return None if fields is None else fields.fill

    def reference_path(self, field: str) -> ReferencePath | None:
        """Return a reference path, `$` if there is none, None for null."""
        if field in self.reader and self.reader.fields[field] is None:
            return None
        text = self.reader.get(field, str) or "$"
        return self.reader.parsed(field, lambda: ReferencePath(text))

    def number(
        self, field: str, check: numbers.Check, *, is_integral: bool = True
    ) -> numbers.Number | None:
        """Return a number: a constant, at a path, or expressed; None if there is none."""
        if self.is_jsonata and is_expression(self.reader.fields.get(field)):
            return numbers.expressed(self.fields(field), check, is_integral=is_integral)
        if f"{field}Path" in self.reader and not self.is_jsonata:
            query = self.reader.needed_query(f"{field}Path")
            return numbers.referenced(f"{field}Path", query, check, is_integral=is_integral)
        constant = self.reader.number(field, is_integral=is_integral)
        problem = None if constant is None else check(constant)
        if problem is not None:
            raise self.reader.fault(problem, field)
        return None if constant is None else numbers.constant(constant)

    def _assigned_template(self) -> Fill | None:
        self.reader.get("Assign", dict)
        return self.template("Assign")

    def _assigned_fields(self, location: str) -> Fields | None:
        self.reader.get("Assign", dict)
        return self.fields_if_given("Assign", location)

    # -- flows

    def flow(self, *, keeps_input: bool = False, has_parameters: bool = True) -> Flow:
        """Return how the state's data flow."""
        if self.is_jsonata:
            return JsonataFlow(
                self.fields_if_given("Arguments"),
                self.fields_if_given("Output"),
                self._assigned_fields("Assign"),
                keeps_input=keeps_input,
            )
        return JsonPathFlow(
            input_path=self.reader.query("InputPath", "$"),
            parameters=self.template("Parameters") if has_parameters else None,
            result_selector=self.template("ResultSelector"),
            result_path=self.reference_path("ResultPath"),
            output_path=self.reader.query("OutputPath", "$"),
            assign=self._assigned_template(),
        )

    def choice_flow(self, state: StateReader, where: str) -> Flow:
        """Return how data flow if this rule of a Choice state is fulfilled."""
        if self.is_jsonata:
            output = self.fields_if_given("Output", f"{where}/Output")
            return JsonataFlow(
                None,
                output if output is not None else state.fields_if_given("Output"),
                self._assigned_fields(f"{where}/Assign"),
                keeps_input=True,
            )
        return JsonPathFlow(
            input_path=state.reader.query("InputPath", "$"),
            parameters=None,
            result_selector=None,
            result_path=ReferencePath("$"),
            output_path=state.reader.query("OutputPath", "$"),
            assign=self._assigned_template(),
        )

    # -- recovery

    def recovery(self) -> Recovery:
        """Return the state's retriers and catchers."""
        return Recovery(
            [_retrier(one) for one in self.reader.each("Retry")],
            [self._catcher(number, one) for number, one in enumerate(self.reader.each("Catch"))],
        )

    def _catcher(self, number: int, reader: Reader) -> Catcher:
        return Catcher(
            reader.texts("ErrorEquals"), reader.need("Next", str), self._handler(number, reader)
        )

    def _handler(self, number: int, reader: Reader) -> Handler:
        own = StateReader(reader, self.language)
        if self.is_jsonata:
            where = f"Catch[{number}]"
            return JsonataHandler(
                own.fields_if_given("Output", f"{where}/Output"),
                own._assigned_fields(f"{where}/Assign"),
            )
        return JsonPathHandler(own.reference_path("ResultPath"), own._assigned_template())


def _retrier(reader: Reader) -> Retrier:
    given: dict[str, Any] = {
        "interval": reader.number("IntervalSeconds"),
        "max_attempts": reader.number("MaxAttempts"),
        "backoff": reader.number("BackoffRate", is_integral=False),
        "max_delay": reader.number("MaxDelaySeconds"),
    }
    return Retrier(
        reader.texts("ErrorEquals"),
        has_jitter=reader.get("JitterStrategy", str) == "FULL",
        **{name: value for name, value in given.items() if value is not None},
    )
