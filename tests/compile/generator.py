"""Make random programs of the compiled subset, with inputs that are likely to be hard."""

from __future__ import annotations

import json
import re
from collections import Counter
from random import Random

from tests.compile.generated_parts import FUNCTIONS, ONLY_ASYNC, ONLY_SYNC, PARTS

INTS = ["a", "b", "n"]
TEXTS = ["s", "t"]
LISTS = ["xs", "ys"]
ROWS = ["rows"]
DICTS = ["d"]
TRUTHS = [
    *["a > b", "n == 0", "s == t", "not xs", "f", "a in xs", "'k' in d", "a != 0", "f == a"],
    *["xs < ys", "s < t", "t in s", "s.startswith('a')", "{*xs} <= {*ys, 1}", "a in set(xs)"],
    *["(a, s) < (b, t)", "max(s, t) == s", "s.isalnum()"],
]
HEAD = (
    "@workflow\n"
    "{}def main(a: int, b: int, s: str, xs: list[int], rows: list[list[int]], d: dict[str, int])"
    " -> list[list[str]]:\n"
)
DECLARED = "n = 0\nt = ''\nys: list[int] = []\nlog: list[str] = []\nf = a > b\ng = double(1)\n"
RESULT = (
    "return [list(log), [str(a), str(b), str(n), s, t, str(f), str(g)], [str(x) for x in xs + ys], "
    "[str(len(r)) for r in rows], [f'{k}={v}' for k, v in d.items()]]\n"
)

CONCURRENT = (".map(", ".submit(", "gather(", "spawn(", "group(", "starmap(", "TaskGroup(")


class Generator:
    """One random program; `parts` counts what it has, `rows` which rows of the table."""

    def __init__(self, seed: int, without: frozenset[str] = frozenset()) -> None:
        self.random = Random(seed)
        self.without = without  # rows that it has none of
        self.parts: Counter[str] = Counter()
        self.loops = 0
        self.loop_names: list[str] = []
        self.in_try = 0
        self.made = 0
        self.is_async = self.random.random() < 0.3 and "async" not in without
        self.rows: Counter[str] = Counter()  # of the table of what is compiled

    def program(self) -> str:
        """Return the source of a program."""
        body = DECLARED + self.block(3, 5) + RESULT
        head = HEAD.format("async " if self.is_async else "")
        return FUNCTIONS + head + _indented(body)

    @staticmethod
    def is_concurrent(source: str) -> bool:
        """Return whether a program makes calls at the same time, in whatever order."""
        return any(word in source for word in CONCURRENT)

    def part(self) -> str:
        """Return one of the parts, with expressions in it."""
        left_out = self.without | (ONLY_SYNC if self.is_async else ONLY_ASYNC)
        row = self.random.choice([one for one in PARTS if one not in left_out])
        self.rows[row] += 1
        text = self.random.choice(PARTS[row]).replace("@N", f"v{self.made}")
        self.made += 1
        makers = {"W": lambda: self.whole(1), "T": lambda: self.text(0), "B": lambda: self.truth(1)}
        makers["L"] = lambda: self.random.choice(LISTS)
        return re.sub("@([WTBL])", lambda found: makers[found[1]](), text)

    def inputs(self) -> str:
        """Return arguments, as JSON."""
        r = self.random
        ints = [0, 1, -1, 2, 3, -7, 10]
        texts = ["", "a", "b", "k", "ä😀", "{% x %}", "it's", "a,b"]

        def numbers() -> list[int]:
            return [r.choice(ints) for _ in range(r.choice([0, 1, 1, 2, 4]))]

        rows = [numbers() for _ in range(r.choice([0, 1, 1, 2]))]
        keys = r.sample(["a", "b", "k", "x y", "$"], r.choice([0, 1, 2]))
        members = {key: r.choice(ints) for key in keys}
        given = [r.choice(ints), r.choice(ints), r.choice(texts), numbers(), rows, members]
        return json.dumps(given)

    # -- statements

    def block(self, depth: int, most: int) -> str:
        return "".join(self.statement(depth) for _ in range(self.random.randint(1, most)))

    def pick(self, options: dict[str, int]) -> str:
        chosen = self.random.choices(list(options), list(options.values()))[0]
        self.parts[chosen] += 1
        return chosen

    def statement(self, depth: int) -> str:
        options = {
            "assign": 6,
            "augment": 3,
            "append": 3,
            "item": 2,
            "call": 3,
            "text": 2,
            "swap": 1,
        }
        if depth > 1 and not self.loops and not self.in_try:
            options |= {"part": 30}
        if depth:
            options |= {"if": 4, "for": 3, "while": 2, "try": 4, "parallel": 1}
        if self.loops:
            options |= {"break": 1, "continue": 1}
        if self.in_try:
            options |= {"raise": 2}
        made: str = getattr(self, "_" + self.pick(options))(depth)
        return made

    def _part(self, depth: int) -> str:
        return self.part() + self.part()

    def _assign(self, depth: int) -> str:
        r = self.random
        return r.choice(
            [
                f"{r.choice(INTS)} = {self.whole(2)}\n",
                f"{r.choice(TEXTS)} = {self.text(2)}\n",
                f"ys = {self.items(2)}\n",
                f"f = {self.truth(2)}\n",
                f"rows = [{self.items(1)}, {self.items(1)}]\n",
                f"rows = [r for r in rows if {self.truth(1)}] + [[{self.whole(1)}]]\n",
            ]
        )

    def _augment(self, depth: int) -> str:
        op = self.random.choice(["+", "-", "//", "%"])
        return f"{self.random.choice(INTS)} {op}= {self.whole(2)}\n"

    def _append(self, depth: int) -> str:
        name = self.random.choice([n for n in LISTS if n not in self.loop_names])
        return f"{name}.append({self.whole(2)})\n"

    def _item(self, depth: int) -> str:
        if self.random.random() < 0.5 and "d" not in self.loop_names:
            return f"d[{self.text(1)}] = {self.whole(2)}\n"
        name = self.random.choice([n for n in LISTS if n not in self.loop_names])
        return f"{name}[{self.small()}] = {self.whole(1)}\n"

    def _call(self, depth: int) -> str:
        return f"log.append(note({self.text(1)}))\n"

    def _text(self, depth: int) -> str:
        return f"log.append(str({self.whole(1)}) + '-' + str({self.truth(1)}))\n"

    def _swap(self, depth: int) -> str:
        return "a, b = b, a\n"

    def _if(self, depth: int) -> str:
        text = f"if {self.truth(2)}:\n{_indented(self.block(depth - 1, 3))}"
        if self.random.random() < 0.3:
            text += f"elif {self.truth(1)}:\n{_indented(self.block(depth - 1, 2))}"
        if self.random.random() < 0.6:
            text += f"else:\n{_indented(self.block(depth - 1, 2))}"
        return text

    def _loop(self, head: str, depth: int, first: str = "") -> str:
        self.loops += 1
        body = _indented(first + self.block(depth - 1, 3))
        self.loops -= 1
        text = f"{head}:\n{body}"
        if self.random.random() < 0.3:
            text += f"else:\n{_indented(self.block(depth - 1, 2))}"
        return text

    def _for(self, depth: int) -> str:
        r = self.random
        name = f"i{self.made}"
        self.made += 1
        kind = r.choice(["xs", "range", "enumerate", "d", "rows", "slice"])
        self.parts[f"for {kind}"] += 1
        used = f"n = {name}\n"
        if kind == "xs":
            source = r.choice([n for n in LISTS if n not in self.loop_names])
            return self._over(source, f"for {name} in {source}", depth, used)
        if kind == "range":
            return self._loop(f"for {name} in range({self.small()})", depth, used)
        if kind == "enumerate":
            return self._over("xs", f"for {name}, y{name} in enumerate(xs)", depth, used)
        if kind == "d":
            return self._over("d", f"for {name}, y{name} in d.items()", depth, f"t = {name}\n")
        if kind == "slice":
            return self._loop(f"for {name} in xs[:3]", depth, used)
        return self._loop(f"for {name} in rows", depth, f"n = len({name})\n")

    def _over(self, source: str, head: str, depth: int, first: str) -> str:
        self.loop_names.append(source)
        if all(name in self.loop_names for name in LISTS):
            self.loop_names.pop()
            return self._assign(depth)
        text = self._loop(head, depth, first)
        self.loop_names.pop()
        return text

    def _while(self, depth: int) -> str:
        name = f"w{self.made}"
        self.made += 1
        text = self._loop(f"while {name} < 3 and {self.truth(1)}", depth, f"{name} += 1\n")
        return f"{name} = 0\n{text}"

    def _try(self, depth: int) -> str:
        r = self.random
        self.in_try += 1
        body = self.block(depth - 1, 3)
        self.in_try -= 1
        text = f"try:\n{_indented(body)}"
        handlers = r.sample(
            ["ValueError", "LookupError", "KeyError", "(IndexError, Trouble)", "Exception"],
            r.choice([0, 1, 1, 2]),
        )
        if "Exception" in handlers:
            handlers.remove("Exception")
            handlers.append("Exception")
        for one in handlers:
            text += f"except {one}:\n    log.append('{one[1:4]}')\n"
            text += _indented(self.block(depth - 1, 2))
            if r.random() < 0.2:
                text += "    raise\n"
        if handlers and r.random() < 0.4:
            text += f"else:\n{_indented(self.block(depth - 1, 2))}"
        if not handlers or r.random() < 0.4:
            loops, self.loops = self.loops, 0
            text += f"finally:\n{_indented(self.block(0, 2))}"
            self.loops = loops
        return text

    def _raise(self, depth: int) -> str:
        kind = self.random.choice(["ValueError", "Trouble", "LookupError"])
        return f"if {self.truth(1)}:\n    raise {kind}({self.text(1)})\n"

    def _parallel(self, depth: int) -> str:
        one, two = f"p{self.made}", f"q{self.made}"
        self.made += 1
        if self.is_async:
            return f"n, {one} = await asyncio.gather(later({self.whole(1)} % 99), later(1))\n"
        calls = f"{one} = double.submit({self.whole(1)})\n{two} = double.map(xs)\n"
        return f"{calls}n = {one}.result()\nys = {two}.result()\n"

    def _break(self, depth: int) -> str:
        return f"if {self.truth(1)}:\n    break\n"

    def _continue(self, depth: int) -> str:
        return f"if {self.truth(1)}:\n    continue\n"

    # -- expressions

    def small(self) -> str:
        return self.random.choice(["0", "1", "-1", "2", "len(xs)", "a % 3"])

    def whole(self, depth: int) -> str:
        r = self.random
        if not depth or r.random() < 0.3:
            return r.choice([*INTS, "0", "1", "-2", "3", "g"])
        kinds = {"+": 3, "*": 1, "//": 2, "%": 2, "call": 3, "index": 2, "len": 2, "agg": 1}
        kinds |= {"place": 1, "power": 1, "round": 1}
        kind = self.pick({**kinds, "key": 2, "get": 1, "ternary": 2, "neg": 1, "or": 1})
        x, y = self.whole(depth - 1), self.whole(depth - 1)
        return {
            "+": f"({x} {r.choice('+-')} {y})",
            "*": f"({x} % 50 * {r.choice(['2', '-3'])})",
            "//": f"({x} // {y})",
            "%": f"({x} % {y})",
            "call": f"double({x} % 1000)",
            "index": f"{r.choice(LISTS)}[{self.small()}]",
            "len": f"len({r.choice([*LISTS, 's', 't', 'd', 'rows'])})",
            "agg": f"{r.choice(['sum', 'max', 'min'])}({self.items(1)})",
            "key": f"d[{self.text(0)}]",
            "get": f"d.get({self.text(0)}, {x})",
            "ternary": f"({x} if {self.truth(depth - 1)} else {y})",
            "neg": f"(-{x})",
            "place": f"{self.text(0)}.{r.choice(['count', 'find', 'rfind'])}({self.text(0)})",
            "power": f"({x} % 9) ** {r.choice('23')}",
            "round": f"{r.choice(['round', 'int'])}({x} / {r.choice(['2', '4', '-8'])})",
            "or": f"({x} or {y})",
        }[kind]

    def text(self, depth: int) -> str:
        r = self.random
        if not depth or r.random() < 0.4:
            return r.choice([*TEXTS, "'a'", "'k'", "''", "'é%}'"])
        return r.choice(
            [
                f"(str({self.whole(depth - 1)}) + 'x')",
                f"str(({self.truth(depth - 1)}))",
                f"note({self.text(depth - 1)})",
                f"({self.text(depth - 1)} or {self.text(depth - 1)})",
                f"','.join([str(x) for x in {r.choice(LISTS)}])",
                f"{self.text(0)}.{r.choice(['upper', 'lower', 'strip', 'title'])}()",
                f"{self.text(0)}.replace({self.text(0)}, '-')",
                f"{self.text(0)}[{r.choice(['::-1', '1:', ':-1', '::2', '-2:'])}]",
                f"f'{{{self.whole(0)}:{r.choice(['>4', '05', '+,', 'x', '.2f'])}}}'",
                f"str({self.whole(0)} / 8)",
                f"repr({self.text(0)})",
                f"str([{self.text(0)}, None, ({self.whole(0)}, {self.text(0)})])",
            ]
        )

    def truth(self, depth: int) -> str:
        r = self.random
        if not depth or r.random() < 0.2:
            return r.choice(TRUTHS)
        kind = self.pick({"compare": 3, "chain": 1, "and": 2, "or": 2, "not": 1, "any": 1, "eq": 1})
        x, y = self.truth(depth - 1), self.truth(depth - 1)
        op = r.choice(["<", "<=", "==", "!=", ">"])
        return {
            "compare": f"({self.whole(depth - 1)} {op} {self.whole(depth - 1)})",
            "chain": f"({self.whole(1)} <= {self.whole(1)} < {self.whole(1)})",
            "and": f"({x} and {y})",
            "or": f"({x} or {y})",
            "not": f"(not {x})",
            "any": f"{r.choice(['any', 'all'])}(x {op} {self.whole(0)} for x in {r.choice(LISTS)})",
            "eq": f"({self.items(1)} {r.choice(['==', '!='])} {self.items(1)})",
        }[kind]

    def items(self, depth: int) -> str:
        r = self.random
        kind = self.pick(
            {"display": 2, "+": 1, "slice": 2, "comp": 3, "sorted": 1, "calls": 1, "of": 3}
        )
        x = r.choice(LISTS)
        return {
            "display": f"[{self.whole(0)}, {self.whole(0)}]",
            "+": f"({r.choice(LISTS)} + [{self.whole(0)}])",
            "slice": f"{x}[{self.small()}:{r.choice(['', self.small()])}]",
            "comp": f"[x {r.choice('+-')} {self.whole(0)} for x in {x} if x != {self.whole(0)}]",
            "sorted": f"sorted({x})",
            "calls": f"[double(x % 9) for x in {x}]",
            "of": r.choice(
                [
                    f"sorted({x}, key=abs, reverse=True)",
                    f"[i * x for i, x in enumerate({x}, 1)]",
                    "[x - y for x, y in zip(xs, ys)]",
                    f"list(map(abs, {x}))",
                    f"sorted(set({x}))",
                    f"{x}[::-1]",
                    f"list(range(len({x}) % 4))",
                    f"[x * y for x in {x}[:3] for y in {x}[:2] if x != y]",
                    "[len(k) + v for k, v in d.items()]",
                    f"{x} * 2",
                ]
            ),
        }[kind]


def _indented(text: str) -> str:
    return "".join(f"    {line}\n" for line in text.splitlines())
