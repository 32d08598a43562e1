"""Gather the pages of the site that `make docs` builds: the README, docs/, and an API reference.

python -m tests.site FOLDER         write the pages into a folder
python -m tests.site --check SITE   check what was built of them
"""

from __future__ import annotations

import re
import shutil
import sys
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).parents[1]

MODULES = {
    "partita": "What authors of workflows import",
    "partita.client": "Start, signal, wait",
    "partita.worker": "Run workflows and activities",
    "partita.connect": "URLs of backends",
    "partita.testing": "Test workflows",
    "partita.deciders": "Deciders by hand",
    "partita.errors": "Every exception",
}
"""The modules whose reference is built, with their titles."""


def gather(folder: Path) -> list[Path]:
    """Write all pages into a folder, which is emptied first; return them."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "index.md").write_text(_readme())
    for page in sorted((ROOT / "docs").glob("*.md")):
        text = page.read_text().replace("](../README.md", "](index.md")
        (folder / page.name).write_text(_without_outside_links(text))
    lines = "".join(f"- [`{name}`](api-{name}.md): {title}\n" for name, title in MODULES.items())
    (folder / "api.md").write_text(f"# API reference\n\n{lines}")
    for name in MODULES:
        (folder / f"api-{name}.md").write_text(f"# `{name}`\n\n::: {name}\n")
    return sorted(folder.glob("*.md"))


def _readme() -> str:
    text = (ROOT / "README.md").read_text()
    text = text.replace("](docs/", "](")
    start = text.replace("- API reference: `make docs`", "- [API reference](api.md): `make docs`")
    return _without_outside_links(start)


def _without_outside_links(text: str) -> str:
    """Return a page whose links to files of the repository that are no pages are plain text."""

    def link(found: re.Match[str]) -> str:
        target = found[2].partition("#")[0]
        is_page = "/" not in target and target.endswith(".md") and target != "CONTRIBUTING.md"
        is_page = is_page or target == "" or "://" in found[2]
        return found[0] if is_page else found[1]

    return re.sub(r"\[([^\]]*)\]\(([^)]*)\)", link, text)


def faults(site: Path) -> list[str]:
    """Return what is wrong with a built site: pages and entries that lack, and what is fetched."""
    wanted = {page.stem for page in (ROOT / "docs").glob("*.md")} | {"index", "api"}
    wanted |= {f"api-{name}" for name in MODULES}
    found = [f"{name}.html is not there" for name in sorted(wanted) if not _page(site, name)]
    for name in MODULES:
        page = _page(site, f"api-{name}")
        public = getattr(import_module(name), "__all__", ())
        lacking = [one for one in public if f'id="{name}.{one}"' not in page]
        found += [f"api-{name}.html says nothing of {one}" for one in lacking]
    for file in sorted(site.rglob("*")):
        if file.suffix in (".html", ".css"):
            fetched = _FETCHED.findall(file.read_text())
            found += [f"{file.name} fetches {address}" for address in fetched]
    return found


def _page(site: Path, name: str) -> str:
    file = site / f"{name}.html"
    return file.read_text() if file.exists() else ""


_FETCHED = re.compile(
    r"""(?:<(?:script|img|iframe)\b[^>]*\bsrc=["']?|<link\b[^>]*\brel=["']?stylesheet["']?[^>]*"""
    r"""\bhref=["']?|url\(["']?|@import\s+["'])((?:https?:)?//[^"'>)\s]+)"""
)
"""What a browser loads from elsewhere when it shows a page."""


if __name__ == "__main__":
    if sys.argv[1] == "--check":
        sys.exit("\n".join(faults(Path(sys.argv[2]))) or 0)
    gather(Path(sys.argv[1]))
