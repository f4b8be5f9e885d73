"""What a strategy has done up to a bar depends on nothing after it, to the last bit.

Every class that `strategies` exports is found by itself. What is compared: all rows of the tables up to the cut, equity
up to the cut, and of orders that were still alive there all that was settled when they were sent.
"""

import numpy as np
import pytest

import strategies
from backtester import Account, Bars, Costs, Execution, run

N_BARS = 220
CUTS = (45, 60, 61, 118, 200, 219)
SHIPPED = [getattr(strategies, name) for name in strategies.__all__]
WHEN_SENT = ["id", "asset", "kind", "role", "tif", "submitted", "expire", "parent", "tag"]
COSTS = Costs(
    commission=0.001, commission_min=1.0, spread=0.0005, slippage=0.0002, impact=0.5, borrow_rate=0.05, cash_rate=0.02
)
SETTINGS = {
    "plain": {},
    "costs": {"costs": COSTS, "account": Account(leverage=2.0, maintenance=0.3, lot_size=1.0, tick_size=0.01)},
    "slow": {"costs": COSTS, "execution": Execution(max_participation=0.05, latency_bars=2, same_bar="nearest")},
    "close": {"costs": COSTS, "execution": Execution(fill_at="close", same_bar="ohlc", limit_fill="through")},
}
COLUMNS = ("open", "high", "low", "close", "volume")
#: parameters with which the strategies of many months find something to do in 220 bars
QUICK = {
    "CrossSectionalMomentum": {"lookback": 1, "skip": 0, "top": 1, "short": True},
    "OpeningRangeBreakout": {"opening": 1, "exit_minutes": 360.0},
    "PairsTrading": {"window": 20, "entry": 1.0, "stop": 2.0},
    "RiskParity": {"window": 20, "band": 0.02},
    "RsiReversion": {"entry": 20.0, "trend": 20},
    "TimeSeriesMomentum": {"lookback": 1, "center": 20},
    "TrendTrailingStop": {"trend": 20, "entry": 5},
    "Turtle": {"entry": 10, "exit": 5, "failsafe": 20},
}


#: hours per bar, where it is not twelve: 11 months, and sessions of four bars
HOURS = {
    **dict.fromkeys(("CrossSectionalMomentum", "MonthlyContributions", "RiskParity", "TimeSeriesMomentum"), 36),
    "OpeningRangeBreakout": 6,
}


def made(cls):
    return cls(**QUICK.get(cls.__name__, {}))


def panel(seed, gaps=True):
    """Return the columns of three assets, with missing bars and one asset that is listed late."""
    rng = np.random.default_rng(seed)
    shape = (N_BARS, 3)
    close = 30.0 * np.exp(np.cumsum(rng.normal(0.0, 0.02, shape), axis=0))
    open_ = np.vstack([close[:1], close[:-1]]) * (1.0 + rng.normal(0.0, 0.008, shape))
    high = np.maximum(open_, close) * (1.0 + rng.uniform(0.0, 0.01, shape))
    low = np.minimum(open_, close) * (1.0 - rng.uniform(0.0, 0.01, shape))
    data = dict(zip(COLUMNS, (open_, high, low, close, rng.uniform(1e4, 1e5, shape)), strict=True))
    if gaps:
        missing = rng.random(shape) < 0.07
        missing[:50, 2] = True
        data = {name: np.where(missing, np.nan, column) for name, column in data.items()}
    return data


def bars_of(data, cls=None):
    hours = HOURS.get(cls.__name__, 12) if cls is not None else 12
    times = (np.arange(len(data["close"])) * hours + 18_000 * 24) * 3_600 * 10**9
    return Bars.from_arrays(times, **data, symbols=["A", "B", "C"], check=False)


def futures(data, cut):
    """Yield data that is other from bar `cut` on, under a name for the message."""
    other = panel(99)
    missing = np.arange(N_BARS)[:, None] % 3 == 0
    changes = {
        "other prices": lambda name, tail: other[name][cut:],
        "a hundred times as high": lambda name, tail: tail if name == "volume" else tail * 100.0,
        "next to nothing": lambda name, tail: tail / 1e4,
        "constant": lambda name, tail: np.full(tail.shape, 30.0),
        "missing": lambda name, tail: np.full(tail.shape, np.nan),
        "missing in one asset": lambda name, tail: np.where(np.arange(3) == 0, np.nan, tail),
        "every third bar missing": lambda name, tail: np.where(missing[cut:], np.nan, tail),
        "other volumes": lambda name, tail: tail * 50.0 if name == "volume" else tail,
    }
    for label, change in changes.items():
        yield label, {name: np.concatenate([x[:cut], change(name, x[cut:])]) for name, x in data.items()}


def past_of(result, cut):
    """Return what was known and done before bar `cut`, as bytes by table."""
    tables = result.tables
    orders = tables.orders[tables.orders["submitted"] < cut]
    orders = orders[orders["role"] < 5]  # forced orders are written in the bar they act in
    over = (orders["ended"] >= 0) & (orders["ended"] < cut)
    return {
        "equity": tables.equity[:cut].tobytes(),
        "fills": tables.fills[tables.fills["bar"] < cut].tobytes(),
        "flows": tables.flows[tables.flows["bar"] < cut].tobytes(),
        "orders that ended": orders[over].tobytes(),
        "orders that were sent": [orders[name].tobytes() for name in WHEN_SENT],
        "market prices and targets": orders["target"][orders["kind"] == 0].tobytes(),
        "changes asked for": [tables.changes[name][tables.changes["bar"] < cut].tobytes() for name in ("bar", "price")],
        "positions": result.positions.to_numpy()[:cut].tobytes(),
    }


def assert_same_past(left, right, cut, label):
    before, after = past_of(left, cut), past_of(right, cut)
    for name, found in before.items():
        assert found == after[name], f"{name} before bar {cut} changed with the future: {label}"


def test_the_search_finds_all_strategies():
    assert len(SHIPPED) >= 4
    assert all(issubclass(cls, strategies.SmaCross.__mro__[1]) for cls in SHIPPED)


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("cls", SHIPPED, ids=lambda cls: cls.__name__)
def test_another_future_leaves_the_past_as_it_was(cls, setting):
    data = panel(1)
    before = run(made(cls), bars_of(data, cls), **SETTINGS[setting])
    for cut in CUTS if setting == "plain" else CUTS[::2]:
        for label, changed in futures(data, cut):
            assert_same_past(before, run(made(cls), bars_of(changed, cls), **SETTINGS[setting]), cut, label)


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("cls", SHIPPED, ids=lambda cls: cls.__name__)
def test_data_that_ends_earlier_leaves_the_past_as_it_was(cls, setting):
    """Fills and equity of the last bar too; orders only before it, for what is alive there expires with the data."""
    bars = bars_of(panel(2), cls)
    before = run(made(cls), bars, **SETTINGS[setting])
    for end in (70, 71, 118, 219):
        after = run(made(cls), bars[:end], **SETTINGS[setting])
        assert_same_past(before, after, end - 1, "cut off")
        for name in ("equity", "fills", "flows", "positions"):
            assert past_of(before, end)[name] == past_of(after, end)[name], f"{name}, data ends before bar {end}"


@pytest.mark.parametrize("cls", SHIPPED, ids=lambda cls: cls.__name__)
def test_what_may_change_does(cls):
    """Guards the tests above: the futures they try do reach the result, and there is a past to compare."""
    data = panel(1)
    before = run(made(cls), bars_of(data, cls))
    assert len(before.tables.fills) > 0
    found = run(made(cls), bars_of(dict(futures(data, 61))["other prices"], cls))
    assert (before.tables.equity[62:] != found.tables.equity[62:]).any()


class Seer(strategies.SmaCross):
    """Knows tomorrow's averages."""

    def prepare(self, bars):
        super().prepare(bars)
        self.fast_ma = np.vstack([self.fast_ma[1:], self.fast_ma[-1:]])


def test_a_strategy_that_looks_ahead_is_caught():
    data = panel(1)
    before, after = (run(Seer, bars_of(part)) for part in (data, dict(futures(data, 61))["a hundred times as high"]))
    with pytest.raises(AssertionError, match="before bar 61 changed with the future"):
        assert_same_past(before, after, 61, "a hundred times as high")
