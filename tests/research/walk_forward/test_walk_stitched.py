"""Walks: what is chosen is what plain runs choose, and the stitched account is the one run that it says it is."""

from __future__ import annotations

import pickle
import signal
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from walkers import BARS, Breaks, Cheap, Sways, Trend

from backtester import Bars, Costs, Execution, run, sweep, walk_forward
from backtester.errors import ParameterError, SettingsError, StrategyError, SweepError

COSTS = Costs(commission=0.001, spread=0.0005)
STEPS = [0.002, 0.005, 0.008]
SPACE = {"step": STEPS, "size": [0.2, 0.5]}
WALK = {"train": 100, "test": 60, "costs": COSTS, "store": None}


def walk(strategy=Sways, bars=BARS, space=SPACE, **given):
    return walk_forward(strategy, bars, space, **{**WALK, **given})


@pytest.fixture(scope="module")
def found():
    return walk()


def rows_of(found):
    return [(one.window.train, one.window.test) for one in found.records]


# --- what is chosen --------------------------------------------------------------------------------------------------


def test_every_fold_takes_the_set_that_is_best_in_plain_runs_over_its_training_bars(found):
    assert [test for _, test in rows_of(found)] == [slice(100 + 60 * k, 160 + 60 * k) for k in range(5)]
    for k, (train, test) in enumerate(rows_of(found)):
        sets = [{"step": step, "size": size} for step in STEPS for size in SPACE["size"]]
        scores = [run(Sways(**one), BARS[train], costs=COSTS).metrics["sharpe"] for one in sets]
        best = int(np.argmax(scores))
        row = found.folds.loc[k]
        assert found.parameters.loc[k].to_dict() == sets[best]
        assert row["in_sample"] == scores[best]
        alone = run(Sways(**sets[best]), BARS[test.start - 1 : test.stop], costs=COSTS)
        assert row["out_of_sample"] == alone.metrics["sharpe"]
        assert row["out_of_sample_return"] == alone.metrics["annual_return"]
        assert (row["train_last"], row["test_first"]) == (BARS.index[train.stop - 1], BARS.index[test.start])
        assert row["trials"] == 6
    assert found.trials == 30


def test_the_stable_set_is_that_of_the_sweep():
    found = walk(choose="stable", anchored=True, purge=3)
    for k, (train, _) in enumerate(rows_of(found)):
        assert train == slice(0, 97 + 60 * k)
        wanted = sweep(Sways, BARS[train], **SPACE, costs=COSTS, store=None).stability().best.parameters
        assert found.parameters.loc[k].to_dict() == wanted


def test_sets_with_too_few_trades_are_not_chosen():
    train = BARS[:100]
    closed = {step: run(Sways(step=step), train, costs=COSTS).metrics["n_trades"] for step in STEPS}
    scores = {step: run(Sways(step=step), train, costs=COSTS).metrics["sharpe"] for step in STEPS}
    best = max(scores, key=scores.get)
    most = max(closed.values())
    assert closed[best] < most  # the best set is not the one that trades most
    found = walk(space={"step": STEPS}, bars=BARS[:160], min_trades=int(most))
    assert closed[found.parameters.loc[0, "step"]] == most
    with pytest.raises(SweepError, match="none of 3 sets with a sharpe closed 100,000 trades"):
        walk(space={"step": STEPS}, bars=BARS[:160], min_trades=100_000)


def test_any_objective_of_both_windows():
    def calm(result):
        return -float(result.metrics["max_drawdown"])

    found = walk(objective=calm, bars=BARS[:220])
    least = walk(objective="max_drawdown", bars=BARS[:220])
    assert found.parameters.equals(least.parameters)  # a drawdown is minimised
    assert (-found.folds["out_of_sample"]).tolist() == least.folds["out_of_sample"].tolist()


# --- the stitched account --------------------------------------------------------------------------------------------


def test_one_fold_and_one_set_are_a_plain_run_over_the_window():
    settings = {"costs": COSTS, "execution": Execution(max_participation=0.1), "benchmark": "SIM0"}
    plain = run(Sways(), BARS[149:], **settings)
    found = walk(space=None, train=150, test=250, **settings)
    assert len(plain.fills) > 50
    assert found.equity.to_numpy().tobytes() == plain.equity.to_numpy().tobytes()
    pd.testing.assert_frame_equal(found.result.fills, plain.fills, check_exact=True)
    pd.testing.assert_series_equal(found.result.metrics, plain.metrics, check_exact=True)
    assert found.folds.loc[0, "traded_return"] == plain.metrics["total_return"]


def test_one_fold_of_a_strategy_that_looks_back_is_a_run_over_all_bars_that_waits_for_the_test():
    class Late(Trend):
        warmup = 100

    found = walk(Trend, space={"n": [20]}, test=300)
    waiting = run(Late(n=20), BARS, costs=COSTS)
    assert len(found.records) == 1
    assert found.equity.to_numpy().tobytes() == waiting.equity.to_numpy()[99:].tobytes()
    # a run over the window waits for 20 closes: its first decision is at bar 99 + 19, that of the walk at bar 100
    window = run(Trend(n=20), BARS[99:], costs=COSTS)
    assert (found.result.orders["submitted"].min(), window.orders["submitted"].min()) == (
        BARS.index[100],
        BARS.index[118],
    )


def test_the_same_parameters_in_every_fold_are_one_run_without_a_break():
    class Late(Trend):
        warmup = 100

    plain = run(Late(n=20), BARS, costs=COSTS)
    found = walk(Trend, space={"n": [20]}, test=40)
    assert len(found.records) == 8
    assert len(plain.fills) > 50
    assert found.equity.to_numpy().tobytes() == plain.equity.to_numpy()[99:].tobytes()
    for name in ("quantity", "price", "commission", "time"):
        assert found.result.fills[name].tolist() == plain.fills[name].tolist()
    assert found.result.orders["status"].tolist() == plain.orders["status"].tolist()


@pytest.mark.parametrize("between", ["carry", "flat"])
def test_the_equity_is_that_of_its_fills_over_all_borders(between):
    found = walk(between=between, cash=5_000.0, space={"step": STEPS})
    assert found.parameters["step"].nunique() > 1
    result, bars = found.result, BARS[99:]
    fills = result.tables.fills
    cash, held, equity, positions = 5_000.0, np.zeros(2), [], []
    for t in range(bars.n_bars):
        for fill in fills[fills["bar"] == t]:
            traded = fill["quantity"] * fill["price"]
            opened = bars.open[t, fill["asset"]]
            # every order is a market order: half of the spread and the commission, from the open
            assert fill["price"] == pytest.approx(opened * (1.0 + np.sign(fill["quantity"]) * 0.00025), rel=1e-12)
            assert fill["commission"] == pytest.approx(0.001 * abs(traded), rel=1e-9)
            cash -= traded + 0.001 * abs(traded)
            held[fill["asset"]] += fill["quantity"]
        equity.append(cash + held @ bars.close[t])
        positions.append(held.copy())
    np.testing.assert_allclose(found.equity, equity, rtol=1e-12)
    borders = [one.window.test.start - 99 for one in found.records[1:]]
    if between == "flat":  # the closing orders of the last bar fill at the next open, and nothing else does
        assert all(not positions[t].any() for t in borders)
        assert result.positions.iloc[borders[0] - 1].any()
    else:
        assert any(positions[t].any() for t in borders)
        changed = [t for t, moved in zip(borders, np.diff(found.parameters["step"]) != 0.0, strict=True) if moved]
        orders = result.tables.orders
        sent = np.isin(orders["submitted"], np.array(changed) - 1)  # at the close of the last bar of a test
        assert sent.any()
        assert (result.orders["status"].to_numpy()[sent] == "cancelled").all()


def test_what_each_test_made_comes_to_the_whole(found):
    made = np.prod(1.0 + found.folds["traded_return"].to_numpy()) - 1.0
    assert made == pytest.approx(found.result.metrics["total_return"], rel=1e-12)


def test_a_last_test_of_less_than_half_has_no_score():
    found = walk(bars=BARS[:305])
    assert [test.stop - test.start for _, test in rows_of(found)] == [60, 60, 60, 25]
    assert np.isfinite(found.folds["out_of_sample"]).tolist() == [True, True, True, False]
    assert np.isfinite(found.folds["traded_return"]).all()
    assert found.decay.folds == 3
    assert "the mean of the 3 of 4 folds that have a score in both windows" in str(found)


def test_in_bars_between_two_tests_nobody_trades():
    found = walk(step=100, test=50)
    assert [(test.start, test.stop) for _, test in rows_of(found)] == [(100, 150), (200, 250), (300, 350)]
    bars = found.result.tables.orders["submitted"] + 99
    assert set(bars.tolist()) <= {*range(100, 150), *range(200, 250), *range(300, 350)}
    positions = found.result.positions.to_numpy()
    assert not positions[151 - 99 : 200 - 99 + 1].any()
    assert len(found.equity) == 350 - 99


def test_what_comes_later_changes_nothing_before(found):
    later = [array.copy() for array in (BARS.open, BARS.high, BARS.low, BARS.close)]
    for array in later:
        array[280:] *= np.linspace(1.0, 3.0, 120)[:, np.newaxis]
    other = Bars.from_arrays(BARS.timestamps, *later, BARS.volume, symbols=BARS.symbols)
    again = walk(bars=other)
    assert again.parameters.iloc[:3].equals(found.parameters.iloc[:3])
    assert again.folds.iloc[:3].equals(found.folds.iloc[:3])
    assert again.equity.iloc[: 280 - 99].equals(found.equity.iloc[: 280 - 99])
    assert not again.equity.equals(found.equity)


# --- folds that go wrong ---------------------------------------------------------------------------------------------


def stairs():
    """Return bars that are cheap, then dear for 100 bars, then cheap, with a little noise."""
    level = np.repeat([40.0, 90.0, 40.0], [100, 100, 100])
    close = (level + np.sin(np.arange(300.0)))[:, np.newaxis]
    times = (np.arange(300) + 1) * 86_400 * 10**9
    return Bars.from_arrays(times, close, close, close, close, np.full((300, 1), 1e6), symbols=["S"])


def test_where_nothing_has_a_score_nobody_trades_and_the_result_says_so():
    """Training on bars 0 … 49, 50 … 99, 100 … 149 (dear), 150 … 199 (dear) and 200 … 249; bar 150 is 1 June."""
    found = walk(Cheap, stairs(), {"below": [60.0, 70.0]}, train=50, test=50)
    assert [one.trades for one in found.records] == [True, True, False, False, True]
    assert found.folds.loc[2, "why_not"] == "sharpe is NaN, or the account bankrupt, in all 2 runs that finished"
    assert np.isnan(found.folds.loc[2, "out_of_sample"])
    assert found.folds.loc[2, "traded_return"] == 0.0
    positions = found.result.positions["S"].to_numpy()
    assert not positions[150 - 49 : 251 - 49].any()
    assert positions[252 - 49] == 1.0
    assert "fold 3: nobody traded its test: sharpe is NaN" in str(found)
    assert "Nobody traded from 1970-06-01" in " ".join(found.result.manifest["about"]["warnings"])
    assert "Nobody traded" in str(found.result)


def test_positions_are_closed_before_a_fold_that_nobody_trades():
    """Cheap, but for bars 20 … 39: the second window, bars 50 … 99, buys and closes nothing, and a trade is asked for.

    So the first test, the same bars, ends with a position, and the second has nobody to trade it.
    """
    close = np.full((150, 1), 40.0)
    close[20:40] = 90.0
    times = (np.arange(150) + 1) * 86_400 * 10**9
    bars = Bars.from_arrays(times, close, close, close, close, np.full((150, 1), 1e6), symbols=["S"])
    found = walk(Cheap, bars, {"below": [60.0]}, train=50, test=50, min_trades=1, objective="total_return")
    assert [one.trades for one in found.records] == [True, False]
    positions = found.result.positions["S"].to_numpy()
    assert positions[99 - 49] == 1.0
    assert not positions[100 - 49 :].any()


def test_a_run_that_raises_in_training_is_counted_and_the_rest_goes_on():
    top = float(BARS.close[:100, 0].max())
    found = walk(Breaks, BARS[:160], {"limit": [1e9, top * 0.99]})
    assert (found.trials, found.failed) == (2, 1)
    assert found.parameters.loc[0, "limit"] == 1e9
    assert "2 trials, 1 raised" in str(found)


def test_an_error_in_a_test_is_raised_with_its_bar_and_fold():
    close = np.array(BARS.close)
    limit = float(close[:200, 0].max()) + 1.0
    close[230, 0] = limit + 1.0
    high = np.maximum(BARS.high, close)
    bars = Bars.from_arrays(BARS.timestamps, BARS.open, high, BARS.low, close, BARS.volume, symbols=BARS.symbols)
    bars = bars[:300]
    with pytest.raises(IndexError) as caught:
        walk(Breaks, bars, {"limit": [limit]}, train=200)
    notes = "".join(caught.value.__notes__)
    assert "bar 230 of 260" in notes
    assert "in the test of fold 0, bars 200 to 259" in notes


@pytest.mark.parametrize(
    ("given", "kind", "text"),
    [
        ({"space": {"stepp": [0.1]}}, ParameterError, "^walk_forward: .* did you mean 'step'"),
        ({"anchor": True}, ParameterError, "^walk_forward: .* and walk_forward and run no .* did you mean 'anchored'"),
        (
            {"step": 70, "space": {"size": [0.1]}},
            SettingsError,
            "and a setting of walk_forward; write space={'step': …} for the parameter",
        ),
        ({"sizes": [0.1]}, ParameterError, "did you mean 'size'"),
        ({"space": {"step": []}}, SweepError, "step has no values"),
        ({"objective": "sharp"}, SettingsError, "did you mean 'sharpe'"),
        ({"objective": ["sharpe", "cagr"]}, SettingsError, "one metric or one function"),
        ({"between": "close"}, SettingsError, "between is 'close'; it is one of carry, flat"),
        ({"choose": "stabel"}, SettingsError, "did you mean 'stable'"),
        ({"min_trades": -1}, SettingsError, "min_trades is -1"),
        ({"strategy": Sways(step=0.1)}, StrategyError, "pass the class Sways rather than an instance"),
        ({"strategy": 3}, StrategyError, "train_fold"),
        ({"benchmark": np.ones(7)}, SettingsError, r"benchmark has shape \(7,\)"),
        ({"strategy": Cheap, "space": {"below": [0.0]}}, SweepError, "nothing can be traded in any fold"),
        ({"strategy": Trend, "space": {"n": [150]}}, SweepError, "100 bars of SIM0, SIM1 are shorter than the warm-up"),
    ],
)
def test_what_is_refused(given, kind, text):
    with pytest.raises(kind, match=text):
        walk(**given)


# --- stop and go on --------------------------------------------------------------------------------------------------


def test_a_second_start_runs_nothing_twice(tmp_path):
    log, calls = tmp_path / "log", str(tmp_path / "calls")  # what changes in a closure would be another sweep

    def where(p):
        with Path(calls).open("a") as file:
            file.write(".")
        if Path(calls).stat().st_size == 11:  # sets are counted first: the second of the second window
            signal.raise_signal(signal.SIGINT)
        return True

    settings = {"space": {"n": [5, 10, 20]}, "store": tmp_path / "s.db", "log": str(log), "workers": 1}
    first = walk(Trend, **settings, where=where, objective=lambda m: m["sharpe"])
    assert first.interrupted
    assert 1 <= len(first.records) < 5
    assert "interrupted: the same call goes on" in str(first)
    second = walk(Trend, **settings, where=where, objective=lambda m: m["sharpe"])
    assert not second.interrupted
    assert second.folds.iloc[: len(first.records)].equals(first.folds)
    training = Counter(line for line in log.read_text().splitlines() if line.endswith(" 100"))
    assert len(training) == 15
    assert set(training.values()) == {1}


def test_interrupted_before_anything_is_known():
    calls = Counter()

    def where(p):
        calls["all"] += 1
        if calls["all"] == 7:  # after they were counted
            signal.raise_signal(signal.SIGINT)
        return True

    with pytest.raises(KeyboardInterrupt, match="in the first fold"):
        walk(where=where)


def test_functions_are_handed_out_although_their_subpackages_are_called_like_them():
    import backtester.research
    import backtester.research.walk_forward.windows  # Python would now put the subpackage in the function's place

    assert backtester.research.walk_forward is walk_forward
    assert backtester.research.sweep is sweep
    assert backtester.research.overfitting.__name__ == "backtester.research.overfitting"


def test_it_can_be_pickled_shown_and_drawn(found):
    again = pickle.loads(pickle.dumps(found))
    assert str(again) == str(found)
    assert again.equity.equals(found.equity)
    assert "<table" in found._repr_html_()
    assert repr(found) == "<WalkForwardResult of Sways: 5 folds, 30 trials>"
    figure = found.plot()
    assert [trace.name for trace in figure.data] == ["equity", "in sample", "out of sample", "step", "size"]
    assert tuple(figure.data[1].y) == tuple(found.folds["in_sample"])
    assert len(figure.layout.shapes) == 5  # a border per fold
