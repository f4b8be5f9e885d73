"""A sweep is many runs: the same metrics, the same bytes for any number of workers, nothing twice, nothing lost."""

from __future__ import annotations

import re
import sqlite3
import threading
import tracemalloc

import numba
import numpy as np
import pytest
from swept import Cross, Fragile, Idle, walk

from backtester import Account, Costs, Strategy, run, sweep
from backtester.errors import ParameterError, ResultError, SettingsError, StrategyError, SweepError
from backtester.indicators import sma
from backtester.research.sweep import api

SETTINGS = {"costs": Costs(commission=0.001), "cash": 10_000.0}
GRID = {"fast": [3, 5, 8], "slow": [10, 20, 40, 9]}


@pytest.fixture(scope="module")
def bars():
    return walk()


def bytes_of(found):
    return found.table.to_csv(float_format=lambda x: float(x).hex()).encode()


@pytest.fixture(scope="module")
def grid(bars):
    return sweep(Cross, bars, **GRID, **SETTINGS, store=None)


def test_every_row_is_what_run_gives(grid, bars):
    assert grid.trials == len(grid.table) == 12
    assert grid.table.columns[:2].tolist() == ["fast", "slow"]
    for number, row in grid.table.iterrows():
        expected = run(Cross(fast=row["fast"], slow=row["slow"]), bars, **SETTINGS).metrics
        assert number == [3, 5, 8].index(row["fast"]) * 4 + [10, 20, 40, 9].index(row["slow"])
        for name, value in expected.items():
            assert row[name] == value or (np.isnan(row[name]) and np.isnan(value)), name


def test_best_is_the_largest_and_can_be_run(grid):
    best = grid.best
    assert best.scores["sharpe"] == grid.table["sharpe"].max()
    assert best.number == grid.table["sharpe"].idxmax()
    assert grid.run_best().summary() == pytest.approx(best.metrics, nan_ok=True, rel=0, abs=0)
    assert grid.trial(3).parameters == {"fast": 3, "slow": 9}
    with pytest.raises(SweepError, match=r"no trial 99; the 12 there are have numbers from 0 to 11$"):
        grid.trial(99)
    with pytest.raises(SettingsError, match=r"trial is 'x' \(str\); it is the number of a trial"):
        grid.trial("x")


def test_trials_beyond_those_of_a_sweep_are_not_there(bars, tmp_path):
    given = {"fast": (2, 30), "slow": (31, 90), "method": "random", "store": tmp_path / "s.db"}
    sweep(Cross, bars, n_trials=5, **given)
    few = sweep(Cross, bars, n_trials=3, **given)
    with pytest.raises(SweepError, match=r"no trial 4; the 3 there are have numbers from 0 to 2$"):
        few.trial(4)
    some = sweep(Cross, bars, fast=[3, 5], slow=[4, 20], where=lambda p: p.fast < p.slow, store=None)
    with pytest.raises(SweepError, match=r"the 3 there are have numbers from 0 to 3 \(those that where= refused are"):
        some.trial(2)


def test_threads_give_the_same_bytes(grid, bars):
    for workers in (1, 2, 3):
        assert bytes_of(sweep(Cross, bars, **GRID, **SETTINGS, workers=workers, store=None)) == bytes_of(grid)


def test_less_is_better_for_drawdowns(bars):
    found = sweep(Cross, bars, **GRID, objective="max_drawdown", store=None)
    assert found.best.metrics["max_drawdown"] == found.table["max_drawdown"].min()
    turned = sweep(Cross, bars, **GRID, objective="max_drawdown", maximize=True, store=None)
    assert turned.best.metrics["max_drawdown"] == found.table["max_drawdown"].max()


def test_functions_of_metrics_and_of_results(bars):
    def per_trade(metrics):
        return metrics["total_return"] / metrics["n_trades"]

    def longest(result):
        return float(result.trades["bars"].max())

    found = sweep(Cross, bars, fast=[3, 5], slow=[20], objective=[per_trade, longest], store=None)
    table = found.table
    assert table["per_trade"].tolist() == (table["total_return"] / table["n_trades"]).tolist()
    wanted = [float(run(Cross(fast=f, slow=20), bars).trades["bars"].max()) for f in (3, 5)]
    assert table["longest"].tolist() == wanted
    assert found.best.parameters["fast"] == [3, 5][int(np.argmax(table["per_trade"]))]


def test_the_front_of_two_objectives(bars):
    found = sweep(Cross, bars, **GRID, objective=["total_return", "max_drawdown"], store=None)
    table = found.table
    front = [
        number
        for number, row in table.iterrows()
        if not any(
            (other["total_return"] >= row["total_return"] and other["max_drawdown"] <= row["max_drawdown"])
            and (other["total_return"] > row["total_return"] or other["max_drawdown"] < row["max_drawdown"])
            for _, other in table.iterrows()
        )
    ]
    assert sorted(found.front.index) == front
    assert found.front["total_return"].is_monotonic_decreasing


def test_a_run_that_raises_is_recorded_and_the_rest_goes_on(bars):
    found = sweep(Fragile, bars, fast=[6, 7, 8, 9], slow=[20], objective="total_return", store=None)
    assert (found.trials, found.failed) == (4, 2)
    errors = found.table["error"].tolist()
    assert errors[0] == errors[3] == ""
    assert "IndexError" in errors[1]
    assert "bar 50 of 400" in errors[1]
    assert errors[2] == "ValueError: eight is not allowed"
    assert np.isnan(found.table["total_return"][1])
    assert found.first_failure.parameters == {"fast": 7, "slow": 20}
    assert "2 of them raised" in str(found)
    for fast, row in ((6, 0), (9, 3)):  # the one after a failure is as ever
        assert found.table["total_return"][row] == run(Fragile(fast=fast), bars).metrics["total_return"]


def test_all_runs_raise(bars):
    with pytest.raises(SweepError, match=r"all 2 runs raised; the first, with .*'fast': 7.*IndexError") as caught:
        sweep(Fragile, bars, fast=[7, 8], slow=[20], store=None)
    assert caught.value.sweep.failed == 2


def test_an_objective_that_is_nan_everywhere(bars):
    with pytest.raises(SweepError, match="sharpe is NaN, or the account bankrupt, in all 3 runs") as caught:
        sweep(Idle, bars, x=[1, 2, 3], store=None)
    assert len(caught.value.sweep.table) == 3
    assert sweep(Idle, bars, x=[1, 2, 3], objective="final_equity", store=None).best.number == 0  # a tie: the first


def test_an_objective_that_is_no_number_is_an_error_of_its_run(bars):
    with pytest.raises(SweepError, match="the objective _wrong returned 'a lot'"):
        sweep(Cross, bars, fast=[3], slow=[20], objective=_wrong, store=None)

    with pytest.raises(SweepError, match="the objective <lambda> returned None"):
        sweep(Cross, bars, fast=[3], slow=[20], objective=lambda metrics: None, store=None)


def _wrong(metrics):
    return "a lot"


@pytest.mark.parametrize(
    ("given", "kind", "text"),
    [
        ({"fats": [1]}, ParameterError, "did you mean 'fast'"),
        ({"metod": "grid"}, ParameterError, "did you mean 'method'"),
        ({"fast": [3], "method": "gird"}, SettingsError, "did you mean 'grid'"),
        ({"fast": [3], "n_trials": 5}, SettingsError, "a grid is all of it"),
        ({"fast": [3], "method": "random"}, SettingsError, "needs n_trials"),
        ({"fast": [3], "objective": "sharp"}, SettingsError, "did you mean 'sharpe'"),
        ({"fast": [3], "objective": []}, SettingsError, "objective is empty"),
        ({"fast": [3], "objective": ["sharpe", "sharpe"]}, SettingsError, "is there twice"),
        ({"fast": [3], "objective": ["sharpe"], "maximize": [True, False]}, SettingsError, "each of 1 objectives"),
        ({"fast": [3], "workers": 0}, SettingsError, "workers is 0"),
        ({"fast": [3], "executor": "thread"}, SettingsError, "did you mean 'threads'"),
        ({"fast": [3], "memory_limit": "1GB"}, SettingsError, "a number of bytes"),
        ({"fast": [3], "cash": [1, 2]}, SettingsError, "cash must be a number"),
        ({"fast": [5], "slow": [5, 4], "where": lambda p: p.fast < p.slow}, SweepError, "allows none of the 2 points"),
        ({"fast": [5], "where": 3}, SettingsError, "where is 3"),
        ({"fast": [5], "seed": 1.5}, SettingsError, "seed must be a whole number"),
        ({"fast": [5], "progress": "yes"}, SettingsError, "progress must be"),
        ({"fast": [5], "store": 5}, SettingsError, "store is 5; it is the path of a file, or None"),
    ],
)
def test_bad_input_is_refused_before_the_first_run(given, kind, text, bars):
    with pytest.raises(kind, match=text):
        sweep(Cross, bars, **{"store": None} | given)


def test_an_instance_is_not_a_class(bars):
    with pytest.raises(StrategyError, match="pass the class Cross"):
        sweep(Cross(), bars, fast=[3])
    with pytest.raises(StrategyError, match="found int"):
        sweep(3, bars, fast=[3])


class Named(Strategy):
    """Its parameters are called like settings of `run` and of `sweep`."""

    cash: float = 1.0
    batch: int = 2

    def on_bar(self, ctx):
        ctx.order_target(0, self.cash * (ctx.t % self.batch))


def test_a_parameter_that_is_called_like_a_setting(bars):
    with pytest.raises(SettingsError, match="'cash' is a parameter of Named and a setting of run"):
        sweep(Named, bars, cash=[1.0, 2.0], store=None)
    with pytest.raises(SettingsError, match="'batch' is a parameter of Named and a setting of sweep"):
        sweep(Named, bars, batch=[3, 4], store=None)
    found = sweep(Named, bars, parameters={"cash": [1.0, 2.0], "batch": [2, 3]}, cash=5_000.0, store=None)
    assert found.parameters == ("cash", "batch")
    expected = run(Named(cash=2.0, batch=3), bars, cash=5_000.0).metrics["final_equity"]
    assert found.table["final_equity"][3] == expected
    with pytest.raises(SettingsError, match="given twice"):
        sweep(Cross, bars, parameters={"fast": [1]}, fast=[2], store=None)


class Commission(Strategy):
    commission: int = 1

    def on_bar(self, ctx):
        ctx.order_target(0, float(ctx.t % self.commission))


def test_a_parameter_that_is_called_like_a_metric_keeps_both(bars):
    found = sweep(Commission, bars, commission=[3, 2], objective="commission", **SETTINGS, store=None)
    assert found.table["commission"].tolist() == [3, 2]
    costs = [run(Commission(commission=c), bars, **SETTINGS).metrics["commission"] for c in (3, 2)]
    assert found.table["metric_commission"].tolist() == costs
    assert found.best.parameters["commission"] == (3, 2)[int(np.argmin(costs))]
    assert found.stability().peak == found.best


class Writes(Strategy):
    """Writes into an indicator, which runs of a sweep would share."""

    period: int = 5

    def prepare(self, bars):
        self.average = sma(bars.close, self.period)
        self.average[:10] = np.nan

    def on_bar(self, ctx):
        ctx.order_target(0, 1.0 if ctx.close[-1, 0] > self.average[-1, 0] else 0.0)


def test_a_strategy_that_writes_into_its_indicators_has_its_own(bars):
    found = sweep(Writes, bars, period=[5, 6, 5 + 2], store=None, workers=2)
    assert found.failed == 0
    assert found.table["sharpe"][1] == run(Writes(period=6), bars).metrics["sharpe"]


def test_brackets_leverage_and_random_numbers(bars):
    class Bracketed(Strategy):
        stop: float = 0.02

        def on_bar(self, ctx):
            if ctx.position(0) == 0.0 and ctx.random() < 0.3:
                ctx.bracket(0, 10.0, stop_loss_frac=self.stop, take_profit_frac=2.0 * self.stop)

    settings = {"account": Account(leverage=2.0), "seed": 7}
    found = sweep(Bracketed, bars, stop=[0.01, 0.02, 0.05], workers=2, store=None, **settings)
    for number, stop in enumerate((0.01, 0.02, 0.05)):
        assert (
            found.table["final_equity"][number] == run(Bracketed(stop=stop), bars, **settings).metrics["final_equity"]
        )


def test_interpreted_strategies_run_too(bars):
    found = sweep(Cross, bars[:120], fast=[3, 5], slow=[10], mode="interpreted", workers=2, store=None)
    compiled = sweep(Cross, bars[:120], fast=[3, 5], slow=[10], store=None)
    assert bytes_of(found) == bytes_of(compiled)


# --- the store -------------------------------------------------------------------------------------------------------


def count_runs(monkeypatch):
    """Count the runs from here on."""
    from backtester.research.sweep.trials import Trials

    real, runs, lock = Trials.outcome, [], threading.Lock()

    def counted(self, point, *known):
        with lock:
            runs.append(point)
        return real(self, point, *known)

    monkeypatch.setattr(Trials, "outcome", counted)
    return runs


def test_the_second_start_runs_nothing(bars, grid, tmp_path, monkeypatch):
    path = tmp_path / "folder" / "sweeps.db"
    runs = count_runs(monkeypatch)
    first = sweep(Cross, bars, **GRID, **SETTINGS, store=path)
    assert len(runs) == 12
    second = sweep(Cross, bars, **GRID, **SETTINGS, store=path)
    assert len(runs) == 12
    assert bytes_of(first) == bytes_of(second) == bytes_of(grid)


def test_what_makes_another_sweep(bars, tmp_path, monkeypatch):
    path, runs = tmp_path / "sweeps.db", count_runs(monkeypatch)

    def made(factor):
        class Local(Strategy):
            fast: int = 3

            def prepare(self, bars):
                self.level = helper(bars.close)

            def on_bar(self, ctx):
                ctx.order_target(0, self.fast * factor * self.level[-1, 0] / 100.0)

        def helper(close):
            return close * factor

        return Local

    local = made(1.0)
    sweep(local, bars, fast=[1, 2], store=path)
    assert len(runs) == 2
    changes = [
        lambda: sweep(made(2.0), bars, fast=[1, 2], store=path),
        lambda: sweep(local, bars[:-1], fast=[1, 2], store=path),
        lambda: sweep(local, bars, fast=[1, 2], costs=Costs(spread=0.001), store=path),
        lambda: sweep(local, bars, fast=[1, 3], store=path),
        lambda: sweep(local, bars, fast=[1, 2], seed=1, store=path),
        lambda: sweep(local, bars, fast=[1, 2], where=lambda p: p.fast > 0, store=path),
        lambda: sweep(local, bars, fast=[1, 2], objective="sortino", store=path),
    ]
    for n, change in enumerate(changes):
        change()
        assert len(runs) == 2 * (n + 2), n
    sweep(made(1.0), bars, fast=[1, 2], store=path)  # another class of the same code
    assert len(runs) == 16


def test_more_random_trials_go_on_from_fewer(bars, tmp_path, monkeypatch):
    path, runs = tmp_path / "sweeps.db", count_runs(monkeypatch)
    given = {"fast": (2, 30), "slow": (31, 90), "method": "random", "store": path}
    few = sweep(Cross, bars, n_trials=5, **given)
    more = sweep(Cross, bars, n_trials=8, **given)
    assert len(runs) == 8
    again = sweep(Cross, bars, n_trials=5, **given)
    assert len(runs) == 8
    assert bytes_of(few) == bytes_of(again)
    assert more.table.index.tolist() == list(range(8))


def test_random_and_latin_run_nothing_twice(bars, monkeypatch):
    for method in ("random", "latin"):
        runs = count_runs(monkeypatch)
        found = sweep(Cross, bars, fast=(5, 6), slow=[20, 30], method=method, n_trials=8, store=None)
        assert len(runs) == found.trials == 4
        assert "4 sets of parameters tried, all there are of 8 asked for" in str(found)
        assert "best of 4" in str(found)


def test_two_sweeps_share_a_store(bars, tmp_path):
    path, found = tmp_path / "sweeps.db", {}

    def work(name, fast):
        found[name] = sweep(Cross, bars, fast=fast, slow=[20, 30, 40], store=path, workers=1)

    threads = [threading.Thread(target=work, args=(k, range(3 + k, 12 + k))) for k in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for k in range(3):
        alone = sweep(Cross, bars, fast=range(3 + k, 12 + k), slow=[20, 30, 40], store=None)
        assert bytes_of(found[k]) == bytes_of(alone)


def test_one_sweep_twice_at_once_is_in_the_store_once(bars, tmp_path):
    path, found = tmp_path / "sweeps.db", []

    def work():
        found.append(sweep(Cross, bars, fast=range(3, 15), slow=[20, 30], store=path, workers=1))

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert bytes_of(found[0]) == bytes_of(found[1])
    with sqlite3.connect(path) as db:
        assert db.execute("SELECT count(*) FROM trials").fetchone() == (24,)
        assert db.execute("SELECT count(*) FROM sweeps").fetchone() == (1,)
    db.close()


def test_stores_that_cannot_be_used(bars, tmp_path):
    def go(path):
        return sweep(Cross, bars, fast=[3], slow=[20], store=path)

    garbage = tmp_path / "garbage.db"
    garbage.write_bytes(b"this is no database at all, but it is long enough to have a header" * 20)
    with pytest.raises(ResultError, match=r"garbage.db is no SQLite file"):
        go(garbage)
    other = tmp_path / "other.db"
    with sqlite3.connect(other) as db:
        db.execute("CREATE TABLE people (name TEXT)")
    db.close()
    with pytest.raises(ResultError, match="with the tables people, and no store of sweeps"):
        go(other)
    old = tmp_path / "old.db"
    go(old)
    with sqlite3.connect(old) as db:
        db.execute("UPDATE facts SET value = '99' WHERE name = 'format'")
    db.close()
    with pytest.raises(ResultError, match="format 99"):
        go(old)
    (tmp_path / "file").write_text("")
    with pytest.raises(ResultError, match="folder of the store"):
        go(tmp_path / "file" / "sweeps.db")
    with pytest.raises(ResultError, match="cannot be opened"):
        go(tmp_path)  # a folder


def test_a_store_that_can_only_be_read(bars, tmp_path):
    from backtester.research.sweep.store import Store

    path = tmp_path / "sweeps.db"
    sweep(Cross, bars, fast=[3], slow=[20], store=path)
    store = Store(path)
    store._db.execute("PRAGMA query_only = ON")  # a root user may write any file
    with pytest.raises(ResultError, match=r"can only be read; name one with store="):
        store.sweep("x", "y", {})


def test_a_damaged_store_says_so(bars, tmp_path):
    path = tmp_path / "sweeps.db"
    sweep(Cross, bars, fast=range(3, 15), slow=[20, 30, 40], store=path)
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    raw = bytearray(path.read_bytes())
    raw[4096:] = b"\xff" * (len(raw) - 4096)
    path.write_bytes(raw)
    with pytest.raises(ResultError, match="is damaged; move it away"):
        sweep(Cross, bars, fast=range(3, 15), slow=[20, 30, 40], store=path)


def test_the_default_store_lies_in_the_project(bars, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sweep(Cross, bars, fast=[3], slow=[20])
    assert (tmp_path / ".backtester" / "sweeps.db").exists()
    assert api.DEFAULT == ".backtester/sweeps.db"


def test_what_has_no_words_cannot_be_continued(bars, tmp_path, monkeypatch):
    class Locked(Cross):
        lock: object = None

    path, runs = tmp_path / "sweeps.db", count_runs(monkeypatch)
    lock = threading.Lock()
    for _ in range(2):
        found = sweep(Locked, bars, fast=[3, 4], slow=[20], lock=lock, store=path)
    assert len(runs) == 4
    assert "lock" in found.not_keyed
    assert "cannot be continued later" in str(found)


def test_a_commission_function_is_part_of_the_key(bars, tmp_path, monkeypatch):
    path, runs = tmp_path / "sweeps.db", count_runs(monkeypatch)

    def charge(rate):
        @numba.njit
        def commission(price, quantity):
            return rate * abs(price * quantity)

        return Costs(commission=commission)

    for rate, wanted in ((0.001, 1), (0.002, 2), (0.001, 2)):
        found = sweep(Cross, bars, fast=[3], slow=[20], costs=charge(rate), store=path)
        assert len(runs) == wanted
    assert found.not_keyed == ""


# --- words and pictures ----------------------------------------------------------------------------------------------


def test_words_tell_how_many_were_tried(grid):
    text = str(grid)
    assert "12 sets of parameters tried" in text
    assert "best of 12 on the same data" in text
    assert repr(grid) == "<Sweep of Cross: 12 trials, sharpe>"
    assert "12 sets of parameters" in grid._repr_html_()


def test_a_heat_map_shows_the_scores(grid):
    figure = grid.heatmap("fast", "slow")
    cells = figure.data[0]
    assert list(cells.x) == [3, 5, 8]
    assert list(cells.y) == [9, 10, 20, 40]
    table = grid.table.set_index(["fast", "slow"])["sharpe"]
    for i, slow in enumerate(cells.y):
        for j, fast in enumerate(cells.x):
            assert cells.z[i][j] == table[fast, slow]
    with pytest.raises(SettingsError, match="did you mean 'slow'"):
        grid.heatmap("fast", "slw")
    with pytest.raises(SettingsError, match="no metric 'calmr'; did you mean 'calmar'"):
        grid.heatmap("fast", "slow", "calmr")
    with pytest.raises(SettingsError, match="name two parameters"):
        grid.heatmap("fast", "fast")


def test_a_heat_map_of_three_parameters_reduces_the_third(bars):
    found = sweep(Cross, bars, fast=[3, 5], slow=[10, 20], share=[0.5, 1.0], store=None)
    cells = found.heatmap("fast", "slow", "total_return", reduce="max").data[0]
    table = found.table
    wanted = table[(table["fast"] == 5) & (table["slow"] == 10)]["total_return"].max()
    assert cells.z[0][1] == wanted


def test_parallel_coordinates_have_a_line_per_trial(grid):
    lines = grid.parallel_coordinates().data[0]
    assert [axis.label for axis in lines.dimensions] == ["fast", "slow", "sharpe"]
    assert sorted(lines.dimensions[2]["values"]) == sorted(grid.table["sharpe"])
    few = grid.parallel_coordinates(most=3).data[0].dimensions[2]["values"]
    assert len(few) == 3
    assert (min(few), max(few)) == (grid.table["sharpe"].min(), grid.table["sharpe"].max())


def test_progress_shows_rate_and_rest(bars, capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")
    sweep(Cross, bars, fast=range(3, 20), slow=[30], store=None, progress=True)
    shown = capsys.readouterr().err
    assert "17/17" in re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown)
    assert "/s" in shown
    sweep(Cross, bars, fast=range(3, 20), slow=[30], store=None)
    assert capsys.readouterr().err == ""


def test_what_a_sweep_holds_does_not_grow_with_the_trials(tmp_path, monkeypatch):
    from backtester.research.sweep import drive
    from backtester.research.sweep.progress import SweepProgress

    held = {}
    monkeypatch.setattr(drive, "_PATIENCE", 0.0)  # else up to a thousand wait to be written, or fewer, as time goes
    monkeypatch.setattr(
        SweepProgress, "update", lambda self, done: held.update({done: tracemalloc.get_traced_memory()[0]})
    )
    given = {"objective": "final_equity", "store": tmp_path / "s.db", "workers": 1}
    sweep(Idle, walk(40), x=range(300), **given)  # what is made once is made now
    held.clear()
    tracemalloc.start()
    try:
        sweep(Idle, walk(40), x=range(300, 3_300), **given)
    finally:
        tracemalloc.stop()
    early = max(size for done, size in held.items() if done < 1_000)
    late = max(size for done, size in held.items() if done > 2_500)
    # an outcome takes 500 bytes and more: 1,500 of them would be 750,000
    assert late - early < 150_000
