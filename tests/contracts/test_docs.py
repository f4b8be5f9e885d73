"""The documentation runs as written: every python block of docs/*.md, with the output that the page shows.

The blocks of a page run one after the other in one namespace, in an empty directory. Where a block marked `text`
follows a block marked `python`, with nothing but blank lines between, it is the output of that block, to the letter.
"""

from __future__ import annotations

import contextlib
import io
import linecache
import re
import sys
import types
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted((ROOT / "docs").rglob("*.md"))
_BLOCK = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```[ \t]*$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(#[^)\s]*)?\)")
_RULE = re.compile(r"\brules? (\d+)")
HERE = {*range(1, 25), 26, *range(28, 37)}  # 25 and 27 are about tasks and agents


@dataclass(frozen=True)
class Block:
    """One python block of a page."""

    line: int  # of the page, where the code begins
    code: str
    output: str | None  # what the page says it prints


def python_blocks(text: str) -> list[Block]:
    """Return the python blocks of a page, each with the text block that follows it at once."""
    found = []
    matches = list(_BLOCK.finditer(text))
    for n, match in enumerate(matches):
        if match[1] != "python":
            continue
        follower = matches[n + 1] if n + 1 < len(matches) else None
        output = None
        if follower is not None and follower[1] == "text" and not text[match.end() : follower.start()].strip():
            output = follower[2]
        found.append(Block(text.count("\n", 0, match.start(2)) + 1, match[2], output))
    return found


def run_block(block: Block, module: types.ModuleType, path: str) -> str:
    """Run one block in the page's namespace and return what it printed; its lines carry the page's numbers."""
    source = "\n" * (block.line - 1) + block.code
    linecache.cache[path] = (len(source), None, source.splitlines(keepends=True), path)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(source, path, "exec"), module.__dict__)
    return printed.getvalue()


@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if "```python" in page.read_text(encoding="utf-8")],
    ids=lambda page: page.relative_to(ROOT / "docs").as_posix(),
)
def test_every_block_of_the_page_runs_and_prints_what_the_page_says(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BACKTESTER_TRIALS", str(tmp_path / "trials.db"))  # a project of the page's own, with its trials
    monkeypatch.setattr("backtester.trials.mark._in_a_test", lambda: False)
    monkeypatch.syspath_prepend(str(ROOT))
    module = types.ModuleType(f"docs_{page.stem}")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    for block in python_blocks(page.read_text(encoding="utf-8")):
        printed = run_block(block, module, f"{page}:{block.line}")
        where = f"{page.relative_to(ROOT)}, line {block.line}"
        if block.output is None:
            assert printed == "", f"{where} prints, and no text block shows what"
        else:
            assert printed == block.output, where


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT / "docs").as_posix())
def test_links_inside_the_project_lead_somewhere(page):
    for target, _ in _LINK.findall(page.read_text(encoding="utf-8")):
        if not target.startswith(("http://", "https://", "mailto:")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_every_rule_that_code_refers_to_has_a_heading_or_an_entry():
    """Comments in the package say "rule 11"; the pages must have it, under that number."""
    pages = ("timeline.md", "accounting.md", "events.md", "strategies.md", "trading.md")
    text = "".join((ROOT / "docs" / name).read_text(encoding="utf-8") for name in pages)
    explained = {int(n) for n in re.findall(r"^#+ Rule (\d+)", text, re.MULTILINE)}
    used = set()
    for source in (ROOT / "backtester").rglob("*.py"):
        used |= {int(n) for n in _RULE.findall(source.read_text(encoding="utf-8"))}
    assert used, "no module refers to a rule"
    assert used <= explained
    assert explained >= HERE


def test_every_page_is_on_the_map():
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    linked = {target for target, _ in _LINK.findall(index)}
    missing = [
        page.relative_to(ROOT / "docs").as_posix()
        for page in PAGES
        if page.name != "index.md" and page.relative_to(ROOT / "docs").as_posix() not in linked
    ]
    assert not missing
