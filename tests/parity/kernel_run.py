"""Drives the kernel over an oracle's market and settings, bar by bar, with the interpreted `ctx`."""

import math
from dataclasses import dataclass

import numpy as np

from backtester.context import Context
from backtester.costs import Account, Costs, Execution, resolve
from backtester.instruments import Instrument
from backtester.kernel.loop import close_bar, turn
from backtester.kernel.memory import AccountMemory, MarketArrays


@dataclass
class KernelResult:
    orders: np.ndarray
    fills: np.ndarray
    cash_flows: np.ndarray
    changes: np.ndarray
    actions: np.ndarray
    equity: np.ndarray
    cash: float
    balances: np.ndarray
    positions: np.ndarray
    ambiguous_bars: int
    bankrupt: bool


def market_arrays(market) -> MarketArrays:
    columns = {name: np.array(getattr(market, name), np.float64) for name in ("open", "high", "low", "close", "volume")}
    clock = np.array(market.timestamps, np.int64), np.array(market.sessions, np.int64)
    events = {name: getattr(market, name) for name in ("split", "dividend", "funding", "delisting")}
    extras = {name: np.array(rows, np.float64) for name, rows in events.items() if rows is not None}
    return MarketArrays(*clock, **columns, extras=extras)


def instruments_of(market, settings) -> dict:
    """Currencies and margins as `Account` takes them; currency k is named Ck, asset a is named Aa."""
    if settings.currency is None and settings.margin is None:
        return {}
    assets = range(market.n_assets)
    currency = settings.currency or [0 for _ in assets]
    margin = settings.margin or [None for _ in assets]
    return {
        "currency": "C0",
        "instruments": [Instrument(f"A{a}", currency=f"C{currency[a]}", margin=margin[a]) for a in assets],
        "fx": {f"C{c}": "1/" * inverse + f"A{pair}" for c, (pair, inverse) in enumerate(settings.fx, 1)},
        "settlement": settings.settlement,
    }


def memory_of(market, settings, rows: int = 4) -> AccountMemory:
    costs = Costs(
        **{
            name: getattr(settings, name)
            for name in (
                "commission",
                "commission_per_unit",
                "commission_per_order",
                "commission_min",
                "spread",
                "slippage",
                "impact",
                "borrow_rate",
                "cash_rate",
                "debit_rate",
            )
        }
    )
    account = Account(
        **{
            name: getattr(settings, name)
            for name in (
                "leverage",
                "maintenance",
                "allow_short",
                "on_shortfall",
                "lot_size",
                "tick_size",
                "multiplier",
                "max_gross",
                "max_exposure",
                "max_order",
                "max_drawdown",
                "delisting",
            )
        },
        **instruments_of(market, settings),
    )
    share = settings.max_participation
    execution = Execution(
        fill_at=settings.fill_at,
        same_bar=settings.same_bar,
        limit_fill=settings.limit_fill,
        max_participation=math.inf if share is None or math.isnan(share) else share,
        latency_bars=settings.latency_bars,
    )
    symbols = [f"A{a}" for a in range(market.n_assets)]
    rules, _ = resolve(settings.cash, costs, account, execution, symbols, negative_prices=False)
    memory = AccountMemory(market_arrays(market), rules, rows=rows)
    memory["start"] = settings.start
    memory["close_at_end"] = int(settings.close_at_end)
    return memory


def run_kernel(market, settings, script) -> KernelResult:
    memory = memory_of(market, settings)
    ctx = Context(memory)
    while (t := turn(memory.address)) >= 0:
        if t >= settings.start and not memory["bankrupt"] and not memory["stopped"]:
            script(ctx, t)
    close_bar(memory.address)
    memory.finish()
    return KernelResult(
        orders=memory.table("orders"),
        fills=memory.table("fills"),
        cash_flows=memory.table("flows"),
        changes=memory.table("changes"),
        actions=memory.table("actions"),
        equity=memory.view("equity_curve").copy(),
        cash=memory["cash"],
        balances=memory.view("balances").copy(),
        positions=memory.view("positions").copy(),
        ambiguous_bars=memory["ambiguous_bars"],
        bankrupt=bool(memory["bankrupt"]),
    )
