"""Strategies that use what rules 28 to 36 give `ctx`, on bars with events and exchange rates; run in both modes."""

from __future__ import annotations

import math

import numpy as np
from modes import COSTS, HOUR_NS

from backtester import Account, Bars, Costs, Execution, Instrument, Strategy, constant

ALIKE = {"cash": 50_000.0, "costs": COSTS}
INSTRUMENTS = [
    Instrument("S0", lot_size=1.0, tick_size=0.01),
    Instrument("S1", currency="EUR"),
    Instrument("S2", currency="JPY", multiplier=100.0, margin=0.2),
]
PAID = [*INSTRUMENTS[:2], Instrument("S2", currency="JPY", multiplier=100.0)]
FX = {"EUR": "EURUSD", "JPY": "1/USDJPY"}


def event_bars(seed: int, n_bars: int = 240) -> Bars:
    """Return three assets with gaps, splits, dividends, funding and a delisting, and two exchange rates."""
    rng = np.random.default_rng(seed)
    shape = (n_bars, 5)
    close = 40.0 * np.exp(np.cumsum(rng.normal(0.0, 0.02, shape), axis=0))
    close[:, 3] = 1.2 * np.exp(np.cumsum(rng.normal(0.0, 0.004, n_bars)))
    close[:, 4] = 130.0 * np.exp(np.cumsum(rng.normal(0.0, 0.004, n_bars)))
    split, dividend, funding, delisting = (np.full(shape, np.nan) for _ in range(4))
    for t, a, ratio in ((60, 0, 2.0), (130, 0, 0.4), (90, 1, 1.5), (150, 2, 3.0)):
        split[t, a] = ratio
        close[t:, a] /= ratio
    dividend[40::45, 0] = 0.3
    dividend[60, 0] = 0.11
    funding[::5, 2] = rng.normal(0.0, 0.001, funding[::5, 2].shape)
    delisting[200, 1] = 7.5
    open_ = np.vstack([close[:1], close[:-1]])
    open_[1:] = np.where(np.isnan(split[1:]), open_[1:], open_[1:] / split[1:])
    high, low = np.maximum(open_, close) * 1.004, np.minimum(open_, close) * 0.996
    volume = rng.uniform(1e3, 3e4, shape)
    missing = rng.random(shape) < 0.08
    missing[:, 3:] = False
    missing[:6, 3] = True
    missing[200:, 1] = True
    for column in (open_, high, low, close, volume):
        column[missing] = np.nan
    times = (np.arange(n_bars) * 6 + 19_000 * 24) * HOUR_NS
    extras = {"split": split, "dividend": dividend, "funding": funding, "delisting": delisting}
    symbols = ["S0", "S1", "S2", "EURUSD", "USDJPY"]
    return Bars.from_arrays(times, open_, high, low, close, volume, symbols=symbols, extras=extras)


SETTINGS = {
    "one currency": ALIKE,
    "convert": {**ALIKE, "account": Account(leverage=2.0, currency="USD", instruments=PAID, fx=FX)},
    "margined": {**ALIKE, "account": Account(leverage=2.0, currency="USD", instruments=INSTRUMENTS, fx=FX)},
    "keep": {
        **ALIKE,
        "account": Account(leverage=2.0, currency="USD", instruments=INSTRUMENTS, fx=FX, settlement="keep"),
        "execution": Execution(latency_bars=1),
    },
    "limits": {
        "cash": 50_000.0,
        "costs": Costs(commission=0.001, commission_min=2.0, spread=0.001),
        "account": Account(
            leverage=3.0, max_gross=1.5, max_exposure=0.6, max_order=0.8, max_drawdown=0.9, delisting="last_mark"
        ),
    },
    "close": {
        **ALIKE,
        "account": Account(leverage=3.0, maintenance=0.1, delisting="worthless"),
        "execution": Execution(fill_at="close"),
        "close_at_end": True,
    },
}

STOPS = {
    "at the open": {**ALIKE, "account": Account(leverage=3.0, max_drawdown=0.1)},
    "at the close": {
        **ALIKE,
        "account": Account(leverage=3.0, max_drawdown=0.1),
        "execution": Execution(fill_at="close", max_participation=0.05),
    },
}


class EveryTransfer(Strategy):
    """Trades, moves money and takes positions apart at random, and records everything there is to read."""

    def prepare(self, bars):
        self.done = constant(np.zeros(9, np.int64))
        self.taken = 0

    def on_bar(self, ctx):
        for _ in range(3):
            a = int(ctx.random() * 3.0)
            price = ctx.mark(a)
            draw = int(ctx.random() * 9.0)
            amount = 3_000.0 * ctx.random()
            if ctx.random() < 0.03:
                amount = math.nan
            self.done[draw] += 1
            if draw == 0:
                quantity = ctx.quantity_for_risk(a, 0.02, price * 0.97)
                ctx.bracket(a, quantity, stop_loss_frac=0.03, take_profit_frac=0.05)
            elif draw == 1:
                ctx.order(a, ctx.quantity_for_risk(a, 0.01, price * 1.02, entry_price=price * 0.99))
            elif draw == 2:
                self.taken += ctx.scale_out(a, (price * 1.01, price * 1.02, price * 1.03)) > 0
            elif draw == 3:
                self.taken += ctx.scale_out(a, np.array([price, price * 1.03]), (0.25, 0.75), tag=3) > 0
            elif draw == 4:
                self.taken += ctx.deposit(amount)
            elif draw == 5:
                self.taken += ctx.withdraw(amount)
            elif draw == 6:
                self.taken += ctx.convert(amount, -1 if ctx.random() < 0.5 else 2, int(ctx.random() * 4.0))
            elif draw == 7:
                ctx.rebalance((0.5, -0.3, 0.4, math.nan, 0.1))
            else:
                ctx.limit(a, 5_000.0 / price * (ctx.random() - 0.5), price * (0.98 + 0.04 * ctx.random()))
        ctx.record("start", ctx.is_session_start())
        ctx.record("end", ctx.is_session_end())
        ctx.record("month", ctx.is_month_start() * 2 + ctx.is_month_end())
        ctx.record("minutes", ctx.minutes_to_close())
        ctx.record("session", ctx.session)
        for a in range(3):
            ctx.record("mark", ctx.mark(a))
        ctx.record("multiplier", ctx.multiplier(2))
        ctx.record("balance", ctx.balance(1))
        ctx.record("now", ctx.adjusted_close[-1, 0])
        ctx.record("before", ctx.adjusted_close[-2, 0])
        ctx.record("first", ctx.adjusted_close[0, 0])
        ctx.record("split", ctx.split[-1, 0])
