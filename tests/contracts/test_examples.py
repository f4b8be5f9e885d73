"""The examples run as written, each in a process of its own, and leave nothing behind."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


def test_examples_are_numbered_without_a_gap():
    assert EXAMPLES
    assert [int(path.name[:2]) for path in EXAMPLES] == list(range(1, len(EXAMPLES) + 1))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_example_runs_and_writes_only_into_a_temporary_directory(path, tmp_path):
    work, temporary = tmp_path / "work", tmp_path / "temporary"
    work.mkdir()
    temporary.mkdir()
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(temporary), "TEMP": str(temporary)}
    done = subprocess.run(
        [sys.executable, "-W", "error", str(path)], cwd=work, env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip(), "an example shows something"
    assert not list(work.iterdir()), "an example writes into a temporary directory"
    assert not list(temporary.iterdir()), "a temporary directory is removed at the end"


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_output_the_example_promises_is_what_it_prints(path):
    """An example ends with its output as comments, one `#` a line, after the line `# Output:`."""
    text = path.read_text(encoding="utf-8")
    promised = re.search(r"^# Output:\n((?:#.*\n)+)\Z", text, re.MULTILINE)
    assert promised, "the example ends with `# Output:` and what it prints"
    expected = [line[2:].rstrip() for line in promised[1].splitlines()]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, str(path)], env=environment, capture_output=True, text=True, timeout=120)
    assert [line.rstrip() for line in done.stdout.splitlines()] == expected
