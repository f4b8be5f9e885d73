"""Benchmarks: every kind, with its equity by hand, and every error."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from few_bars import DAY_NS, FLAT, NAN, market, play

from backtester import Bars
from backtester.comparison import benchmark_equity, buy_and_hold
from backtester.errors import SettingsError


def closes(*prices: float) -> list:
    """Return flat bars at these prices."""
    return [(p, p, p, p) if p == p else None for p in prices]


def two_assets() -> Bars:
    return market([list(pair) for pair in zip(closes(10, 11, 12, 13), closes(20, 20, 15, 10), strict=True)])


def test_buy_and_hold_splits_the_cash_equally_at_the_first_close():
    # 500·p/10 + 500·q/20
    assert buy_and_hold(two_assets(), 1000.0).tolist() == [1000.0, 1050.0, 975.0, 900.0]


def test_buy_and_hold_waits_in_cash_for_an_asset_that_starts_later():
    rows = [list(pair) for pair in zip(closes(10, 10, 12, 12), closes(NAN, 20, 25, 30), strict=True)]
    assert buy_and_hold(market(rows), 1000.0).tolist() == [1000.0, 1000.0, 600.0 + 625.0, 600.0 + 750.0]


def test_buy_and_hold_carries_the_last_price_over_a_missing_bar():
    rows = [list(pair) for pair in zip(closes(10, NAN, 12, 12), closes(20, 20, 20, 20), strict=True)]
    assert buy_and_hold(market(rows), 1000.0).tolist() == [1000.0, 1000.0, 1100.0, 1100.0]


def with_events(**events: list) -> Bars:
    """Return two assets over four bars, with columns of events of the first."""
    rows = [list(pair) for pair in zip(closes(40, 20, NAN, NAN), closes(20, 20, 20, 20), strict=True)]
    bars = market(rows)
    extras = {name: np.array([[value, NAN] for value in values]) for name, values in events.items()}
    columns = (bars.open, bars.high, bars.low, bars.close, bars.volume)
    return Bars.from_arrays(bars.timestamps, *columns, symbols=bars.symbols, extras=extras)


def test_a_holder_keeps_his_splits_and_dividends():
    # the first asset: 500 of 1,000 at 40; split 2 for 1, at 20: still 500
    bars = with_events(split=[NAN, 2.0, NAN, NAN])
    assert buy_and_hold(bars, 1000.0).tolist() == [1000.0] * 4
    bars = with_events(dividend=[NAN, 10.0, NAN, NAN])
    # at 20 after 10 was paid on the last close of 40: 500 · 20/40 · 40/30
    np.testing.assert_allclose(buy_and_hold(bars, 1000.0), [1000.0] + [500 + 500 * 20 / 30] * 3, rtol=1e-15)
    np.testing.assert_allclose(benchmark_equity("A0", bars, 900.0), [900.0, 600.0, 600.0, 600.0], rtol=1e-15)
    np.testing.assert_allclose(benchmark_equity(bars.select("A0"), bars, 900.0), [900.0] + [600.0] * 3, rtol=1e-15)


def test_a_holder_is_paid_out_at_a_delisting():
    # 500 of 1,000 at 40, two units for one at 20, paid out at 5: 500 · 2·5/40
    bars = with_events(split=[NAN, 2.0, NAN, NAN], delisting=[NAN, NAN, NAN, 5.0])
    assert buy_and_hold(bars, 1000.0).tolist() == [1000.0, 1000.0, 1000.0, 500.0 + 125.0]
    bars = with_events(delisting=[NAN, NAN, 0.0, NAN])
    assert buy_and_hold(bars, 1000.0).tolist() == [1000.0, 750.0, 500.0, 500.0]


def test_a_worthless_end_is_a_loss_of_everything_and_no_bad_price():
    # 900 at 40, then at 20, then nothing
    bars = with_events(delisting=[NAN, NAN, 0.0, NAN])
    for benchmark in ("A0", bars.select("A0")):
        assert benchmark_equity(benchmark, bars, 900.0).tolist() == [900.0, 450.0, 0.0, 0.0]


@pytest.mark.parametrize("price", [0.0, 5.0])
def test_what_was_delisted_before_its_first_bar_is_never_bought(price):
    # of bars that are cut in the row of the delisting: 500 stay in cash, 500 at 20 and 20
    bars = with_events(delisting=[NAN, NAN, price, NAN])[2:]
    assert buy_and_hold(bars, 1000.0).tolist() == [1000.0, 1000.0]
    with pytest.raises(SettingsError, match="finite and above 0"):
        benchmark_equity("A0", bars, 1000.0)


def test_a_symbol_is_held_alone():
    assert benchmark_equity("A1", two_assets(), 1000.0).tolist() == [1000.0, 1000.0, 750.0, 500.0]


def test_prices_one_per_bar():
    assert benchmark_equity([5, 6, 7, 8], two_assets(), 100.0).tolist() == [100.0, 120.0, 140.0, 160.0]


def test_bars_of_one_asset_count_from_their_closes_on():
    # closes at days 1, 3 and 5: days 2 and 4 see those of 1 and 3
    other = Bars.from_arrays(np.array([1, 3, 5]) * DAY_NS, *[np.array([50.0, 60.0, 90.0])] * 4)
    assert benchmark_equity(other, two_assets(), 100.0).tolist() == [100.0, 100.0, 120.0, 120.0]


def test_a_price_a_moment_after_the_close_is_not_yet_known():
    other = Bars.from_arrays(np.array([1 * DAY_NS, 3 * DAY_NS + 1]), *[np.array([50.0, 60.0])] * 4)
    assert benchmark_equity(other, two_assets(), 100.0).tolist() == [100.0, 100.0, 100.0, 120.0]


@pytest.mark.parametrize("zone", [None, "UTC", "America/New_York"])
def test_a_series_is_read_as_of_each_close(zone):
    index = pd.DatetimeIndex(["1970-01-02", "1970-01-04"], tz="UTC")
    index = index.tz_localize(None) if zone is None else index.tz_convert(zone)
    series = pd.Series([50.0, 60.0], index=index.as_unit("s"))
    assert benchmark_equity(series, two_assets(), 100.0).tolist() == [100.0, 100.0, 120.0, 120.0]


def test_before_its_first_price_a_benchmark_is_cash():
    series = pd.Series([50.0, 60.0], index=pd.DatetimeIndex(["1970-01-03", "1970-01-04"], tz="UTC"))
    assert benchmark_equity(series, two_assets(), 100.0).tolist() == [100.0, 100.0, 120.0, 120.0]


@pytest.mark.parametrize(
    ("benchmark", "says"),
    [
        ("buy_and_hodl", "'buy_and_hodl' is no symbol; did you mean 'buy_and_hold'"),
        ("A2", "'A2' is no symbol"),
        ([1.0, 2.0], r"has shape \(2,\); it must have one price per bar, \(4,\)"),
        (np.ones((4, 2)), r"has shape \(4, 2\)"),
        ([1.0, 0.0, 1.0, 1.0], "finite and above 0"),
        ([1.0, -2.0, 1.0, 1.0], "finite and above 0"),
        ([NAN] * 4, "finite and above 0"),
    ],
)
def test_errors(benchmark, says):
    with pytest.raises(SettingsError, match=says):
        benchmark_equity(benchmark, two_assets(), 100.0)


def test_bars_of_several_assets_are_an_error():
    with pytest.raises(SettingsError, match="must hold one asset, found 2"):
        benchmark_equity(two_assets(), two_assets(), 100.0)


def test_a_series_that_begins_after_the_bars_is_an_error():
    late = pd.Series([1.0, 2.0], index=pd.DatetimeIndex(["1999-01-01", "1999-01-02"], tz="UTC"))
    with pytest.raises(SettingsError, match="begin not later than the bars end"):
        benchmark_equity(late, two_assets(), 100.0)


def test_alpha_beta_and_information_ratio_come_with_a_benchmark():
    rows = closes(10, 11, 10, 12, 11, 13)
    held = play(rows, {1: lambda c: c.order_target_percent(0, 1.0)}, benchmark="buy_and_hold")
    assert np.isfinite(held.metrics[["alpha", "beta"]]).all()
    alone = play(rows, {1: lambda c: c.order_target_percent(0, 1.0)})
    assert alone.benchmark is None
    assert alone.metrics[["alpha", "beta", "information_ratio"]].isna().all()


def test_a_benchmark_of_the_equity_itself_has_beta_one_and_alpha_zero():
    rows = closes(10, 10, 12, 11, 13, 12)
    script = {1: lambda c: c.order(0, 100)}  # 1000 at 12 in bar 2 buys less, so hold what the account holds
    equity = play(rows, script).tables.equity
    metrics = play(rows, script, benchmark=equity.copy()).metrics
    assert metrics["beta"] == pytest.approx(1.0, rel=1e-12)
    assert metrics["alpha"] == pytest.approx(0.0, abs=1e-12)


def test_no_bar_of_the_assets_moves_a_flat_market():
    assert buy_and_hold(market([FLAT] * 3), 1000.0).tolist() == [1000.0] * 3
