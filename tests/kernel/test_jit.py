"""The package's own cache of machine code: hits across processes, never stale, never in the way."""

import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from backtester.kernel import jit

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def package(tmp_path):
    """A package `toy` of two modules; `main` calls a helper of `deep`, in another file."""
    home = tmp_path / "toy"
    home.mkdir()
    (home / "__init__.py").write_text("")
    (home / "constants.py").write_text("STEP = 1\n")
    (home / "deep.py").write_text(
        textwrap.dedent("""
        from backtester.kernel.jit import inner_jit
        from toy.constants import STEP

        @inner_jit
        def helper(x):
            return x + STEP
        """)
    )
    (home / "main.py").write_text(
        textwrap.dedent("""
        from numba import float64, int64
        from backtester.kernel.jit import kernel_jit
        from toy.deep import helper

        @kernel_jit(int64(int64))
        def eager(x):
            return helper(x)

        @kernel_jit
        def lazy(x):
            return helper(x) * 2.0

        def show():
            print(eager(1), lazy(1.0), sum(eager.stats.cache_hits.values()), sum(lazy.stats.cache_hits.values()))
        """)
    )
    return home


def run(package, cache, **environment):
    environment = {**os.environ, "PYTHONPATH": f"{package.parent}{os.pathsep}{ROOT}", **environment}
    environment["BACKTESTER_CACHE_DIR"] = str(cache)
    code = "from toy.main import show; show()"
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split(), done.stderr


def test_a_second_process_loads_and_an_edit_anywhere_recompiles(package, tmp_path):
    cache = tmp_path / "cache"
    assert run(package, cache)[0] == ["2", "4.0", "0", "0"]
    assert run(package, cache)[0] == ["2", "4.0", "1", "1"]
    (package / "constants.py").write_text("STEP = 10\n")
    assert run(package, cache)[0] == ["11", "22.0", "0", "0"]
    (package / "constants.py").write_text("STEP = 1\n")
    assert run(package, cache)[0] == ["2", "4.0", "1", "1"]
    for file in cache.rglob("*.nb?"):
        file.write_bytes(b"damaged")
    assert run(package, cache)[0] == ["2", "4.0", "0", "0"]


def test_no_directory_means_no_cache_and_one_warning(monkeypatch, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setattr(jit.tempfile, "gettempdir", lambda: str(blocked))
    jit._root.cache_clear()
    with pytest.warns(UserWarning, match="set BACKTESTER_CACHE_DIR to a directory that can"):
        assert jit._root(str(blocked / "cache")) is None
    assert jit._root(str(blocked / "cache")) is None  # silent the second time
    jit._root.cache_clear()


def test_the_hash_covers_jitting_files_and_what_they_import(tmp_path):
    home = tmp_path / "pack"
    (home / "kernel").mkdir(parents=True)
    files = {
        "kernel/codes.py": "A = 1",
        "fast.py": "from numba import njit\nfrom pack.limits import TOP",
        "limits.py": "import os\nfrom . import (\n    deeper,\n)\nTOP = 1",
        "deeper.py": "X = 2",
        "report.py": "print('pages')",
    }
    for name, text in files.items():
        (home / name).write_text(text)
    before = jit.source_hash.__wrapped__(home)
    for name, text in files.items():
        (home / name).write_text(text + "\n# edited")
        changed = jit.source_hash.__wrapped__(home) != before
        assert changed == (name != "report.py"), name
        (home / name).write_text(text)


def test_pruning_keeps_the_most_recent_and_whatever_was_used_within_the_hour(tmp_path):
    now = time.time()
    for i, hours in enumerate([0, 0.5, 2, 3, 4]):
        (tmp_path / f"d{i}").mkdir()
        os.utime(tmp_path / f"d{i}", (now - 3600 * hours,) * 2)
    jit.prune(tmp_path, 1)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["d0", "d1"]
    jit.prune(tmp_path / "absent", 1)


def test_a_function_keeps_its_python_form_and_takes_new_types():
    @jit.kernel_jit
    def double(x):
        return x * 2

    assert double(2) == 4
    assert double(2.5) == 5.0
    assert double.py_func(3) == 6
    assert double.targetoptions["error_model"] == "numpy"
