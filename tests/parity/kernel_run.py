"""Drives the kernel over an oracle's market and settings, bar by bar, with the interpreted `ctx`."""

import math
from dataclasses import dataclass

import numpy as np

from backtester.context import Context
from backtester.costs import Account, Costs, Execution, resolve
from backtester.kernel.loop import close_bar, turn
from backtester.kernel.memory import AccountMemory, MarketArrays


@dataclass
class KernelResult:
    orders: np.ndarray
    fills: np.ndarray
    cash_flows: np.ndarray
    changes: np.ndarray
    equity: np.ndarray
    cash: float
    positions: np.ndarray
    ambiguous_bars: int
    bankrupt: bool


def market_arrays(market) -> MarketArrays:
    columns = {name: np.array(getattr(market, name), np.float64) for name in ("open", "high", "low", "close", "volume")}
    clock = np.array(market.timestamps, np.int64), np.array(market.sessions, np.int64)
    return MarketArrays(*clock, **columns)


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
            )
        }
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
        if t >= settings.start and not memory["bankrupt"]:
            script(ctx, t)
    close_bar(memory.address)
    memory.finish()
    return KernelResult(
        orders=memory.table("orders"),
        fills=memory.table("fills"),
        cash_flows=memory.table("flows"),
        changes=memory.table("changes"),
        equity=memory.view("equity_curve").copy(),
        cash=memory["cash"],
        positions=memory.view("positions").copy(),
        ambiguous_bars=memory["ambiguous_bars"],
        bankrupt=bool(memory["bankrupt"]),
    )
