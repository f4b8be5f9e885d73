"""The account behind the reason of an order: what it asked for, what there was, and what the limits allow of it."""

from __future__ import annotations

import math

import numpy as np

from backtester.exchange import lots_and_margins
from backtester.explain.account import Standing
from backtester.explain.history import OrderHistory
from backtester.explain.words import at_bar, ids, money, number, signed
from backtester.kernel.codes import Phase, Reason, Role, Status


def meeting(h: OrderHistory) -> tuple[int, float]:
    """Return the phase and the reference price at which the order met the bar in which it ended; NaN: not known."""
    o, t = h.order, h.order.ended
    rows = h.fills_by_bar.get(t)
    if rows:
        fill = h.all_fills[rows[-1]]
        return int(fill["phase"]), float(fill["reference_price"])
    if h.at_close:
        return Phase.CLOSE, float(h.bars.close[t, o.asset])
    if h.span is None or t > h.span[1] or h.entered_inside(t):
        return Phase.INTRABAR, math.nan
    k, levels = t - h.span[0], h.levels
    if levels.at_open[k]:
        return Phase.OPEN, float(h.bars.open[t, o.asset])
    if levels.in_bar[k]:
        return Phase.INTRABAR, float((levels.limit if levels.state[k] == "l" else levels.stop)[k])
    return Phase.INTRABAR, math.nan


def asked_for(h: OrderHistory) -> float:
    """Return the size the order still had to fill when it met the bar in which it ended."""
    t = h.order.ended
    earlier = [int(row) for row in h.fill_rows if h.all_fills["bar"][row] < t]
    return abs(h.order.quantity) - sum(h.size_of(row, t) for row in earlier)


def fitted(h: OrderHistory) -> float:
    """Return the size that filled in the bar in which it ended."""
    return float(np.abs(h.all_fills["quantity"][h.fills_by_bar.get(h.order.ended, [])]).sum())


def room_found(h: OrderHistory) -> str:
    """Return what was asked for, the account that it met, and what its limits allow of it."""
    t = h.order.ended
    asked, got = asked_for(h), fitted(h)
    phase, reference = meeting(h)
    said = f"{number(asked)} asked for, {number(got)} fitted" if got else f"{number(asked)} asked for"
    if reference != reference:
        return said
    rows = h.fills_by_bar.get(t)
    row = rows[0] if rows else h.account.row_of_phase(t, phase)
    account = h.account.standing(row, t, phase, reference)
    worth = asked * abs(reference) * account.unit
    before = "before it" if rows else _before(h, row, t, phase)
    return (
        f"{said} at {number(reference)} each, worth {money(worth)} before costs; {before} the account had equity "
        f"{money(account.equity)} and positions worth {_holding(h, account, reference)}, and {_allowed(h, account)}; "
        f"on_shortfall is {h.terms.on_shortfall!r}"
    )


def _holding(h: OrderHistory, account: Standing, reference: float) -> str:
    """Return what the positions are worth, what of it is to be covered, and the own position."""
    text = money(account.gross)
    if abs(account.margin - account.gross) > 1e-9 * account.gross:
        text += f", of which {money(account.margin)} have to be covered"
    if not account.position:
        return text
    text += f", a position of {number(account.position)} {h.symbol}"
    if math.isfinite(h.terms.max_exposure):
        text += f" worth {money(abs(account.position * reference) * account.unit)}"
    return text


def _allowed(h: OrderHistory, account: Standing) -> str:
    """Return what leverage and the limits of the account allow."""
    terms = h.terms
    _, margins = lots_and_margins(h.result._account, h.bars.symbols)
    what = "positions worth" if (margins == 1.0).all() else "to be covered at most"
    said = [f"leverage {number(terms.leverage)} allows {what} {money(terms.leverage * account.equity)}"]
    if math.isfinite(terms.max_gross):
        said.append(f"max_gross {number(terms.max_gross)} positions worth {money(terms.max_gross * account.equity)}")
    if math.isfinite(terms.max_exposure):
        most = money(terms.max_exposure * account.equity)
        said.append(f"max_exposure {number(terms.max_exposure)} a position in {h.symbol} worth {most}")
    return ", ".join(said[:-1]) + f" and {said[-1]}" if len(said) > 1 else said[0]


def _before(h: OrderHistory, row: int, t: int, phase: int) -> str:
    """Return when the account is shown: an order that did not fill leaves no row to tell its turn within a phase."""
    fills = h.all_fills[row : h.account.first_row(t + 1)]
    others = np.unique(fills["order_id"][(fills["phase"] == phase) & (fills["order_id"] != h.order.id)])
    place = {Phase.OPEN: "the open", Phase.CLOSE: "the close"}.get(Phase(phase), "the inside of the bar")
    return f"before any fill of {place} (of {ids(others.tolist())})" if len(others) else "before it"


def short_found(h: OrderHistory) -> str:
    """Return the position that a sale met."""
    t = h.order.ended
    rows = h.fills_by_bar.get(t)
    row = rows[0] if rows else h.account.row_of_phase(t, meeting(h)[0])
    return f"the position was {number(h.account.position_at(row, t))}, {number(asked_for(h))} to sell"


# --- limits of the account -------------------------------------------------------------------------------------------


def size_found(h: OrderHistory) -> str:
    """Return what an order that was too large would have been worth, and how much `max_order` allows."""
    o, t = h.order, h.order.submitted
    mark = h.account.mark(t)
    account = h.account.standing(h.account.row_of_phase(t, Phase.CLOSE), t, Phase.CLOSE, mark)
    quantity, how = o.quantity, ""
    if o.role == Role.TARGET:
        quantity = o.target - account.position
        how = f" from a position of {number(account.position)} to {number(o.target)}"
    worth = money(abs(quantity * mark) * account.unit)
    return (
        f"{signed(quantity)}{how} at the last close {number(mark)} is worth {worth}; "
        f"max_order {number(h.terms.max_order)} of equity {money(account.equity)} is "
        f"{money(h.terms.max_order * account.equity)}"
    )


def drawdown_found(h: OrderHistory) -> str:
    """Return the equity at which the account stopped, and from which peak, where the tables hold that."""
    t = _stopped(h)
    if t is None:
        return ""
    mark = h.account.mark(t)
    equity = h.account.standing(h.account.row_of_phase(t, Phase.CLOSE), t, Phase.CLOSE, mark).equity
    said = f"equity was {money(equity)} at the close of {at_bar(h, t)}"
    limit = number(h.terms.max_drawdown)
    if h.terms.fill_at == "close" or h.result.deposits.any():
        return f"{said}, and max_drawdown is {limit} of its peak"
    peak = max(h.terms.cash, float(h.result.tables.equity[:t].max(initial=0.0)))
    lowest = money((1.0 - h.terms.max_drawdown) * peak)
    return f"{said}, its peak {money(peak)}, and max_drawdown {limit} allows a fall to {lowest}"


def _stopped(h: OrderHistory) -> int | None:
    """Return the bar in which the account stopped, where an order says so."""
    orders = h.orders
    made = orders["submitted"][orders["role"] == Role.DRAWDOWN_STOP]
    ended = orders["ended"][(orders["reason"] == Reason.DRAWDOWN_LIMIT) & (orders["status"] == Status.CANCELLED)]
    bars = np.concatenate((made, ended))
    return int(bars.min()) if len(bars) else None


def liquidation_found(h: OrderHistory) -> str:
    """Return the equity and the positions that the margin check found."""
    t = h.order.ended
    row = h.account.row_of_phase(t, Phase.FORCED)
    account = h.account.standing(row, t, Phase.FORCED, h.account.mark(t))
    held = f"positions worth {money(account.gross)}"
    if abs(account.margin - account.gross) > 1e-9 * account.gross:
        held = f"the {money(account.margin)} to be covered of {held}"
    return (
        f"equity was {money(account.equity)} at the close of {at_bar(h, t)}; maintenance "
        f"{number(h.terms.maintenance)} times {held} is {money(h.terms.maintenance * account.margin)}"
    )
