"""List values of classes that are written in unusual ways: each with its hint."""

from __future__ import annotations

import collections
import enum
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import (  # noqa: UP035
    Annotated,
    Any,
    ClassVar,
    Generic,
    List,
    Literal,
    NamedTuple,
    NotRequired,
    TypedDict,
    TypeVar,
    Union,
)

import attr
import attrs
import msgspec
import pydantic

K = TypeVar("K")
T = TypeVar("T")
JSON = Union[None, bool, int, float, str, List["JSON"], dict[str, "JSON"]]  # noqa: UP006, UP007


@dataclass
class Own:
    """Has a constructor that is not the dataclass's."""

    a: int

    def __init__(self, z: int) -> None:
        self.a = z * 2


class Extended(Own):
    """Adds an attribute that is no field."""

    def __init__(self, y: int) -> None:
        super().__init__(y)
        self.extra = [y, (y,)]


@dataclass
class Named:
    """Has fields with names that tags have."""

    type: str
    value: Any = None
    kind: ClassVar[str] = "k"


@dataclass(slots=True)
class Slots:
    a: int
    b: Slots | None = None


@dataclass(frozen=True)
class FrozenAfter:
    a: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "a", self.a + 1)


@dataclass
class Document:
    body: JSON


@dataclass
class Two(Generic[K, T]):
    k: K
    v: list[T]


@dataclass
class Half(Two[str, T]):
    w: Two[int, T] | None = None


@dataclass
class Unset:
    a: int
    b: int = field(init=False)


class Text(str, enum.Enum):  # noqa: UP042
    A = "a"


class Mixed(enum.Enum):
    NUMBER = 1
    STRING = "1"
    NOTHING = None


class Kept(enum.Flag, boundary=enum.KEEP):
    A = 1


class Branch(NamedTuple):
    a: int
    b: list[Branch] = []


Untyped = collections.namedtuple("Untyped", "p q")


class Folder(TypedDict):
    name: str
    inner: NotRequired[list[Folder]]


class Strict(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    a: int = 1
    p: Strict | None = None
    s: set[int] = set()


class Row(msgspec.Struct, tag_field="k", tag="x", array_like=True):
    a: int
    d: str | datetime = ""


class Holds(msgspec.Struct, Generic[T]):
    a: T


def one_more(given: Any) -> int:
    return int(given) + 1


@attr.s
class Old:
    x: int = attr.ib()
    y: Any = attr.ib(default=attr.Factory(list))
    _p: int = attr.ib(default=3, init=False)


@attrs.define
class Converted:
    x: int = attrs.field(converter=one_more)


@attrs.define
class Dependent:
    a: int
    b: int = attrs.field(default=attrs.Factory(lambda made: made.a * 2, takes_self=True))


class Changed(pydantic.BaseModel):
    x: int

    @pydantic.field_validator("x")
    @classmethod
    def more(cls, value: int) -> int:
        return value + 1


class Limits(pydantic.BaseModel, frozen=True):
    x: Annotated[int, pydantic.Field(gt=1)]
    inner: Limits | None = None
    sets: dict[int, set[str]] = {}


class Cat(pydantic.BaseModel):
    k: Literal["c"] = "c"


class Dog(pydantic.BaseModel):
    k: Literal["d"] = "d"


class Owner(pydantic.BaseModel):
    pet: Annotated[Cat | Dog, pydantic.Field(discriminator="k")]
    secret: pydantic.SecretStr | None = None
    anything: Any = None


ODD: list[tuple[Any, Any]] = [
    (Own(3), Own),
    (Extended(3), Own),
    (Named("t", (1,)), Named),
    (Slots(1, Slots(2)), Slots),
    (FrozenAfter(1), FrozenAfter),
    ([FrozenAfter(1)], list[FrozenAfter | Slots]),
    (Document({"a": [1, None, {"b": 2.5}]}), Document),
    ({"a": [1, None, {"b": 2.5}]}, JSON),
    (Two("a", [date(2026, 1, 1)]), Two[str, date]),
    (Half("a", [1], Two(3, [4])), Half[int]),
    (Text.A, Text),
    (Text.A, str),
    (Text.A, str | None),
    (Mixed.STRING, Mixed),
    (Mixed.NOTHING, Mixed),
    (Kept(9), Kept | None),
    (Branch(1, [Branch(2)]), Branch),
    (Untyped(1, (2,)), Untyped),
    ({"name": "a", "inner": [{"name": "b"}]}, Folder),
    (Strict(a=2, p=Strict(), s={1}), Strict),
    (Row(1, datetime(2026, 1, 1)), Row),
    (Holds({1}), Holds[set[int]]),
    (Old(1, [(2,)]), Old),
    (Converted(1), Converted),
    (Dependent(1, 7), Dependent),
    (Changed(x=1), Changed),
    ([Changed(x=1)], list[Changed | Own]),
    (Limits(x=2, inner=Limits(x=3, sets={1: {"a"}})), Limits),
    (Owner(pet=Dog(), secret=pydantic.SecretStr("x"), anything=(1, {2})), Owner),
    ({Slots(1).a: Slots(1)}, dict[int, Slots]),
]
