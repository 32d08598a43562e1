"""Define workflows that use every part of the language; each can be stopped in the middle.

An argument `held` names what the execution still has to do when its worker dies. The code of
`parcel` and `mended` differs between the stages of the writing, as code differs between releases.
"""

from __future__ import annotations

import asyncio
from typing import Any

from partita import (
    ActivityTimedOutError,
    CancelledError,
    ChildPolicy,
    FuncGroup,
    Hooks,
    Retry,
    Signal,
    Steps,
    TaskFailure,
    WaitTimeoutError,
    activity,
    chain,
    child_workflow,
    continue_as_new,
    external,
    group,
    now,
    patched,
    query,
    random,
    record_marker,
    shield,
    side_effect,
    signals,
    sleep,
    spawn,
    start_timer,
    task,
    timeout,
    update,
    upsert_search_attributes,
    uuid4,
    wait,
    wait_signal,
    wait_until,
    workflow,
    workflow_info,
)
from tests.landed.activities import (
    SHOUT,
    STAGE,
    WHISPER,
    Charge,
    Parcel,
    PoorError,
    apart,
    approve,
    block,
    break_down,
    count_up,
    dream,
    fall_silent,
    fetch,
    hold,
    lack,
    once,
    oversleep,
    record_call,
    step,
    stumble,
    surrounded,
    wait_in_vain,
    weigh,
)

CENTURY = 100 * 365 * 86400.0
ITEM = Signal("item", int)
PARCEL = Signal("parcel", Parcel)

# -- activities ----------------------------------------------------------------------------


@workflow
def sequence(names: list[str], held: list[str] | None = None) -> list[str]:
    done = [step(name) for name in names]
    done += [hold(name) for name in held or []]
    return [*done, step("end")]


@workflow
def fan_out(names: list[str], held: list[str] | None = None) -> list[str]:
    futures = [*step.map(names), *hold.map(held or [])]
    wait(futures)
    return [future.result() for future in futures]


@workflow
def data_flow(name: str) -> str:
    return step.submit(step.submit(name)).result()


@workflow
def retried(times: int, interval: float) -> str:
    policy = Retry(max_attempts=4, initial_interval=interval, backoff=1.0)
    return stumble.options(retry=policy)(times)


@workflow
def counted(last: int) -> list[int]:
    return count_up(last)


@workflow
def repairable(name: str) -> list[str]:
    return [step(name), break_down(name), step("end")]


@workflow
def timed_out() -> list[str]:
    found = []
    for late in (oversleep, wait_in_vain, fall_silent):
        try:
            found.append(late())
        except ActivityTimedOutError as error:
            found.append(error.code)
    return found


@workflow
def unserved() -> str:
    try:
        return step.options(task_list="nobody", schedule_to_start=3600)("x")
    except ActivityTimedOutError:
        return "nobody served it"


@workflow
def routed(task_list: str, held: list[str], names: list[str]) -> list[str]:
    """Put what blocks first into a task list, and the others behind it, by priority."""
    futures = [hold.options(task_list=task_list, task_priority=9).submit(name) for name in held]
    for priority, name in enumerate(names):
        options = step.options(task_list=task_list, task_priority=-priority)
        futures.append(options.submit(name))
    return [future.result() for future in futures]


@workflow
def thrifty(held: list[str]) -> list[str]:
    done = [once("a"), once("b"), once("a")]
    done += [hold(name) for name in held]
    return [*done, once("b"), once("c"), surrounded("d")]


@workflow
def isolated(name: str) -> str:
    return apart(name)


@workflow
def approved(document: str) -> str:
    return approve(document)


@workflow
def invoked(text: str, held: list[str]) -> list[str]:
    return [SHOUT(text), *[WHISPER(name) for name in held]]


@workflow
def charged(cents: int) -> str:
    try:
        receipt: str = Charge.call("4242", cents)
    except Exception as error:
        return str(error)
    return receipt


@workflow
def weighed(parcel: Parcel) -> Parcel:
    """Pass values of many types through arguments, signals, results and activities."""
    first = weigh(parcel)
    second = wait_signal(PARCEL)
    first.labels |= weigh(second).labels
    return first


# -- time ----------------------------------------------------------------------------------


@workflow
def sleeper(seconds: float) -> str:
    sleep(seconds)
    return step("awake")


@workflow
def century() -> str:
    timer = start_timer(CENTURY)
    woken = signals("wake").submit()
    wait([timer, woken], return_when="FIRST_COMPLETED")
    timer.cancel()
    return step("woken")


@workflow
def bounded(seconds: float) -> str:
    try:
        with timeout(seconds):
            wait_signal("never")
    except WaitTimeoutError:
        return "late"
    return "in time"


# -- messages ------------------------------------------------------------------------------


@workflow
def listener(count: int) -> list[int]:
    heard: list[int] = []

    @query(name="heard")
    def answer() -> list[int]:
        return heard

    for value in signals(ITEM):
        heard.append(value)
        if len(heard) == count:
            break
    return heard


@workflow
def account(start: int) -> int:
    total, open_updates = start, 0

    @query
    def balance() -> int:
        return total

    @update
    def deposit(sum: int) -> int:
        nonlocal total
        step(str(sum))
        total += sum
        return total

    @update
    def deposit_slowly(sum: int) -> int:
        nonlocal total, open_updates
        open_updates += 1
        hold(str(sum))
        total += sum
        open_updates -= 1
        return total

    wait_signal("close")
    wait_until(lambda: not open_updates)
    return total


@workflow
def messenger(heard: str, canceled: str) -> str:
    wait_signal("go")
    external(heard).signal(ITEM, 5).result()
    external(canceled).cancel().result()
    return "sent"


@workflow
def beside(names: list[str]) -> list[str]:
    done: list[str] = []

    def part(name: str) -> None:
        done.append(hold(name))

    for name in names:
        spawn(part, name)
    wait_until(lambda: len(done) == len(names))
    return sorted(done)


# -- children ------------------------------------------------------------------------------


@workflow
def failing(cents: int) -> int:
    return lack(cents)


@workflow
def waiter() -> str:
    said: str = wait_signal("go")
    return said


@workflow
def family(held: list[str]) -> list[Any]:
    name = workflow_info().workflow_id
    found: list[Any] = [sequence(["child"])]
    found += fan_out.map([["x"], ["y"]]).result()
    try:
        failing(3)
    except PoorError as error:
        found.append(str(error))
    try:
        found.append(child_workflow("unheard-of")(1))
    except Exception as error:
        found.append(type(error).__name__)
    child = child_workflow("sequence", "1", workflow_id=f"{name}-child", tags=["young"])
    return [*found, *child(["named"], held)]


@workflow
def outcomes() -> list[str]:
    """Report how children end that are late, or cancelled."""
    late = waiter.options(execution_start_to_close=0.2).submit()
    dropped = waiter.submit()
    sleep(0.01)
    dropped.cancel()
    found = []
    for child in (late, dropped):
        try:
            found.append(child.result())
        except (CancelledError, Exception) as error:
            found.append(type(error).__name__)
    return found


@workflow(child_policy=ChildPolicy.ABANDON)
def careless(child_id: str) -> str:
    return waiter.options(workflow_id=child_id)()


@workflow(child_policy="request_cancel")
def gentle(child_id: str) -> str:
    return tidy.options(workflow_id=child_id)()


# -- cancellation --------------------------------------------------------------------------


@workflow
def tidy() -> str:
    try:
        return str(wait_signal("never"))
    except CancelledError:
        step("undo")
        raise


@workflow
def guarded() -> str:
    try:
        with shield():
            wait_signal("go")
            step("whole")
        sleep(3600)
    except CancelledError:
        return "cancelled after the block"
    return "not cancelled"


@workflow
def dropping() -> list[Any]:
    """Cancel an activity that runs, and wait for what becomes of it."""
    future = hold.submit("dropped")
    wait_signal("drop")
    future.cancel()
    wait_signal("go")
    wait([future])
    return [future.cancelled(), step("end")]


# -- long lives ----------------------------------------------------------------------------


@workflow
def countdown(left: int, said: list[str] | None = None) -> list[str]:
    said = [*(said or []), step(str(left))]
    if left:
        continue_as_new(left - 1, said=said)
    return said


@workflow
def relay(left: int, words: list[str] | None = None) -> list[str]:
    words = [*(words or []), wait_signal("word", str)]
    if left:
        continue_as_new(left - 1, words)
    return words


@workflow(name="versioned", version="1")
def old_version(left: int) -> str:
    hold("version 1")
    continue_as_new(left, version="2")


@workflow(name="versioned", version="2")
def new_version(left: int) -> str:
    return f"version {workflow_info().version} with {left}"


@workflow
def parcel() -> list[str]:
    """Ship by rail since the second stage; runs of the first keep to the ship."""
    said = [step("pack")]
    by_rail = STAGE != "first" and patched("by-rail")
    said.append(step("rail" if by_rail else "ship"))
    wait_signal("go")
    return [*said, step("again by rail" if by_rail else "again by ship")]


@workflow
def mended() -> list[str]:
    """Ask for something else in the second stage, which does not fit the history."""
    said = [step("other" if STAGE == "second" else "one")]
    wait_signal("go")
    return [*said, step("two")]


@workflow
def chance(held: list[str]) -> dict[str, Any]:
    record_marker("note", {"about": "chance"})
    upsert_search_attributes(customer="Ada", cents=1500, urgent=True)
    seen: dict[str, Any] = {
        "uuid": str(uuid4()),
        "random": random().randrange(1_000_000),
        "now": now().isoformat(),
        "effect": side_effect(lambda: noted(workflow_info().run_id)),
    }

    @query(name="seen")
    def answer() -> dict[str, Any]:
        return seen

    return seen | {"held": [hold(name) for name in held]}


def noted(run_id: str) -> str:
    """Record that a side effect is run."""
    record_call("side effect", run_id, 0)
    return "effect"


@workflow
def deciding(count: int) -> list[str]:
    """Block the decider while the data is written, as code that is stuck does."""
    block()
    return step.map(map(str, range(count))).result()


# -- shapes, steps and hooks ---------------------------------------------------------------


@workflow
def shaped(held: list[str]) -> list[Any]:
    sums = chain((add, 1), (add, 2), (add, 3), send_result=True)()
    many = group([task(add, n) for n in range(5)], max_parallel=2)()
    parts = FuncGroup(lambda n: group((add, n, m) for m in range(3)))
    later = [] if held else chain((add, 1, 1), parts, send_result=True)()
    last = group([*(task(hold, name) for name in held), task(step, "group")], max_parallel=1)
    return [sums, many, later, last()]


@activity
def add(x: int, y: int = 0) -> int:
    return x + y


@workflow
def stepwise(held: list[str]) -> dict[str, Any]:
    steps = Steps(skip=["report"], force=["map"])
    steps.add("map", lambda: step("map"), done=lambda: True)
    steps.add("load", lambda: step("load"), done=lambda: True)
    steps.add("train", lambda: [hold(name) for name in held], after=["map"])
    steps.add("report", lambda: step("report"), after=["train"])
    steps.add("end", lambda: step("end"), after=["report"])
    return steps.run()


def judge(failure: TaskFailure) -> Any:
    """Try what is broken again after an hour, and replace what is too expensive."""
    if isinstance(failure.error, PoorError):
        return failure.replace(0)
    return failure.retry_later(3600) if failure.attempt == 1 else None


@workflow(hooks=Hooks(on_task_failure=judge, on_completed=lambda _: step("told")))
def judged(broken: list[str]) -> list[Any]:
    return [lack(7), *[break_down(name) for name in broken]]


# -- asyncio -------------------------------------------------------------------------------


@workflow
async def crawl(pages: int, held: list[int]) -> list[int]:
    async with asyncio.TaskGroup() as tasks:
        begun = [tasks.create_task(fetch(page)) for page in range(pages)]
    await asyncio.sleep(0.01)
    try:
        await asyncio.wait_for(signals("never").submit(), 0.01)
    except TimeoutError:
        begun.append(asyncio.create_task(fetch(pages)))
    last = await asyncio.gather(*(dream(page) for page in held))
    return [*[await one for one in begun], *last]
