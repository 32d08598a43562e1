"""List the kinds of values that tests carry: for each the value and its hint."""

from __future__ import annotations

import enum
import ipaddress
import re
from abc import ABC, abstractmethod
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import KW_ONLY, InitVar, dataclass, field
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import (
    Annotated,
    Any,
    Final,
    Generic,
    Literal,
    NamedTuple,
    NewType,
    NotRequired,
    Optional,
    Protocol,
    TypedDict,
    TypeVar,
    Union,
)
from uuid import UUID
from zoneinfo import ZoneInfo

import attrs
import msgspec
import pydantic
from pydantic.dataclasses import dataclass as checked_dataclass

T = TypeVar("T")
BERLIN = ZoneInfo("Europe/Berlin")
NAN, INF = float("nan"), float("inf")


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Size(enum.Enum):
    SMALL = (1, 2)
    LARGE = 2.5


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 3


class Word(enum.StrEnum):
    YES = "yes"


class Right(enum.Flag):
    READ = 1
    WRITE = 2


class Bit(enum.IntFlag):
    ONE = 1
    TWO = 2


@dataclass
class Point:
    x: int
    y: float = 0.0


@dataclass
class Deep(Point):
    z: int = 0


@dataclass(frozen=True, slots=True)
class Frozen:
    name: str
    tags: tuple[str, ...] = ()


@dataclass
class Price:
    cents: int

    def __post_init__(self) -> None:
        self.cents *= 100


@dataclass
class Sum:
    a: int
    b: int

    def __post_init__(self) -> None:
        self.total = self.a + self.b


@dataclass
class Seeded:
    seed: InitVar[int]
    name: str
    value: int = field(init=False)

    def __post_init__(self, seed: int) -> None:
        self.value = seed * 2


@dataclass
class Counted:
    name: str
    count: int = field(init=False, default=0)


@dataclass
class Keyword:
    a: int
    _: KW_ONLY
    b: list[int] = field(default_factory=list)


@dataclass
class Lazy:
    n: int

    @cached_property
    def double(self) -> int:
        return 2 * self.n


@dataclass
class Tree:
    name: str
    children: list[Tree] = field(default_factory=list)
    parent: Tree | None = None


@dataclass
class Box(Generic[T]):
    item: T


@dataclass
class IntBox(Box[int]):
    label: str = ""


@dataclass
class Pair(Generic[T]):
    boxes: list[Box[T]]


@dataclass
class Card:
    number: str


@dataclass
class Cash:
    cents: int


@dataclass
class Payment:
    by: Card | Cash
    at: str | datetime


class Shape(ABC):
    @abstractmethod
    def area(self) -> float: ...


@dataclass
class Square(Shape):
    side: float

    def area(self) -> float:
        return self.side**2


class Named(Protocol):
    name: str


@attrs.define
class Account:
    owner: str
    _secret: str = "s"
    tags: list[str] = attrs.field(factory=list, alias="labels")


@attrs.frozen
class Plain:
    a: int
    b: str = "b"


@attrs.define
class Twice:
    n: int
    double: int = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.double = self.n * 2


class Struct(msgspec.Struct):
    a: int
    b: list[Point] = []


class Tagged(msgspec.Struct, tag=True):
    a: int


class Other(msgspec.Struct, tag=True):
    a: int


class Renamed(msgspec.Struct, rename="camel", array_like=False):
    first_name: str
    zone: Path


class Flat(msgspec.Struct, array_like=True):
    a: int
    b: Path


class After(msgspec.Struct):
    n: int

    def __post_init__(self) -> None:
        self.n += 1


class Place(NamedTuple):
    lat: float
    name: str = ""


class Movie(TypedDict):
    title: str
    year: NotRequired[date]


class Name(str):
    pass


class Id(int):
    pass


UserId = NewType("UserId", int)


class User(pydantic.BaseModel):
    user_id: int = pydantic.Field(0, alias="userId")
    password: pydantic.SecretStr = pydantic.SecretStr("")
    hidden: str = pydantic.Field("", exclude=True)
    _note: str = pydantic.PrivateAttr("")


class Admin(User):
    rights: list[str] = []


class Loose(pydantic.BaseModel, extra="allow"):
    a: int


class Site(pydantic.BaseModel):
    url: pydantic.HttpUrl
    when: datetime | None = None
    owner: User | None = None


class Wrapper(pydantic.RootModel[list[int]]):
    pass


class PBox(pydantic.BaseModel, Generic[T]):
    item: T


@checked_dataclass
class Checked:
    n: int
    path: Path


class Cat(pydantic.BaseModel):
    kind: Literal["cat"] = "cat"


class Dog(pydantic.BaseModel):
    kind: Literal["dog"] = "dog"


def user(**more: Any) -> User:
    made = User(userId=7, password=pydantic.SecretStr("abc"), hidden="h", **more)
    made._note = "private"
    return made


def admin() -> Admin:
    return Admin.model_validate({"userId": 1, "rights": ["x"]})


def at(hour: int, zone: Any = None, fold: int = 0) -> datetime:
    return datetime(2026, 10, 25, hour, 30, tzinfo=zone, fold=fold)


def summed() -> Sum:
    made = Sum(1, 2)
    made.total = 9
    return made


def lazy() -> Lazy:
    made = Lazy(4)
    assert made.double == 8
    return made


SCALARS: list[tuple[Any, Any]] = [
    (None, None),
    (True, bool),
    (5, int),
    (-(2**70), int),
    (2**64, int | str),
    (5, UserId),
    (1.5, float),
    (-0.0, float),
    (1e308, float),
    (NAN, float),
    (INF, float),
    (-INF, float | None),
    ("é\u2028", str),
    ("", str),
    (3 + 4j, complex),
    (complex(NAN, 1), complex),
    (Decimal("1.10"), Decimal),
    (Decimal("NaN"), Decimal),
    (Decimal("-Infinity"), Decimal),
    (Decimal("1E+400"), Decimal),
    (Fraction(1, 3), Fraction),
    (b"\x00\xff", bytes),
    (bytearray(b"ab"), bytearray),
    (UUID(int=7), UUID),
    (range(1, 10, 2), range),
    (Path("a/b"), Path),
    (PurePosixPath("/x"), PurePosixPath),
    (re.compile("a+", re.I), re.Pattern),
    (re.compile(b"a+"), re.Pattern[bytes]),
    (ipaddress.ip_address("10.0.0.1"), ipaddress.IPv4Address),
    (ipaddress.ip_network("10.0.0.0/8"), ipaddress.IPv4Network),
    (ipaddress.ip_interface("::1/64"), ipaddress.IPv6Interface),
    (Name("n"), Name),
    (Name("n"), str),
    (Id(3), Id),
    (Id(3), int),
    (5, Annotated[int, msgspec.Meta(gt=0)]),
    (5, Annotated[int, "a note"]),
    (5, Final[int]),
]
TIMES: list[tuple[Any, Any]] = [
    (datetime(2026, 1, 2, 3, 4, 5, 678), datetime),
    (datetime(2026, 1, 2, tzinfo=UTC), datetime),
    (datetime(2026, 1, 2, tzinfo=timezone(timedelta(hours=-3))), datetime),
    (datetime(2026, 1, 2, tzinfo=timezone(timedelta(hours=1), "MEZ")), datetime),
    (datetime(2026, 1, 2, tzinfo=timezone(timedelta(seconds=3661))), datetime),
    (at(2, BERLIN), datetime),
    (at(2, BERLIN, 1), datetime),
    (at(2, None, 1), datetime),
    (at(2, ZoneInfo("UTC")), datetime),
    (at(2, BERLIN), datetime | None),
    (datetime.min, datetime),
    (time(1, 2), time),
    (time(1, 2, tzinfo=UTC), time),
    (time(1, 2, tzinfo=BERLIN), time),
    (time(1, 2, fold=1), time),
    (date(2026, 2, 1), date),
    (timedelta(days=-1, microseconds=5), timedelta),
    (timedelta.max, timedelta),
    (BERLIN, ZoneInfo),
]
ENUMS: list[tuple[Any, Any]] = [
    (Colour.RED, Colour),
    (Size.SMALL, Size),
    (Size.LARGE, Size | None),
    (Level.HIGH, Level),
    (Level.HIGH, int),
    (Word.YES, Word),
    (Word.YES, str),
    (Right.READ | Right.WRITE, Right),
    (Right(0), Right),
    (Bit.ONE | Bit.TWO, Bit),
    (Colour.RED, Literal[Colour.RED, Colour.BLUE]),
    ("a", Literal["a", 1, None]),
    (1, Literal["a", 1]),
    (True, Literal[True, "x"]),
    (b"x", Literal[b"x"]),
    ([Colour.RED], list[Colour]),
    ({Colour.RED: 1}, dict[Colour, int]),
    ({Level.LOW: 1}, dict[Level, int]),
    ({Size.SMALL: 1}, dict[Size, int]),
]
CONTAINERS: list[tuple[Any, Any]] = [
    ([1, [2, {"a": None}]], list),
    ([1.5, NAN], list[float]),
    ([], list[int]),
    ((1, "a"), tuple[int, str]),
    ((1, 2, 3), tuple[int, ...]),
    ((), tuple[()]),
    ((1, (2, 3)), tuple),
    ({1, 2}, set[int]),
    ({(1, 2), (3, 4)}, set[tuple[int, int]]),
    (frozenset({"a"}), frozenset[str]),
    ({"a": 1}, dict[str, int]),
    ({1: "a"}, dict[int, str]),
    ({1: "a", "1": "b"}, dict[int | str, str]),
    ({(1, 2): "a"}, dict[tuple[int, int], str]),
    ({UUID(int=1): 1}, dict[UUID, int]),
    ({date(2026, 1, 1): [1]}, dict[date, list[int]]),
    ({at(2, BERLIN): 1}, dict[datetime, int]),
    ({1.5: 1, NAN: 2}, dict[float, int]),
    ({True: 1}, dict[bool, int]),
    ({b"k": 1}, dict[bytes, int]),
    ({None: 1}, dict[None, int]),
    ({frozenset({1}): 1}, dict[frozenset[int], int]),
    ({"$partita": 1}, dict[str, int]),
    ({"$partita": "tuple", "value": [1]}, dict),
    ({Decimal("1.5"): 1}, dict[Decimal, int]),
    ({"a": {2: 3}}, dict[str, dict[int, int]]),
    (defaultdict(list, {"a": [1]}), defaultdict[str, list[int]]),
    (defaultdict(None, {"a": 1}), defaultdict[str, int]),
    (OrderedDict([("b", 1), ("a", 2)]), OrderedDict[str, int]),
    (Counter("aab"), Counter[str]),
    (Counter({1: 2}), Counter[int]),
    (deque([1, 2], maxlen=5), deque[int]),
    (deque(["a"]), deque),
    ([1], Sequence[int]),
    ((1, 2), Sequence[int]),
    (range(3), Sequence[int]),
    ("abc", Sequence[str]),
    ((date(2026, 1, 1),), Iterable[date]),
    ({1}, Set[int]),
    (frozenset({1}), Set[int]),
    ({"a": 1}, Mapping[str, int]),
    (OrderedDict(a=1), Mapping[str, int]),
    ([(1, {2})], list[tuple[int, set[int]]]),
    ({"title": "x"}, Movie),
    ({"title": "x", "year": date(2026, 1, 1)}, Movie),
    ({"title": "x", "more": 1}, Movie),
    (Place(1.5, "x"), Place),
    (Place(NAN), Place),
    ([Place(1.5)], list[Place]),
    (Place(1.5), tuple),
]
CLASSES: list[tuple[Any, Any]] = [
    (Point(1, 2.5), Point),
    (Point(1, NAN), Point),
    (Deep(1, 2.0, 3), Deep),
    (Deep(1, 2.0, 3), Point),
    ([Deep(1, 2.0, 3), Point(1)], list[Point]),
    (Frozen("x", ("a",)), Frozen),
    (Price(5), Price),
    ([Price(5)], list[Price]),
    (summed(), Sum),
    (Seeded(4, "x"), Seeded),
    (Counted("x"), Counted),
    (Keyword(1, b=[2]), Keyword),
    (lazy(), Lazy),
    (Tree("a", [Tree("b"), Tree("c", [Tree("d")])]), Tree),
    (Tree("a", parent=Tree("p")), Tree | None),
    (Box(3), Box[int]),
    (Box(date(2026, 1, 1)), Box[date]),
    (Box((1, 2)), Box[tuple[int, int]]),
    (Box((1, 2)), Box),
    (IntBox(3, "x"), IntBox),
    (IntBox(3, "x"), Box[int]),
    (Pair([Box(date(2026, 1, 1))]), Pair[date]),
    (Payment(Card("1"), at(2, BERLIN)), Payment),
    (Payment(Cash(1), "soon"), Payment),
    (Square(2.0), Shape),
    (Frozen("x"), Named),
    (Account("o", "hidden", labels=["x"]), Account),
    (Plain(1, "c"), Plain),
    (Twice(4), Twice),
    (Struct(1, [Point(1)]), Struct),
    (Tagged(1), Tagged),
    (Tagged(1), Tagged | Other),
    ([Other(2), Tagged(1)], list[Tagged | Other]),
    (Renamed("x", Path("a")), Renamed),
    (Flat(1, Path("b")), Flat),
    (After(3), After),
    (Checked(1, Path("x")), Checked),
]
MODELS: list[tuple[Any, Any]] = [
    (user(), User),
    (User.model_validate({}), User),
    (admin(), User),
    (admin(), Admin | None),
    ([user()], list[User]),
    ({"a": user()}, dict[str, User]),
    (Loose.model_validate({"a": 1, "b": (1, 2)}), Loose),
    (Site(url=pydantic.HttpUrl("https://example.org/x"), when=at(2, BERLIN), owner=user()), Site),
    (Wrapper([1, 2]), Wrapper),
    (PBox[int](item=3), PBox[int]),
    (Cat(), Cat | Dog),
    ([Dog(), Cat()], list[Cat | Dog]),
    (pydantic.SecretStr("abc"), pydantic.SecretStr),
    (pydantic.SecretBytes(b"abc"), pydantic.SecretBytes),
    (pydantic.HttpUrl("https://example.org/"), pydantic.HttpUrl),
]
UNIONS: list[tuple[Any, Any]] = [
    (Card("1"), Card | Cash),
    (Cash(1), Card | Cash),
    (Cash(1), Optional[Union[Card, Cash]]),  # noqa: UP007, UP045
    ([Cash(1), Card("2")], list[Card | Cash]),
    ({"a": Cash(1)}, dict[str, Card | Cash]),
    ("2026-01-01", str | datetime),
    (at(2, UTC), str | datetime),
    (at(2, BERLIN), str | datetime),
    (UUID(int=3), str | UUID),
    (str(UUID(int=3)), str | UUID),
    (b"ab", str | bytes),
    ("YWI=", str | bytes),
    ([1], list[int] | set[int]),
    ({1}, list[int] | set[int]),
    ((1,), list[int] | tuple[int, ...]),
    (["2026-01-01"], list[str] | list[date]),
    ([date(2026, 1, 1)], list[str] | list[date]),
    (date(2026, 1, 1), date | datetime),
    (datetime(2026, 1, 1), date | datetime),
    (Decimal("1.5"), float | Decimal),
    (1.5, float | Decimal),
    (5, float | int),
    (5.0, int | float),
    (True, int | bool | None),
    (Colour.RED, Colour | str),
    ("red", Colour | str),
    (Level.LOW, int | Level),
    (Point(1), Point | int),
    (7, Point | int),
    (Point(1), Point | dict[str, int]),
    ({"x": 1}, Point | dict[str, int]),
    (Plain(1), Point | Plain),
    (Struct(1), Struct | Point),
    (user(), User | Card),
    (Place(1.5), Place | list[int]),
    (None, Card | Cash | None),
    ("x", Literal["x"] | int),
]
ALL = [*SCALARS, *TIMES, *ENUMS, *CONTAINERS, *CLASSES, *MODELS, *UNIONS]
