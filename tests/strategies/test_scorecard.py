"""What a signal is worth in money, beside what needs no model."""

from __future__ import annotations

from dataclasses import replace

import numba
import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, Ridge

from backtester import Bars, Costs, Execution, run
from backtester.errors import ModelError, ParameterError, StrategyError
from backtester.signals import PurgedKFold, Signal, WalkForward, forward_return, predict_out_of_sample
from strategies.buy_and_hold import BuyAndHold
from strategies.model import ModelStrategy
from strategies.scorecard import same_folds, scaled, scorecard

COSTS = Costs(commission=0.0005, spread=0.0004)
DAY = 86_400_000_000_000


def bars_of(n=500, n_assets=2, seed=0, phi=0.3):
    """Return bars whose log returns are r[t] = phi·r[t−1] + 0.01·noise, on consecutive days."""
    noise = 0.01 * np.random.default_rng(seed).normal(size=(n, n_assets))
    moves = np.zeros((n, n_assets))
    for t in range(1, n):
        moves[t] = phi * moves[t - 1] + noise[t]
    close = 100.0 * np.exp(np.cumsum(moves, axis=0))
    return Bars.from_arrays(
        18_262 * DAY + DAY * np.arange(1, n + 1), close, close, close, close, np.full(close.shape, 1e9)
    )


BARS = bars_of()
LABEL = forward_return(BARS, 1)
SIGNAL = predict_out_of_sample(Ridge(), ["log_return(1)", "rsi"], LABEL, BARS, WalkForward(200, 100), workers=1)


@pytest.fixture(scope="module")
def card():
    return scorecard(SIGNAL, BARS, costs=COSTS)


def test_the_rows(card):
    variants = ["no costs", "net", "twice the costs", "one bar later"]
    wanted = [(name, variant) for name in ("Ridge", "naive", "ar1") for variant in variants]
    assert card.table.index.tolist() == [*wanted, ("buy and hold", "net"), ("flat", "net")]
    assert card.table.loc["Ridge", "cost_multiple"].tolist() == [0.0, 1.0, 2.0, 1.0]
    assert card.table.loc["Ridge", "latency_bars"].tolist() == [0, 0, 0, 1]


def test_each_row_is_a_run_over_the_tested_bars(card):
    # rsi(14) is there from bar 14 on, so that the first test begins at 214; the last value is at bar 499
    part = BARS[213:500]
    for variant, costs, latency in (
        ("no costs", Costs(), 0),
        ("net", COSTS, 0),
        ("twice the costs", Costs(commission=0.001, spread=0.0008), 0),
        ("one bar later", COSTS, 1),
    ):
        found = run(ModelStrategy(signal=SIGNAL), part, costs=costs, execution=Execution(latency_bars=latency))
        np.testing.assert_array_equal(card.results["Ridge", variant].equity.to_numpy(), found.equity.to_numpy())
        for name in ("sharpe", "max_drawdown", "turnover", "total_costs"):
            assert card.table.loc[("Ridge", variant), name] == found.metrics[name]
    held = run(BuyAndHold(), part, costs=COSTS)
    assert card.table.loc[("buy and hold", "net"), "total_return"] == held.metrics["total_return"]
    assert card.table.loc[("flat", "net"), "total_return"] == 0.0


def test_costs_take_what_they_must(card):
    returns = card.table.loc["Ridge", "total_return"]
    assert returns["no costs"] > returns["net"] > returns["twice the costs"]
    assert card.table.loc[("Ridge", "no costs"), "total_costs"] == 0.0


def test_naive_models_learn_the_same_samples_and_speak_at_the_same_bars():
    signal = same_folds("naive", SIGNAL, BARS)
    for k, record in enumerate(SIGNAL.folds):
        first = np.searchsorted(BARS.timestamps, record.trained_from)
        last = np.searchsorted(BARS.timestamps, record.trained_until)
        # a label of one bar at row t ends at t + 1: those of the rows up to last − 1 are known
        mean = LABEL.values[first:last].mean()
        assert mean == pytest.approx(record.label_mean, rel=1e-12)
        assert signal.values[signal.fold == k] == pytest.approx(mean, rel=1e-12)
        assert signal.folds[k].n_train == record.n_train
    np.testing.assert_array_equal(np.isfinite(signal.values), np.isfinite(SIGNAL.values))
    np.testing.assert_array_equal(signal.fold, SIGNAL.fold)
    np.testing.assert_array_equal(signal.trained_until, SIGNAL.trained_until)


def test_naive_models_are_silent_where_the_signal_is():
    values = SIGNAL.values.copy()
    values[300:310, 1] = np.nan
    holes = replace(SIGNAL, values=values)
    np.testing.assert_array_equal(np.isnan(same_folds("naive", holes, BARS).values), np.isnan(values))


def test_the_autoregression_is_least_squares_on_the_last_return():
    signal = same_folds("ar1", SIGNAL, BARS)
    moves = np.diff(np.log(BARS.close), axis=0, prepend=np.nan)
    first, last = (
        np.searchsorted(BARS.timestamps, one) for one in (SIGNAL.folds[0].trained_from, SIGNAL.trained_until[0])
    )
    slope, constant = np.polyfit(moves[first:last].ravel(), LABEL.values[first:last].ravel(), 1)
    rows = signal.fold == 0
    np.testing.assert_allclose(signal.values[rows], constant + slope * moves[rows], rtol=1e-8)


def test_baselines_of_ones_own_and_settings_of_the_strategy():
    found = scorecard(SIGNAL, BARS, costs=COSTS, baselines=[LinearRegression(), Ridge()], band=0.2)
    assert set(found.table.index.get_level_values(0)) == {
        *("Ridge", "LinearRegression", "Ridge (baseline)", "buy and hold", "flat"),
    }
    alone = run(ModelStrategy(signal=SIGNAL, band=0.2), BARS[213:500], costs=COSTS)
    assert found.table.loc[("Ridge", "net"), "turnover"] == alone.metrics["turnover"]
    with pytest.raises(ParameterError, match="bnad"):
        scorecard(SIGNAL, BARS, baselines=(), bnad=0.2)


def test_without_folds_naive_models_are_left_out_and_it_is_said():
    signal = Signal.of(np.where(np.arange(500)[:, np.newaxis] > 100, SIGNAL.values, np.nan), BARS, "mine")
    found = scorecard(signal, BARS)
    assert found.table.index.get_level_values(0).unique().tolist() == ["mine", "buy and hold", "flat"]
    assert any(note.startswith("naive is left out: the signal of 'mine' keeps no folds") for note in found.notes)
    assert any("There are no costs" in note for note in found.notes)


def test_a_part_of_the_bars():
    found = scorecard(SIGNAL, BARS[:400], costs=COSTS)
    assert len(found.results["Ridge", "net"].bars) == 400 - 213
    assert any("fits need all of them" in note for note in found.notes)
    with pytest.raises(ModelError, match="no value in these 100 bars"):
        scorecard(SIGNAL, BARS[:100])


def test_what_knows_the_future_is_refused_unless_it_is_wanted():
    signal = predict_out_of_sample(Ridge(), ["log_return(1)"], LABEL, BARS, PurgedKFold(3), workers=1)
    with pytest.raises(StrategyError, match="knows the future"):
        scorecard(signal, BARS)
    found = scorecard(signal, BARS, allow_future=True)
    assert found.notes[0].startswith("The signal was not known in time")


def test_the_text_is_narrow_and_names_everything(card):
    text = str(card)
    assert all(len(line) <= 80 for line in text.splitlines())
    for word in ("Ridge, traded: 287 bars", "twice the costs", "one bar later", "buy and hold", "flat"):
        assert word in text


def commission(price, quantity):
    return 1.0 + 0.002 * price * quantity


@pytest.mark.parametrize("function", [commission, numba.njit(commission)])
def test_costs_of_every_form_are_scaled(function):
    bars = BARS[:60]
    plain = Costs(commission=function, spread=[0.001, 0.002], slippage={bars.symbols[0]: 0.1, bars.symbols[1]: 0.2})
    found = scaled(plain, 2.0)
    assert found.commission(10.0, 5.0) == 2.0 * (1.0 + 0.002 * 50.0)
    assert list(found.spread) == [0.002, 0.004]
    assert found.slippage == {bars.symbols[0]: 0.2, bars.symbols[1]: 0.4}
    assert scaled(plain, 0.0) == replace(Costs(), spread=[0.0, 0.0], slippage=dict.fromkeys(bars.symbols, 0.0))
    once, twice = (run(BuyAndHold(), bars, costs=Costs(commission=one)) for one in (function, found.commission))
    quantity, price = (twice.fills[name].to_numpy() for name in ("quantity", "price"))
    np.testing.assert_allclose(twice.fills["commission"], 2.0 * (1.0 + 0.002 * quantity * price), rtol=1e-12)
    assert (once.fills["commission"] < twice.fills["commission"]).all()


def test_interest_is_no_cost_that_is_scaled():
    assert scaled(Costs(cash_rate=0.02, debit_rate=0.05, borrow_rate=0.01), 2.0) == Costs(
        cash_rate=0.02, debit_rate=0.05, borrow_rate=0.02
    )
