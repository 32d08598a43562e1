"""Random compositions mean the same to the interpreter, the conductor action, and the reference.

Texts of errors of functions and of `map` name a place; the reference says only that there is one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from partita.openwhisk import composer
from partita.openwhisk.composition import Composition
from tests.openwhisk.conducting import Conductor
from tests.openwhisk.reference import Reference
from tests.openwhisk.running import call_action, run
from tests.soak import scaled

Params = dict[str, Any]


def increment(env: Params, params: Params) -> None:
    params["n"] = params.get("n", 0) + 1


def count_down(env: Params, params: Params) -> bool:
    env["x"] = env.get("x", 0) - 1
    return bool(env["x"] > 0)


def is_small(env: Params, params: Params) -> bool:
    return bool(params.get("n", 9) < 3)


def read(env: Params, params: Params) -> Any:
    return {"x": env.get("x"), "n": params.get("n", 0)}


def write(env: Params, params: Params) -> None:
    env["x"] = params.get("n", 0)


def fail(env: Params, params: Params) -> Params:
    return {"error": ["failed", env.get("x")], "lost": 1}


def items(env: Params, params: Params) -> list[Any]:
    return [1, {"n": 2}, {"error": "item"}]


def handled(env: Params, params: Params) -> Params:
    return {"handled": params.get("error")}


def stop(env: Params, params: Params) -> bool:
    return False


FUNCTIONS: list[Callable[..., Any]] = [increment, count_down, is_small, read, write, fail]
FUNCTIONS += [items, handled, stop]
CODES = {composer.function(one).function["exec"]["code"]: one for one in FUNCTIONS}

leaves: st.SearchStrategy[Composition] = st.one_of(
    st.sampled_from(FUNCTIONS).map(composer.task),
    st.sampled_from(["echo", "fail", "absent", "TripleAndIncrement"]).map(composer.task),
    st.just(composer.empty()),
    st.sampled_from([None, 1, {"n": 1}, {"error": "literal"}, [1, 2], False]).map(composer.literal),
)


def call_total(name: str, params: Params) -> Params:
    """Call an action that takes any parameters."""
    return call_action(name, {"n": 0, **params} if name == "/_/TripleAndIncrement" else params)


def composed(inner: st.SearchStrategy[Composition]) -> st.SearchStrategy[Composition]:
    some = st.lists(inner, max_size=3)
    few = st.integers(0, 2)
    ending = st.sampled_from([count_down, stop])  # so that loops end
    variadic = [composer.sequence, composer.seq, composer.mask, composer.retain, composer.map]
    variadic += [composer.retain_catch, composer.merge, composer.parallel]
    pairs = [composer.do, composer.ensure]
    choices = [composer.when, composer.when_nosave]
    return st.one_of(
        st.builds(lambda make, parts: make(*parts), st.sampled_from(variadic), some),
        st.builds(lambda make, a, b: make(a, b), st.sampled_from(pairs), inner, inner),
        st.builds(lambda make, *a: make(*a), st.sampled_from(choices), inner, inner, inner),
        st.builds(lambda n, parts: composer.repeat(n, *parts), few, some),
        st.builds(lambda n, parts: composer.retry(n, *parts), few, some),
        st.builds(lambda x, parts: composer.let({"x": x}, *parts), few, some),
        st.builds(lambda x, test, body: _ended(x, composer.loop(test, body)), few, ending, inner),
        st.builds(lambda x, test, body: _ended(x, composer.doloop(body, test)), few, ending, inner),
        st.builds(lambda x, body: _ended(x, composer.loop_nosave(count_down, body)), few, inner),
        st.builds(lambda x, body: _ended(x, composer.doloop_nosave(body, count_down)), few, inner),
    )


def _ended(x: int, loop: Composition) -> Composition:
    """Give a loop a variable of its own that its test counts down, which its body cannot see."""
    masked = [composer.mask(part) if name == "body" else part for part, name in loop.children()]
    return composer.let({"x": x}, loop.rebuilt(masked))


inputs = st.sampled_from([{}, {"n": 1}, {"n": 2, "value": [1, 2]}, {"error": "input", "n": 1}])


def without_places(value: Any) -> Any:
    """Replace the texts of errors that name a place."""
    if isinstance(value, dict):
        return {key: without_places(one) for key, one in value.items()}
    if isinstance(value, list):
        return [without_places(one) for one in value]
    is_placed = isinstance(value, str) and value.startswith("Incorrect use of the map")
    return "not a list" if is_placed else value


@settings(max_examples=scaled(60, 3000), deadline=None)
@given(composition=st.recursive(leaves, composed, max_leaves=12), params=inputs)
def test_all_three_agree(composition: Composition, params: Params) -> None:
    expected = Reference(call_total, CODES).run(composition, params)
    conducted = Conductor(composition, call_total).invoke(dict(params))
    interpreted = run(composition, dict(params), call_total)
    assert without_places(conducted) == expected
    assert interpreted == conducted
    assert composer.parse(composition.compile("js")) == composition
