"""`explain` on orders nobody thought of: random verbs, settings and gaps; every text must fit its tables."""

from __future__ import annotations

import numpy as np
import pytest

from backtester import Account, Bars, Costs, Execution, Instrument, Result, Strategy, run
from backtester.explain.account import AccountView, Terms
from backtester.explain.history import OrderHistory
from backtester.explain.reasons import REASONS
from backtester.explain.words import number
from backtester.kernel.codes import CashFlowKind, Phase, Reason, Status


class Anything(Strategy):
    """Sends any verb, of any size, around the last close."""

    pace: float = 0.8
    verbs: int = 15  # 18: scale-outs, deposits and conversions, too

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
        verb, tif = int(ctx.random() * self.verbs), int(ctx.random() * 6)
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
        elif verb == 14:
            ctx.cancel(self.last)
        elif verb == 15:
            self.last = ctx.scale_out(a, (near, price))
        elif verb == 16:
            ctx.deposit(200.0) if size > 0 else ctx.withdraw(-10.0 * size)
        else:
            ctx.convert(20.0 * ctx.random(), a, -1)


def eventful(seed: int) -> Bars:
    """The first two of three assets have splits, dividends and funding; the second ends; the third is a rate."""
    bars = markets(seed)
    rng = np.random.default_rng(seed + 1000)
    shape = (bars.n_bars, 2)
    split = np.where(rng.random(shape) < 0.05, rng.choice([2.0, 0.5, 4.0, 0.25], size=shape), np.nan)
    units = np.cumprod(np.where(np.isnan(split), 1.0, split), axis=0)
    prices = [array / units for array in (bars.open, bars.high, bars.low, bars.close)]
    delisting = np.full(shape, np.nan)
    delisting[120, 1] = 15.0
    rate = 1.0 + 0.25 * np.sin(np.arange(bars.n_bars) / 20.0)
    events = {
        "split": split,
        "dividend": np.where(rng.random(shape) < 0.05, 0.125, np.nan),
        "funding": np.where(rng.random(shape) < 0.05, 0.001, np.nan),
        "delisting": delisting,
    }
    return Bars.from_arrays(
        bars.timestamps,
        *(np.column_stack([array, rate]) for array in prices),
        np.column_stack([bars.volume * units, np.full(bars.n_bars, 1e6)]),
        symbols=("one", "two", "EURUSD"),
        extras={name: np.column_stack([column, np.full(bars.n_bars, np.nan)]) for name, column in events.items()},
        check=False,  # prices go on after the delisting, and do not follow the splits
    )


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


ABROAD = {"currency": "USD", "fx": {"EUR": "EURUSD"}}
EVENTFUL = [
    {},
    {"account": Account(leverage=2.0, instruments=[Instrument("two", currency="EUR", margin=0.3)], **ABROAD)},
    {
        "execution": Execution(max_participation=0.1, latency_bars=2),
        "costs": Costs(commission=0.001, spread=0.01, borrow_rate=0.1, debit_rate=0.05),
        "account": Account(lot_size=1.0, max_exposure=0.5, max_order=0.4, delisting="last_mark"),
    },
    {
        "execution": Execution(fill_at="close", same_bar="ohlc"),
        "account": Account(
            leverage=3.0,
            maintenance=0.25,
            instruments=[
                Instrument("one", currency="EUR", multiplier=2.0),
                Instrument("two", margin=0.2, lot_size=2.0),
            ],
            settlement="keep",
            **ABROAD,
        ),
        "costs": Costs(commission_min=1.0, debit_rate=0.05),
    },
    {
        "execution": Execution(limit_fill="through"),
        "account": Account(
            max_drawdown=0.5, max_gross=0.8, instruments=[Instrument("two", currency="EUR")], lot_size=0.5, **ABROAD
        ),
        "costs": Costs(commission=0.001),
        "close_at_end": True,
    },
]


@pytest.mark.parametrize("which", range(len(SETTINGS)))
@pytest.mark.parametrize("seed", range(3))
def test_every_text_fits_its_tables(which, seed):
    result = run(Anything(), markets(seed), cash=1000.0, seed=seed, mode="interpreted", **SETTINGS[which])
    assert len(result.tables.orders) > 60
    check_texts(result)


@pytest.mark.filterwarnings("ignore::backtester.bars.check.DataWarning")
@pytest.mark.parametrize("which", range(len(EVENTFUL)))
@pytest.mark.parametrize("seed", range(6))
def test_every_text_fits_its_tables_through_splits_and_rates(which, seed):
    strategy = Anything(verbs=18)
    result = run(strategy, eventful(seed), cash=1000.0, seed=seed, mode="interpreted", **EVENTFUL[which])
    assert len(result.tables.orders) > 10
    check_texts(result)


def check_texts(result: Result) -> None:
    orders, fills = result.tables.orders, result.tables.fills
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


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("settings", [*SETTINGS[:2], *EVENTFUL], ids=str)
@pytest.mark.filterwarnings("ignore::backtester.bars.check.DataWarning")
def test_the_account_at_the_end_of_every_bar_adds_up_to_the_equity_of_the_run(settings, seed):
    """After the last fill of a bar, at its closes, the account rebuilt has the equity that the kernel recorded."""
    result = run(Anything(verbs=18), eventful(seed), cash=1000.0, seed=seed, mode="interpreted", **settings)
    ruined = np.flatnonzero(result.tables.flows["kind"] == CashFlowKind.WRITE_OFF)
    n_bars = result.bars.n_bars if not len(ruined) else int(result.tables.flows["bar"][ruined[0]])
    for asset in (0, 1):
        view = AccountView(result, asset, Terms.of(result, asset))
        for t in range(n_bars):
            standing = view.standing(view.first_row(t + 1), t, Phase.FORCED, view.mark(t))
            assert standing.equity == pytest.approx(result.tables.equity[t], rel=1e-9, abs=1e-9)
            assert standing.position == pytest.approx(result.positions.iloc[t, asset], rel=1e-12)
