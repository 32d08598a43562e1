"""Run the compiled corpus on engines that others wrote: they agree with plain Python.

Optimised machines run on sfnx only: where a rule leads to the state that Default leads to, moto
evaluates the Assign of both.
"""

from __future__ import annotations

import pytest

from tests.compile import engines
from tests.compile.corpus import Case, cases, is_guarded, load, outcome
from tests.compile.test_equivalence import comparable
from tests.rotation import sample
from tests.soak import SOAKING

_DIVISION = "moto takes a division for the start of a regular expression, and finds a variable `$`"
_NAMES = "moto lets no error whose name begins with States. leave a Parallel state"
_UUID = "moto's $uuid is no function"
_REMAINDER = "% takes the whole parts of its operands"
_TEXTS_OF_FLOATS = (
    *("best", "branch_guarded", "closure", "helper_guarded", "nested_loops", "round_guarded"),
    *(
        "dumps_totals",
        "json_asdict",
        "json_nested",
        "spawn",
        "sum",
        "swap",
        "ternary",
        "total_dc",
        "total_int_float",
        "try",
        "walrus",
    ),
)
_LARGE = "integers beyond 2**53 are rounded, and what no hint tells is looked at"
DEVIATIONS = {
    **{
        (engine, case): _REMAINDER
        for engine in ("sfnx", "moto")
        for case in ("products_of_anything", "floored_floats", "texts_of_pythons_errors")
    },
    ("moto", "conversions"): _DIVISION,
    ("moto", "json_texts"): _DIVISION,
    ("moto", "known_members"): _DIVISION,
    ("moto", "texts_of_displays"): _DIVISION,
    ("moto", "dicts_of_any"): _DIVISION,
    ("moto", "key_errors_keep_their_key"): _DIVISION,
    ("moto", "encodings"): "moto has no $hash",
    ("moto", "texts_of_floats"): _DIVISION,
    ("moto", "texts_of_anything"): _DIVISION,
    ("moto", "moments_given"): _DIVISION,
    ("moto", "text_of_a_number_without_a_hint_guarded"): _NAMES,
    ("moto", "case_of_rare_letters_guarded"): _NAMES,
    ("moto", "moments_returned_guarded"): _NAMES,
    ("moto", "moments_exact_or_guarded_guarded"): _NAMES,
    ("moto", "asserts_that_are_caught"): _DIVISION,
    ("moto", "arguments_of_errors_are_tuples"): _DIVISION,
    ("moto", "indices_beyond_a_tuple"): _DIVISION,
    ("moto", "lib_dates"): _DIVISION,
    ("moto", "open_asdict_int_keys"): _DIVISION,
    **{("moto", f"numbers_{name}"): _DIVISION for name in _TEXTS_OF_FLOATS},
    ("moto", "lib_strings_nasty_guarded"): _NAMES,
    ("moto", "ints_for_floats_guarded"): _NAMES,
    ("moto", "everyday_validate"): _DIVISION,
    **{
        (engine, case): _LARGE
        for engine in ("sfnx", "moto")
        for case in ("large_ints_pass", "large_ints_guarded", "untold_tuples_guarded")
    },
    ("moto", "large_ints_of_any"): _LARGE,
    ("moto", "large_ints_of_orders"): _LARGE,
    ("moto", "identifiers"): _UUID,
    ("moto", "side_effects"): _UUID,
    ("moto", "uuid_arg"): _UUID,
}
"""What another engine gets wrong, by its name and the case's; one that passes fails."""

ALL = list(cases())
SOME = [*(("sfnx", case) for case in sample(ALL, 8)), *(("moto", case) for case in sample(ALL, 24))]


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("engine", "case"), SOME, ids=[f"{engine}-{case.name}" for engine, case in SOME]
)
def test_engines_of_others_agree(
    engine: str, case: Case, tmp_path_factory: pytest.TempPathFactory
) -> None:
    workflow = load(f"{case.name}_{engine}", case.source, tmp_path_factory.mktemp("engines"))
    is_known = (engine, case.name) in DEVIATIONS
    found = [
        _differs(case, workflow, engine, given, is_optimised)
        for is_optimised in ((False, True) if SOAKING and engine == "sfnx" else (False,))
        for given in case.inputs
    ]
    assert any(found) == is_known, next((one for one in found if one), "a deviation passes")


def _differs(case: Case, workflow: object, engine: str, given: str, is_optimised: bool) -> str:
    """Return how a run on an engine differs from plain Python; empty if it does not."""
    machine = engines.Machine(workflow, is_optimised=is_optimised)
    if not machine.is_self_contained:
        return ""
    plain = outcome(case, workflow, workflow, given)  # type: ignore[arg-type]
    found = engines.outcome(case, machine, engine, given)
    if case.name.endswith("_guarded") and is_guarded(found):
        return ""
    same = found.calls == plain.calls and comparable(found.result) == comparable(plain.result)
    return "" if same else f"{given}: {found} instead of {plain}"
