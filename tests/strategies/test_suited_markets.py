"""Each strategy in a market made to suit it, where it must earn, and in the opposite one, where it must lose.

Bars open at the close before and reach no further than open and close, so a market order fills at the close of its
decision, and every sum can be done by hand.
"""

import itertools

import numpy as np
import pytest

from backtester import Account, Bars, run
from strategies import (
    CrossSectionalMomentum,
    GridTrading,
    PairsTrading,
    RiskParity,
    RsiReversion,
    TimeSeriesMomentum,
    TrendTrailingStop,
    Turtle,
)

CASH = 10_000.0
DAY_NS = 86_400 * 10**9
SHORT_ENOUGH = {"entry": 20, "failsafe": 0, "atr_period": 10}


def bars_of(*closes):
    close = np.column_stack(closes)
    open_ = np.vstack([close[:1], close[:-1]])
    times = (np.arange(len(close)) + 17_898) * DAY_NS  # the days of 2019, closed at their ends
    symbols = [f"S{a}" for a in range(close.shape[1])]
    return Bars.from_arrays(times, open_, np.maximum(open_, close), np.minimum(open_, close), close, symbols=symbols)


def path(*legs, start=100.0):
    """Return closes that grow at a rate for a number of bars, leg after leg: (bars, rate)."""
    return start * np.cumprod(np.concatenate([np.full(n, 1.0 + rate) for n, rate in legs]))


def final(strategy, bars, **settings):
    return run(strategy, bars, cash=CASH, **settings).equity.iloc[-1]


# ---- reversion


def dip(after):
    """A rise of 100 bars, three bars of -2 %, and what comes then."""
    return path((100, 0.005), (3, -0.02), *after)


def test_rsi_reversion_earns_when_a_dip_is_over_and_loses_when_it_goes_on():
    # RSI of two bars after n falls of 2 % and a steady rise of 0.5 %: gain 0.5/2^n over gain and loss 2·(1 - 1/2^n):
    # 20, 7.7 and 3.4, so that the third fall is the signal
    strategy = RsiReversion(trend=50)
    for after, side in (([(4, 0.02)], 1.0), ([(5, -0.02), (8, 0.01)], -1.0)):
        closes = dip(after)
        trade = run(strategy, bars_of(closes), cash=CASH).trades.iloc[0]
        left = next(t for t in range(103, len(closes)) if closes[t] > closes[t - 4 : t + 1].mean())
        assert trade["entry_price"] == pytest.approx(closes[102])
        assert trade["exit_price"] == pytest.approx(closes[left])
        assert trade["pnl"] == pytest.approx(CASH * (closes[left] / closes[102] - 1.0))
        assert side * trade["pnl"] > 0.0


def test_pairs_trading_earns_on_a_spread_that_swings_and_loses_on_one_that_runs_away():
    t = np.arange(200)
    other = 100.0 * np.exp(0.1 * np.sin(t / 7.0))
    swinging = 0.05 * np.sin(2.0 * np.pi * t / 20.0)  # its z goes to √2
    strategy = PairsTrading(window=60, entry=1.2)
    result = run(strategy, bars_of(other * np.exp(swinging), other), cash=CASH)
    spread_trades = result.trades["pnl"].to_numpy()[:-2].reshape(-1, 2).sum(axis=1)  # both legs; the last may be open
    assert len(spread_trades) >= 5
    assert (spread_trades > 0.0).all()
    away = np.where(t < 80, 0.002 * (-1.0) ** t, 0.004 * (t - 80))
    result = run(strategy, bars_of(other * np.exp(away), other), cash=CASH)
    first = result.tables.fills[result.tables.fills["bar"] > 80][:2]
    assert first["quantity"][0] < 0.0 < first["quantity"][1]  # sold what runs up, bought what stays
    assert result.equity.iloc[-1] < result.equity.iloc[80]


def swing(n):
    """100, 99, …, 91, …, 100, again and again."""
    return np.concatenate([[100.0, 100.0], *[np.r_[99.0:90.0:-1.0, 92.0:101.0] for _ in range(n)]])


def test_a_grid_earns_a_step_per_line_and_swing_and_holds_everything_when_the_price_falls_through():
    # the grid is laid at the close of bar 1, 100: lines at 98, 96, … 80, a unit is 10,000 / 10 / 100 = 10
    # each swing to 91 buys at 98, 96, 94 and 92, and sells at 100, 98, 96 and 94: 4 lines · 10 units · 2
    assert final(GridTrading, bars_of(swing(6))) == pytest.approx(CASH + 6 * 4 * 10 * 2)
    # down to 60: 10 lines bought at 89 on average, worth 60
    assert final(GridTrading, bars_of(np.r_[100.0, 100.0, 99.0:59.0:-1.0])) == pytest.approx(CASH - 100 * (89 - 60))


def test_a_grid_on_both_sides_earns_on_both():
    strategy = GridTrading(short=True)
    # a unit leaves the account within its equity with all ten lines sold: 10·1.2 on the line at 120, 0.02·45 lost below
    quantity = CASH / (100.0 * (10 * 1.2 + 0.02 * 45))
    up_and_down = np.concatenate([swing(3), 200.0 - swing(3)[2:]])
    assert final(strategy, bars_of(up_and_down)) == pytest.approx(CASH + 6 * 4 * quantity * 2)
    # up to 140: sold at 111 on average; the tenth line takes the account to its limit, and no order is reduced
    result = run(strategy, bars_of(np.r_[100.0, 100.0:141.0]), cash=CASH)
    assert result.equity.iloc[-1] == pytest.approx(CASH - 10 * quantity * (140 - 111))
    assert set(result.orders["status"]) == {"filled", "expired"}


def test_a_grid_that_is_empty_follows_the_price_up():
    result = run(GridTrading(levels=2), bars_of([100.0, 100.0, 103.0, 103.0, 100.9, 103.5]), cash=CASH)
    # laid anew at 103: the first line is 103·0.98 = 100.94, and sells at 103
    assert result.fills["price"].tolist() == pytest.approx([103.0 * 0.98, 103.0])


# ---- trends


def long_trend():
    return path((40, 0.0005), (60, 0.01), (40, -0.01))


def widening():
    """Swings that go a little further each time, in four bars each: every breakout is the end of its move."""
    turns = np.array([100.0 + side * (1.0 + 0.4 * k) for k in range(40) for side in (1.0, -1.0)])
    return np.concatenate([np.linspace(a, b, 5)[1:] for a, b in itertools.pairwise(turns)])


@pytest.mark.parametrize(
    "strategy",
    [Turtle(**SHORT_ENOUGH), Turtle(**SHORT_ENOUGH, exit=20, short=False), TrendTrailingStop(trend=30, atr_period=10)],
    ids=["turtle", "turtle, long", "trailing stop"],
)
def test_trend_followers_earn_in_a_long_trend_and_lose_where_every_breakout_ends(strategy):
    result = run(strategy, bars_of(long_trend()), cash=CASH)
    assert result.equity.iloc[-1] > 1.1 * CASH
    result = run(strategy, bars_of(widening()), cash=CASH)
    assert result.equity.iloc[-1] < 0.99 * CASH
    assert (result.trades["pnl"] < 0.0).mean() > 0.9


def test_turtle_units_and_stops_by_hand():
    """N is 2: every bar before the last has a range of 2."""
    calm = 100.0 - np.linspace(0.0, 0.1, 30)  # falls a little, so that its highs are no breakout
    rise = calm[-1] + np.arange(1.0, 9.0)
    close = np.r_[calm, rise, rise[-1] - 2.0, rise[-1] - 12.0]
    open_ = np.r_[calm, close[29:-2], close[-1]]
    high, low = np.maximum(open_, close), np.minimum(open_, close)
    high[:30], low[:30] = calm + 1.0, calm - 1.0
    low[30:38] -= 1.0  # a range of 2 in the rise too
    times = (np.arange(len(close)) + 17_898) * DAY_NS
    strategy = Turtle(entry=20, exit=10, failsafe=0, atr_period=10, leverage=10.0, max_units=3, short=False)
    bars = Bars.from_arrays(times, open_, high, low, close)
    fills = run(strategy, bars, cash=CASH, account=Account(leverage=10.0)).tables.fills
    # the orders were last moved at bar 29 (the channel falls with the market): a unit is 1 % of 10,000 over N = 2
    assert fills["quantity"].tolist() == pytest.approx([50.0] * 3 + [-50.0] * 3, rel=1e-3)
    # bar 29's channel is the high of bar 10; bars 30, 31, … rise by 1 = N/2 each: one unit in each
    channel = calm[10] + 1.0
    assert fills["bar"][:3].tolist() == [31, 32, 33]
    assert channel <= rise[1]
    assert fills["price"][:3].tolist() == pytest.approx([channel, channel + 1.0, channel + 2.0], rel=1e-3)
    # out together: at the last fill - 2 N, at the low of ten days, or at an open beyond both, as here
    level = max(fills["price"][2] - 4.0, low[29:39].min())
    assert fills["bar"][3:].tolist() == [39] * 3
    assert fills["price"][3:].tolist() == pytest.approx([min(level, open_[39])] * 3)


# ---- months


def months(*rates):
    """Return the days of 2019 at one rate per month, January first, with a swing of ±0.2 % from day to day."""
    lengths = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    swing = np.tile([1.002, 1.0 / 1.002], 183)[:365]
    growth = np.concatenate([np.full(n, 1.0 + rate) for n, rate in zip(lengths, rates, strict=True)])
    return 100.0 * np.cumprod(growth) * swing


def test_time_series_momentum_earns_on_trends_and_loses_where_every_month_turns():
    up, down = [0.003] * 12, [-0.003] * 12
    strategy = TimeSeriesMomentum(lookback=1, center=20)
    result = run(strategy, bars_of(months(*up), months(*down)), cash=CASH)
    assert (result.positions["S0"].iloc[80:] > 0.0).all()
    assert (result.positions["S1"].iloc[80:] < 0.0).all()
    # from March on each month begins with half of equity in what rises by 0.3 % a day, and minus half in what falls so
    growth = np.prod([1.0 + (1.003**n - 0.997**n) / 2.0 for n in (31, 30, 31, 30, 31, 31, 30, 31, 30, 31)])
    assert result.equity.iloc[-1] == pytest.approx(CASH * growth, rel=0.01)
    turning = [0.003, -0.003] * 6
    assert final(strategy, bars_of(months(*turning), months(*turning[::-1]))) < 0.6 * CASH


def test_time_series_momentum_takes_the_position_its_volatility_allows():
    result = run(TimeSeriesMomentum(lookback=1, target=0.05, center=20), bars_of(months(*[0.001] * 12)), cash=CASH)
    # returns are 0.1 % on average, and swing by ±0.4 % around it: σ is 0.4 %·√261 = 6.5 %
    exposure = result.positions["S0"].iloc[-1] * result.bars.close[-1, 0] / result.equity.iloc[-1]
    assert exposure == pytest.approx(0.05 / (0.004 * np.sqrt(261.0)), rel=0.02)


def test_cross_sectional_momentum_earns_where_winners_go_on_and_loses_where_they_take_turns():
    strategy = CrossSectionalMomentum(lookback=1, skip=0, top=1)
    lasting = bars_of(months(*[-0.001] * 12), months(*[0.002] * 12), months(*[-0.002] * 12))
    result = run(strategy, lasting, cash=CASH)
    assert set(result.fills["symbol"]) == {"S1"}
    assert result.equity.iloc[-1] > CASH * 1.002 ** (365 - 31 - 28 - 2)  # from March 1 on
    turns = [0.003, -0.003] * 6
    assert final(strategy, bars_of(months(*turns), months(*turns[::-1]))) < 0.6 * CASH


def test_the_last_month_is_left_out():
    # in April, the return from January's end to February's says S0, that of March says S1
    first, second = [0.0, 0.003, -0.003] + [0.0] * 9, [0.0, -0.003, 0.003] + [0.0] * 9
    bars = bars_of(months(*first), months(*second))
    for lookback, skip, held in ((2, 1, [True, False]), (1, 0, [False, True])):
        result = run(CrossSectionalMomentum(lookback=lookback, skip=skip, top=1), bars, cash=CASH)
        assert (result.positions.loc["2019-04-10"].to_numpy() > 0.0).ravel().tolist() == held


# ---- risk parity


def test_risk_parity_holds_what_volatility_asks_for():
    t = np.arange(120)
    calm, wild = 100.0 * 1.01 ** (t % 2), 100.0 * 1.03 ** (t // 2 % 2)
    result = run(RiskParity(window=24), bars_of(calm, wild), cash=CASH)
    exposures = result.positions.to_numpy() * result.bars.close / result.equity.to_numpy()[:, None]
    # returns of ±1 % in every bar against ±3 % in every second bar, uncorrelated: σ as 1 to 3/√2
    part = 1.0 / (1.0 + np.sqrt(2.0) / 3.0)
    assert exposures[-1] == pytest.approx([part, 1.0 - part], abs=0.05)


def test_rebalancing_earns_where_relative_prices_return_and_lags_where_they_part():
    t = np.arange(150)
    strategy = RiskParity(window=20, band=0.01)
    returning = bars_of(100.0 * 1.1 ** (t % 2), 100.0 * 1.1 ** ((t + 1) % 2))
    # each pair of bars sells half of the way up and buys half of the way down: (1 + 0.1/2)·(1 - 0.1/2.2) > 1 per bar
    result = run(strategy, returning, cash=CASH)
    assert result.equity.iloc[-1] > CASH * ((1.0 + 1.1) * (1.0 + 1.0 / 1.1) / 4.0) ** 50
    noise = 1.001 ** (t % 2)
    parting = bars_of(100.0 * 1.02**t * noise, 100.0 * 0.98**t / noise)
    bought = result_of_holding(parting, 33)
    assert final(strategy, parting) < 0.5 * bought


def result_of_holding(bars, t):
    """Return what equal parts bought at the close of bar t are worth in the end."""
    return (CASH / 2.0 * bars.close[-1] / bars.close[t]).sum()
