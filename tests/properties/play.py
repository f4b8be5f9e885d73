"""Random markets, settings and plans of orders for Hypothesis, played through the public API.

A plan is a list of `(bar, verb, arguments)`; prices and sizes in it are relative to the last close and to what the cash
buys, so that every kind of order is likely to matter.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any

import hypothesis.strategies as st
import numpy as np

from backtester import Account, Bars, Costs, Execution, Result, Strategy, run
from backtester.engine.session import Run, prepare_run
from backtester.kernel.codes import Tif

HOUR = 3_600 * 10**9
NAN = math.nan


class Player(Strategy):
    """Sends what its plan says; sizes are in hundredths of `unit` money."""

    plan: list
    unit: float = 1000.0
    warmup = 1

    def prepare(self, bars):
        self.by_bar: dict[int, list] = {}
        for t, verb, arguments in self.plan:
            self.by_bar.setdefault(t, []).append((verb, arguments))

    def on_bar(self, ctx):
        for verb, (a, size, near, far, tif, pick) in self.by_bar.get(int(ctx.t), ()):
            a %= int(ctx.n_assets)
            price = float(ctx.close[-1, a])
            if not math.isfinite(price):
                continue
            q = size * self.unit / 100.0 / price
            terms = {"tif": tif, "tag": pick}
            if tif == Tif.GTD:
                terms["expire"] = int(ctx.timestamp) + 3 * HOUR
            side = 1.0 if q > 0 else -1.0
            if verb == "order":
                ctx.order(a, q, **terms)
            elif verb == "limit":
                ctx.limit(a, q, price * (1.0 - near), **terms)
            elif verb == "stop":
                ctx.stop(a, q, price * (1.0 + near), **terms)
            elif verb == "stop_limit":
                ctx.stop_limit(a, q, price * (1.0 + near), price * (1.0 + far), **terms)
            elif verb == "trailing_stop":
                ctx.trailing_stop(a, q, distance_frac=abs(far), **terms)
            elif verb == "bracket":
                ctx.bracket(a, q, stop_loss_frac=abs(far), take_profit_frac=2 * abs(far), **terms)
            elif verb == "entry":
                stop, target = price * (1.0 - side * 0.06), price * (1.0 + side * 0.06)
                ctx.bracket(a, q, stop_loss=stop, take_profit=target, entry_limit=price * (1.0 - near * 0.5), **terms)
            elif verb == "target":
                ctx.order_target_percent(a, size / 50.0, **terms)
            elif verb == "rebalance":
                ctx.rebalance(np.full(int(ctx.n_assets), size / 60.0), tag=pick)
            elif verb == "close":
                ctx.close_position(a)
            elif verb == "oco":
                ctx.oco(
                    ctx.limit(a, -q, price * (1.0 + side * abs(far))), ctx.stop(a, -q, price * (1.0 - side * abs(far)))
                )
            elif verb == "cancel":
                ctx.cancel(max(pick, 1))
            elif verb == "modify":
                ctx.modify(max(pick, 1), price=price * (1.0 + near))


VERBS = (
    "order", "limit", "stop", "stop_limit", "trailing_stop", "bracket", "entry", "target", "rebalance", "close", "oco",
    "cancel", "modify",
)  # fmt: skip


@dataclass
class Case:
    """One experiment: bars, a plan and settings."""

    bars: Bars
    plan: list
    cash: float = 1000.0
    costs: dict[str, Any] = field(default_factory=dict)
    account: dict[str, Any] = field(default_factory=dict)
    execution: dict[str, Any] = field(default_factory=dict)
    close_at_end: bool = False

    def arguments(self) -> tuple[tuple, dict[str, Any]]:
        settings: dict[str, Any] = {"cash": self.cash, "mode": "interpreted", "close_at_end": self.close_at_end}
        groups = {"costs": Costs(**self.costs), "account": Account(**self.account)}
        return (Player(plan=self.plan, unit=self.cash), self.bars), {
            **settings, **groups, "execution": Execution(**self.execution),
        }  # fmt: skip

    def run(self) -> Result:
        positional, keywords = self.arguments()
        return run(*positional, **keywords)

    def steps(self) -> Run:
        positional, keywords = self.arguments()
        return prepare_run(*positional, **keywords)

    def but(self, **changes: Any) -> Case:
        return replace(self, **changes)


def bytes_of(result: Result) -> dict[str, bytes]:
    return {name: np.ascontiguousarray(rows).tobytes() for name, rows in vars(result.tables).items()}


@st.composite
def bars_of(draw: st.DrawFn, missing: bool = True) -> Bars:
    """Twenty to forty hourly bars of one to three assets, in sessions of four."""
    n, n_assets = draw(st.integers(20, 40)), draw(st.integers(1, 3))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    moves = rng.normal(0.0, draw(st.sampled_from((0.01, 0.03, 0.15))), (n, n_assets, 3))
    close = 20.0 * np.exp(np.cumsum(moves[:, :, 0] + moves[:, :, 1], axis=0))
    before = np.vstack([np.full((1, n_assets), 20.0), close[:-1]])
    open_ = before * np.exp(moves[:, :, 1])
    reach = np.abs(moves[:, :, 2])
    high, low = np.maximum(open_, close) * (1.0 + reach), np.minimum(open_, close) * (1.0 - reach)
    volume = rng.choice([0.0, 40.0, 100.0, 300.0, np.nan], (n, n_assets), p=[0.05, 0.3, 0.3, 0.3, 0.05])
    if missing and n_assets > 1:
        gone = rng.random((n, n_assets)) < 0.1
        gone[:, 0] = False
        for column in (open_, high, low, close, volume):
            column[gone] = np.nan
    stamps = (np.arange(n) + 1) * HOUR
    return Bars.from_arrays(stamps, open_, high, low, close, volume, sessions=np.arange(n) // 4, check=False)


def arguments() -> st.SearchStrategy:
    return st.tuples(
        st.integers(0, 2),
        st.floats(-150, 150).filter(lambda size: abs(size) > 1),
        st.sampled_from((-0.05, -0.01, 0.0, 0.01, 0.05)),
        st.sampled_from((-0.1, -0.02, 0.005, 0.02, 0.1)),
        st.sampled_from((0, 0, 0, *map(int, Tif))),
        st.integers(0, 9),
    )


def plans(verbs: tuple[str, ...] = VERBS) -> st.SearchStrategy:
    return st.lists(st.tuples(st.integers(1, 30), st.sampled_from(verbs), arguments()), min_size=10, max_size=40)


@st.composite
def cases(draw: st.DrawFn, verbs: tuple[str, ...] = VERBS) -> Case:
    def one(*values: Any) -> Any:
        return draw(st.sampled_from(values))

    leverage = one(1.0, 2.0, 6.0)
    return Case(
        bars=draw(bars_of()),
        plan=draw(plans(verbs)),
        costs={
            "commission": one(0.0, 0.001, 0.01),
            "commission_per_unit": one(0.0, 0.005),
            "commission_per_order": one(0.0, 0.0, 1.0),
            "commission_min": one(0.0, 0.0, 2.0),
            "spread": one(0.0, 0.002, 0.02),
            "slippage": one(0.0, 0.0005),
            "impact": one(0.0, 0.0, 0.5),
            "borrow_rate": one(0.0, 5.0),
            "cash_rate": one(0.0, 2.0),
            "debit_rate": one(0.0, 9.0),
        },
        account={
            "leverage": leverage,
            "maintenance": one(0.0, 0.6) / leverage,
            "allow_short": one(True, True, True, False),
            "on_shortfall": one("reduce", "reject"),
            "lot_size": one(0.0, 0.1, 1.0),
            "tick_size": one(0.0, 0.01),
            "multiplier": one(1.0, 1.0, 5.0),
        },
        execution={
            "fill_at": one("next_open", "next_open", "close"),
            "same_bar": one("stop_first", "target_first", "ohlc", "olhc", "nearest"),
            "limit_fill": one("touch", "through"),
            "max_participation": one(math.inf, math.inf, 0.1),
            "latency_bars": one(0, 0, 1, 3),
        },
        close_at_end=one(True, False),
    )
