"""What a reader must know of a run before he believes its numbers, in sentences that terminal and page share."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from backtester.kernel.codes import ActionKind, CashFlowKind, Reason, Role, Status
from backtester.summary_text import clean, count_of, is_charged, isolated, when, words

if TYPE_CHECKING:
    from backtester.result import Result

_FEW_TRADES = 30


def notices(result: Result) -> list[tuple[str, str]]:
    """Return what a reader must know before he believes the numbers, as ("warning" | "note", sentence)."""
    return [*_run_notices(result), *_order_notices(result), *_reading_notices(result)]


def _run_notices(result: Result) -> list[tuple[str, str]]:
    manifest, bars = result.manifest, result.bars
    found = []
    if manifest["interrupted"]:
        found.append(
            ("warning", f"Interrupted after {count_of(bars.n_bars, 'bar')}; the rest of the data did not run.")
        )
    told = manifest.get("about", {}).get("warnings", [])
    found += [("warning", clean(sentence[:1].upper() + sentence[1:])) for sentence in told]
    if manifest["interpreted_because"]:
        found.append(("note", f"Ran interpreted, not compiled: {clean(manifest['interpreted_because'])}"))
    ruin = np.flatnonzero(result.tables.flows["kind"] == CashFlowKind.WRITE_OFF)
    if len(ruin):
        day = when(bars, int(result.tables.flows["bar"][ruin[0]]))
        found.append(("warning", f"Bankrupt on {day}: equity is 0 from there to the end."))
    return found


def _order_notices(result: Result) -> list[tuple[str, str]]:
    orders, bars = result.tables.orders, result.bars
    found = []
    forced = orders[orders["role"] == Role.LIQUIDATION]
    if len(forced):
        first = when(bars, int(forced["submitted"][0]))
        how_many = count_of(len(forced), "forced liquidation")
        found.append(("warning", f"{how_many} by the margin check, first on {first}."))
    rejected = orders["reason"][orders["status"] == Status.REJECTED]
    if len(rejected):
        found.append(("note", f"{count_of(len(rejected), 'order')} rejected: {_reason_list(rejected)}."))
    stops = orders[orders["role"] == Role.DRAWDOWN_STOP]
    if len(stops):
        day = when(bars, int(stops["submitted"][0]))
        found.append(("warning", f"Stopped on {day}: equity had fallen by max_drawdown, and everything was closed."))
    cut = (
        Reason.INSUFFICIENT_EQUITY,
        Reason.SCALED_TO_EQUITY,
        Reason.SHORT_NOT_ALLOWED,
        Reason.EXPOSURE_LIMIT,
    )
    reduced = orders["reason"][(orders["filled"] != 0.0) & np.isin(orders["reason"], cut)]
    if len(reduced):
        found.append(("note", f"{count_of(len(reduced), 'order')} filled in part: {_reason_list(reduced)}."))
    if result.ambiguous_bars:
        rule = result.manifest["settings"]["execution"]["same_bar"]
        found.append(
            (
                "note",
                f"{count_of(result.ambiguous_bars, 'ambiguous bar')}: both legs of a pair could have filled there; "
                f"same_bar={rule!r} decided.",
            )
        )
    return found


def _reading_notices(result: Result) -> list[tuple[str, str]]:
    settings, tables, trades = result.manifest["settings"], result.tables, result._trade_rows
    found = []
    if not len(tables.fills):
        what = "none of its orders was filled" if len(tables.orders) else "the strategy sent no order"
        found.append(("note", f"No trades: {what}."))
    held = open_positions(result)
    if held:
        listed = ", ".join(f"{quantity:+,.6g} {isolated(symbol)}" for symbol, quantity in held[:3])
        more = f" and {len(held) - 3} more" if len(held) > 3 else ""
        where = "Open at the end, marked at the last close, not in the trade statistics"
        found.append(("note", f"{where}: {listed}{more}."))
    closed = int(np.count_nonzero(trades["open"] == 0))
    if 0 < closed < _FEW_TRADES:
        found.append(("note", f"Trade statistics rest on {count_of(closed, 'closed trade')}."))
    if len(tables.fills) and not any(is_charged(value) for value in settings["costs"].values()):
        found.append(("note", "No trading costs were set: real results would be lower."))
    paid = result.deposits
    if paid.any():
        into, out = float(np.maximum(paid, 0.0).sum()), float(np.minimum(paid, 0.0).sum())
        said = [f"{word} {amount:,.2f}" for word, amount in (("paid in", into), ("paid out", -out)) if amount]
        found.append(("note", f"Money was {' and '.join(said)}: returns and drawdowns are without it."))
    events = _events(result)
    if events:
        found.append(("note", f"{events}."))
    if settings["execution"]["fill_at"] == "close":
        found.append(("note", "Market orders filled at the close they were decided at (fill_at='close')."))
    return found


def _events(result: Result) -> str:
    """Return what splits, dividends, funding and delistings did to the account, in a sentence without a full stop."""
    actions, flows, said = result.tables.actions, result.tables.flows, []
    splits = int(np.count_nonzero(actions["kind"] == ActionKind.SPLIT))
    if splits:
        said.append(f"{count_of(splits, 'split')} changed positions, and prices are as quoted, not adjusted")
    for kind, one, many in (
        (CashFlowKind.DIVIDEND, "dividend", "dividends"),
        (CashFlowKind.FUNDING, "funding payment", "funding payments"),
    ):
        rows = flows[flows["kind"] == kind]
        if len(rows):
            money = float(np.sum(rows["amount"] * rows["fx"]))
            noun = one if len(rows) == 1 else many
            said.append(f"{len(rows):,} {noun} {'brought' if money >= 0.0 else 'cost'} {abs(money):,.2f}")
    gone = actions[actions["kind"] == ActionKind.DELISTING]
    if len(gone):
        said.append(f"{count_of(len(gone), 'position')} ended with a delisting")
    return "; ".join(said)


def open_positions(result: Result) -> list[tuple[str, float]]:
    """Return symbol and signed quantity of the positions held after the last bar, the largest value first."""
    trades, bars = result._trade_rows, result.bars
    left, units = trades[trades["open"] == 1], result.tables.multipliers * result.tables.last_fx
    value: dict[int, float] = {}
    quantity: dict[int, float] = {}
    for row in left:
        a = int(row["asset"])
        quantity[a] = quantity.get(a, 0.0) + float(row["quantity"])
        value[a] = value.get(a, 0.0) + abs(float(row["quantity"] * row["exit_price"]) * float(units[a]))
    return [(bars.symbols[a], quantity[a]) for a in sorted(value, key=lambda a: -value[a])]


def _reason_list(reasons: np.ndarray) -> str:
    counted = Counter(int(reason) for reason in reasons).most_common()
    listed = ", ".join(f"{words(Reason(reason).name)} ({count:,})" for reason, count in counted[:3])
    return listed + (f", {len(counted) - 3} further reasons" if len(counted) > 3 else "")
