"""Programs and other Pythons do what the signatures say, fail as errors, and end when told."""

# mypy: disable-error-code="empty-body"

from __future__ import annotations

import decimal
import enum
import inspect
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any, get_type_hints

import pytest

from partita import (
    CancelledError,
    ProgramFailedError,
    ProgramTimedOutError,
    WorkflowDefinition,
    activity,
    program,
    python,
    workflow,
)
from partita.authoring.definition import ActivityDefinition
from partita.authoring.failure import Failure, describe, rebuild
from partita.authoring.programs import process as running
from partita.errors import (
    ActivityFailedError,
    InvalidInputError,
    InvalidOptionError,
    SerializationError,
    WorkflowError,
)
from tests.authoring import far
from tests.conftest import Rig, until
from tests.worker.test_processes import is_alive

ARGV = [sys.executable, "-c", "import json, sys; print(json.dumps(sys.argv[1:]))"]
SHELL = ["sh", "-c"]


def sh(script: str, **options: Any) -> Callable[..., Any]:
    """Return a function of positional arguments that runs a shell script."""

    @program([*SHELL, script, "sh"], **options)
    def shell(*args: str) -> str: ...

    return shell


class Size(enum.Enum):
    LARGE = "large"


class Opaque:
    pass


# -- command lines -----------------------------------------------------------------------------


@program(ARGV)
def argv(
    one: Any,
    two: Any = None,
    *rest: Any,
    v: Any = None,
    some_name: Any = None,
    from_: Any = None,
    **more: Any,
) -> list[str]: ...


@pytest.mark.parametrize(
    ("args", "kwargs", "words"),
    [
        ((1,), {}, ["1"]),
        (("a b", "c;d"), {}, ["a b", "c;d"]),
        (("a", "b", "c", "$HOME"), {}, ["a", "b", "c", "$HOME"]),
        (("a", None, "c"), {}, ["a", "c"]),
        ((["a", "b"], ("c",)), {}, ["a", "b", "c"]),
        (("",), {"v": ""}, ["-v", "", ""]),
        (("a",), {"v": 1, "some_name": 2.5}, ["-v", "1", "--some-name", "2.5", "a"]),
        (("a",), {"v": True, "some_name": True}, ["-v", "--some-name", "a"]),
        (("a",), {"v": False, "some_name": None}, ["a"]),
        (("a",), {"v": [1, "x"], "from_": ()}, ["-v", "1", "-v", "x", "a"]),
        (("a",), {"from_": "x", "to_all": True}, ["--from", "x", "--to-all", "a"]),
        (("-n",), {"v": 1}, ["-v", "1", "--", "-n"]),
        (("a", -5), {}, ["--", "a", "-5"]),
        (("é", "日本", "🐍"), {}, ["é", "日本", "🐍"]),
        ((Path("/x"), b"/y"), {}, ["/x", "/y"]),
        ((Size.LARGE, True, False), {}, ["large", "true", "false"]),
        ((date(2024, 2, 29), decimal.Decimal("1.10")), {}, ["2024-02-29", "1.10"]),
    ],
)
def test_a_call_is_a_command_line(
    args: tuple[Any, ...], kwargs: dict[str, Any], words: list[str]
) -> None:
    assert argv(*args, **kwargs) == words


@program(ARGV)
def defaults(a: int = 1, /, b: str = "x", *, wide: bool = True, depth: int = 3) -> list[str]: ...


def test_defaults_apply() -> None:
    assert defaults() == ["--wide", "--depth", "3", "1", "x"]
    assert defaults(2, b="y", wide=False) == ["--depth", "3", "2", "y"]


@program()
def echo(*words: str, n: bool = False) -> str: ...


@program()
def no_such_program_() -> None: ...


def test_the_name_of_the_function_is_the_program() -> None:
    assert echo("a", "b") == "a b"
    assert echo("a", n=True) == "a"
    with pytest.raises(ProgramFailedError) as caught:
        no_such_program_()
    assert caught.value.command == ["no-such-program"]


def test_path_may_be_a_path_or_a_list(tmp_path: Path) -> None:
    @program(Path("/bin/echo"))
    def one(word: str) -> str: ...

    @program(("/bin/echo", "first"))
    def two(word: str) -> str: ...

    assert (one("x"), two("x")) == ("x", "first x")


@pytest.mark.parametrize("value", [{"a": 1}, Opaque(), [[1]], {1}])
def test_what_has_no_form_on_a_command_line_is_refused(value: Any) -> None:
    with pytest.raises(InvalidInputError, match="has no form on a command line; give text"):
        argv(value)


@pytest.mark.parametrize("value", ["a\0b", "\ud800"])
def test_what_no_program_can_be_passed_is_refused(value: str) -> None:
    with pytest.raises(InvalidInputError, match="an argument cannot be passed to"):
        argv(value)


def test_arguments_that_do_not_fit_are_refused_as_python_does() -> None:
    with pytest.raises(TypeError, match="missing a required argument: 'one'"):
        argv()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="unexpected keyword argument 'x'"):
        echo("a", x=1)  # type: ignore[call-arg]


def test_it_is_the_function_to_whoever_asks() -> None:
    assert (argv.__name__, argv.__module__) == ("argv", __name__)
    assert str(inspect.signature(echo)) == "(*words: 'str', n: 'bool' = False) -> 'str'"
    assert get_type_hints(defaults)["return"] == list[str]
    step = activity(echo)
    assert step.key == "echo@1"
    assert step("x") == "x"
    assert step.namespace is globals()
    assert inspect.isfunction(echo)


def test_what_cannot_be_meant_is_refused() -> None:
    async def coroutine() -> str: ...

    def plain() -> str: ...

    for given in ([], "", [""], 3, [3]):
        with pytest.raises(InvalidOptionError, match="give the name or path of a program"):
            program(given)(plain)  # type: ignore[arg-type]
        with pytest.raises(InvalidOptionError, match="give the name or path of a program"):
            python(given)(far.version)  # type: ignore[arg-type]
    for function in (coroutine, activity(plain), 3, str):
        with pytest.raises(InvalidOptionError, match="is for functions made by def, below"):
            program()(function)  # type: ignore[arg-type]
    with pytest.raises(InvalidOptionError, match="give the name or path of a program"):
        program(plain)(plain)  # type: ignore[arg-type]
    for timeout in (0, -1, float("nan"), "x"):
        with pytest.raises(InvalidOptionError, match=r"timeout=.*; give"):
            program("x", timeout=timeout)  # type: ignore[arg-type]


# -- results -----------------------------------------------------------------------------------


def printing(text: str, returns: Any) -> Any:
    """Return what a function of that annotation gives for a program that prints `text`."""

    def shown(text: str) -> Any: ...

    shown.__annotations__ = {"return": returns}
    return program(["printf", "%b"])(shown)(text)


@pytest.mark.parametrize(
    ("text", "returns", "result"),
    [
        ("a\\n", None, None),
        ("a\\n\\n", str, "a\n"),
        (" a", str, " a"),
        ("", str, ""),
        ("\\303\\251\\n", str, "é"),
        ("\\377\\000\\n", bytes, b"\xff\0\n"),
        ("42\\n", int, 42),
        ("[1, 2]", list[int], [1, 2]),
        ('"2024-02-29"', date, date(2024, 2, 29)),
        ("null", str | None, None),
        ('{"a": 1}', Any, {"a": 1}),
    ],
)
def test_the_annotation_says_what_is_returned(text: str, returns: Any, result: Any) -> None:
    assert printing(text, returns) == result


def test_without_an_annotation_it_is_json() -> None:
    @program(["echo", "[1]"])
    def listed():  # type: ignore[no-untyped-def]
        ...

    assert listed() == [1]


@pytest.mark.parametrize(
    ("text", "returns", "why"),
    [
        ("x", int, "what printf printed does not fit: JSON is malformed"),
        ("", int, "what printf printed does not fit: Input data was truncated"),
        ('"x"', int, "Expected `int`, got `str`"),
        ("\\377", str, "what printf printed is not UTF-8 .*; let it return bytes"),
        ("\\377", int, "is not UTF-8"),
    ],
)
def test_what_does_not_fit_the_annotation_is_refused(text: str, returns: Any, why: str) -> None:
    with pytest.raises(InvalidInputError, match=why):
        printing(text, returns)


def test_an_annotation_that_cannot_be_read_is_refused_before_anything_runs(tmp_path: Path) -> None:
    @program("touch")
    def touch(path: str) -> Missing: ...  # type: ignore[name-defined]  # noqa: F821

    with pytest.raises(InvalidOptionError, match="name 'Missing' is not defined; import"):
        touch(str(tmp_path / "x"))
    assert not (tmp_path / "x").exists()


def test_environment_folder_and_stdin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUTER", "kept")
    show = sh('echo "$OUTER $INNER"; pwd; cat', env={"INNER": "é"}, cwd=tmp_path)
    assert show() == f"kept é\n{tmp_path.resolve()}"


def test_large_output_on_both_streams() -> None:
    big = "sys.{}.write('é' * 2_500_000)"
    code = f"import sys; {big.format('stdout')}; {big.format('stderr')}"

    @program([sys.executable, "-X", "utf8", "-c", code])
    def talk() -> str: ...

    assert talk() == "é" * 2_500_000


def test_sort(tmp_path: Path) -> None:
    @program()
    def sort(*files: str, r: bool = False, key: int | None = None) -> str: ...

    path = tmp_path / "-odd name"
    path.write_text("a 2\nb 1\n")
    assert sort(str(path), key=2) == "b 1\na 2"
    assert sort(str(path), r=True) == "b 1\na 2"


# -- failures ----------------------------------------------------------------------------------


def failure_of(call: Callable[..., Any], *args: Any) -> ProgramFailedError:
    with pytest.raises(ProgramFailedError) as caught:
        call(*args)
    assert "\n" not in str(caught.value)
    return caught.value


def test_another_status_than_0_is_an_error() -> None:
    error = failure_of(
        sh("echo out; echo first >&2; echo '  the last\tone ' >&2; echo >&2; exit 3")
    )
    assert str(error) == "sh ended with status 3: the last one"
    assert error.status == 3
    assert error.stderr == "first\n  the last\tone"
    assert error.command[:2] == SHELL
    assert str(failure_of(sh("exit 4"))) == "sh ended with status 4"


@pytest.mark.parametrize(("signal", "name"), [("TERM", "SIGTERM"), ("40", "signal 40")])
def test_a_signal_is_named(signal: str, name: str) -> None:
    error = failure_of(sh(f"kill -{signal} $$"))
    assert str(error) == f"sh was ended by {name}"
    assert error.status is not None
    assert error.status < 0


def test_what_cannot_be_started_says_why(tmp_path: Path) -> None:
    plain, odd = tmp_path / "plain", tmp_path / "odd"
    plain.write_text("x")
    odd.write_text("x")
    odd.chmod(0o755)
    for path, why in {
        tmp_path / "none": "No such file or directory; install it, or give its path",
        plain: "Permission denied; give the path of a program, and make it executable",
        odd: "Exec format error; begin it with a line such as #!/bin/sh",
    }.items():
        error = failure_of(program(path)(far.version))
        assert str(error) == f"{path} cannot be started: {why}"
        assert error.status is None
    error = failure_of(sh("true", cwd=tmp_path / "gone"))
    assert "sh cannot be started: there is no folder" in str(error)
    error = failure_of(echo, "x" * 4_000_000)
    assert "Argument list too long; pass the name of a file instead" in str(error)
    assert across(error).args == error.args


def across(error: Exception) -> Exception:
    """Describe, send as text, and rebuild without any names."""
    return rebuild(Failure.load(describe(error).dump(), "x"))


def test_errors_cross_processes() -> None:
    failed = across(ProgramFailedError(["a", "b"], -9, "x\ny"))
    assert isinstance(failed, ProgramFailedError)
    assert (failed.command, failed.status, failed.stderr) == (["a", "b"], -9, "x\ny")
    late = across(ProgramTimedOutError(["a"], 2.5, "x"))
    assert isinstance(late, ProgramTimedOutError)
    assert (late.command, late.timeout, late.stderr) == (["a"], 2.5, "x")
    assert str(late) == "a was ended after its timeout of 2.5 s: x"
    assert isinstance(late, TimeoutError)
    assert isinstance(late, WorkflowError)


def test_errors_are_small_enough_to_cross() -> None:
    script = "import sys; sys.stderr.write(chr(1) * 5_000_000 + '\\nlast'); sys.exit(1)"

    @program([sys.executable, "-c", script])
    def talk(*args: str) -> None: ...

    for args in (["\x01" * 100_000], ["\x01"] * 20_000, []):
        error = failure_of(talk, *args)
        assert str(error).endswith("ended with status 1: last")
        again = across(error)
        assert isinstance(again, ProgramFailedError)
        assert again.command == error.command


# -- ends --------------------------------------------------------------------------------------

FAMILY = 'sleep 600 & echo $! > "$1.new"; mv "$1.new" "$1"; wait'
STUBBORN = 'trap "" TERM; ' + FAMILY.replace("&", ">/dev/null 2>&1 &")


def child_of(path: Path) -> int:
    until(path.exists)
    return int(path.read_text())


@pytest.mark.parametrize("script", [FAMILY, STUBBORN], ids=["obedient", "stubborn"])
def test_a_timeout_ends_the_program_and_its_children(
    script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "GRACE", 0.2)
    begun = time.monotonic()
    with pytest.raises(ProgramTimedOutError) as caught:
        sh("echo late >&2; " + script, timeout=0.3)(str(tmp_path / "pid"))
    assert 0.3 <= time.monotonic() - begun < 10
    assert str(caught.value) == "sh was ended after its timeout of 0.3 s: late"
    until(lambda: not is_alive(child_of(tmp_path / "pid")))


def test_sigterm_leaves_time_to_clean_up(tmp_path: Path) -> None:
    script = "trap 'echo done > \"$1\"; exit' TERM; while :; do sleep 0.01; done"
    with pytest.raises(ProgramTimedOutError):
        sh(script, timeout=0.3)(str(tmp_path / "x"))
    assert (tmp_path / "x").read_text() == "done\n"


def test_who_leaves_the_group_holds_nobody_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "GRACE", 0.2)
    with pytest.raises(ProgramTimedOutError):
        sh("setsid " + 'sh -c \'echo $$ > "$1"; exec sleep 600\' sh "$1"', timeout=0.5)(
            str(tmp_path / "pid")
        )
    os.kill(child_of(tmp_path / "pid"), 9)


@activity
@program([*SHELL, FAMILY, "sh"])
def family(path: str) -> None: ...


@activity
@program([*SHELL, "sleep 1.6"], timeout=60)
def slow() -> None: ...


@activity
def stuck(path: str, interpreter: str) -> None:
    python(interpreter)(far.stuck)(path)


@activity
def wait_for(path: str) -> None:
    until(Path(path).exists)


def cancelled(step: Any, path: str, *more: Any) -> str:
    future = step.submit(path, *more)
    wait_for(path)
    future.cancel()
    try:
        future.result()
    except CancelledError:
        return "cancelled"
    return "done"


@workflow
def cancels_a_program(path: str) -> str:
    return cancelled(family, path)


@workflow
def cancels_a_python(path: str, interpreter: str) -> str:
    return cancelled(stuck, path, interpreter)


@workflow
def waits() -> None:
    slow.options(heartbeat=1.2).submit().result()


def test_cancelling_ends_the_program_and_its_children(memory_rig: Rig, tmp_path: Path) -> None:
    path = tmp_path / "pid"
    with memory_rig.worker(cancels_a_program, family, wait_for):
        handle = memory_rig.client.start(cancels_a_program, str(path))
        assert handle.result(timeout=30) == "cancelled"
        until(lambda: not is_alive(child_of(path)))
    assert "ActivityTaskCanceled" in memory_rig.kinds(handle.workflow_id)


def test_cancelling_ends_another_python(memory_rig: Rig, tmp_path: Path, bare: str) -> None:
    path = tmp_path / "pid"
    with memory_rig.worker(cancels_a_python, stuck, wait_for):
        handle = memory_rig.client.start(cancels_a_python, str(path), bare)
        assert handle.result(timeout=30) == "cancelled"
        until(lambda: not is_alive(child_of(path)))


def test_heartbeats_keep_a_slow_program_alive(memory_rig: Rig) -> None:
    with memory_rig.worker(waits, slow):
        memory_rig.client.start(waits).result(timeout=30)


def test_the_end_of_the_process_ends_its_programs(tmp_path: Path) -> None:
    code = f"""if True:
        import threading, time, os, sys
        from partita import program
        @program(["sh", "-c", {FAMILY!r}, "sh"])
        def family(path: str) -> None: ...
        threading.Thread(target=family, args=[sys.argv[1]], daemon=True).start()
        while not os.path.exists(sys.argv[1]): time.sleep(0.01)
    """
    path = tmp_path / "pid"
    subprocess.run([sys.executable, "-c", code, path], env={**os.environ, **far.HERE}, check=True)
    until(lambda: not is_alive(child_of(path)))


def test_the_end_of_the_process_ends_what_it_has_hardly_begun(tmp_path: Path) -> None:
    code = f"""if True:
        import subprocess, threading, time, os, sys
        class Slow(subprocess.Popen):
            def __init__(self, *args, **options):
                super().__init__(*args, **options)
                while threading.main_thread().is_alive(): time.sleep(0.001)
        subprocess.Popen = Slow
        from partita import program
        @program(["sh", "-c", {FAMILY!r}, "sh"])
        def family(path: str) -> None: ...
        threading.Thread(target=family, args=[sys.argv[1]], daemon=True).start()
        while not os.path.exists(sys.argv[1]): time.sleep(0.01)
    """
    path = tmp_path / "pid"
    subprocess.run([sys.executable, "-c", code, path], env={**os.environ, **far.HERE}, check=True)
    until(lambda: not is_alive(child_of(path)))


def test_an_interrupt_ends_the_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(running, "heartbeat", interrupt)
    with pytest.raises(KeyboardInterrupt):
        sh(FAMILY)(str(tmp_path / "pid"))
    until(lambda: not is_alive(child_of(tmp_path / "pid")))


def test_many_at_once() -> None:
    found: list[str] = []
    threads = [threading.Thread(target=lambda n=n: found.append(echo(n))) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found, key=int) == [str(n) for n in range(20)]


# -- other Pythons -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An interpreter with nothing installed."""
    folder = tmp_path_factory.mktemp("bare")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    return str(folder / "bin" / "python")


def other_versions() -> list[Any]:
    """Return interpreters of other versions from 3.8 on, the oldest and the newest; or none."""
    found = {}
    for path in (Path.home() / ".pyenv" / "versions").glob("3.*/bin/python"):
        version = tuple(map(int, re.findall(r"\d+", path.parts[-3])[:2]))
        if version >= (3, 8) and version != sys.version_info[:2]:
            found[version] = pytest.param(str(path), id=path.parts[-3])
    chosen = {version: found[version] for version in (min(found), max(found))} if found else {}
    return list(chosen.values())


@pytest.fixture(params=["same", "bare", *other_versions()])
def anywhere(request: pytest.FixtureRequest, bare: str) -> Callable[..., Any]:
    """What `python` makes of a function, for every interpreter that there is."""
    interpreter = {"same": sys.executable, "bare": bare}.get(request.param, request.param)
    env = far.HERE if request.param == "same" else None
    return python(interpreter, env=env)


def test_it_runs_there(anywhere: Callable[..., Any]) -> None:
    version = anywhere(far.version)
    assert re.fullmatch(r"3\.\d+\.\d+\S*", version())
    assert (version.__name__, version.__module__) == ("version", "tests.authoring.far")
    assert get_type_hints(version) == {"return": str}


def test_partita_is_used_where_it_is(bare: str) -> None:
    assert python(sys.executable, env=far.HERE)(far.has_partita)() is True
    assert python(bare)(far.has_partita)() is False
    assert python([bare, "-X", "utf8"])(far.has_partita)() is False


def test_pythonpath_is_not_passed_on(bare: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, sys.path)))
    assert python(bare)(far.has_partita)() is False
    assert python(bare, env={"PYTHONPATH": os.environ["PYTHONPATH"]})(far.has_partita)() is True


def test_arguments_and_results(anywhere: Callable[..., Any]) -> None:
    arguments = anywhere(far.arguments)
    assert arguments(1) == [1, [], "default", {}]
    assert arguments("é🐍", None, {"a": [1.5]}, key=True, x=date(2024, 2, 29)) == [
        "é🐍",
        [None, {"a": [1.5]}],
        True,
        {"x": "2024-02-29"},
    ]
    assert anywhere(far.parcel)(7) == far.parcel(7)
    assert anywhere(far.forms)() == ["/x", "1.10", [1], "00:00:00"]
    assert anywhere(far.Shop.price)("pen") == 3
    assert anywhere(far.echo)("a\u2028\n\tb") == "a\u2028\n\tb"


def test_large_arguments_and_results(bare: str) -> None:
    text = "é" * 2_500_000
    assert python(bare)(far.echo)(text) == text


def test_arguments_are_sent_whole_to_an_interpreter_that_starts_slowly(
    bare: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "HEARTBEAT_INTERVAL", 0.001)
    text = "é" * 2_500_000
    assert python(bare)(far.echo)(text) == text


def test_prints_go_to_stderr(
    anywhere: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert anywhere(far.noisy)(1_000_000) == "real"
    out, err = capsys.readouterr()
    assert out == ""
    assert "printed: é\n" in err
    assert "said by a child" in err
    assert err.endswith("x" * 1_000_000)


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("builtin", KeyError("k", 1)),
        ("own", far.OddError("odd", {"a": [1, None]})),
        ("derived", far.OwnError("own")),
        ("partita", CancelledError("enough")),
    ],
)
def test_exceptions_keep_their_types(
    kind: str, error: Exception, anywhere: Callable[..., Any]
) -> None:
    with pytest.raises(type(error)) as caught:
        anywhere(far.fail)(kind)
    assert type(caught.value) is type(error)
    assert caught.value.args == error.args
    (note,) = caught.value.__notes__
    assert re.match(r'Where it was raised:\n  File ".*far\.py", line \d+, in fail\n', note)
    assert "<string>" not in note


@pytest.mark.parametrize(
    ("kind", "type", "message"),
    [
        ("inner", "OddError.InnerError", "é\udc80"),
        ("awkward", "AwkwardError", "1 and 2"),
        ("foreign", "MessageError", "odd mail"),
        ("no form", "ValueError", "<class 'object'>"),
    ],
)
def test_exceptions_that_no_constructor_makes(
    kind: str, type: str, message: str, bare: str
) -> None:
    with pytest.raises(Exception, match=r".") as caught:
        python(bare)(far.fail)(kind)
    assert not isinstance(caught.value, ActivityFailedError)
    assert (caught.type.__qualname__, str(caught.value)) == (type, message)


def test_an_exit_is_an_error(bare: str) -> None:
    with pytest.raises(ActivityFailedError) as caught:
        python(bare)(far.fail)("exit")
    assert (caught.value.type, caught.value.message) == ("SystemExit", "3")


def test_values_without_a_form(anywhere: Callable[..., Any]) -> None:
    with pytest.raises(SerializationError, match=r"the result of no_form cannot be returned: obj"):
        anywhere(far.no_form)()
    with pytest.raises(SerializationError, match="the result of not_a_number cannot be returned"):
        anywhere(far.not_a_number)()
    with pytest.raises(SerializationError, match="a call of echo cannot be stored"):
        anywhere(far.echo)(object())
    with pytest.raises(InvalidInputError, match="the result of wrong does not fit: Expected `int`"):
        anywhere(far.wrong)()
    with pytest.raises(TypeError, match="missing a required argument: 'text'"):
        anywhere(far.echo)()


def test_an_interpreter_that_dies_or_is_none(bare: str, tmp_path: Path) -> None:
    error = failure_of(python(bare)(far.die), "exit")
    assert str(error) == f"{bare} ended with status 0: there is no outcome"
    error = failure_of(python(bare)(far.die), "kill")
    assert str(error) == f"{bare} was ended by SIGKILL: before it"
    assert error.command == [bare, "-c", "...", "die"]
    error = failure_of(python(tmp_path / "none")(far.version))
    assert "cannot be started: No such file or directory" in str(error)
    error = failure_of(python("false")(far.version))
    assert str(error) == "false ended with status 1: there is no outcome"


def test_a_python_that_is_late(bare: str, tmp_path: Path) -> None:
    with pytest.raises(ProgramTimedOutError):
        python(bare, timeout=0.5)(far.stuck)(str(tmp_path / "pid"))
    until(lambda: not is_alive(child_of(tmp_path / "pid")))


def test_functions_that_no_other_python_can_import_are_refused() -> None:
    def inner() -> None: ...

    made: dict[str, Any] = {}
    exec("def typed_in() -> None: ...", made)
    for function in (inner, lambda: None, made["typed_in"]):
        with pytest.raises(InvalidOptionError, match=r"another Python cannot import .*; define it"):
            python(sys.executable)(function)


def test_decorated_functions_call_what_they_wrap(rig: Rig) -> None:
    assert far.decorated(1) != os.getpid()
    with rig.worker(far.flow, far.decorated):
        assert rig.client.start(far.flow, 1).result(timeout=30).isdigit()
        assert rig.client.start(far.flow, -1).result(timeout=30) == "OddError('negative', -1)"


MAIN = """
import sys
from helper import NUMBER
from partita import activity, python

class OwnError(Exception): ...

@activity
@python({interpreter!r})
def shout(text: str) -> str:
    if not text:
        raise OwnError("nothing")
    return text.upper() * NUMBER

if __name__ == "__main__":
    print(shout("a"))
    try:
        shout("")
    except OwnError as error:
        print(repr(error))
"""


@pytest.mark.parametrize("command", [["main.py"], ["-m", "main"], ["-m", "package.main"]])
def test_the_main_module_and_its_neighbours(command: list[str], bare: str, tmp_path: Path) -> None:
    (tmp_path / "package").mkdir()
    (tmp_path / "helper.py").write_text("NUMBER = 2")
    for folder in (tmp_path, tmp_path / "package"):
        (folder / "main.py").write_text(MAIN.format(interpreter=bare))
    done = subprocess.run(
        [sys.executable, *command],
        cwd=tmp_path,
        env={**os.environ, **far.HERE},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "AA\nOwnError('nothing')\n"


STAND_IN = """
import partita.errors
from partita import *
from partita import ChildPolicy, Future, Retry, WorkflowDefinition, activity, errors, workflow
from partita.testing.conformance import whatever

@activity
def plain(x: "Future[int]") -> int:
    return 1

@activity(retry=Retry(3), start_to_close=5)
def optioned(x: Future[int]) -> int:
    return 2

@workflow(child_policy=ChildPolicy.ABANDON)
def flow() -> int:
    try:
        raise partita.errors.CancelledError("x")
    except errors.PartitaError:
        return plain(1) + optioned(2)

class Special(WorkflowDefinition): ...
MODULES = [Future[int] | None, None | whatever]
"""


def test_the_stand_in_is_enough_to_load_a_file(bare: str, tmp_path: Path) -> None:
    path = tmp_path / "stand_in.py"
    path.write_text(STAND_IN)
    script = Path(running.__file__).with_name("remote_script.py").read_text()
    request = {"file": str(path), "module": "stand_in", "folder": str(tmp_path), "mark": "none"}
    call = {"qualname": "flow", "args": [], "kwargs": {}}
    done = subprocess.run(
        [bare, "-c", script],
        input=json.dumps({**request, **call}),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert (json.loads(done.stdout), done.stderr) == ({"result": 3}, "")


def test_import_of_partita_loads_nothing_for_programs() -> None:
    heavy = ("subprocess", "signal", "selectors", "partita.authoring.programs.remote_script")
    code = f"import partita, sys; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_types_are_kept() -> None:
    step: ActivityDefinition = family
    flow: WorkflowDefinition[[str], str] = cancels_a_program
    text: str = echo("x")
    assert (step.activity_type.name, flow.key, text) == ("family", "cancels_a_program@1", "x")
