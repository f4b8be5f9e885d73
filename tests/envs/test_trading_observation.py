"""What the agent sees: the window against the panel, the account against its ledger, and nothing of the future."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from trading_cases import COSTS, MARKETS, ORDERS, SCHEMES, played, priced, single, walk

from backtester import Bars, Costs
from backtester.errors import FeatureError, SettingsError
from backtester.kernel.codes import ActionKind, Phase, Role
from backtester.signals import Features, Scaler

ALL = ("exposure", "unrealized_pnl", "open_orders", "cash", "drawdown")
FOUR = Features(["log_return(5)", "realised_volatility(20)", "zscore(20)", "rsi(14)"])
TWO = Features(["log_return(1)", "log_return(3)"])


def observed(env, n=150, seed=1):
    """Return the observations of an episode, that of the reset first, and the bar of the first."""
    first, _ = env.reset(seed=seed)
    begin = int(env.unwrapped.core.bar()[0])
    return np.vstack([first, played(env, n, seed)[3]]), begin


def returns(close, k):
    found = np.full(close.shape, np.nan)
    found[k:] = np.log(close[k:] / close[:-k])
    return found


# ----------------------------------------------------------------- the window


def test_the_window_is_the_last_rows_oldest_first_asset_by_asset_feature_by_feature():
    bars = walk(60, 3)
    env = single(bars=bars, features=TWO, window=4, scaler="none", account_features=())
    rows, begin = observed(env, 40)
    one, three = returns(bars.close, 1), returns(bars.close, 3)
    for n, row in enumerate(rows):
        t = begin + n
        expected = [f[u, a] for u in range(t - 3, t + 1) for a in range(3) for f in (one, three)]
        assert_allclose(row, np.array(expected), rtol=2e-7)  # float32 has 24 bits


def test_features_are_scaled_by_the_rows_of_the_range_alone():
    bars = walk(200, 2)
    env = single(bars=bars, features=TWO, window=2, scaler=None, start=50, end=120, account_features=())
    rows, begin = observed(env)
    panel = np.stack([returns(bars.close, 1), returns(bars.close, 3)], axis=-1)
    known = panel[50:120].reshape(-1, 2)
    scaled = (panel - known.mean(axis=0)) / known.std(axis=0)
    for n, row in enumerate(rows):
        assert_allclose(row, scaled[begin + n - 1 : begin + n + 1].ravel(), rtol=1e-5, atol=1e-6)


def test_where_the_range_begins_cold_the_scaler_takes_the_rows_after_the_warm_up():
    bars = walk(100)
    env = single(bars=bars, features=TWO, window=2, scaler=None, end=60)
    known = returns(bars.close, 3)[3:60, 0]
    scaler = env.unwrapped.core.observer.scaler
    assert scaler.centre[1] == pytest.approx(known.mean(), rel=1e-12)
    assert scaler.scale[1] == pytest.approx(known.std(), rel=1e-12)


def test_data_after_the_range_do_not_change_a_bit_of_what_is_observed_in_it():
    bars = walk(200, 2)
    prices = [np.array(getattr(bars, name)) for name in ("open", "high", "low", "close", "volume")]
    for one in prices:
        one[120:] *= np.linspace(1.01, 3.0, 80)[:, None]
    other = Bars.from_arrays(bars.timestamps, *prices)
    found = [observed(single(bars=one, features=FOUR, scaler=None, start=50, end=120))[0] for one in (bars, other)]
    assert len(found[0]) == 70
    assert found[0].tobytes() == found[1].tobytes()


@pytest.mark.parametrize("scheme", SCHEMES)
def test_bars_to_come_change_nothing_that_was_observed_or_earned(scheme):
    """With the scaler of earlier data: two markets that part after bar 130."""
    bars = walk(200, 2)
    prices = [np.array(getattr(bars, name)) for name in ("open", "high", "low", "close", "volume")]
    for one in prices:
        one[131:] *= np.linspace(0.99, 0.5, 69)[:, None]
    other = Bars.from_arrays(bars.timestamps, *prices)
    features = FOUR
    scaler = Scaler.fit(features.compute(bars), end=100, names=features.names)
    seen = []
    for one in (bars, other):
        env = single(
            bars=one, features=features, scaler=scaler, actions=scheme, costs=COSTS, account_features=ALL,
            **(ORDERS if scheme == "orders" else {}),
        )  # fmt: skip
        env.reset(seed=1, options={"start": 60})
        _, infos, rewards, rows = played(env, 100)
        seen.append((rows, rewards, np.array([info["equity"] for info in infos])))
    for mine, theirs in zip(*seen, strict=True):
        assert mine[:70].tobytes() == theirs[:70].tobytes()  # bars 61 to 130
        assert mine[70:75].tobytes() != theirs[70:75].tobytes()


def test_numbers_are_cut_at_clip():
    bars = priced(*[(100, 100)] * 4, (100, 190), (190, 190), (190, 190), (190, 100))
    env = single(bars=bars, features=["log_return(1)"], scaler="none", window=3, clip=0.25, account_features=ALL)
    rows, begin = observed(env, 10)
    assert env.observation_space.high[0] == np.float32(0.25)
    assert np.abs(rows).max() == np.float32(0.25)
    assert rows[4 - begin][2] == np.float32(0.25)  # log 1.9 = 0.64
    scaler = Scaler(np.zeros(1), np.full(1, 0.01), ("log_return(1)",), clip=None)
    env = single(bars=bars, features=["log_return(1)"], scaler=scaler, window=3, clip=5.0)
    rows, _ = observed(env, 10)
    assert rows.max() == 5.0
    scaler = Scaler(np.zeros(1), np.full(1, 0.01), ("log_return(1)",), clip=3.0)  # its own is the smaller
    rows, _ = observed(single(bars=bars, features=["log_return(1)"], scaler=scaler, window=3, clip=5.0), 10)
    assert rows[:, :3].max() == 3.0


# ----------------------------------------------------------------- the account


def ledger(result, bars):
    """Yield, bar by bar, positions and average costs as an agent finds them at the close: from fills and actions.

    What fills at the close itself comes after the agent.
    """
    tables = result.tables
    x, cost = np.zeros(bars.n_assets), np.full(bars.n_assets, np.nan)
    for t in range(result.bars.n_bars):
        for row in tables.actions[tables.actions["bar"] == t]:
            a = row["asset"]
            x[a] = row["after"]
            cost[a] = cost[a] / row["value"] if row["kind"] == ActionKind.SPLIT else np.nan
        late = []
        for row in tables.fills[tables.fills["bar"] == t]:
            if row["phase"] == Phase.CLOSE:
                late.append(row)
            else:
                book(row, x, cost)
        yield x.copy(), cost.copy()
        for row in late:
            book(row, x, cost)


def book(fill, x, cost):
    a, q, price = fill["asset"], fill["quantity"], fill["price"]
    after = x[a] + q
    if abs(after) < 1e-9 * abs(q):
        after = 0.0
    if x[a] * after <= 0.0:
        cost[a] = price if after != 0.0 else np.nan
    elif abs(after) > abs(x[a]):
        cost[a] = (x[a] * cost[a] + q * price) / after
    x[a] = after


@pytest.mark.parametrize("market", MARKETS)
@pytest.mark.parametrize("scheme", ["discrete", "orders"])
def test_the_account_is_that_of_the_ledger(scheme, market):
    """Positions and costs replayed from the recorded tables, marked at the last known closes."""
    settings = {"costs": COSTS, **MARKETS[market]()}
    bars, n = settings["bars"], settings["bars"].n_assets
    orders = ORDERS if scheme == "orders" else {}
    env = single(actions=scheme, account_features=ALL, record=True, **settings, **orders)
    first, _ = env.reset(seed=1)
    begin = int(env.unwrapped.core.bar()[0])
    _, infos, _, rows = played(env, 400, 1)
    rows = np.vstack([first, rows])[:, 2 * n :].astype(float)
    equity = np.array([100_000.0] + [info["equity"] for info in infos])
    worths = np.ones((bars.n_bars, n))
    if market == "abroad":
        worths[:, 0] = 10.0 * bars.close[:, 2]  # ten euros a point, and the price of a euro
    marks = pd.DataFrame(bars.close).ffill().to_numpy()
    result = env.unwrapped.result()
    held = list(ledger(result, bars))[begin:]
    assert len(held) == len(rows) == len(equity)
    for k, (x, cost) in enumerate(held):
        unit = marks[begin + k] * worths[begin + k]
        profit = np.where(x != 0.0, x * (unit - cost * worths[begin + k]), 0.0)
        cash = equity[k] - np.sum(np.where(x != 0.0, x * unit, 0.0))
        assert_allclose(rows[k, :n], np.where(x != 0.0, x * unit, 0.0) / equity[k], rtol=1e-6, atol=1e-7)
        assert_allclose(rows[k, n : 2 * n], profit / equity[k], rtol=1e-6, atol=1e-7)
        assert_allclose(rows[k, 3 * n], cash / equity[k], rtol=1e-6, atol=1e-7)
        assert_allclose(rows[k, 3 * n + 1], 1.0 - equity[k] / equity[: k + 1].max(), rtol=1e-6, atol=1e-7)
    if market != "close":
        table = result.tables.orders
        for k in range(len(rows)):
            t = begin + k
            sent = table["submitted"] + (table["role"] != Role.DRAWDOWN_STOP)  # that one is sent before the agent looks
            live = (sent <= t) & ((table["ended"] == -1) | (table["ended"] > t))
            count = [np.sum(live & (table["asset"] == a)) for a in range(n)]
            assert_array_equal(rows[k, 2 * n : 3 * n], count)


def test_exposure_profit_cash_and_drawdown_by_hand():
    """100 % of 1,000 at a close of 100, filled at 100 without costs: 10 units.

    Close 110: equity 1,100, all of it in the asset, 100 of profit. Close 99: equity 990, 10 % below the peak of 1,100.
    Then short 50 % at 99: 495/99 = 5 units short, filled at 99; close 108.9: equity 990 - 5·9.9 = 940.50.
    """
    bars = priced((100, 100), (100, 100), (100, 100), (100, 110), (110, 99), (99, 108.9), (108.9, 108.9))
    env = single(
        bars=bars, cash=1_000.0, window=1, account_features=ALL, exposures=(-0.5, 0.0, 1.0), features=["log_return(1)"]
    )
    env.reset(seed=0, options={"start": 2})
    rows = [env.step(action)[0][1:] for action in (2, 2, 0)]
    assert_allclose(rows[0], [1.0, 100 / 1_100, 0.0, 0.0, 0.0], atol=1e-7)
    assert_allclose(rows[1], [1.0, -10 / 990, 0.0, 0.0, 1 - 990 / 1_100], atol=1e-7)
    equity = 990 - 5 * 9.9
    expected = [-5 * 108.9 / equity, -5 * 9.9 / equity, 0.0, (990 + 5 * 99) / equity, 1 - equity / 1_100]
    assert_allclose(rows[2], expected, rtol=1e-6)


def test_account_features_come_in_the_order_of_the_page_whatever_order_was_asked_for():
    first = single(bars=walk(60, 2), account_features=("cash", "exposure"))
    second = single(bars=walk(60, 2), account_features=("exposure", "cash"))
    assert_array_equal(observed(first, 20)[0], observed(second, 20)[0])
    assert first.observation_space.shape == (2 * 2 + 2 + 1,)
    assert single(bars=walk(60), account_features="drawdown").observation_space.shape == (2 + 1,)


def test_open_orders_count_a_bracket_that_waits_and_its_legs():
    """A bid 1 % below the close with its two legs is three orders; filled, the two legs are left."""
    bars = priced((100, 100), (100, 100), (100, 100), (100, 100), (98, 98), (98, 98), (98, 98))
    env = single(
        bars=bars, actions="orders", limit_offset=0.01, stop_loss=0.2, take_profit=0.2, window=1,
        account_features=("open_orders",),
    )  # fmt: skip
    env.reset(seed=0, options={"start": 2})
    assert [env.step(verb)[0][-1] for verb in (3, 0, 5)] == [3.0, 2.0, 0.0]


# ----------------------------------------------------------------- refused


def test_a_gap_in_the_features_is_refused_by_symbol_and_time_unless_it_is_carried():
    bars = walk(80, 2, gaps=True, symbols=["A", "B"])
    with pytest.raises(FeatureError, match=r"Trading: the feature 'log_return\(1\)' of [AB] is nan at 20.*hold=None"):
        single(bars=bars, features=Features(["log_return(1)"]))
    whole = single(bars=bars, features=Features(["log_return(1)"], hold=None))
    assert np.isfinite(observed(whole)[0]).all()


def test_a_gap_outside_the_range_and_its_windows_does_no_harm():
    bars = walk(80, symbols=["A"])
    prices = [np.array(getattr(bars, name)) for name in ("open", "high", "low", "close", "volume")]
    for one in prices:
        one[60] = np.nan
    holed = Bars.from_arrays(bars.timestamps, *prices, symbols=["A"])
    features = Features(["log_return(1)"])
    assert single(bars=holed, features=features, end=60).unwrapped.core.last == 59
    assert single(bars=holed, features=features, start=64, window=3).unwrapped.core.first == 64
    with pytest.raises(FeatureError, match="of A is nan at"):
        single(bars=holed, features=features, start=62, window=3)


def test_a_scaler_of_other_columns_is_refused():
    scaler = Scaler(np.zeros(1), np.ones(1), ("rsi(14)",))
    with pytest.raises(SettingsError, match=r"fitted on the columns rsi\(14\), and the features are log_return\(1\)"):
        single(bars=walk(60), scaler=scaler)


@pytest.mark.parametrize(
    ("given", "error", "says"),
    [
        ({"scaler": "standard"}, SettingsError, "scaler must be a Scaler, 'none' or None, found 'standard'"),
        ({"features": np.zeros(60)}, FeatureError, r"features of shape \(60,\)"),
        ({"features": np.zeros((59, 2))}, FeatureError, "59"),
        ({"features": np.full((60, 1), np.inf)}, FeatureError, "inf"),
        ({"features": np.full((60, 1), np.nan)}, FeatureError, "no bar at which all features"),
        ({"features": 3}, FeatureError, "must be Features"),
        ({"features": ["log_retrun(1)"]}, FeatureError, "did you mean"),
        ({"features": ["log_return(70)"]}, FeatureError, "no bar at which all features"),
        ({"clip": 0.0}, SettingsError, "clip is 0.0"),
        ({"clip": np.inf}, SettingsError, "clip is inf"),
        ({"window": 0}, SettingsError, "window must be a whole number of at least 1, found 0"),
        ({"window": 2.5}, SettingsError, "window must be a whole number"),
        ({"account_features": ("exposures",)}, SettingsError, "'exposures'; did you mean 'exposure'"),
        ({"account_features": ("cash", "cash")}, SettingsError, "names one twice"),
    ],
)
def test_observations_that_cannot_be_made_are_refused(given, error, says):
    with pytest.raises(error, match=says):
        single(**{"bars": walk(60), **given})


def test_arrays_are_features_of_each_asset():
    bars = walk(60, 2)
    panel = np.arange(60 * 2 * 3, dtype=float).reshape(60, 2, 3) / 100.0
    env = single(bars=bars, features=panel, window=2, account_features=())
    rows, begin = observed(env, 20)
    for n, row in enumerate(rows):
        assert_array_equal(row, panel[begin + n - 1 : begin + n + 1].ravel().astype(np.float32))
    alone = single(bars=walk(60), features=panel[:, 0], window=1, account_features=())
    assert_array_equal(observed(alone, 5)[0][0], panel[1, 0].astype(np.float32))
    with pytest.raises(FeatureError):
        single(bars=bars, features=panel[:, 0])  # whose asset's would they be


def test_costs_do_not_change_what_is_seen_of_the_market():
    rows = [observed(single(bars=walk(80), costs=costs, account_features=()))[0] for costs in (Costs(), COSTS)]
    assert rows[0].tobytes() == rows[1].tobytes()
