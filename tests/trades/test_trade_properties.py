"""Random fill streams against the account identity and against a plain quadratic matcher."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from backtester.kernel.codes import Phase
from backtester.kernel.tables import FILL
from backtester.trades import build_trades

N_BARS = 40
COSTS = ("commission", "spread", "slippage", "impact", "rounding")


@st.composite
def histories(draw):
    """Bars with gaps, and fills inside bars that are there: (fills, open, high, low, close, multiplier)."""
    n_assets = draw(st.integers(1, 3))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.05, (N_BARS, n_assets)), axis=0))
    open_ = close * np.exp(rng.normal(0.0, 0.02, close.shape))
    high = np.maximum(open_, close) * (1.0 + rng.uniform(0.0, 0.03, close.shape))
    low = np.minimum(open_, close) * (1.0 - rng.uniform(0.0, 0.03, close.shape))
    missing = rng.random(close.shape) < 0.1
    missing[0] = False
    for array in (open_, high, low, close):
        array[missing] = np.nan
    n_fills = draw(st.integers(0, 60))
    fills = np.zeros(n_fills, FILL)
    fills["fx"] = 1.0
    key = np.sort(rng.integers(0, N_BARS * 4, n_fills))
    fills["bar"], fills["phase"] = key // 4, key % 4
    fills["asset"] = rng.integers(0, n_assets, n_fills)
    fills = fills[~missing[fills["bar"], fills["asset"]]]
    n = len(fills)
    fills["order_id"] = np.arange(1, n + 1)
    whole = draw(st.booleans())
    fills["quantity"] = rng.integers(-4, 5, n) if whole else rng.normal(0.0, 3.0, n)
    at = (fills["bar"], fills["asset"])
    inside = low[at] + rng.random(n) * (high[at] - low[at])
    fills["reference_price"] = np.choose(fills["phase"], [open_[at], inside, close[at], close[at]])
    fills["price"] = fills["reference_price"] * (1.0 + np.sign(fills["quantity"]) * 0.001)
    for name in COSTS:
        fills[name] = rng.uniform(0.0, 2.0, n)
    return fills, open_, high, low, close, rng.choice([1.0, 0.1, 50.0], n_assets)


def last_marks(close):
    return np.array([column[np.isfinite(column)][-1] for column in close.T])


@settings(deadline=None, max_examples=60)
@given(histories())
def test_pnl_adds_up_to_the_change_of_equity(history):
    fills, open_, high, low, close, multiplier = history
    trades = build_trades(fills, open_, high, low, close, multiplier, len(multiplier))
    cash_start = 1e5
    cash, position = cash_start, np.zeros(len(multiplier))
    for row in fills:
        cash -= row["quantity"] * multiplier[row["asset"]] * row["price"] + row["commission"]
        position[row["asset"]] += row["quantity"]
    equity = cash + float((position * multiplier * last_marks(close)).sum())
    idle = fills["commission"][fills["quantity"] == 0.0].sum()
    assert abs(trades["pnl"].sum() - idle - (equity - cash_start)) <= 1e-9 * max(cash_start, abs(equity))


@settings(deadline=None, max_examples=60)
@given(histories())
def test_quantities_and_costs_are_conserved(history):
    fills, open_, high, low, close, multiplier = history
    trades = build_trades(fills, open_, high, low, close, multiplier, len(multiplier))
    traded = fills[fills["quantity"] != 0.0]
    # every closed piece uses its quantity twice, every open one once
    pieces = np.abs(trades["quantity"])
    used = 2.0 * pieces[trades["open"] == 0].sum() + pieces[trades["open"] == 1].sum()
    np.testing.assert_allclose(used, np.abs(traded["quantity"]).sum(), rtol=1e-9, atol=1e-12)
    for asset in range(len(multiplier)):
        mine = trades[(trades["open"] == 1) & (trades["asset"] == asset)]
        held = traded["quantity"][traded["asset"] == asset].sum()
        np.testing.assert_allclose(mine["quantity"].sum(), held, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(trades["costs"].sum(), sum(traded[name].sum() for name in COSTS), rtol=1e-9, atol=1e-12)


def plain_matcher(fills, high, low, close):
    """FIFO by lists, excursions by scanning every bar of every trade: (entry id, exit id, quantity, worst, best)."""
    queues, found = {}, []

    def piece(entry, quantity, end, reference, order):
        lows, highs = [reference], [reference]
        between = slice(entry["bar"] + 1, end)
        lows += [x for x in low[between, entry["asset"]] if x == x]
        highs += [x for x in high[between, entry["asset"]] if x == x]
        known = [entry["reference_price"]] if entry["phase"] == Phase.OPEN else []
        known += [close[entry["bar"], entry["asset"]]] if end > entry["bar"] else []
        worst, best = min(lows + known), max(highs + known)
        found.append((int(entry["order_id"]), order, quantity, worst, best))

    for row in fills:
        left = float(row["quantity"])
        queue = queues.setdefault(int(row["asset"]), [])
        while queue and left * queue[0][1] < 0.0:
            entry, open_quantity = queue[0]
            size = min(abs(open_quantity), abs(left))
            piece(entry, np.sign(open_quantity) * size, row["bar"], row["reference_price"], int(row["order_id"]))
            left += np.sign(open_quantity) * size
            if size == abs(open_quantity):
                queue.pop(0)
            else:
                queue[0] = (entry, open_quantity - np.sign(open_quantity) * size)
        if left != 0.0:
            queue.append((row, left))
    for asset in sorted(queues):
        for entry, quantity in queues[asset]:
            piece(entry, quantity, len(close), last_marks(close)[asset], 0)
    return found


@settings(deadline=None, max_examples=100)
@given(histories())
def test_pieces_and_excursions_equal_a_plain_matcher(history):
    fills, open_, high, low, close, multiplier = history
    trades = build_trades(fills, open_, high, low, close, multiplier, len(multiplier))
    expected = plain_matcher(fills, high, low, close)
    assert [(t["entry_order"], t["exit_order"]) for t in trades] == [(e[0], e[1]) for e in expected]
    np.testing.assert_allclose(trades["quantity"], [e[2] for e in expected], rtol=1e-9)
    for trade, (*_, worst, best) in zip(trades, expected, strict=True):
        entry, side = trade["entry_price"], np.sign(trade["quantity"])
        against, favour = (worst, best) if side > 0 else (best, worst)
        assert trade["mae_frac"] == max(side * (entry - against) / entry, 0.0)
        assert trade["mfe_frac"] == max(side * (favour - entry) / entry, 0.0)
