"""Machine code on disk: it hits across processes, and an edit of anything a hook reaches misses."""

import os
import subprocess
import sys
import textwrap
import types
from pathlib import Path

import pytest
from numba.core.extending import overload
from toy_kernel import Market, Strategy

from backtester import compiler
from backtester.compiler import cache

HERE = Path(__file__).resolve().parent
FILES = {
    "constants": """
        STEP = 1.0
        UNUSED = 5
    """,
    "deep": """
        import constants

        def deeper(x):
            return x + constants.STEP
    """,
    "helpers": """
        import deep
        import numpy as np

        TABLE = np.array([1.0, 2.0])

        def helper(x, times=1):
            return deep.deeper(x) * times + TABLE[0]
    """,
    "main": """
        import helpers

        class S(Strategy):
            def method(self):
                return 0.0

            def on_bar(self, ctx):
                self.x += helpers.helper(1.0) + self.method()
    """,
}


@pytest.fixture
def load(tmp_path, monkeypatch):
    """A function that compiles and runs the strategy of `FILES`, edited, as a fresh process would."""
    monkeypatch.setenv("BACKTESTER_CACHE_DIR", str(tmp_path))
    market = Market(n_bars=3)

    def compiled(edits=()):
        monkeypatch.setattr(compiler, "_loaded", {})
        for name, text in FILES.items():
            text = textwrap.dedent(text)
            for file, old, new in edits:
                if file == name:
                    assert old in text
                    text = text.replace(old, new)
            module = types.ModuleType(name)
            module.Strategy = Strategy
            monkeypatch.setitem(sys.modules, name, module)
            exec(compile(text, f"{name}.py", "exec"), module.__dict__)
        strategy = sys.modules["main"].S(x=0.0)
        made = market.compile(strategy)
        assert market.run(made, 0, 1) == -1
        made.read_back()
        return made.from_cache, strategy.x

    return compiled


def test_the_first_time_misses_and_the_second_hits(load):
    assert load() == (False, 3.0)  # (1 + 1)·1 + 1
    assert load() == (True, 3.0)


@pytest.mark.parametrize(
    "edit",
    [
        ("main", "class S", "# a comment\n\n\nclass S"),
        ("helpers", "def helper(x, times=1):", "def helper(x, times=1):\n    # a comment\n"),
        ("constants", "UNUSED = 5", "UNUSED = 6"),
    ],
)
def test_comments_moved_lines_and_unused_names_change_nothing(load, edit):
    load()
    assert load([edit]) == (True, 3.0)


@pytest.mark.parametrize(
    ("edit", "value"),
    [
        (("main", "self.x += ", "self.x += 10.0 + "), 13.0),
        (("main", "return 0.0", "return 5.0"), 8.0),
        (("helpers", "* times", "* times * 2"), 5.0),
        (("helpers", "times=1", "times=3"), 7.0),
        (("helpers", "np.array([1.0", "np.array([4.0"), 6.0),
        (("deep", "x + constants", "x - constants"), 1.0),
        (("constants", "STEP = 1.0", "STEP = 7.0"), 9.0),
        (("constants", "STEP = 1.0", "STEP = 1"), 3.0),
    ],
)
def test_an_edit_of_anything_reached_compiles_anew_and_going_back_hits(load, edit, value):
    load()
    assert load([edit]) == (False, value)
    assert load([edit]) == (True, value)
    assert load() == (True, 3.0)


@pytest.mark.parametrize("damage", [b"", b"nonsense", "flip", "cut"])
def test_a_damaged_file_means_compiling_not_crashing(load, tmp_path, damage):
    load()
    (file,) = (tmp_path / "strategies").glob("*.bin")
    data = file.read_bytes()
    if damage == "flip":
        damage = data[:-100] + bytes([data[-100] ^ 1]) + data[-99:]
    elif damage == "cut":
        damage = data[: len(data) // 2]
    file.write_bytes(damage)
    assert load() == (False, 3.0)
    assert load() == (True, 3.0)


def test_a_directory_that_cannot_be_written_costs_only_the_compiling(load, monkeypatch):
    def refuse(*args, **kwargs):
        raise PermissionError

    monkeypatch.setattr(cache.tempfile, "mkstemp", refuse)
    assert load() == (False, 3.0)
    assert load() == (False, 3.0)


def test_what_cannot_be_put_into_words_is_compiled_every_time(tmp_path, monkeypatch):
    monkeypatch.setenv("BACKTESTER_CACHE_DIR", str(tmp_path))

    def taught(x):
        raise NotImplementedError

    @overload(taught)
    def _taught(x):
        return lambda x: x + 4.0

    class S(Strategy):
        def on_bar(self, ctx):
            self.x = taught(self.x)

    market = Market(n_bars=2)
    for _ in range(2):
        strategy = S(x=1.0)
        compiled = market.compile(strategy)
        market.run(compiled, 0, 1)
        compiled.read_back()
        assert (compiled.from_cache, strategy.x) == (False, 5.0)
    assert not list(tmp_path.rglob("*.bin"))


def test_a_global_edited_in_the_session_is_seen(monkeypatch, tmp_path):
    monkeypatch.setenv("BACKTESTER_CACHE_DIR", str(tmp_path))
    space = {}
    exec(compile("K = 1.0\ndef on_bar(self, ctx):\n    self.x += K\n", "<ipython-input-1>", "exec"), space)
    cell = type("S", (Strategy,), {"on_bar": space["on_bar"]})
    market = Market(n_bars=2)
    for value in (1.0, 5.0):
        space["K"] = value
        strategy = cell(x=0.0)
        compiled = market.compile(strategy)
        market.run(compiled, 0, 1)
        compiled.read_back()
        assert strategy.x == value


def test_cached_code_and_fresh_code_of_one_name_do_not_mix(load):
    """Both symbols live in one process: an old version from disk, then an edit of the same function."""
    load()
    load([("deep", "x + constants", "x - constants")])
    for _ in range(2):
        assert load() == (True, 3.0)
        assert load([("deep", "x + constants", "x - constants")]) == (True, 1.0)
        assert load([("deep", "x + constants", "x * 100 + constants")])[1] == 102.0


SCRIPT = """
import sys
sys.path.insert(0, {here!r})
from toy_kernel import Market, Strategy

def helper(x):
    return x + 1.0

class S(Strategy):
    def on_bar(self, ctx):
        self.x = helper(self.x)
        print("bar", ctx.t)
        if self.x > 2.5:
            raise ValueError(f"x is {{self.x}}")

market, strategy = Market(n_bars=3), S(x=0.0)
compiled = market.compile(strategy)
print("stopped", market.run(compiled), compiled.from_cache)
"""


def start(argument, cache_dir):
    path = os.pathsep.join(sys.path)
    environment = {**os.environ, "BACKTESTER_CACHE_DIR": str(cache_dir), "PYTHONPATH": path}
    command = [sys.executable, *argument]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(process):
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    return output.split("\n")[:-1]


@pytest.mark.parametrize("how", ["script", "command"])
def test_a_second_process_loads_what_main_defined_and_prints(tmp_path, how):
    text = SCRIPT.format(here=str(HERE))
    (tmp_path / "script.py").write_text(text)
    argument = [str(tmp_path / "script.py")] if how == "script" else ["-c", text]
    bars = ["bar 0", "bar 1", "bar 2"]
    assert finish(start(argument, tmp_path)) == [*bars, "stopped 2 False"]
    assert finish(start(argument, tmp_path)) == [*bars, "stopped 2 True"]


def test_two_processes_may_compile_the_same_strategy_at_once(tmp_path):
    argument = ["-c", SCRIPT.format(here=str(HERE))]
    both = [start(argument, tmp_path) for _ in range(2)]
    assert all(finish(process)[-1].startswith("stopped 2") for process in both)
    assert len(list((tmp_path / "strategies").iterdir())) == 1
    assert finish(start(argument, tmp_path))[-1] == "stopped 2 True"


def test_two_functions_that_use_one_module_for_different_names(load):
    edits = [
        ("constants", "UNUSED = 5", "OTHER = 5.0"),
        ("main", "import helpers", "import helpers\nimport constants"),
        ("main", "return 0.0", "return constants.OTHER"),
    ]
    assert load(edits) == (False, 8.0)
    assert load([*edits, ("constants", "UNUSED = 5", "OTHER = 6.0")][1:]) == (False, 9.0)
    assert load(edits) == (True, 8.0)
