"""The ledger counts what was tried: once for the same code and parameters, on data that overlap, whoever wrote it."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import warnings
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ledgers import DAY, Hold, Other, panel

from backtester import Strategy, run, sweep
from backtester.errors import ResultError, SettingsError
from backtester.trials import Ledger, count_trials, ledger_path, marked, off
from backtester.trials import mark as mark_module
from backtester.trials import record as record_module
from backtester.trials.identity import TrialNumbers, trial_number
from backtester.trials.ledger import Batch, Trial
from backtester.trials.where import VARIABLE

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def file(tmp_path, monkeypatch):
    """A ledger of the test's own, in which its runs count although they run in a test."""
    path = tmp_path / "trials.db"
    monkeypatch.setenv(VARIABLE, str(path))
    monkeypatch.setattr(mark_module, "_in_a_test", lambda: False)
    return path


def trials(bars=None) -> int:
    return count_trials(bars or panel()).trials


@pytest.mark.parametrize("fixed", [{}, {"cost": 0.001, "name": "100 %d %"}, {"z": None, "a": (1, 2)}])
def test_numbers_of_a_sweep_are_those_of_single_trials(fixed):
    numbers = TrialNumbers("co%de", fixed, ["slow", "fast", "kind"])
    for own in ({"fast": 1, "slow": 2.5, "kind": "50 %s"}, {"kind": None, "fast": True, "slow": -0.0}):
        values = [own[name] for name in ("slow", "fast", "kind")]
        assert numbers.of(values) == trial_number("co%de", fixed | own)
    assert TrialNumbers("c", fixed, []).of([]) == trial_number("c", fixed)


SHARE = 0.1


class Brittle(Hold):
    """Raises where `at` is 2."""

    def prepare(self, bars):
        if self.at == 2:
            raise ValueError("two is not allowed")


class Reading(Strategy):
    """Buys as much as a constant says."""

    def on_bar(self, ctx):
        if ctx.t == 1:
            ctx.order_target_percent(0, SHARE)


class Holding(Strategy):
    """Buys once; has parameters of any kind."""

    at: int = 1
    share: float = 1
    what: Any = None

    def on_bar(self, ctx):
        if ctx.t == self.at:
            ctx.order_target_percent(0, self.share)


class TestWhatCounts:
    def test_the_same_run_twice_is_one_trial_and_other_parameters_or_code_another(self, file):
        bars = panel()
        for strategy in (Hold(at=1), Hold(at=1), Hold(at=2), Other(at=1)):
            run(strategy, bars)
        count = count_trials(bars)
        assert count.trials == 3
        row = next(iter(Ledger(file).rows()))
        assert (row.strategy, row.trials, row.runs) == ("Hold", 2, 3)

    def test_a_bar_less_is_the_same_data_and_an_earlier_period_is_not(self, file):
        bars = panel(300)
        run(Hold(at=1), bars[:200])
        run(Hold(at=2), bars[:-1])
        assert trials(bars) == 2
        assert trials(bars[1:]) == 2
        assert trials(bars[200:]) == 1  # the first run ended before
        assert trials(bars[199:]) == 1  # and has no stretch of time in common with bars that begin with its last close

    def test_other_symbols_are_other_data_and_a_common_one_is_not(self, file):
        run(Hold(), panel(symbol="AAA"))
        assert trials(panel(symbol="BBB")) == 0
        both = panel(symbol="AAA").__class__.from_arrays(
            panel().timestamps, *[np.hstack([panel().close] * 2)] * 4, np.full((300, 2), 9.0), symbols=("AAA", "BBB")
        )
        assert trials(both) == 1
        run(Hold(at=3), both)
        assert trials(panel(symbol="BBB")) == 1
        assert trials(panel(symbol="AAA")) == 2

    def test_a_sweep_counts_its_trials_and_a_run_of_one_of_them_is_none_more(self, file):
        bars = panel()
        sweep(Hold, bars, at=[1, 2, 3, 4], store=None)
        assert trials() == 4
        run(Hold(at=3), bars)
        assert trials() == 4
        run(Hold(at=9), bars)
        assert trials() == 5

    @pytest.mark.parametrize(
        "values",
        [
            [np.arange(2000.0), np.arange(2000.0) + 1.0],  # too long to be spelt out
            [lambda x: x + 1, lambda x: x + 2],
            [panel(50), panel(50, seed=2)],
        ],
    )
    def test_parameters_that_are_no_numbers_are_told_apart_by_what_they_hold(self, file, values):
        for value in values:
            run(Holding(what=value), panel(), mode="interpreted")
            run(Holding(what=deepcopy(value)), panel(), mode="interpreted")
        assert trials() == 2

    def test_what_a_constructor_of_the_users_keeps_tells_trials_apart(self, file):
        class Made(Hold):
            def __init__(self, share):
                super().__init__()
                self.share = share

            def on_bar(self, ctx):
                if ctx.t == self.at:
                    ctx.order_target_percent(0, self.share)

        for share in (0.1, 0.2, 0.2):
            run(Made(share), panel())
        assert trials() == 2

    def test_a_constant_that_was_changed_is_other_code(self, file, monkeypatch):
        for share in (0.1, 0.2, 0.2):
            monkeypatch.setitem(globals(), "SHARE", share)
            run(Reading(), panel())
        assert trials() == 2

    def test_a_default_that_is_written_as_a_whole_number_is_the_same_in_a_sweep(self, file):
        bars = panel()
        run(Holding(), bars)
        sweep(Holding, bars, at=[1, 2], store=None)
        sweep(Holding, bars, at=[1, 2], share=1, store=None)
        assert trials() == 2

    def test_the_sharpe_of_each_trial_is_kept(self, file):
        bars = panel()
        found = [run(Hold(at=at), bars).metrics["sharpe"] for at in (1, 50, 100)]
        sweep(Hold, bars, at=[1, 50, 100], store=None)
        count = count_trials(bars)
        assert count.sharpe_variance == pytest.approx(np.var(found, ddof=1), rel=1e-9)
        assert count.best == pytest.approx(max(found), rel=1e-12)

    def test_a_run_that_raises_is_no_trial(self, file):
        bars = panel()
        assert sweep(Brittle, bars, at=[1, 2, 3], store=None).failed == 1
        with pytest.raises(ValueError, match="two is not allowed"):
            run(Brittle(at=2), bars)
        assert trials() == 2

    def test_sharpes_over_other_lengths_are_told_with_the_same_significance(self, file):
        ledger = Ledger(file)

        def add(days, n_bars, *trials):
            ledger.add(Batch("run", "", "S", f"code {days} {n_bars}", ("A",), 0, days * DAY, n_bars), trials)

        add(400, 400, Trial(1, 1.0), Trial(2, 3.0), Trial(3, 0.5))
        add(100, 100, Trial(6, 2.0))  # 2·√(100/400) = 1
        add(100, 101, Trial(3, 8.0))  # has run on 400 days too, and those count
        add(400, 30, Trial(5, 50.0))  # too few bars to tell anything, and yet a trial
        for first, sharpe in (
            (0, 9.0),
            (200, -5.0),
            (300, -1.0),
        ):  # windows: their mean, 1, over the 400 days they cover
            days = (first * DAY, (first + 100) * DAY)
            ledger.add(Batch("walk-forward window", "", "S", "w", ("A",), *days, 100), [Trial(4, sharpe)])
        found = ledger.tally(["A"], 0, 400 * DAY)
        # 1, 3, 0.5, 1 and 1: mean 1.3, Σ(x − mean)² = 3·0.3² + 1.7² + 0.8² = 3.8
        assert found == (6, 6, pytest.approx(3.8 / 4, rel=1e-12), 3.0)
        # over 100 days: trial 2 shows 3·√(400/100) = 6, and of trial 4 the first window lies in them
        assert ledger.tally(["A"], 0, 100 * DAY).best == 9.0

    @pytest.mark.parametrize("what", ["stress", "look-ahead", "test"])
    def test_marked_runs_are_written_and_not_counted(self, file, what):
        bars = panel()
        with marked(what):
            run(Hold(at=1), bars)
            sweep(Hold, bars, at=[1, 2], store=None)
        count = count_trials(bars)
        assert count.trials == 0
        assert count.marked == {what: 3}
        run(Hold(at=1), bars)
        assert trials() == 1

    def test_runs_inside_pytest_are_marked_as_tests(self, file, monkeypatch):
        monkeypatch.undo()
        monkeypatch.setenv(VARIABLE, str(file))
        run(Hold(), panel())
        assert count_trials(panel()).marked == {"test": 1}

    def test_an_unknown_mark_is_refused(self):
        with pytest.raises(SettingsError, match="no mark; it is one of stress, look-ahead, test"), marked("play"):
            pass

    def test_simulated_markets_with_other_seeds_are_other_markets(self, file):
        from backtester import Bars

        one, two = (Bars.simulate("gbm", n_bars=60, seed=seed) for seed in (1, 2))
        run(Hold(), one)
        assert (trials(one), trials(one[5:]), trials(two)) == (1, 1, 0)

    def test_a_walk_over_folds_of_a_model_counts_with_the_settings_that_were_searched(self, file):
        pytest.importorskip("sklearn")
        from backtester.signals import Features, Search, WalkForward, forward_return, predict_out_of_sample

        bars = panel(400)
        settings = {"features": Features(["log_return(1)", "log_return(5)"]), "label": forward_return(bars, 1)}
        scheme = WalkForward(train=150, test=100)
        predict_out_of_sample("ridge", bars=bars, scheme=scheme, workers=1, **settings)
        assert trials(bars) == 1
        search = Search({"alpha": [0.1, 1.0, 10.0]})
        predict_out_of_sample("ridge", bars=bars, scheme=scheme, workers=1, search=search, **settings)
        assert trials(bars) == 1 + 3


class TestIndependence:
    def test_copies_are_one_trial_and_independent_ones_are_all_counted(self, file):
        ledger, rng = Ledger(file), np.random.default_rng(0)
        from backtester.trials.count import count_of
        from backtester.trials.sketch import Sketcher

        times = np.arange(1, 2001) * DAY
        sketcher = Sketcher(times)
        noise = rng.standard_normal((2000, 6)) * 0.01
        curves = np.exp(np.cumsum(noise, axis=0))
        batch = Batch("run", "", "S", "code", ("AAA",), int(times[0]), int(times[-1]), 2000)
        for i in range(6):
            for copy in range(5):
                trial = Trial(10 * i + copy, float(i), sketcher.sketch(curves[:, i]))
                ledger.add(batch, [trial])
        count = count_of(("AAA",), int(times[0]), int(times[-1]), ledger)
        assert count.trials == 30
        assert count.effective == pytest.approx(6.0, abs=0.3)

    def test_sketches_over_other_periods_and_bars_are_compared_where_they_meet(self):
        from backtester.trials.sketch import Sketcher, side_by_side

        days = np.arange(1, 101) * DAY
        wealth = np.exp(0.01 * np.arange(100))
        daily = Sketcher(days).sketch(wealth)
        late = Sketcher(days[40:]).sketch(wealth[40:])
        together = side_by_side([daily, late])
        assert together[:, 0].sum() == pytest.approx(0.99, rel=1e-5)  # 99 returns of 0.01
        # cells of 16 h, day 1 in cell 1 of 1970 and day 41 in cell 61: the late one begins 60 cells later
        np.testing.assert_allclose(together[60:, 1].sum(), 0.59, rtol=1e-5)
        np.testing.assert_allclose(together[:60, 1], together[60:, 1].mean(), rtol=1e-6)
        np.testing.assert_allclose(together[61:, 0], together[61:, 1], atol=1e-6)

    def test_a_long_period_has_at_most_256_cells_and_ruin_is_finite(self):
        from backtester.trials.sketch import MOST_CELLS, Sketcher, side_by_side

        times = np.arange(1, 5001) * DAY
        wealth = np.linspace(1.0, 0.0, 5000)
        found = side_by_side([Sketcher(times).sketch(wealth)])
        assert len(found) <= MOST_CELLS
        assert np.isfinite(found).all()
        assert found.sum() == pytest.approx(np.log(1e-9), rel=1e-5)


class TestTheFile:
    def test_it_is_in_the_folder_of_the_project(self, tmp_path, monkeypatch):
        monkeypatch.delenv(VARIABLE)
        (tmp_path / "pyproject.toml").touch()
        inside = tmp_path / "a" / "b"
        inside.mkdir(parents=True)
        monkeypatch.chdir(inside)
        assert ledger_path() == tmp_path / ".backtester" / "trials.db"

    def test_it_can_be_turned_off(self, file, monkeypatch):
        with off():
            assert ledger_path() is None
            run(Hold(), panel())
        for word in ("off", "0", "False"):
            monkeypatch.setenv(VARIABLE, word)
            run(Hold(), panel())
        assert not file.exists()
        assert count_trials(panel()).problem == "the trial ledger is off"

    def test_processes_that_write_at_once_lose_nothing(self, file):
        code = (
            "import sys; from pathlib import Path; from backtester.trials.ledger import *\n"
            "start = int(sys.argv[2])\n"
            "for n in range(start, start + 60):\n"
            "    Ledger(Path(sys.argv[1])).add(Batch('run', '', 'S', 'c', ('A',), 0, 10, 5), [Trial(n, 0.1)])\n"
        )
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        started = [
            subprocess.Popen([sys.executable, "-c", code, str(file), str(1000 * i)], env=env, cwd=ROOT)
            for i in range(3)
        ]
        assert [one.wait() for one in started] == [0, 0, 0]
        assert Ledger(file).tally(("A",), 0, 10).distinct == 180

    @pytest.mark.parametrize(
        ("make", "told"),
        [
            (lambda path: path.write_bytes(b"no database" * 200), "no SQLite file; move it away"),
            (lambda path: sqlite3.connect(path).execute("CREATE TABLE x (a)"), "with the tables x, and no ledger"),
            (lambda path: path.mkdir(), "cannot be opened"),
        ],
    )
    def test_a_file_that_cannot_be_used_is_one_warning_and_costs_no_result(self, file, make, told):
        make(file)
        record_module._TOLD.clear()
        with pytest.warns(UserWarning, match=told):
            first = run(Hold(), panel())
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            run(Hold(), panel())
        assert len(first.equity) == 300
        assert told in count_trials(panel()).problem

    def test_a_full_disk_is_said_and_what_comes_after_counts_again(self, file):
        record_module._TOLD.clear()
        run(Hold(), panel())
        database = record_module.current_ledger()._db
        database.execute("PRAGMA max_page_count = 1")  # SQLite takes the pages there are
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            for at in range(2, 60):
                run(Hold(at=at), panel())
        assert ["on a disk that is full; make room" in str(one.message) for one in said] == [True]
        assert not database.in_transaction
        database.execute("PRAGMA max_page_count = 100000")
        before = trials()
        run(Hold(at=99), panel())
        assert trials() == before + 1 < 61

    def test_what_cannot_be_counted_costs_no_result(self, file, monkeypatch):
        monkeypatch.setattr(record_module, "code_of", lambda kind: 1 / 0)
        with pytest.warns(UserWarning, match="could not count this: ZeroDivisionError"):
            assert len(run(Hold(), panel()).equity) == 300
        with pytest.warns(UserWarning, match="could not count this: ZeroDivisionError"):
            assert sweep(Hold, panel(), at=[1, 2], store=None).trials == 2

    @pytest.mark.skipif(sys.platform == "win32", reason="there a folder in use cannot be removed")
    def test_a_working_directory_that_is_gone_costs_no_result(self, tmp_path, monkeypatch):
        monkeypatch.delenv(VARIABLE)
        gone = tmp_path / "gone"
        gone.mkdir()
        monkeypatch.chdir(gone)
        gone.rmdir()
        assert ledger_path() is None
        assert len(run(Hold(), panel(), mode="interpreted").equity) == 300

    def test_a_ledger_that_was_replaced_is_the_one_that_is_written(self, file, tmp_path):
        run(Hold(), panel())
        Ledger(tmp_path / "other.db").close()
        for part in file.parent.glob("trials.db*"):
            part.unlink()
        (tmp_path / "other.db").rename(file)
        run(Hold(at=2), panel())
        assert [row.trials for row in Ledger(file).rows()] == [1]

    def test_another_format_is_refused(self, file):
        ledger = Ledger(file)
        ledger._db.execute("UPDATE facts SET value = '99'")
        with pytest.raises(ResultError, match="has format 99, and this version reads format 2"):
            Ledger(file)

    def test_a_ledger_of_format_1_is_taken_over_with_its_sketches(self, file):
        """That format had the sketches in the table of trials."""
        batch = Batch("run", "", "S", "code", ("A",), 0, 10 * DAY, 300)
        Ledger(file).add(batch, [Trial(1, 0.5, b"one"), Trial(2, 0.7), Trial(3, float("nan"), b"three", behind=4)])
        with sqlite3.connect(file) as db:
            db.execute("ALTER TABLE trials ADD COLUMN sketch BLOB")
            db.execute("UPDATE trials SET sketch = (SELECT sketch FROM sketches s WHERE s.number = trials.number)")
            db.execute("DROP TABLE sketches")
            db.execute("UPDATE facts SET value = '1'")
        db.close()
        for _ in range(2):  # the second finds format 2
            ledger = Ledger(file)
            assert ledger.tally(["A"], 0, 10 * DAY)[:2] == (3, 6)
            assert ledger.sketches(["A"], 0, 10 * DAY, 10) == [b"one", b"three"]
        ledger.add(batch, [Trial(1, 0.6, b"again")])
        assert ledger.sketches(["A"], 0, 10 * DAY, 10) == [b"again", b"three"]
        assert (ledger.tally(["A"], 0, 10 * DAY).best, next(iter(ledger.rows())).runs) == (0.7, 4)

    def test_a_ledger_that_was_removed_is_begun_anew(self, file):
        run(Hold(), panel())
        for part in file.parent.glob("trials.db*"):
            part.unlink()
        run(Hold(at=2), panel())
        assert trials() == 1


class TestWalks:
    def test_a_walk_is_one_trial_and_its_windows_count_for_everyone_else(self, file):
        from backtester import walk_forward

        bars = panel(300)
        found = walk_forward(Hold, bars, {"at": [1, 2, 3]}, train=100, test=50, store=None)
        assert found.result.verdict.trials.trials == 1
        assert count_trials(bars).trials == 1 + 3
        doors = {row.door: row.trials for row in Ledger(file).rows() if row.door == "walk-forward"}
        assert doors == {"walk-forward": 1}
        walk_forward(Hold, bars, {"at": [1, 2, 3]}, train=100, test=50, store=None)
        assert count_trials(bars).trials == 1 + 3
