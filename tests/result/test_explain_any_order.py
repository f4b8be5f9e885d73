"""`explain` on orders nobody thought of: random verbs, settings and gaps; every text must fit its tables."""

from __future__ import annotations

import numpy as np
import pytest

from backtester import Account, Bars, Costs, Execution, Strategy, run
from backtester.explain.history import OrderHistory
from backtester.explain.reasons import REASONS
from backtester.explain.words import number
from backtester.kernel.codes import Reason, Status


class Anything(Strategy):
    """Sends any verb, of any size, around the last close."""

    pace: float = 0.8

    def prepare(self, bars):
        self.last = 0

    def on_bar(self, ctx):
        if ctx.random() > self.pace:
            return
        a = int(ctx.random() * ctx.n_assets)
        price, size = ctx.close[-1, a], round(ctx.random() * 60.0 - 30.0)
        if np.isnan(price):
            price = 10.0
        near = price * (0.97 + 0.06 * ctx.random())
        verb, tif = int(ctx.random() * 15), int(ctx.random() * 6)
        expire = int(ctx.timestamp) + 3 * 86_400 * 10**9
        terms = {"tif": tif, "expire": expire}
        if verb == 0:
            self.last = ctx.order(a, size, **terms)
        elif verb == 1:
            self.last = ctx.limit(a, size, near, **terms)
        elif verb == 2:
            self.last = ctx.stop(a, size, near, **terms)
        elif verb == 3:
            self.last = ctx.stop_limit(a, size, near, price, **terms)
        elif verb == 4:
            self.last = ctx.trailing_stop(a, size, distance=0.02 * price)
        elif verb == 5:
            self.last = ctx.trailing_stop(a, -ctx.position(a), distance_frac=0.02)
        elif verb == 6:
            self.last = ctx.bracket(a, size, stop_loss_frac=0.02, take_profit_frac=0.02)
        elif verb == 7:
            side = 1.0 if size > 0 else -1.0
            self.last = ctx.bracket(
                a, size, stop_loss=near * (1.0 - 0.02 * side), take_profit=near * (1.0 + 0.02 * side), entry_limit=near
            )
        elif verb == 8:
            self.last = ctx.order_target_percent(a, ctx.random() * 2.0 - 0.8)
        elif verb == 9:
            ctx.rebalance([ctx.random() for _ in range(ctx.n_assets)])
        elif verb == 10:
            ctx.close_position(a)
        elif verb == 11:
            ctx.modify(self.last, price=near)
        elif verb == 12:
            ctx.modify(self.last, quantity=size)
        elif verb == 13:
            ctx.oco(self.last, self.last - 1)
        else:
            ctx.cancel(self.last)


def markets(seed: int) -> Bars:
    """Two assets in steps of 0.25, with missing bars and bars without volume."""
    bars = Bars.simulate("gbm", n_bars=150, n_assets=2, seed=seed, sigma=0.4, freq="1D")
    rng = np.random.default_rng(seed)
    grid = [np.round(4.0 * 20.0 * array / bars.open[0]) / 4.0 for array in (bars.open, bars.high, bars.low, bars.close)]
    volume = rng.choice([0.0, 20.0, 100.0, 1000.0], size=grid[0].shape)
    missing = rng.random(grid[0].shape) < 0.05
    missing[:, 0] &= ~missing[:, 1]
    for array in (*grid, volume):
        array[missing] = np.nan
    return Bars.from_arrays(bars.timestamps, *grid, volume)


SETTINGS = [
    {},
    {"execution": Execution(max_participation=0.1, latency_bars=1), "costs": Costs(commission=0.001, spread=0.01)},
    {"execution": Execution(fill_at="close", same_bar="ohlc"), "account": Account(on_shortfall="reject", lot_size=5)},
    {
        "execution": Execution(limit_fill="through", same_bar="nearest", max_participation=0.2),
        "account": Account(leverage=3.0, maintenance=0.25, allow_short=False, tick_size=0.5),
        "costs": Costs(commission_min=1.0, impact=0.5, borrow_rate=0.1, debit_rate=0.05),
        "close_at_end": True,
    },
]


@pytest.mark.parametrize("which", range(len(SETTINGS)))
@pytest.mark.parametrize("seed", range(3))
def test_every_text_fits_its_tables(which, seed):
    result = run(Anything(), markets(seed), cash=1000.0, seed=seed, mode="interpreted", **SETTINGS[which])
    orders, fills = result.tables.orders, result.tables.fills
    assert len(orders) > 60
    for row in range(len(orders)):
        text = result.explain(row + 1)
        history = OrderHistory(result, row)
        assert "tables do not hold" not in text
        assert ": no fill\n" not in text  # a level that could not be rebuilt
        assert text.count("bought ") + text.count("sold ") == len(history.fill_rows)
        for fill in fills[history.fill_rows]:
            assert f"{number(abs(float(fill['quantity'])))} at {number(float(fill['price']))} " in text
        order = history.order
        assert REASONS[Reason(order.reason)].what in text
        if order.status == Status.FILLED and not order.reason:
            assert "filled in full" in text
        if history.span is not None:
            check_reach(history)


def check_reach(history: OrderHistory) -> None:
    """Every fill lies in a bar whose prices reach the order as the history has them."""
    first, last = history.span
    for t, rows in history.fills_by_bar.items():
        assert first <= t <= last
        if not history.entered_inside(t):
            levels, phase = history.levels, history.all_fills["phase"][rows[0]]
            assert (levels.at_open if phase == 0 else levels.in_bar)[t - first]


def test_account_before_every_fill_adds_up_to_the_equity_of_the_run():
    """The account after the last fill of the run, at the last closes, is the last equity."""
    result = run(Anything(), markets(5), cash=1000.0, seed=5, mode="interpreted", **SETTINGS[1])
    history = OrderHistory(result, 0)
    t = result.bars.n_bars - 1
    standing = history.account.standing(len(result.tables.fills), t, 2, history.account.mark_before(t + 1))
    assert standing.equity == pytest.approx(result.tables.equity[-1], rel=1e-9)
