"""Data sets and batches of distributed maps: equal in plain Python, on the engine, and compiled."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from partita.asl import ServiceSettings, s3, use_services
from partita.asl.check import check_text
from partita.authoring.activity import activity
from partita.compile import CompileError, compile_workflow
from partita.errors import InvalidInputError, InvalidOptionError, TaskFailedError
from partita.stepfunctions.compiled import compiled
from partita.stepfunctions.deploy.permissions import permissions_of
from partita.stepfunctions.emitter import emit
from partita.testing import Environment
from tests.compile.corpus import load
from tests.compile.served import activities_for

HEAD = """from partita.asl import s3
from partita.errors import TaskFailedError
from tests.compile.test_data_sets import same


"""
FILES = {
    "rows.csv": "id,cents\na,1\nb,\nc,3\n",
    "bare.txt": "a|1\nb|2\n",
    "values.jsonl": '{"n": 1}\n\n[1, [2]]\nnull\n"{% x %}"\n',
    "nested.json": '{"some": {"list": [[1], [[2]], [], null, {"q": []}]}}',
    "object.json": '{"some": {"x": 1, "y": [2, [3]]}}',
    "broken.jsonl": '{"n": 1}\n{"n": \n',
}
HERE = 'Bucket="data", Key='
PROGRAMS = {
    "csv": f'return same.map(s3.read_csv({HERE}"rows.csv"), distributed=True).result()',
    "headers": (
        f'rows = same.map(s3.read_csv({HERE}"bare.txt", CSVHeaders=["a", "b"], '
        'CSVDelimiter="PIPE"), distributed=True)\n    return rows.result()'
    ),
    "jsonl": f'return same.map(s3.read_jsonl({HERE}"values.jsonl"), distributed=True).result()',
    "json": (
        f'items = same.map(s3.read_json({HERE}"nested.json", ItemsPointer="/some/list"), '
        "distributed=True)\n    return items.result()"
    ),
    "members": (
        f'items = same.map(s3.read_json({HERE}"object.json", ItemsPointer="/some"), '
        "distributed=True)\n    return items.result()"
    ),
    "most": (
        f'return same.map(s3.read_jsonl({HERE}"values.jsonl", MaxItems=2), '
        "distributed=True).result()"
    ),
    "listing": (
        's = same.map(s3.list_objects(Bucket="data", Prefix="b"), distributed=True).result()\n'
        '    return [one["Key"] for one in s]'
    ),
    "batches": (
        f'return same.map(s3.read_jsonl({HERE}"values.jsonl"), distributed=True, batch=3).result()'
    ),
    "batches_of_a_list": (
        "return same.map([[1], [], [[2]], None], distributed=True, batch=3).result()"
    ),
    "whole_batch": "return same.map([x, [x], {}], distributed=True, batch=1000).result()",
    "no_batch": (
        "none: list[int] = []\n    return same.map(none, distributed=True, batch=3).result()"
    ),
    "results_of_batches": (
        "found = same.map([1, 2, 3], distributed=True, batch=2)\n"
        "    return [one.result() for one in found]"
    ),
    "chosen": (
        f'return [same.map(s3.read_csv(Bucket=x, Key="{"rows.csv"}"), distributed=True).result() '
        'for x in ["data"]]'
    ),
    "caught": (
        'try:\n        found = same.map(s3.read_csv(Bucket="none", Key=x), distributed=True)\n'
        "        return found.result()\n    except TaskFailedError as error:\n"
        "        return [str(error), error.error, error.cause]"
    ),
    "uncaught": (
        f'return same.map(s3.read_jsonl({HERE}"broken.jsonl"), distributed=True).result()'
    ),
}


@activity(name="same in data sets")
def same(x: Any) -> Any:
    return x


@pytest.fixture
def bucket(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "data"
    folder.mkdir()
    for name, text in FILES.items():
        (folder / name).write_text(text, "utf-8")
    use_services(ServiceSettings(is_aws_used=False, folder=str(tmp_path)))
    yield folder
    use_services(None)


def workflow_of(name: str, body: str, folder: Path) -> Any:
    source = f"{HEAD}@workflow\ndef main(x: str) -> Any:\n    {body}\n"
    return load(f"data_{name}", source, folder)


def outcome(run: Any) -> Any:
    try:
        return run()
    except Exception as error:
        return f"failed: {str(error).removeprefix('TaskFailedError: ')}"


@pytest.mark.parametrize("name", PROGRAMS)
def test_it_means_the_same_everywhere(name: str, bucket: Path, tmp_path: Path) -> None:
    workflow = workflow_of(name, PROGRAMS[name], tmp_path)
    plain, made = outcome(lambda: workflow("y")), compiled(workflow)
    with Environment(workflows=[workflow, made], activities=activities_for(workflow)) as env:
        assert outcome(lambda: env.run(workflow, "y")) == plain
        assert outcome(lambda: env.run(made, "y")) == plain
    machine = json.dumps(emit(compile_workflow(workflow)))
    assert [str(one) for one in check_text(machine) if one.severity == "ERROR"] == []
    assert isinstance(plain, str if name == "uncaught" else list)


WRITTEN = {
    "read_and_written": (
        f's3.write_results(same, s3.read_csv({HERE}"rows.csv"), Bucket="o", batch=2)'
    ),
    "list_written": 's3.write_results(same, [[1], None, x], Bucket="o", Prefix="a/b")',
    "nothing_written": 's3.write_results(same, [one for one in [x] if one == ""], Bucket="o")',
}


@pytest.mark.parametrize("name", WRITTEN)
def test_the_same_results_are_written(name: str, bucket: Path, tmp_path: Path) -> None:
    workflow = workflow_of(name, f"return {WRITTEN[name]}", tmp_path)
    made = compiled(workflow)

    def files(place: dict[str, str]) -> list[Any]:
        root = tmp_path / place["Bucket"]
        manifest = json.loads((root / place["Key"]).read_text("utf-8"))
        assert manifest["DestinationBucket"] == "o"
        assert manifest["ResultFiles"]["FAILED"] == []
        listed = manifest["ResultFiles"]["SUCCEEDED"]
        return [json.loads((root / one["Key"]).read_text("utf-8")) for one in listed]

    plain = workflow("y")
    with Environment(workflows=[workflow, made], activities=activities_for(workflow)) as env:
        places = [env.run(workflow, "y"), env.run(made, "y")]
    assert [files(one) for one in places] == [files(plain)] * 2
    assert {one["Key"].count("/") for one in places} == {plain["Key"].count("/")}
    machine = json.dumps(emit(compile_workflow(workflow)))
    assert [str(one) for one in check_text(machine) if one.severity == "ERROR"] == []


@pytest.mark.parametrize(
    ("items", "told"),
    [
        ("[0, -1]", "States.ExceedToleratedFailureThreshold: The specified tolerated failure"),
        (
            f's3.read_jsonl({HERE}"none")',
            "States.ItemReaderFailed: The specified key does not exist",
        ),
    ],
)
def test_maps_that_fail_as_a_whole_raise_the_same(
    items: str, told: str, bucket: Path, tmp_path: Path
) -> None:
    body = (
        f'try:\n        return s3.write_results(fail_if_negative, {items}, Bucket="o")\n'
        "    except TaskFailedError as error:\n        return str(error)"
    )
    workflow = workflow_of("failing", body, tmp_path)
    made = compiled(workflow)
    plain = workflow("y")
    assert plain.startswith(told)
    with Environment(workflows=[workflow, made], activities=activities_for(workflow)) as env:
        assert env.run(workflow, "y") == env.run(made, "y") == plain


REFUSED = [
    ("s3.write_results(same, [1])", "its arguments are an activity and items, Bucket, Prefix"),
    ("s3.write_results(same, Bucket=x)", "its arguments are an activity and items"),
    ("s3.write_results(same, [1], Bucket=1)", "it is int; give a str"),
    ("s3.write_results(x, [1], Bucket=x)", "method submit of str: it is not compiled"),
    ('s3.read_csv(Bucket=x, Key="k")', "only a distributed Map state reads a data set"),
    ('same.map(s3.read_csv(Bucket=x, Key="k")).result()', "only a distributed Map state"),
    ("same.map(s3.read_csv(Bucket=x), distributed=True).result()", "the argument Key is missing"),
    ("same.map(s3.read_csv(x, x), distributed=True).result()", "its arguments have names"),
    ("same.map(s3.read_csv(Bucket=x, Key=1), distributed=True).result()", "it is int; give a str"),
    (
        "same.map(s3.read_csv(Bucket=x, Key=x, MaxItems=len(x)), distributed=True).result()",
        "fixed when it is compiled; write a constant",
    ),
    (
        "same.map(s3.read_csv(Bucket=x, Key=x, MaxItems=0), distributed=True).result()",
        "MaxItems=0 is not a number of items, 1 or more",
    ),
    (
        "same.map(s3.read_jsonl(Bucket=x, Key=x, CSVHeaders=[x]), distributed=True).result()",
        "there is no argument CSVHeaders; it has Bucket, Key, VersionId, MaxItems",
    ),
    ("same.map([1], batch=2).result()", "map(items, distributed=True), with batch=NUMBER"),
    ("same.map([1], distributed=True, batch=0).result()", "with batch=NUMBER"),
    ("same.map([1], distributed=True, batch=1001).result()", "with batch=NUMBER"),
    ("same.map(x, distributed=True, batch=2).result()", "batches of str: it is no list"),
]


@pytest.mark.parametrize(("code", "told"), REFUSED)
def test_what_a_map_state_cannot_read_is_refused(code: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(CompileError) as raised:
        compile_workflow(workflow_of("refused", f"return {code}", tmp_path), "f.py")
    (found,) = raised.value.diagnostics
    assert told in str(found)


def test_the_role_may_read_the_object_and_no_other(tmp_path: Path) -> None:
    workflow = workflow_of("csv", PROGRAMS["csv"], tmp_path)
    needed = permissions_of(emit(compile_workflow(workflow)), "rows", "same")
    assert [one.resource for one in needed if one.actions == ("s3:GetObject",)] == [
        "arn:{partition}:s3:::data/rows.csv"
    ]
    workflow = workflow_of("written", f"return {WRITTEN['list_written']}", tmp_path)
    needed = permissions_of(emit(compile_workflow(workflow)), "rows", "same")
    assert [one.resource for one in needed if "s3:PutObject" in one.actions] == [
        "arn:{partition}:s3:::o/a/b/*"
    ]


@pytest.mark.parametrize(
    ("reader", "given", "told"),
    [
        (partial(s3.write_results, same, [1]), {}, "give Bucket, and Prefix perhaps"),
        (partial(s3.write_results, same, [1]), {"Bucket": "b", "Key": "k"}, "give Bucket, and"),
        (s3.read_csv, {"Bucket": "b"}, "s3.read_csv: the argument Key is missing"),
        (s3.read_json, {"Bucket": "b", "Key": "k", "ItemsPointer": "a"}, "is not a JSON Pointer"),
        (s3.read_csv, {"Bucket": "b", "Key": "k", "CSVDelimiter": ","}, "is not one of COMMA"),
        (s3.list_objects, {"Key": "k"}, "there is no argument Key; it has Bucket, Prefix"),
    ],
)
def test_arguments_are_checked_at_the_call(reader: Any, given: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidInputError, match=told):
        reader(**given)


def test_what_cannot_be_read_fails(bucket: Path) -> None:
    with pytest.raises(TaskFailedError, match=r"States\.ItemReaderFailed: .*none"):
        s3.read_csv(Bucket="data", Key="none")


@pytest.mark.parametrize("size", [0, -1, 1.5, True, "2"])
def test_a_batch_has_a_number_of_items(size: Any) -> None:
    @activity
    def first(items: list[int]) -> int:
        return items[0]

    assert first.map([1, 2, 3], batch=2).result() == [1, 3]
    with pytest.raises(InvalidOptionError, match="is no number of items"):
        first.map([1, 2, 3], batch=size)


def test_each_distributed_map_has_a_label_of_its_own(tmp_path: Path) -> None:
    source = (
        "@workflow\ndef main(xs: list[int]) -> Any:\n"
        "    one, two = same.map(xs, distributed=True), same.map(xs, distributed=True)\n"
        "    return [one.result(), two.result()]\n"
    )
    machine = emit(compile_workflow(load("labelled", HEAD + source, tmp_path)))
    labels = [one["Label"] for one in machine["States"].values() if one["Type"] == "Map"]
    assert labels == ["map-line-11", "map-line-11-2"]
    assert check_text(json.dumps(machine)) == []
