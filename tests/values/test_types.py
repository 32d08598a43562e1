"""Values of every kind come back as they were: typed, and under no hint."""

from __future__ import annotations

import math
from collections import defaultdict, deque
from datetime import datetime, time
from decimal import Decimal
from typing import Any

import pydantic
import pytest

from partita.codec import carry
from tests.values.kinds import ALL, Counted, Lazy, Sum, User
from tests.values.odd_kinds import JSON, ODD, Extended, Unset


def identity(value: Any) -> Any:
    """Return what must be equal of two values that are the same, types included."""
    kind = type(value)
    if isinstance(value, (list, tuple, deque)):
        return kind, [identity(one) for one in value], getattr(value, "maxlen", None)
    if isinstance(value, dict):
        factory = value.default_factory if isinstance(value, defaultdict) else None
        return kind, [(identity(key), identity(one)) for key, one in value.items()], factory
    if isinstance(value, (set, frozenset)):
        return kind, sorted(repr(identity(one)) for one in value)
    if isinstance(value, (datetime, time)):
        zone = value.tzinfo
        name = getattr(zone, "key", zone)
        return kind, value.replace(tzinfo=None), value.fold, type(zone), repr(name)
    if isinstance(value, (float, complex, Decimal)):
        return kind, repr(value)
    if isinstance(value, User):
        return kind, value, value.password.get_secret_value(), value.hidden, value._note
    if isinstance(value, pydantic.BaseModel):
        return kind, value, value.model_fields_set
    if isinstance(value, Sum):
        return kind, vars(value)
    if isinstance(value, (Counted, Lazy)):
        return kind, value
    if type(value).__module__ == __name__.replace("test_types", "kinds"):
        fields = getattr(value, "__dict__", None)
        return kind, identity(fields) if fields else repr(value)
    return kind, value


@pytest.mark.parametrize(("value", "hint"), ALL, ids=lambda one: repr(one)[:40])
def test_comes_back_by_its_hint(value: Any, hint: Any) -> None:
    assert identity(carry(value, hint)) == identity(value)
    assert identity(carry([value], list[hint])) == identity([value])


@pytest.mark.parametrize("value", [value for value, _ in ALL], ids=lambda one: repr(one)[:40])
def test_comes_back_under_no_hint(value: Any) -> None:
    assert identity(carry(value)) == identity(value)
    assert identity(carry({"a": [value]}, dict[str, Any])) == identity({"a": [value]})


@pytest.mark.parametrize(("value", "hint"), ODD, ids=lambda one: repr(one)[:40])
def test_classes_of_unusual_form_come_back(value: Any, hint: Any) -> None:
    for carried in (carry(value, hint), carry(value), carry([value], list[hint])[0]):
        assert carried == value
        assert type(carried) is type(value)
        assert repr(carried) == repr(value)


def test_a_hint_that_names_itself_is_found_where_it_is_used() -> None:
    assert carry([{"a": [None, 1.5]}], JSON) == [{"a": [None, 1.5]}]


def test_attributes_that_are_no_fields_come_along() -> None:
    assert vars(carry(Extended(3), Extended)) == {"a": 6, "extra": [3, (3,)]}
    assert carry(Unset(1), Unset).a == 1
    assert not hasattr(carry(Unset(1)), "b")


def test_an_int_is_a_float_where_a_float_is_hinted() -> None:
    assert identity(carry(2, float)) == (float, "2.0")
    assert identity(carry([1, 2.5], list[float])) == identity([1.0, 2.5])
    assert math.isnan(carry(float("nan"), float))
