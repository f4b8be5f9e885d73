"""Where the money came from and went to: costs and turnover over time, and the profit of each asset."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from backtester.kernel.codes import CashFlowKind
from backtester.report.risk import panel
from backtester.report.sections import Section, bars, table, text
from backtester.summary_text import clean

if TYPE_CHECKING:
    from backtester.result import Result

Floats = npt.NDArray[np.float64]

COSTS = ("commission", "spread", "slippage", "impact", "rounding")
ASSETS_DRAWN = 24
BUCKETS = 130  # bars of turnover at most
ACCOUNT = "account"
_CARRY = (CashFlowKind.BORROW, CashFlowKind.DIVIDEND, CashFlowKind.FUNDING)
_UNITS = (("day", "D"), ("month", "M"), ("year", "Y"))


def money_sections(result: Result) -> dict[str, dict[str, Any]]:
    """Return the sections `turnover` and `attribution` of a page, as JSON."""
    return {"turnover": turnover_section(result).as_json(), "attribution": attribution_section(result).as_json()}


# --- over time -------------------------------------------------------------------------------------------------------


def turnover_section(result: Result) -> Section:
    """Return how much was traded in each span of time, and the costs by kind as they added up."""
    if len(result.tables.fills) == 0:
        return Section("Turnover and costs over time", [text("Nothing was traded.")])
    unit, labels, shares = turnover(result)
    items = [bars(f"Traded value per {unit}, as a multiple of mean equity", labels, {"Turnover": shares}, upright=True)]
    added = costs_over_time(result)
    colours = ("one", "two", "three", "four", "five", "six")
    drawn = [
        (kind.capitalize(), values, colour)
        for (kind, values), colour in zip(added.items(), colours, strict=False)
        if np.any(values != 0.0)
    ]
    if drawn:
        items.append(panel("Costs by kind, added up", "money", drawn, zero=bool(np.all(drawn[0][1] >= 0.0))))
    else:
        items.append(text("Nothing was charged: there are no costs to add up."))
    return Section("Turnover and costs over time", items)


def turnover(result: Result) -> tuple[str, list[str], Floats]:
    """Return the span of time, its labels, and Σ|quantity|·m·price·fx over each against its mean equity."""
    tables, fills = result.tables, result.tables.fills
    days = result.bars.sessions.astype("M8[D]")
    fits = (one for one in _UNITS if np.ptp(days[[0, -1]].astype(f"M8[{one[1]}]").astype(np.int64)) < BUCKETS)
    unit, code = next(fits, _UNITS[-1])
    spans = days.astype(f"M8[{code}]").astype(np.int64)
    place = spans - spans[0]
    n = int(place[-1]) + 1
    value = np.abs(fills["quantity"] * fills["price"]) * fills["fx"] * tables.multipliers[fills["asset"]]
    traded = np.bincount(place[fills["bar"]], value, n)
    count = np.bincount(place, minlength=n)
    equity = np.bincount(place, tables.equity, n)
    shares = np.where(count > 0, 0.0, np.nan)
    np.divide(traded * count, equity, out=shares, where=equity > 0.0)
    if unit == "day":
        kept = count > 0
        return unit, (spans[0] + np.flatnonzero(kept)).astype("M8[D]").astype(str).tolist(), shares[kept]
    labels = (spans[0] + np.arange(n)).astype(f"M8[{code}]").astype(str).tolist()
    return unit, labels, shares


def costs_over_time(result: Result) -> dict[str, Floats]:
    """Return the costs of each kind up to the end of each bar, money, float64 [n_bars]."""
    tables, n = result.tables, result.bars.n_bars
    rows = tables.fills
    found: dict[str, Floats] = {}
    for kind in COSTS:
        found[kind] = np.cumsum(np.bincount(rows["bar"], rows[kind], n), dtype=np.float64)
    flows = tables.flows[tables.flows["kind"] == CashFlowKind.BORROW]
    found["borrow"] = np.cumsum(np.bincount(flows["bar"], -flows["amount"] * flows["fx"], n), dtype=np.float64)
    return found


# --- by asset --------------------------------------------------------------------------------------------------------


def attribution_section(result: Result) -> Section:
    """Return the profit of each asset, the largest first; with the account's own row they add up to all of it."""
    found = attribution(result)
    symbols = [clean(symbol) for symbol in found["symbols"]]
    if len(symbols) <= 1:
        return Section("Attribution by asset", [text("Nothing was traded, and so nothing was gained or lost.")])
    n_assets = len(symbols) - 1
    items = []
    if n_assets > 1:
        order = np.argsort(-found["profit"][:-1], kind="stable")
        half = ASSETS_DRAWN // 2
        shown = order if n_assets <= ASSETS_DRAWN else np.concatenate((order[:half], order[-half:]))
        which = "" if n_assets <= ASSETS_DRAWN else f", the best and the worst {half} of {n_assets:,}"
        items.append(
            bars(
                f"Profit by asset{which}", [symbols[k] for k in shown], {"Profit": found["profit"][shown]}, unit="money"
            )
        )
    columns = {
        "Symbol": symbols,
        "Profit": found["profit"],
        "Of trades": found["trades_profit"],
        "Carry": found["carry"],
        "Costs": found["costs"],
        "Trades": found["n_trades"],
        "Winning": found["winning"],
        "Traded value": found["traded"],
    }
    units = {"Profit": "money", "Of trades": "money", "Carry": "money", "Costs": "money"}
    units |= {"Trades": "count", "Winning": "percent", "Traded value": "money"}
    items.append(table("", columns, units, tone=("Profit",)))
    note = (
        "Profit is that of the trades, net of costs, open ones marked at the end, and carry: borrowing, dividends and "
        f"funding. The row “{ACCOUNT}” is what no asset has: interest, conversions and what a bankruptcy wrote off. "
        "All rows add up to what equity gained without deposits."
    )
    return Section("Attribution by asset", items, note)


def attribution(result: Result) -> dict[str, Any]:
    """Return columns with a row for each traded asset, by profit from the largest, and a last one for the account.

    `profit` is `trades_profit` + `carry`, in money of the account; `winning` is a fraction of the closed trades.
    """
    tables, trades, n = result.tables, result._trade_rows, result.bars.n_assets
    fills = tables.fills
    value = np.abs(fills["quantity"] * fills["price"]) * fills["fx"] * tables.multipliers[fills["asset"]]
    flows = tables.flows[np.isin(tables.flows["kind"], [int(kind) for kind in _CARRY]) & (tables.flows["asset"] >= 0)]
    closed = trades[trades["open"] == 0]
    n_closed = np.bincount(closed["asset"], minlength=n)
    won = np.bincount(closed["asset"], closed["pnl"] > 0.0, n)
    costs = sum(np.bincount(fills["asset"], fills[kind], n) for kind in COSTS)
    of_trades = np.bincount(trades["asset"], trades["pnl"], n)
    carry = np.bincount(flows["asset"], flows["amount"] * flows["fx"], n)
    active = np.flatnonzero((np.bincount(fills["asset"], minlength=n) > 0) | (carry != 0.0))
    active = active[np.argsort(-(of_trades + carry)[active], kind="stable")]
    gained = float(tables.equity[-1]) - float(result.manifest["settings"]["cash"]) - float(result.deposits.sum())
    rest = gained - float((of_trades + carry)[active].sum())
    if abs(rest) < 1e-9 * max(abs(gained), float(np.abs(tables.equity).max()), 1.0):
        rest = 0.0  # what is left of adding up floats
    with np.errstate(invalid="ignore"):
        winning = np.where(n_closed > 0, won / n_closed, np.nan)

    def rows(values: npt.NDArray[Any], last: float) -> Floats:
        return np.append(values[active].astype(np.float64), last)

    return {
        "symbols": [*(result.bars.symbols[a] for a in active.tolist()), ACCOUNT],
        "profit": rows(of_trades + carry, rest),
        "trades_profit": rows(of_trades, np.nan),
        "carry": rows(carry, np.nan),
        "costs": rows(np.asarray(costs), np.nan),
        "n_trades": rows(np.bincount(trades["asset"], minlength=n), np.nan),
        "winning": rows(winning, np.nan),
        "traded": rows(np.bincount(fills["asset"], value, n), np.nan),
    }
