"""Where strategies live (module, `__main__`, exec, a prompt, a notebook), and what their fields keep, in both modes."""

import enum
import linecache
import subprocess
import sys
import threading

import numpy as np
import pytest

from backtester import Bars, Strategy, run
from backtester.errors import BacktesterError, StrategyError

MODES = ("compiled", "interpreted")
DAY_NS = 86_400 * 10**9

SOURCE = """
from backtester import Strategy

STEP = 2.0

def scaled(x):
    return STEP * x

class Adder(Strategy):
    by: float = 1.0

    def prepare(self, bars):
        self.total = 0.0

    def on_bar(self, ctx):
        self.total += scaled(self.by)
"""
LAST = """
bars = Bars.simulate("gbm", n_bars=11, seed=1)
for mode in ("compiled", "interpreted"):
    strategy = Adder(by=3.0)
    result = run(strategy, bars, mode=mode)
    print(mode, strategy.total, result.manifest["strategy"])
"""
HEAD = "from backtester import Bars, run\n"
PRINTED = "compiled 60.0 Adder\ninterpreted 60.0 Adder\n"  # ten bars after the first, 2 × 3 each


@pytest.fixture(scope="module")
def bars():
    price = np.linspace(10.0, 20.0, 11)[:, None]
    return Bars.from_arrays((np.arange(11) + 18_000) * DAY_NS, price, price, price, price, symbols=["RISE"])


def python(*arguments, text=None, cwd=None):
    done = subprocess.run([sys.executable, *arguments], input=text, capture_output=True, text=True, check=True, cwd=cwd)
    return done.stdout


def test_a_strategy_in_a_script(tmp_path):
    path = tmp_path / "script.py"
    path.write_text(HEAD + SOURCE + LAST)
    assert python(str(path)).replace("__main__.", "") == PRINTED


def test_a_strategy_in_a_module_next_to_the_script(tmp_path):
    (tmp_path / "my_strategies.py").write_text(SOURCE)
    path = tmp_path / "script.py"
    path.write_text(HEAD + "from my_strategies import Adder\n" + LAST)
    assert python(str(path)).replace("my_strategies.", "") == PRINTED


def test_a_strategy_on_the_command_line_has_no_source():
    assert python("-c", HEAD + SOURCE + LAST).replace("__main__.", "") == PRINTED


def test_a_strategy_typed_at_the_prompt():
    """`python -i` reads from a pipe as from a terminal: statement by statement, and a blank line ends a block."""
    lines = SOURCE.replace("\n\n    def", "\n    def") + LAST + "\n\n"
    printed = python("-i", "-q", text=HEAD + lines.replace("\n\nSTEP", "\nSTEP"))
    assert printed.replace("__main__.", "") == PRINTED


def cell(text, space, number):
    """Run a cell as notebooks do: a file that does not exist, whose text is in `linecache` alone."""
    name = f"/tmp/ipykernel_1/{number}.py"
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    exec(compile(text, name, "exec"), space)
    return space


@pytest.mark.parametrize("mode", MODES)
def test_cells_of_a_notebook_may_be_run_again_after_an_edit(mode, bars):
    def total():
        strategy = space["Adder"](by=3.0)
        run(strategy, bars, mode=mode)
        return strategy.total

    space = cell(SOURCE, {"__name__": "__main__"}, 1)
    assert total() == 60.0
    cell("STEP = 5.0", space, 2)
    assert total() == 150.0
    cell("def scaled(x):\n    return STEP * x + 1.0", space, 3)
    assert total() == 160.0
    cell(SOURCE.replace("+= scaled(self.by)", "+= 1.0"), space, 1)
    assert total() == 10.0


@pytest.mark.parametrize("mode", MODES)
def test_an_error_in_a_cell_shows_its_line(mode, bars):
    text = SOURCE.replace("self.total += scaled(self.by)", "self.total += ctx.close[-5, 0]")
    space = cell(text, {"__name__": "__main__"}, 7)
    with pytest.raises(IndexError) as caught:
        run(space["Adder"](), bars, mode=mode)
    frame = caught.traceback[-1]
    assert str(frame.path).endswith("ipykernel_1/7.py")
    assert "bar 1 of 11" in caught.value.__notes__[0]
    assert "RISE" in caught.value.__notes__[0]


@pytest.mark.parametrize("mode", MODES)
def test_exec_without_any_source(mode, bars):
    space = {"__name__": "nowhere"}
    exec(SOURCE, space)
    strategy = space["Adder"]()
    run(strategy, bars, mode=mode)
    assert strategy.total == 20.0


@pytest.mark.parametrize("mode", MODES)
def test_running_again_starts_anew_and_leaves_the_class_alone(mode, bars):
    class Counter(Strategy):
        step = 2

        def prepare(self, bars):
            self.n = 0

        def on_bar(self, ctx):
            self.n += self.step
            ctx.order(0, 1.0)

    strategy = Counter()
    first = run(strategy, bars, mode=mode)
    second = run(strategy, bars, mode=mode)
    assert strategy.n == 20
    assert type(strategy) is Counter
    assert type(strategy.n) is int
    assert Counter.step == 2
    assert "step" not in vars(strategy)
    assert first.tables.fills.tobytes() == second.tables.fills.tobytes()


def test_runs_in_threads_do_not_meet(bars):
    class Counter(Strategy):
        by: int = 1

        def prepare(self, bars):
            self.n = 0

        def on_bar(self, ctx):
            self.n += self.by

    made = [Counter(by=i) for i in range(8)]
    workers = [threading.Thread(target=run, args=(s, bars), kwargs={"mode": MODES[i % 2]}) for i, s in enumerate(made)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [strategy.n for strategy in made] == [10 * i for i in range(8)]


class Side(enum.IntEnum):
    LONG = 1
    SHORT = 2


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("self.n += 0.5", r"self\.n .*cannot take a float"),
        ("self.n = ctx.close[-1, 0]", r"self\.n .*cannot take a float"),
        ("self.flag = 1", r"self\.flag .*cannot take an int"),
        ("self.pair = (0.5, 1)", r"self\.pair .*cannot take"),
        ("self.shared += 0.5", r"self\.shared .*cannot take a float"),
    ],
)
@pytest.mark.parametrize("mode", MODES)
def test_a_field_keeps_its_type(mode, statement, message, bars):
    space = {}
    exec(f"def on_bar(self, ctx):\n    {statement}\n", space)
    fields = {"n": 0, "flag": False, "pair": (1, 2)}
    cls = type("Keeps", (Strategy,), {"on_bar": space["on_bar"], "shared": 3, "prepare": lambda self, bars: None})
    strategy = cls()
    vars(strategy).update(fields)
    with pytest.raises(StrategyError, match=message):
        run(strategy, bars, mode=mode)


@pytest.mark.parametrize("mode", MODES)
def test_an_enum_field_takes_its_enum_alone(mode, bars):
    class Sided(Strategy):
        def prepare(self, bars):
            self.side = Side.LONG

        def on_bar(self, ctx):
            self.side = 2

    with pytest.raises(BacktesterError, match="Side"):
        run(Sided, bars, mode=mode)


@pytest.mark.parametrize("mode", MODES)
def test_a_series_is_changed_in_place_and_not_replaced(mode, bars):
    class Replaces(Strategy):
        def prepare(self, bars):
            self.score = np.zeros((bars.n_bars, 1))

        def on_bar(self, ctx):
            self.score = np.ones((ctx.t, 1))

    with pytest.raises(BacktesterError, match=r"self\.score"):
        run(Replaces, bars, mode=mode)

    class Writes(Replaces):
        def on_bar(self, ctx):
            self.score[-1, 0] = self.score[-2, 0] + 1.0

    strategy = Writes()
    run(strategy, bars, mode=mode)
    assert strategy.score[:, 0].tolist() == list(range(11))


@pytest.mark.parametrize("mode", MODES)
def test_numbers_that_hooks_do_not_assign_stay_the_objects_they_were(mode, bars):
    class Reads(Strategy):
        def prepare(self, bars):
            self.narrow, self.x = np.float32(0.5), 0.0

        def on_bar(self, ctx):
            self.x += self.narrow

    strategy = Reads()
    run(strategy, bars, mode=mode)
    assert type(strategy.narrow) is np.float32
    assert strategy.x == 5.0
