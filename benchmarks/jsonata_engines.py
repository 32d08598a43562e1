"""Compare the libraries that could evaluate JSONata: what they pass, and what they cost.

    python -m benchmarks.jsonata_engines

jlens and jsonata-python run through Partita's binding, so under AWS's dialect and bounds, which
some cases of the suite go beyond. jsonatapy, if it is installed, runs by itself: it has no
bounds, so it does not run the suite, in which expressions are endless.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from partita.asl.jsonata import Expression, JsonataError, engine, jlens_engine, pure_engine

SUITE = Path(__file__).parents[1] / "tests/asl/jsonata_suite/suite.json"
STATES = {"input": {"n": 3, "items": [{"price": one, "qty": 2} for one in range(100)]}}
EXPRESSIONS = {
    "a path": "$states.input.n",
    "a condition": "$states.input.n > 2 and $states.input.n < 10",
    "a sum over 100 items": "$sum($states.input.items.(price * qty))",
    "a filter over 100 items": "$states.input.items[price > 50].price",
}
SECONDS = 0.3  # that each expression is measured for


def main() -> None:
    """Print the cases of the suite that pass, and the microseconds of an evaluation."""
    for name, compile_text in (
        ("jlens", jlens_engine.compile_text),
        ("jsonata-python", pure_engine.compile_text),
    ):
        vars(engine)["compile_by_library"] = compile_text
        passed, count = _passed()
        costs = {what: _cost(_by_binding(text)) for what, text in EXPRESSIONS.items()}
        print(f"{name}: {passed} of {count} cases; {_shown(costs)}")
    try:
        library: Any = import_module("jsonatapy")
    except ImportError:
        return
    costs = {what: _cost(_by_itself(library, text)) for what, text in EXPRESSIONS.items()}
    print(f"jsonatapy: {_shown(costs)}")


def _shown(costs: dict[str, float]) -> str:
    return ", ".join(f"{what} {cost:.1f} µs" for what, cost in costs.items())


def _by_binding(text: str) -> Callable[[], Any]:
    expression = Expression(text)
    return lambda: expression.evaluate({"states": STATES}, now=0, random=lambda: 0.5, uuid=str)


def _by_itself(library: Any, text: str) -> Callable[[], Any]:
    expression = library.compile(text)
    return lambda: expression.evaluate(None, {"states": STATES})


def _cost(evaluate: Callable[[], Any]) -> float:
    """Return microseconds per evaluation."""
    begun, count = time.perf_counter(), 0
    while (spent := time.perf_counter() - begun) < SECONDS:
        evaluate()
        count += 1
    return spent / count * 1e6


def _passed() -> tuple[int, int]:
    suite = json.loads(SUITE.read_text())
    cases = [case for group in suite["groups"].values() for case in group]
    return sum(_passes(case, suite["datasets"]) for case in cases), len(cases)


def _passes(case: dict[str, Any], datasets: dict[str, Any]) -> bool:
    document = datasets.get(case["dataset"]) if "dataset" in case else case.get("data")
    try:
        found = Expression(case["expr"]).evaluate(
            case.get("bindings") or {},
            now=0,
            random=lambda: 0.5,
            uuid=str,
            seconds=0.5,
            document=None if document is None else json.dumps(document),
        )
    except JsonataError as error:
        return error.code in (case.get("code"), case.get("error", {}).get("code"), "")
    if "result" not in case:
        return not isinstance(found, str | int | float | bool | list | dict | None)
    return bool(found == case["result"])


if __name__ == "__main__":
    main()
