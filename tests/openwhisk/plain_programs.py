"""Workflows with what is hard for compositions of plain Python."""

# ruff: noqa
# mypy: ignore-errors
import enum, math, re, json
from dataclasses import dataclass, field
from decimal import Decimal
from datetime import datetime, timedelta, timezone
from collections import Counter, defaultdict
from tests.openwhisk import plain_library as lib
from tests.openwhisk.plain_library import FACTOR, LibError, TABLE, scaled
from tests.openwhisk.plain_library import triple as thrice
from partita import activity, workflow, sleep


class Color(enum.Enum):
    RED = 1
    BLUE = "b"


@dataclass
class Box:
    items: list[int] = field(default_factory=list)
    name: str = "box"

    def total(self):
        return sum(self.items) + OFFSET

    @property
    def size(self):
        return len(self.items)


@dataclass(frozen=True)
class Point:
    x: int
    y: int = 0


OFFSET = 10
PATTERN = re.compile(r"\d+")
NAMES: list[str] = ["a"]
NAMES.append("b")


@activity
def inc(n: int) -> int:
    return n + 1


@activity
def boxed(box: Box) -> Box:
    return Box(box.items + [99], box.name + "!")


@activity
def kw(a: int, *, b: int = 2, c: str = "c") -> str:
    return f"{a}{b}{c}"


@activity
def any_(v):
    return v


def deco(f):
    return f


@deco
def decorated(n):
    return n + 1


def pure(n, *, k=2):
    def inner(m):
        return m * k

    return inner(n)


@workflow
def aliasing(n: int) -> list:
    a = [1]
    b = a
    inc(n)
    b.append(2)
    inc(n)
    c = {"l": a}
    inc(n)
    c["l"].append(3)
    a += [4]
    return [a, b, c, a is b]


@workflow
def sets(n: int) -> list:
    s = {1, 2}
    inc(n)
    s.add(n)
    t = (1, (2, [3]))
    inc(n)
    u = frozenset(s)
    inc(n)
    d = {1: "a", (2, 3): "b"}
    inc(n)
    return [sorted(s), t, sorted(u), [str(k) for k in d], type(t).__name__]


@workflow
def closures(n: int) -> list:
    log = []
    total = 0
    step = n

    def add(x, by=step, *, times=1):
        nonlocal total
        total += x * by * times
        log.append(total)
        return total

    def bump(x):
        nonlocal step
        step += inc(x)
        return add(step)

    half = lambda x: x // 2
    twice = lambda x: inc(x) + inc(x)
    first = total + add(1) + total + bump(2) + total
    step = 7
    total += bump(1)
    for i in range(2):
        add(i, times=half(4))
        bump(i)
    return [
        first,
        total,
        step,
        log,
        half(9),
        twice(3),
        sorted([3, 1], key=half),
        [add(x) for x in log[:2]],
    ]


@workflow
def enums(n: int) -> list:
    c = Color.RED
    inc(n)
    e = Decimal("1.10")
    inc(n)
    k = Counter("aab")
    x = dict(k)
    inc(n)
    return [c is Color.RED, c.name, str(e + 1), x]


@workflow
def box(n: int) -> list:
    b = Box([n])
    c = boxed(b)
    c.items.append(inc(n))
    d = boxed(c)
    inc(1)
    return [b.items, c.items, d.items, d.name, d.total(), d.size, Point(1).x]


@workflow
def errors(n: int) -> list:
    out = []
    for i in range(4):
        try:
            try:
                if i == 0:
                    lib.boom(n)
                if i == 1:
                    raise LibError(i, "x")
                if i == 2:
                    {}["k"]
                inc(i)
            except LibError as e:
                out.append([e.code, e.why, str(e), e.args])
                inc(1)
                raise ValueError("again") from e
            finally:
                out.append(inc(i))
        except (ValueError, KeyError) as e:
            out.append(repr(e))
            inc(0)
            continue
        else:
            out.append("else")
        finally:
            out.append("f")
    return out


@workflow
def uncaught(n: int) -> int:
    lib.boom(n)
    return 1


@workflow
def iter_mutate(n: int) -> list:
    xs = [1, 2, 3]
    out = []
    for x in xs:
        if len(xs) < 6:
            xs.append(inc(x))
        out.append(x)
    d = {"a": 1, "b": 2}
    try:
        for k in d:
            d[k + "x"] = inc(1)
    except RuntimeError as e:
        out.append(str(e))
    for i, (p, q) in enumerate(zip(xs, "abc"), start=2):
        out.append([i, inc(p), q])
    for ch in "hé":
        out.append(ch + str(inc(1)))
    for i in reversed(range(2)):
        out.append(inc(i))
    return out


@workflow
def loops(n: int) -> list:
    out = []
    i = 0
    while True:
        i += 1
        for j in range(3):
            if inc(j) == 2:
                break
            try:
                if i == 2:
                    continue
            finally:
                out.append((i, j))
        else:
            out.append("never")
        if i > inc(1):
            break
    else:
        out.append("no")
    while inc(i) < 3:
        pass
    else:
        out.append("done")
    return out


@workflow
def exprs(n: int) -> list:
    x = inc(n) if inc(n) > 2 else inc(0)
    y = inc(1) < inc(2) < inc(3)
    z = [inc(a) + b for a in range(3) if inc(a) != 2 for b in range(a)]
    q = {str(a): inc(a) for a in range(2)}
    s = {inc(a) for a in range(2)}
    t = f"{inc(1)!r:>4}\n{'a' + str(inc(2))}{{}}"
    u = sum(inc(a) for a in range(3))
    v = any(inc(a) > 1 for a in range(3)), all(inc(a) > 1 for a in range(3))
    if (m := inc(5)) > 5:
        x += m
    l = sorted([3, 1, 2], key=lambda a: -a)
    o = [*range(inc(1)), *[inc(2)]]
    p = dict(a=inc(1), **{"b": inc(2)})
    r = max(inc(1), inc(2), key=lambda a: -a)
    return [x, y, z, q, sorted(s), t, u, v, m, l, o, p, r, n or inc(1), n and inc(3), not inc(1)]


@workflow
def modules(n: int) -> list:
    return [
        lib.triple(n),
        thrice(n),
        scaled(n),
        FACTOR,
        TABLE["x"],
        math.floor(2.5),
        PATTERN.findall("a1b22"),
        NAMES,
        pure(3),
        decorated(1),
        kw(1),
        kw(a=1, c="z", b=inc(1)),
        json.dumps({"a": 1}),
    ]


@workflow
def matches(n: int) -> list:
    out = []
    for v in [1, "a", [1, 2], {"k": 5}, Point(1, 2), None]:
        match v:
            case int():
                out.append(inc(v))
            case str() as s if inc(1) == 2:
                out.append(s)
            case [a, *rest]:
                out.append([a, rest, inc(a)])
            case {"k": k, **more}:
                out.append([k, more, inc(k)])
            case Point(x, y):
                out.append(inc(x + y))
            case _:
                out.append(inc(0))
    return out


@workflow
def values(n: int) -> list:
    big = 2**80
    inc(n)
    nan = float("inf")
    inc(n)
    b = b"\x00\xff"
    inc(n)
    dt = datetime(2024, 1, 2, tzinfo=timezone.utc) + timedelta(hours=1)
    inc(n)
    r = range(0, 10, 3)
    inc(n)
    return [str(big), str(nan), b.hex(), dt.isoformat(), list(r), any_({"$type": "x", "a": (1,)})]


@workflow
def deletes(n: int) -> str:
    x = 1
    del x
    inc(n)
    try:
        return str(x)
    except NameError as e:
        return type(e).__name__


@workflow
def names(params: int, env: int, _x: int = 3) -> list:
    input = inc(params)
    list_ = [env]
    é = inc(env)
    return [input, list_, é, _x, params]


@workflow
def ret_error(n: int) -> dict:
    return {"error": inc(n)}


@workflow
def none(n: int) -> None:
    inc(n)


@workflow
def nested_try(n: int) -> str:
    try:
        for i in range(3):
            try:
                return str(inc(i))
            finally:
                if i < 2:
                    inc(1)
    finally:
        inc(2)


@workflow
def finally_override(n: int) -> str:
    for i in range(2):
        try:
            inc(i)
            raise ValueError("x")
        finally:
            inc(1)
            break
    return "after"


@workflow
def asserts(n: int) -> int:
    assert inc(n) > 100, f"small {inc(n)}"
    return n


@workflow
def bare(n: int) -> str:
    try:
        inc(n)
        return "ret"
    except:
        return "bad"


@workflow
def base_exc(n: int) -> str:
    for i in range(3):
        try:
            if inc(i) == 2:
                break
        except BaseException:
            return "caught exit"
    return f"i{i}"
