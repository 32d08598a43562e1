"""Statements of random programs, beyond assignments and loops: each a few lines that stand alone.

A part is a template: @W stands for a whole number, @T for a text, @B for a condition, @L for a
list, @N for a new name. Its row is that of the table of what is compiled.
"""

from __future__ import annotations

FUNCTIONS = """
def bump(value: int, by: int = 1) -> int:
    if value > 10:
        return value - by
    return double(value % 100) + by


def largest(values: list[int]) -> int:
    best = 0
    for value in values:
        if value > 40:
            return value
        if value > best:
            best = value
    return best


def named(text: str, count: int) -> str:
    return f"{text}:{count}" if count else text


"""

PARTS: dict[str, list[str]] = {
    "assignment": [
        "a, (b, n) = @W, (@W, 3)\n",
        "@N, *m@N = [@W, 2, @W]\nn = @N + len(m@N)\n",
        "rows[-1] = [@W]\n",
        "n = b = @W\n",
    ],
    "calls": [
        "n = add(@W % 9, b=@W % 7)\n",
        "n = add(b=double(1), a=@W % 50)\n",
        "n = add(a % 100)\n",
        "note(@T)\n",
    ],
    "choice": [
        "match @W % 4:\n    case 0:\n        t = 'zero'\n    case 1 | 2 if @B:\n        t = @T\n"
        "    case _:\n        log.append('other')\n",
        "if (@N := @W % 5) > 2:\n    n = @N\n",
        "match t:\n    case 'a':\n        n = 1\n    case 'k' | '':\n        n = @W\n",
        "n = 1 if 0 <= n < 5 else (2 if t in ['a', 'k'] else 3)\n",
    ],
    "functions": [
        "n = bump(@W)\n",
        "n = bump(by=2, value=@W)\n",
        "n = largest(@L)\n",
        "t = named(@T, @W)\n",
        "@N = lambda v: v * 2 - a\nn = @N(@W % 1000)\n",
        "def @N(v: int) -> int:\n    return v + b\n\nn = @N(n % 100)\n",
        "def @N(v: int) -> int:\n    if v > 3:\n        return double(v % 50)\n    return b\n\n"
        "n = @N(@W)\n",
    ],
    "leaving": [
        "if @B and @B:\n    return [['early', str(n)], list(log)]\n",
        "for @N in @L:\n    if @N > 2:\n        return [[str(@N)], list(log)]\n",
        "try:\n    if @B:\n        return [['inner']]\nfinally:\n    log.append(note('left'))\n",
    ],
    "errors": [
        "try:\n    fail_if_negative(@W)\nexcept ValueError as @N:\n    log.append(str(@N))\n",
        "try:\n    n = @W // (a % 3)\nexcept ZeroDivisionError:\n    n = 0\nelse:\n    n += 1\n"
        "finally:\n    log.append('f')\n",
        "try:\n    try:\n        raise Trouble(@T)\n    except Trouble as @N:\n"
        "        raise LookupError('x') from @N\n"
        "except LookupError as @N:\n    log.append(str(@N))\n",
        "try:\n    n = d[@T]\nexcept KeyError as @N:\n    log.append(str(@N))\n    n = -1\n",
    ],
    "time": [
        "sleep(0)\n",
        "log.append(str(len(str(uuid4()))))\n",
        "n = side_effect(lambda: 4)\n",
    ],
    "texts": [
        "t = s.strip().replace('a', 'bb')\n",
        "t = s[1:] + t[:-1]\n",
        "log.append(f'{n:>5}|{s}')\n",
        "log.append('-'.join(s.split(',')))\n",
        "f = s.startswith('a') or t.endswith('k')\n",
        "log.append(t[::-1])\n",
    ],
    "data": [
        "@N = Line(@W, b)\nn = @N.price - @N.count\n",
        "@N: Person = {'name': @T}\nlog.append(@N['name'])\n",
        "@N: int | None = @W if @B else None\nif @N is not None:\n    n = @N\n",
        "@N = {'k': @W, 'b': 2}\nn = sum(@N.values())\n",
    ],
    "loops": [
        "for @N, y@N in zip(xs, ys):\n    n = @N - y@N\n",
        "for @N in range(3, 0, -1):\n    if @N == @W:\n        continue\n    log.append(str(@N))\n"
        "else:\n    n += 1\n",
        "for @N in list(d):\n    if d[@N] > 2:\n        break\nelse:\n    t = 'none'\n",
    ],
    "comprehensions": [
        "rows = [[x, @W] for x in @L if x > 0]\n",
        "d = {str(x): x for x in @L}\n",
        "n = max([len(r) for r in rows] + [0])\n",
        "f = any(x == @W for x in @L)\n",
    ],
    "concurrency": [
        "@N = double.submit(@W)\nm@N = note.submit(@T)\n"
        "n = @N.result()\nlog.append(m@N.result())\n",
        "ys = double.map(@L).result()\n",
    ],
    "branches": [
        "@N = [double.submit(x % 99) for x in @L]\nwait(@N)\nys = [p.result() for p in @N]\n",
        "@N = []\nfor w@N in @L:\n    @N.append(fail_if_negative.submit(w@N))\nwait(@N)\n"
        "for p@N in @N:\n    try:\n        log.append(str(p@N.result()))\n"
        "    except ValueError as e@N:\n        log.append(str(e@N))\n",
        "@N = {k: double.submit(v % 99) for k, v in d.items()}\nwait(list(@N.values()))\n"
        "d = {k: p.result() for k, p in @N.items()}\n",
        "@N, m@N = spawn(bump, @W % 50), spawn(lambda: add(b % 99, n % 9) + 1)\nwait([@N, m@N])\n"
        "n = @N.result() - m@N.result()\n",
        "@N = fail_if_negative.submit(@W % 9 - 4)\nm@N = add.submit(@N, 3)\n"
        "log.append(str(m@N.exception()))\n",
        "ys = group(task(double, @W % 9), task(add, 1, @W % 9))()\n",
        "ys = chain(task(double, @W % 9), add, send_result=True)()\n",
        "ys = add.starmap(enumerate([x % 9 for x in @L])).result()\n",
        "t = child(@W % 5 + 1)\n",
    ],
    "tasks": [
        "@N = await asyncio.gather(*[later(x % 9) for x in @L])\nys = list(@N)\n",
        "@N = await asyncio.gather(*[later(x % 9 - 4) for x in @L], return_exceptions=True)\n"
        "for r@N in @N:\n    if isinstance(r@N, ValueError):\n        log.append(str(r@N))\n"
        "    elif not isinstance(r@N, BaseException):\n        n = r@N\n",
        "async with asyncio.TaskGroup() as g@N:\n    @N = g@N.create_task(later(@W % 9))\n"
        "    m@N = [g@N.create_task(later(x % 9)) for x in @L]\n"
        "n = @N.result() + sum([p.result() for p in m@N])\n",
        "async def @N(v: int) -> int:\n    if v > 3:\n        return await later(v % 9)\n"
        "    return b\n\nn, w@N = await asyncio.gather(@N(a % 9), @N(n % 9))\n",
        "n = await async_child(@W % 9)\n",
    ],
    "async": [
        "n = await later(@W % 100)\n",
        "@N, m@N = await asyncio.gather(later(@W % 9), later(2))\nn = @N - m@N\n",
        "await asyncio.sleep(0)\n",
        "ys = [await later(x % 9) for x in @L]\n",
    ],
}
ONLY_ASYNC = {"async", "tasks"}
ONLY_SYNC = {"concurrency", "branches"}
