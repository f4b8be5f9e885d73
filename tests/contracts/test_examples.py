"""The examples run as written, each in a process of its own, print what they promise, and leave nothing behind."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
_PROMISE = re.compile(r"^# Output:\n((?:#.*\n)+)\Z", re.MULTILINE)


def test_examples_are_numbered_without_a_gap():
    right = [path for path in EXAMPLES if not path.name.startswith("wrong_")]
    assert right
    assert [int(path.name[:2]) for path in right] == list(range(1, len(right) + 1))


def test_the_five_classic_leaks_are_there_each_refused_and_beside_an_honest_figure():
    """They are shown wrong, so that the check which catches them has something to catch."""
    wrong = [path for path in EXAMPLES if path.name.startswith("wrong_")]
    assert [int(path.name[6]) for path in wrong] == [1, 2, 3, 4, 5]
    for path in wrong:
        first = [line.partition(":")[0] for line in _PROMISE.search(path.read_text(encoding="utf-8"))[1].splitlines()]
        assert first[0] == "# wrong"
        assert "# refused" in first
        assert first[-1] == "# honest"


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_example_prints_the_output_at_its_end_and_leaves_no_file(path, tmp_path):
    """An example ends with the line `# Output:` and its output as comments."""
    promised = _PROMISE.search(path.read_text(encoding="utf-8"))
    assert promised, "the example ends with `# Output:` and what it prints"
    work, temporary = tmp_path / "work", tmp_path / "temporary"
    work.mkdir()
    temporary.mkdir()
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "PYTHONUTF8": "1",
        "TMPDIR": str(temporary),
        "TEMP": str(temporary),
        "TMP": str(temporary),
        "TORCHINDUCTOR_CACHE_DIR": str(tmp_path / "torch"),  # torch makes it when it is imported, and leaves it
    }
    done = subprocess.run(
        [sys.executable, "-W", "error", str(path)],
        cwd=work,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    expected = [line[2:].rstrip() for line in promised[1].splitlines()]
    assert [line.rstrip() for line in done.stdout.splitlines()] == expected
    assert not list(work.iterdir()), "an example writes into a temporary directory"
    assert not list(temporary.iterdir()), "a temporary directory is removed at the end"
