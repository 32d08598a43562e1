"""Files of pyawssfn are deployed as workflows are: the zip of gen-lambda, and their machine."""

from __future__ import annotations

import json
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

import pytest
from cfnlint.api import lint
from cfnlint.config import ManualArgs

from partita.asl.check import check_text
from partita.stepfunctions.pysfn.lambda_package import zip_of
from tests.deploy.shop import Shop, partita

FILE = Path(__file__).parents[2] / "examples" / "pysfn" / "analyse_text.py"
ARN = "arn:aws:lambda:us-east-1:123456789012:function:analyse_text:1"


@pytest.mark.parametrize(
    ("kind", "file"),
    [
        ("sam", "template.json"),
        ("cloudformation", "template.json"),
        ("terraform", "main.tf"),
        ("cdk", "app.py"),
    ],
)
def test_files_are_written_for_other_tools(kind: str, file: str, tmp_path: Path) -> None:
    ran = partita(tmp_path, "deploy", str(FILE), "--emit", kind, "-o", "out")
    assert (ran.status, ran.err) == (0, "")
    assert (tmp_path / "out" / "analyse_text.zip").read_bytes() == zip_of(str(FILE))
    text = (tmp_path / "out" / file).read_text("utf-8")
    assert '"handler.dispatch"' in text
    if file == "template.json":
        assert lint(text, config=ManualArgs(regions=["us-east-1"])) == []
    machine = (tmp_path / "out" / "analyse_text.asl.json").read_text("utf-8")
    assert machine.count('"Resource": "${Function}"') == 6
    found = check_text(machine.replace("${Function}", ARN))
    assert [one for one in found if one.severity == "ERROR"] == []
    policy = json.loads((tmp_path / "out" / "policy.json").read_text("utf-8"))
    (statement,) = policy["Statement"]
    assert statement["Action"] == ["lambda:InvokeFunction"]
    assert statement["Resource"] == ["arn:aws:lambda:REGION:ACCOUNT:function:analyse_text:*"]


def test_they_are_created_and_updated(shop: Shop) -> None:
    file = shop.folder / "words.py"
    file.write_bytes(FILE.read_bytes())
    ran = shop.deploy(target="words.py:analyse")
    assert ran.status == 0, ran.err
    about = shop.function()["Configuration"]
    assert about["Handler"] == "handler.dispatch"
    assert about["CodeSha256"] == b64encode(sha256(zip_of(str(file))).digest()).decode()
    assert shop.function()["Tags"]["partita:source"] == "words:analyse"
    assert shop.machine()["definition"].count(f"function:{shop.name}:1") == 6
    assert shop.deploy(target="words.py").out.startswith("nothing changed")
    file.write_text(file.read_text("utf-8").replace('"aeiou"', '"aeiouy"'), "utf-8")
    assert shop.deploy(target="words.py").status == 0
    assert shop.machine()["definition"].count(f"function:{shop.name}:2") == 6
    assert "was deployed from words:analyse" in shop.deploy().error


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--requirements", "r.txt"], "--requirements is for bundles"),
        (["--function", "name"], "--function 'name' is no ARN"),
        (["--name", "a b"], "'a b' cannot name a function"),
    ],
)
def test_bad_options_are_one_line(shop: Shop, options: list[str], told: str) -> None:
    (shop.folder / "words.py").write_bytes(FILE.read_bytes())
    ran = partita(shop.folder, "deploy", "words.py", "--emit", "sam", "-o", "out", *options)
    assert ran.status == 2
    assert ran.err.startswith(f"partita: {told}")
    assert ran.err.count("\n") == 1
    assert not (shop.folder / "out").exists()


def test_modules_that_the_zip_lacks_are_told(shop: Shop) -> None:
    (shop.folder / "beside.py").write_text("LIMIT = 1\n", "utf-8")
    (shop.folder / "words.py").write_text(f"import beside\n{FILE.read_text('utf-8')}", "utf-8")
    ran = partita(shop.folder, "deploy", "words.py", "--emit", "sam", "-o", "out")
    assert ran.err == "partita: beside is not in the bundle; put it into a layer\n"
    ran = partita(shop.folder, "pysfn", "gen-lambda", "words.py", "words.zip")
    assert ran.status == 0
    assert "beside, which words.py imports, is not in the zip" in ran.error
    (shop.folder / "inner.py").write_bytes(FILE.read_bytes())
    ran = partita(shop.folder, "pysfn", "gen-lambda", "inner.py", "inner.zip")
    assert ran.status == 2
    assert "inner.py has the name of the zip's own folder; rename it" in ran.error
