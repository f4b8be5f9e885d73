"""The README runs as written.

Its python blocks run one after the other in one process, in an empty directory; a `text` block right after one is what
it prints, to the letter. Each line of its bash blocks runs and succeeds, those of a block in one folder, but those that
set up, which would install: the jobs that they name must exist.
"""

from __future__ import annotations

import itertools
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```[ \t]*$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(?:#[^)\s]*)?\)")
PAGES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "GLOSSARY.md")


def blocks(language: str) -> list[tuple[str, str | None]]:
    """Return the blocks of a language, each with the text block that follows it at once."""
    found = list(BLOCK.finditer(README))
    pairs = []
    for match, after in zip(found, [*found[1:], None], strict=True):
        if match[1] == language:
            between = README[match.end() : after.start()] if after else ""
            shown = bool(after) and after[1] == "text" and between.strip() in ("", "prints")
            pairs.append((match[2], after[2] if after and shown else None))
    return pairs


def commands() -> list[list[str]]:
    """Return the lines of each bash block, without comments."""
    found = [block.splitlines() for block, _ in blocks("bash")]
    return [[line.split("  #")[0].strip() for line in lines if line.strip()] for lines in found]


def sets_up(line: str) -> bool:
    return "bootstrap.py" in line or line.startswith("source ")


def environment(folder: Path) -> dict[str, str]:
    """Return what a reader has who works in a folder: a project of his own, with a ledger of its trials."""
    own = {"BACKTESTER_TRIALS": str(folder / "trials.db"), "PYTHONPATH": str(ROOT)}
    kept = {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
    return {**kept, **own, "PYTHONIOENCODING": "utf-8", "COLUMNS": "100"}


def test_the_python_blocks_run_and_print_what_the_readme_shows(tmp_path):
    mark = "-- end of block --"
    code = "".join(f"{block}\nprint({mark!r})\n" for block, _ in blocks("python"))
    (tmp_path / "readme.py").write_text(code, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "error", "readme.py"],
        cwd=tmp_path,
        capture_output=True,
        encoding="utf-8",
        env=environment(tmp_path),
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    printed = done.stdout.split(f"{mark}\n")
    shown = [text or "" for _, text in blocks("python")]
    assert any(shown)
    assert printed[:-1] == shown


@pytest.mark.parametrize("lines", [lines for lines in commands() if not any(map(sets_up, lines))], ids=lambda x: x[0])
def test_the_commands_of_a_block_succeed_one_after_the_other(lines, tmp_path):
    for line in lines:
        words = shlex.split(line)
        assert words[0] == "backtester", f"the test knows no way to run {line!r}"
        done = subprocess.run(
            [sys.executable, "-m", "backtester", *words[1:]],
            cwd=tmp_path,
            capture_output=True,
            encoding="utf-8",
            env=environment(tmp_path),
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout
        for option, name in itertools.pairwise(words):
            if option in ("--report", "--out"):
                assert (tmp_path / name).exists()


def test_set_up_begins_with_a_job_of_bootstrap_that_exists():
    lines = [shlex.split(line) for block in commands() for line in block if sets_up(line)]
    assert [line[:2] for line in lines] == [["python3", "bootstrap.py"], ["source", ".venv/bin/activate"]]
    help_text = subprocess.run(
        [sys.executable, str(ROOT / "bootstrap.py"), "--help"], capture_output=True, encoding="utf-8", check=True
    ).stdout
    jobs = re.findall(r"bootstrap\.py (\w+)", README)
    assert {"demo", "docs", "test"} <= set(jobs)
    for job in jobs:
        assert f"bootstrap.py {job} " in help_text


def test_the_demo_prints_what_the_readme_shows(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "backtester", "demo"],
        cwd=tmp_path,
        capture_output=True,
        encoding="utf-8",
        env=environment(tmp_path),
        timeout=300,
        check=True,
    )
    shown = blocks("python")[0][1]
    assert shown is not None
    assert done.stdout.startswith(shown)


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    for target in LINK.findall((ROOT / page).read_text(encoding="utf-8")):
        if not target.startswith(("http://", "https://")):
            assert (ROOT / target).exists(), f"{page} links to {target}"


def test_the_benchmark_table_has_its_place():
    assert README.count("<!-- benchmarks:start -->") == README.count("<!-- benchmarks:end -->") == 1
