"""Data sets of distributed Map states, read in pages from a folder that stands for S3."""

from __future__ import annotations

import gzip
import json
import random
from contextlib import closing, suppress
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pyarrow
import pytest
from pyarrow import parquet

from partita.asl.item_readers.data_sets import parse_data_set
from partita.asl.item_readers.pages import ItemPages, Position
from partita.errors import TaskFailedError
from partita.integrations.objects import FolderStore

GET = "arn:aws:states:::s3:getObject"
LIST = "arn:aws:states:::s3:listObjectsV2"


def zstd(data: bytes) -> bytes:
    """Return compressed data."""
    return bytes(pyarrow.compress(data, "zstd", asbytes=True))


class Folder:
    """A bucket named `data` in a folder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.bucket = path / "data"
        self.bucket.mkdir()

    def write(self, key: str, content: str | bytes) -> None:
        file = self.bucket / key
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)

    def read(
        self, config: dict[str, Any] | None, key: str = "items", *, page_items: int = 1000
    ) -> list[Any]:
        """Return the items of an object."""
        return self.read_all(GET, {"Bucket": "data", "Key": key}, config, page_items)

    def read_all(
        self, resource: str, arguments: Any, config: Any = None, page_items: int = 1000
    ) -> list[Any]:
        """Return all items; each page is read by somebody who knows the position only."""
        data_set = parse_data_set(resource, arguments, config)
        data_set = msgspec.json.decode(msgspec.json.encode(data_set), type=type(data_set))
        items: list[Any] = []
        position: Position | None = None
        while True:
            pages = ItemPages(FolderStore(self.path), page_items=page_items)
            page = pages.read(data_set, position)
            pages.close()
            assert len(page.items) <= page_items
            items += page.items
            if page.next is None:
                return items
            position = msgspec.json.decode(msgspec.json.encode(page.next), type=Position)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def failed(folder: Folder, config: dict[str, Any], key: str = "items") -> str:
    """Return the cause for which a data set cannot be read."""
    with pytest.raises(TaskFailedError) as raised:
        folder.read(config, key)
    assert raised.value.error == "States.ItemReaderFailed"
    return str(raised.value.cause)


CSV = {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"}


class TestCsv:
    @pytest.mark.parametrize("page_items", [1, 2, 1000])
    def test_rows_are_objects_of_strings(self, folder: Folder, page_items: int) -> None:
        folder.write("items", "a,b\n1,x\n,,,\n2\n   \n\n3,y\r\n")
        assert folder.read(CSV, page_items=page_items) == [
            {"a": "1", "b": "x"},
            {"a": "", "b": ""},
            {"a": "2", "b": ""},
            {"a": "   ", "b": ""},
            {"a": "3", "b": "y"},
        ]

    def test_given_headers_leave_the_first_row_an_item(self, folder: Folder) -> None:
        folder.write("items", "1,2\n3,4")
        config = {"InputType": "CSV", "CSVHeaderLocation": "GIVEN", "CSVHeaders": ["a", "b"]}
        assert folder.read(config) == [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]

    @pytest.mark.parametrize(
        ("name", "delimiter"),
        [("COMMA", ","), ("PIPE", "|"), ("SEMICOLON", ";"), ("SPACE", " "), ("TAB", "\t")],
    )
    def test_delimiters(self, folder: Folder, name: str, delimiter: str) -> None:
        folder.write("items", f'a{delimiter}b\n1{delimiter}"x{delimiter}y"\n')
        expected = [{"a": "1", "b": f"x{delimiter}y"}]
        assert folder.read({**CSV, "CSVDelimiter": name}) == expected

    @pytest.mark.parametrize(
        ("row", "fields"),
        [
            ('"a,b",c', ["a,b", "c"]),
            ('"a ""quoted"" b",c', ['a "quoted" b', "c"]),
            ('"",x', ["", "x"]),
            ('"""all""",x', ['"all"', "x"]),
            ('{""K"":""V""},x', ['{"K":"V"}', "x"]),
            ('5" pipe,x', ['5" pipe', "x"]),
            ('"a"b,x', ["ab", "x"]),
            (r"a\,b,x", ["a,b", "x"]),
            (r"a\\b,x", [r"a\b", "x"]),
            (r"\"a\",x", ['"a"', "x"]),
            (r"C:\temp,x", ["C:temp", "x"]),
            ('"line 1\nline 2",x', ["line 1\nline 2", "x"]),
            ('"a\n\n""b""\n",x', ['a\n\n"b"\n', "x"]),
            ("ünï,日本", ["ünï", "日本"]),
        ],
    )
    def test_quotes_and_backslashes(self, folder: Folder, row: str, fields: list[str]) -> None:
        folder.write("items", f"h1,h2\n{row}\nlast,1\n")
        expected = [dict(zip(("h1", "h2"), fields, strict=True)), {"h1": "last", "h2": "1"}]
        assert folder.read(CSV, page_items=1) == expected

    def test_a_byte_order_mark_is_no_part_of_the_header(self, folder: Folder) -> None:
        folder.write("items", b"\xef\xbb\xbfa,b\n1,2\n")
        assert folder.read(CSV, page_items=1) == [{"a": "1", "b": "2"}]

    @pytest.mark.parametrize("headers", ["a,a", "a,b,a"])
    def test_duplicate_headers(self, folder: Folder, headers: str) -> None:
        folder.write("items", f"{headers}\n1,2,3\n")
        assert failed(folder, CSV) == "CSV headers cannot contain duplicates."

    def test_duplicate_given_headers(self, folder: Folder) -> None:
        folder.write("items", "1,2\n")
        config = {"InputType": "CSV", "CSVHeaderLocation": "GIVEN", "CSVHeaders": ["a", "a"]}
        assert failed(folder, config) == "CSV headers cannot contain duplicates."

    def test_headers_are_limited(self, folder: Folder) -> None:
        folder.write("items", "x" * 11_000 + "\n1\n")
        assert failed(folder, CSV) == "CSV headers cannot be larger than 10 KiB."

    def test_a_file_without_rows(self, folder: Folder) -> None:
        folder.write("items", "a,b\n")
        assert failed(folder, CSV) == "s3://data/items contains only CSV headers."
        folder.write("items", "")
        assert failed(folder, CSV) == "s3://data/items is empty: it has no CSV headers."

    def test_a_broken_row_is_named_by_its_line(self, folder: Folder) -> None:
        folder.write("items", 'a,b\n1,2\n3,"4\n5,6\n')
        cause = "s3://data/items cannot be read at line 3: a quoted field has no end"
        assert failed(folder, CSV) == cause
        folder.write("items", b"a,b\n1,2\n3,\xff\n")
        assert "at line 3: it is not in UTF-8" in failed(folder, CSV)


class TestJsonLines:
    CONFIG = {"InputType": "JSONL"}

    @pytest.mark.parametrize("page_items", [1, 3])
    def test_each_line_is_an_item(self, folder: Folder, page_items: int) -> None:
        folder.write("items", '{"a": 1}\n\n[1, 2]\r\n"x"\n   \nnull\n7')
        assert folder.read(self.CONFIG, page_items=page_items) == [{"a": 1}, [1, 2], "x", None, 7]

    def test_a_broken_line_is_named(self, folder: Folder) -> None:
        folder.write("items", '{"a": 1}\n\n{"a": \n{"a": 2}\n')
        assert "s3://data/items cannot be read at line 3: it is not JSON" in failed(
            folder, self.CONFIG
        )

    def test_items_before_a_broken_line_are_read(self, folder: Folder) -> None:
        folder.write("items", "1\n2\nx\n")
        data_set = parse_data_set(GET, {"Bucket": "data", "Key": "items"}, self.CONFIG)
        with closing(ItemPages(FolderStore(folder.path), page_items=2)) as pages:
            page = pages.read(data_set)
            assert page.items == [1, 2]
            with pytest.raises(TaskFailedError, match="at line 3"):
                pages.read(data_set, page.next)


class TestJson:
    CONFIG = {"InputType": "JSON"}

    @pytest.mark.parametrize("page_items", [1, 2, 1000])
    def test_the_elements_of_an_array(self, folder: Folder, page_items: int) -> None:
        items = [1, 12, -3.5e-7, "a]\\", {"b": [1, {"c": "}"}]}, [], {}, None, True, "ü日\u2028"]
        for indent in (None, 2):
            folder.write("items", json.dumps(items, indent=indent, ensure_ascii=False))
            assert folder.read(self.CONFIG, page_items=page_items) == items

    def test_the_members_of_an_object(self, folder: Folder) -> None:
        folder.write("items", '{"a": {"x": 1}, "b": 2}')
        expected = [{"Key": "a", "Value": {"x": 1}}, {"Key": "b", "Value": 2}]
        assert folder.read(self.CONFIG, page_items=1) == expected

    @pytest.mark.parametrize("text", ["[]", " [ ] ", "{}", "\ufeff[]"])
    def test_no_items(self, folder: Folder, text: str) -> None:
        folder.write("items", text)
        assert folder.read(self.CONFIG) == []

    @pytest.mark.parametrize(
        ("pointer", "items"),
        [
            ("/records", [1, 2]),
            ("/deep/1/list", ["x"]),
            ("/a~1b/m~0n", [3]),
            ("", None),
        ],
    )
    def test_items_pointer(self, folder: Folder, pointer: str, items: list[Any] | None) -> None:
        data = {
            "before": {"records": [9]},
            "records": [1, 2],
            "deep": [[5], {"list": ["x"]}],
            "a/b": {"m~n": [3]},
        }
        folder.write("items", json.dumps(data))
        if items is None:
            items = [{"Key": name, "Value": value} for name, value in data.items()]
        config = {**self.CONFIG, "ItemsPointer": pointer}
        assert folder.read(config, page_items=1) == items

    @pytest.mark.parametrize("pointer", ["/missing", "/records/7", "/records/x", "/number/x"])
    def test_a_pointer_to_nothing(self, folder: Folder, pointer: str) -> None:
        folder.write("items", '{"records": [1], "number": 1}')
        assert failed(folder, {**self.CONFIG, "ItemsPointer": pointer}) == (
            "The provided ReaderConfig.ItemsPointer does not match any valid path in the JSON "
            "structure."
        )

    @pytest.mark.parametrize(("text", "pointer"), [('"text"', ""), ('{"a": 1}', "/a")])
    def test_what_has_no_items(self, folder: Folder, text: str, pointer: str) -> None:
        folder.write("items", text)
        cause = failed(folder, {**self.CONFIG, "ItemsPointer": pointer})
        assert cause == "Attempting to map over non-iterable node."

    @pytest.mark.parametrize(
        ("text", "line"),
        [
            ("[1,\n2,\nx\n]", 3),
            ("[1,\n2\n3]", 3),
            ("[1,\n2,]", 2),
            ("[1\n] 2", 2),
            ("[1,\n2", 2),
            ("", 1),
            ("[NaN]", 1),
            ('["\\x"]', 1),
            ('{"a" 1}', 1),
            ("{1: 2}", 1),
            ("[" * 100_000, 1),
            ("[" + "9" * 5000 + "]", 1),
        ],
    )
    def test_what_is_not_json_is_named_by_its_line(
        self, folder: Folder, text: str, line: int
    ) -> None:
        folder.write("items", text)
        assert f"s3://data/items cannot be read at line {line}: " in failed(folder, self.CONFIG)

    def test_half_of_a_surrogate_pair(self, folder: Folder) -> None:
        folder.write("items", '["\\ud800"]')
        assert "not Unicode" in failed(folder, self.CONFIG)

    def test_chunks_end_anywhere(self, folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
        chance = random.Random(3)
        items = [
            {
                "n": chance.randrange(10**9),
                "f": chance.random(),
                "s": 'ü\\"\n' * chance.randrange(9),
            }
            for _ in range(40)
        ] + [-1.5e30, 12345678901234567890, True, None]
        text = json.dumps(items, ensure_ascii=False)
        folder.write("items", text)
        for chunk in (1, 2, 3, 7, 64):
            for module in ("content", "json_arrays"):
                monkeypatch.setattr(f"partita.asl.item_readers.{module}.CHUNK", chunk)
            assert folder.read(self.CONFIG, page_items=5) == items


class TestParquet:
    CONFIG = {"InputType": "PARQUET"}

    def test_rows_are_objects(self, folder: Folder) -> None:
        rows = [
            {"n": number, "s": f"text {number}", "l": [number, None], "o": {"x": number / 2}}
            for number in range(25)
        ]
        file = folder.bucket / "items"
        parquet.write_table(pyarrow.Table.from_pylist(rows), file, row_group_size=10)
        for page_items in (1, 7, 10, 1000):
            assert folder.read(self.CONFIG, page_items=page_items) == rows

    def test_times_decimals_and_bytes_are_texts(self, folder: Folder) -> None:
        table = pyarrow.table(
            {
                "t": pyarrow.array([datetime(2025, 1, 2, 3, 4, 5, tzinfo=UTC)]),
                "n": pyarrow.array([1_735_787_045_000_000_123], pyarrow.timestamp("ns")),
                "d": pyarrow.array([date(2025, 1, 2)]),
                "m": pyarrow.array([Decimal("1.50")]),
                "b": pyarrow.array([b"abc"]),
            }
        )
        parquet.write_table(table, folder.bucket / "items")
        assert folder.read(self.CONFIG) == [
            {
                "t": "2025-01-02T03:04:05Z",
                "n": "2025-01-02T03:04:05",
                "d": "2025-01-02",
                "m": "1.50",
                "b": "YWJj",
            }
        ]

    def test_another_file(self, folder: Folder) -> None:
        folder.write("items", "this is no Parquet file")
        assert "s3://data/items cannot be read in row group 0" in failed(folder, self.CONFIG)


class TestListings:
    def test_objects_are_described(self, folder: Folder) -> None:
        for name in ("b", "a/1", "a/2", "c"):
            folder.write(f"x/{name}", "12345")
        items = folder.read_all(LIST, {"Bucket": "data", "Prefix": "x/"}, page_items=3)
        assert [one["Key"] for one in items] == ["x/a/1", "x/a/2", "x/b", "x/c"]
        assert items[0]["Size"] == 5
        assert items[0]["StorageClass"] == "STANDARD"
        assert items[0]["Etag"] == '"827ccb0eea8a706c4c34a16891f84e7b"'
        assert isinstance(items[0]["LastModified"], int)

    def test_an_empty_prefix_has_no_items(self, folder: Folder) -> None:
        assert folder.read_all(LIST, {"Bucket": "data", "Prefix": "nothing/"}) == []

    def test_no_such_bucket(self, folder: Folder) -> None:
        with pytest.raises(TaskFailedError, match="bucket does not exist"):
            folder.read_all(LIST, {"Bucket": "other"})

    @pytest.mark.parametrize("page_items", [1, 2, 1000])
    def test_load_and_flatten(self, folder: Folder, page_items: int) -> None:
        folder.write("in/1.csv", "a,b\n1,2\n3,4\n")
        folder.write("in/2.csv", "b,a\n5,6\n")
        folder.write("out.csv", "a\n1\n")
        config = {**CSV, "Transformation": "LOAD_AND_FLATTEN"}
        items = folder.read_all(LIST, {"Bucket": "data", "Prefix": "in/"}, config, page_items)
        assert items == [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}, {"b": "5", "a": "6"}]

    def test_load_and_flatten_names_the_broken_file(self, folder: Folder) -> None:
        folder.write("in/1", "[1, 2]")
        folder.write("in/2", "[3, ")
        config = {"InputType": "JSON", "Transformation": "LOAD_AND_FLATTEN"}
        with pytest.raises(TaskFailedError, match="s3://data/in/2 cannot be read at line 1"):
            folder.read_all(LIST, {"Bucket": "data", "Prefix": "in/"}, config)


class TestManifests:
    INVENTORY = {
        "sourceBucket": "source",
        "destinationBucket": "arn:aws:s3:::data",
        "fileFormat": "CSV",
        "fileSchema": "Bucket, Key, Size",
        "files": [{"key": "inv/1.csv.gz", "size": 1}, {"key": "inv/2.csv.gz", "size": 1}],
    }

    @pytest.mark.parametrize("page_items", [1, 2, 1000])
    def test_an_inventory(self, folder: Folder, page_items: int) -> None:
        folder.write("items", json.dumps(self.INVENTORY))
        folder.write("inv/1.csv.gz", gzip.compress(b'"s","a,b","1"\n"s","c","2"\n'))
        folder.write("inv/2.csv.gz", gzip.compress(b'"s","d","3"\n'))
        for config in ({"InputType": "MANIFEST"}, {"ManifestType": "S3_INVENTORY"}):
            assert folder.read(config, page_items=page_items) == [
                {"Bucket": "s", "Key": "a,b", "Size": "1"},
                {"Bucket": "s", "Key": "c", "Size": "2"},
                {"Bucket": "s", "Key": "d", "Size": "3"},
            ]

    def test_no_inventory(self, folder: Folder) -> None:
        folder.write("items", "[1]")
        assert "is no manifest of an S3 inventory" in failed(folder, {"InputType": "MANIFEST"})
        folder.write("items", json.dumps({**self.INVENTORY, "fileFormat": "ORC"}))
        assert "of the format ORC" in failed(folder, {"InputType": "MANIFEST"})

    @pytest.mark.parametrize("page_items", [1, 2, 1000])
    def test_a_result_of_athena(self, folder: Folder, page_items: int) -> None:
        folder.write("items", "s3://data/r/1.gz\n\ns3://data/r/2\n")
        folder.write("r/1.gz", gzip.compress(b'{"a": 1}\n{"a": 2}\n'))
        folder.write("r/2", '{"a": 3}\n')
        config = {"InputType": "JSONL", "ManifestType": "ATHENA_DATA"}
        expected = [{"a": 1}, {"a": 2}, {"a": 3}]
        assert folder.read(config, page_items=page_items) == expected

    def test_a_line_that_is_no_uri(self, folder: Folder) -> None:
        folder.write("items", "nonsense\n")
        config = {"InputType": "JSONL", "ManifestType": "ATHENA_DATA"}
        assert "line 1: 'nonsense' is no URI" in failed(folder, config)


class TestPages:
    CONFIG = {"InputType": "JSONL"}

    @pytest.mark.parametrize(("limit", "count"), [(0, 9), (4, 4), (9, 9), (100_000_000, 9)])
    @pytest.mark.parametrize("page_items", [1, 3, 4, 1000])
    def test_max_items(self, folder: Folder, limit: int, count: int, page_items: int) -> None:
        folder.write("items", "\n".join(map(str, range(9))))
        config = {**self.CONFIG, "MaxItems": limit}
        assert folder.read(config, page_items=page_items) == list(range(count))

    def test_a_page_ends_with_the_item_that_fills_it(self, folder: Folder) -> None:
        folder.write("items", '"12345678"\n' * 5)
        data_set = parse_data_set(GET, {"Bucket": "data", "Key": "items"}, self.CONFIG)
        with closing(ItemPages(FolderStore(folder.path), page_bytes=15)) as pages:
            first = pages.read(data_set)
        assert len(first.items) == 2
        assert first.next is not None
        assert first.next.count == 2

    def test_a_page_can_be_read_again(self, folder: Folder) -> None:
        folder.write("items", "\n".join(map(str, range(9))))
        data_set = parse_data_set(GET, {"Bucket": "data", "Key": "items"}, self.CONFIG)
        with closing(ItemPages(FolderStore(folder.path), page_items=4)) as pages:
            first = pages.read(data_set)
            for _ in range(2):
                assert pages.read(data_set, first.next).items == [4, 5, 6, 7]
                assert pages.read(data_set) == first

    def test_an_object_that_changes_is_not_read_on(self, folder: Folder) -> None:
        folder.write("items", "1\n2\n3\n")
        data_set = parse_data_set(GET, {"Bucket": "data", "Key": "items"}, self.CONFIG)
        pages = ItemPages(FolderStore(folder.path), page_items=1)
        page = pages.read(data_set)
        pages.close()
        folder.write("items", "1\n22\n3\n")
        with pytest.raises(TaskFailedError, match="has changed while it was read"):
            pages.read(data_set, page.next)

    def test_gzip_is_read_on_from_any_page(self, folder: Folder) -> None:
        folder.write("items", gzip.compress("\n".join(map(str, range(500))).encode()))
        assert folder.read(self.CONFIG, page_items=33) == list(range(500))

    def test_a_truncated_gzip_file(self, folder: Folder) -> None:
        folder.write("items", gzip.compress(b"1\n" * 100)[:-4])
        assert "cannot be decompressed" in failed(folder, self.CONFIG)

    def test_zstd_is_read_on_from_any_page(self, folder: Folder) -> None:
        text = "\n".join(map(str, range(500))).encode()
        folder.write("items", zstd(text))
        assert folder.read(self.CONFIG, page_items=33) == list(range(500))
        folder.write("items", zstd(text[:1000]) + zstd(text[1000:]))
        assert folder.read(self.CONFIG, page_items=33) == list(range(500))
        folder.write("items", zstd(b"n\n7\n"))
        config = {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"}
        assert folder.read(config) == [{"n": "7"}]

    @pytest.mark.parametrize("end", [-4, 6])
    def test_a_truncated_zstd_file(self, end: int, folder: Folder) -> None:
        text = "\n".join(map(str, range(500))).encode()
        folder.write("items", zstd(text)[:end])
        assert "cannot be decompressed" in failed(folder, self.CONFIG)

    def test_a_line_without_end(self, folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("partita.asl.item_readers.content.RECORD_LIMIT", 100_000)
        folder.write("items", "1\n" + "2" * 300_000)
        assert "at line 2: it has more than 100000 bytes" in failed(folder, self.CONFIG)


class TestWhatCannotBeUsed:
    @pytest.mark.parametrize("key", ["missing", "../data/items", "/etc/passwd", "x/../../y", ""])
    def test_keys(self, folder: Folder, key: str) -> None:
        with pytest.raises(TaskFailedError) as raised:
            folder.read({"InputType": "JSON"}, key)
        assert raised.value.error == "States.ItemReaderFailed"

    def test_a_missing_key_is_said_to_be_missing(self, folder: Folder) -> None:
        cause = failed(folder, {"InputType": "JSON"}, "missing")
        assert cause.startswith("The specified key does not exist. (s3://data/missing is the file")

    @pytest.mark.parametrize(
        ("config", "cause"),
        [
            ({}, "ReaderConfig.InputType is required"),
            ({"InputType": "XML"}, "ReaderConfig.InputType must be one of"),
            ({**CSV, "CSVDelimiter": "#"}, "ReaderConfig.CSVDelimiter must be one of"),
            ({**CSV, "MaxItems": -1}, "ReaderConfig.MaxItems must be a positive integer"),
            ({**CSV, "MaxItems": "3"}, "ReaderConfig.MaxItems must be a positive integer"),
            ({"InputType": "CSV", "CSVHeaderLocation": "GIVEN"}, "ReaderConfig.CSVHeaders must"),
        ],
    )
    def test_configurations(self, folder: Folder, config: dict[str, Any], cause: str) -> None:
        folder.write("items", "a\n1\n")
        assert failed(folder, config).startswith(cause)

    @pytest.mark.parametrize(
        ("resource", "arguments"),
        [
            (GET, {"Key": "x"}),
            (GET, {"Bucket": "data"}),
            (GET, {"Bucket": 1, "Key": "x"}),
            (GET, "text"),
            ("arn:aws:states:::s3:putObject", {"Bucket": "data", "Key": "x"}),
        ],
    )
    def test_arguments(self, resource: str, arguments: Any) -> None:
        with pytest.raises(TaskFailedError) as raised:
            parse_data_set(resource, arguments, {"InputType": "JSON"})
        assert raised.value.error == "States.ItemReaderFailed"


@pytest.mark.parametrize(
    "config",
    [
        CSV,
        {**CSV, "CSVDelimiter": "SPACE"},
        {"InputType": "JSON"},
        {"InputType": "JSON", "ItemsPointer": "/a/0"},
        {"InputType": "JSONL"},
        {"InputType": "MANIFEST"},
        {"InputType": "PARQUET"},
        {"InputType": "JSONL", "ManifestType": "ATHENA_DATA"},
    ],
)
def test_any_bytes_are_items_or_a_failure(folder: Folder, config: dict[str, Any]) -> None:
    chance = random.Random(5)
    seeds = [
        b'{"a": [[1, "x\\u00e9", {"b": null}], 2.5e3], "c": "\\ud800"}',
        b'a,b\n1,"2 ""x""\n3",\\"\n\n4,5\r\n',
        b"s3://data/items\n",
        gzip.compress(b'{"a": 1}\n[1]\n'),
        b"PAR1" + bytes(40) + b"PAR1",
    ]
    for _ in range(150):
        data = bytearray(chance.choice(seeds))
        for _ in range(chance.randrange(6)):
            at = chance.randrange(len(data))
            data[at : at + chance.randrange(3)] = chance.randbytes(chance.randrange(3))
            data = data or bytearray(b"x")
        folder.write("items", bytes(data))
        with suppress(TaskFailedError):
            folder.read(config, page_items=chance.choice((1, 2, 1000)))
