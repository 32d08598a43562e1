"""The site that `make docs` builds has every page, and a reference of what users import."""

from __future__ import annotations

import json
import re
from importlib import import_module
from pathlib import Path

import pytest

from tests.site import MODULES, ROOT, faults, gather


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 200


def test_every_page_is_there_and_its_links_lead_to_pages(tmp_path: Path) -> None:
    pages = gather(tmp_path / "pages")
    names = {page.name for page in pages}
    assert names >= {page.name for page in (ROOT / "docs").glob("*.md")} | {"index.md", "api.md"}
    for page in pages:
        for target in re.findall(r"\]\(([^)#]+?\.md)", page.read_text()):
            assert target in names, f"{page.name}: {target}"


@pytest.mark.parametrize("name", sorted(MODULES))
def test_what_the_reference_shows_has_docstrings(name: str) -> None:
    module = import_module(name)
    for public in getattr(module, "__all__", ()):
        value = getattr(module, public)
        is_code = callable(value) and getattr(value, "__module__", "").startswith("partita")
        assert not is_code or value.__doc__, f"{name}.{public}"


def test_what_a_built_site_lacks_or_fetches_is_found(tmp_path: Path) -> None:
    """`make docs` runs this check; here it gets a site of empty pages."""
    for page in gather(tmp_path / "pages"):
        (tmp_path / f"{page.stem}.html").write_text('<a href="https://example.org">elsewhere</a>')
    found = faults(tmp_path)
    assert "api-partita.html says nothing of workflow" in found
    assert all(" says nothing of " in one for one in found)
    (tmp_path / "index.html").write_text('<script async src="https://cdn.example.org/x.js">')
    (tmp_path / "x.css").write_text("a { background: url(//example.org/y.png) }")
    (tmp_path / "swf.html").unlink()
    more = [one for one in faults(tmp_path) if one not in found]
    assert more == [
        "swf.html is not there",
        "index.html fetches https://cdn.example.org/x.js",
        "x.css fetches //example.org/y.png",
    ]


def test_figures_of_the_comparison_are_those_of_the_recorded_run() -> None:
    recorded = json.loads((ROOT / "benchmarks/results/peers.json").read_text())
    values = {one["name"]: one["value"] for one in recorded}
    readme = (ROOT / "README.md").read_text()
    for name in (
        "SQLite A, steps in sequence",
        "SQLite A, dbos",
        "PostgreSQL B, activities at once",
        "PostgreSQL B, dbos",
    ):
        assert f"| {round(values[name]):,}/s " in readme, name
