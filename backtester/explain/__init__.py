"""`explain`: in words, what happened to one order, bar by bar.

Everything is read off the tables of the result and its bars (`history`, `account`); the sentences of the
codes are those of `reasons`. Runs of bars in which nothing happened share a line, with the nearest approach.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from backtester.errors import ResultError
from backtester.explain.findings import found_values
from backtester.explain.history import OrderHistory
from backtester.explain.reasons import outcome_of, reason_of
from backtester.explain.words import (
    at_bar,
    change_effect,
    change_text,
    fill_text,
    headline,
    ids,
    moment,
    money,
    number,
    relations,
    signed,
    split_effect,
    submission,
)
from backtester.kernel.codes import ChangeKind, ChangeOutcome, OrderKind, Reason, Role, Status

if TYPE_CHECKING:
    from backtester.result import Result


class Line(NamedTuple):
    """One line of the story; `turn` orders the lines of a bar."""

    bar: int
    turn: int
    last: int
    text: str


_SENT, _CHANGED, _WOKEN, _MET, _ENDED, _ASKED = range(6)
_QUIET = {1: "no bar", 2: "volume 0", 3: "asleep", 4: "not reached", 5: "no fill"}


def explain(result: Result, order_id: int) -> str:
    """Return what happened to an order: how it was sent, every bar it met, its changes and fills, and its end.

    Parameters
    ----------
    result : Result
    order_id : int
        An id of `result.orders`: 1, 2, … by submission, refused and forced orders included.

    Returns
    -------
    str
        Several lines; bars with the UTC time of their close.

    Raises
    ------
    ResultError
        If there is no such order; it says which ids there are.
    """
    history = OrderHistory(result, _row(result, order_id))
    lines = [headline(history)]
    about = relations(history)
    if about:
        lines.append(about)
    story = [_sent(history), *_changes(history), *_wakings(history), *_bars(history), *_end(history)]
    for line in sorted(story, key=lambda line: line[:2]):
        lines.append(f"  {_when(history, line)}: {line.text}")
    return "\n".join(lines)


def _row(result: Result, order_id: Any) -> int:
    n = len(result.tables.orders)
    there = f"ids are 1 to {n}, as in result.orders" if n else "the run sent no orders"
    if isinstance(order_id, (bool, np.bool_)) or not isinstance(order_id, (int, np.integer)):
        raise ResultError(f"explain: an order id is a whole number, found {order_id!r}; {there}")
    if not 1 <= order_id <= n:
        raise ResultError(f"explain: there is no order {order_id}; {there}")
    return int(order_id) - 1


def _when(history: OrderHistory, line: Line) -> str:
    if line.last <= line.bar:
        return at_bar(history, line.bar)
    return f"bars {line.bar} to {line.last} ({moment(history, line.bar)} to {moment(history, line.last)})"


def _sent(history: OrderHistory) -> Line:
    o = history.order
    return Line(o.submitted, _SENT, o.submitted, submission(history))


# --- changes ---------------------------------------------------------------------------------------------------------


def _changes(history: OrderHistory) -> list[Line]:
    lines = []
    for c in history.changes:
        if c.kind == ChangeKind.SPLIT:
            lines.append(Line(c.acts, _CHANGED, c.acts, split_effect(history, c)))
            continue
        asked = f"{change_text(history, c)}, asked for in {at_bar(history, c.bar)}"
        if c.outcome == ChangeOutcome.DONE:
            effect = change_effect(history, c) if c.kind == ChangeKind.MODIFY else "done"
            lines.append(Line(c.acts, _CHANGED, c.acts, f"{asked}: {effect}"))
            continue
        why = outcome_of(c.outcome)
        text = f"{asked}, without effect: {'. '.join(_capital(part) for part in why if part)}."
        bar, turn = (c.bar, _ASKED) if c.acts < 0 or c.outcome == ChangeOutcome.DATA_ENDED else (c.acts, _CHANGED)
        lines.append(Line(bar, turn, bar, text))
    return lines


def _capital(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}"


# --- what woke it ----------------------------------------------------------------------------------------------------


def _wakings(history: OrderHistory) -> list[Line]:
    o = history.order
    if history.refused_at_once or history.is_forced or o.eligible < 0 or o.eligible >= history.bars.n_bars:
        return []
    if history.is_child:
        return _child_woken(history)
    if o.role == Role.TARGET:
        return _target_fixed(history)
    return _trailing_woken(history) if o.kind == OrderKind.TRAILING_STOP and history.span else []


def _child_woken(history: OrderHistory) -> list[Line]:
    o, fills = history.order, history.all_fills
    rows = np.flatnonzero(fills["order_id"] == o.parent)
    if len(rows) == 0 or history.span is None:
        return []
    fill = fills[rows[0]]
    levels = history.levels
    word, level = ("stop", levels.stop) if o.role == Role.STOP_LOSS else ("limit", levels.limit)
    price = number(float(level[0]))
    entry = f"order {o.parent} filled {number(abs(float(fill['quantity'])))} at {number(float(fill['price']))}"
    inside = ", inside this bar" if history.entered_inside(o.eligible) else ""
    return [
        Line(o.eligible, _WOKEN, o.eligible, f"awake, as {entry} in bar {int(fill['bar'])}{inside}; {word} {price}")
    ]


def _target_fixed(history: OrderHistory) -> list[Line]:
    o = history.order
    early = history.ended_at_start and o.ended <= o.eligible
    if (early and o.reason != Reason.TARGET_REACHED) or (history.span is None and not early):
        return []
    quantity, target = history.first_quantity, history.shape_at(o.eligible).target
    todo = f"it becomes {signed(quantity)}" if quantity else "nothing is left to do"
    text = f"position {number(target - quantity)}, target {number(target)}: {todo}"
    return [Line(o.eligible, _WOKEN, o.eligible, text)]


def _trailing_woken(history: OrderHistory) -> list[Line]:
    o = history.order
    woke, row, level = history.trailing_start
    first = o.eligible
    if row is None and woke >= 0:
        held = number(history.account.position_before(first))
        mark = number(history.account.mark_before(first))
        return [
            Line(
                first,
                _WOKEN,
                first,
                f"position {held}: its level starts at {number(level)}, from the last close {mark}",
            )
        ]
    lines = [Line(first, _WOKEN, first, "no position to reduce yet: asleep until a fill makes one")]
    if row is not None:
        fill = history.all_fills[row]
        made = f"order {int(fill['order_id'])} made a position at {number(float(fill['price']))}"
        lines.append(Line(woke, _WOKEN, woke, f"awake, as {made}: its level starts at {number(level)}"))
    return lines


# --- bars ------------------------------------------------------------------------------------------------------------


def _bars(history: OrderHistory) -> list[Line]:
    """Return a line for every bar in which something happened, and one for every run between them."""
    if history.is_forced:
        return [Line(t, _MET, t, _fills(history, t)) for t in history.fills_by_bar]
    if history.span is None:
        return []
    first, last = history.span
    codes = _codes(history)
    cuts = {c.acts for c in history.changes} | {c.bar + 1 for c in history.changes if c.kind != ChangeKind.SPLIT}
    if history.order.kind == OrderKind.TRAILING_STOP:
        cuts.add(history.trailing_start[0])
    lines = []
    start = first
    while start <= last:
        code = int(codes[start - first])
        stop = start + 1
        while code != 0 and stop <= last and codes[stop - first] == code and stop not in cuts:
            stop += 1
        text = _event(history, start) if code == 0 else _quiet(history, code, start, stop - 1)
        if text:
            lines.append(Line(start, _MET, stop - 1, text))
        start = stop
    return lines


def _codes(history: OrderHistory) -> np.ndarray:
    """Return per bar of the span: 0 where something happened, else a key of `_QUIET`."""
    assert history.span is not None
    first, _ = history.span
    levels = history.levels
    unknown = (levels.state == "s") & np.isnan(levels.stop)
    choices = (levels.missing, levels.dead, levels.state == "z", unknown, ~(levels.at_open | levels.in_bar))
    codes = np.select(choices, (1, 2, 3, 5, 4), default=0)
    for t in [*history.fills_by_bar, history.order.triggered]:
        if 0 <= t - first < len(codes):
            codes[t - first] = 0
    return codes


def _quiet(history: OrderHistory, code: int, start: int, stop: int) -> str:
    """Return one line for a run of bars without an event."""
    if code == 1:
        return f"no bar of {history.symbol}, so no fill"
    if code == 2:
        return "volume 0, so no fill and no trigger"
    if code == 3:
        return "asleep: no position to reduce"
    if code == 5:
        return "no fill"
    assert history.span is not None
    levels, first = history.levels, history.span[0]
    part = slice(start - first, stop - first + 1)
    k = int(np.argmin(levels.distance[part])) + start - first
    text = _missed(history, k)
    if stop > start:
        text = f"not reached; nearest in bar {k + first}: {text}"
    trail = levels.stop[part]
    if history.order.kind == OrderKind.TRAILING_STOP and trail[-1] != trail[0]:
        text += f"; the level moved from {number(float(trail[0]))} to {number(float(trail[-1]))}"
    return text


def _missed(history: OrderHistory, k: int) -> str:
    """Return how far a bar stayed away from the price of the order."""
    assert history.span is not None
    levels, t = history.levels, history.span[0] + k
    is_limit = levels.state[k] == "l"
    level, word = (levels.limit[k], "limit") if is_limit else (levels.stop[k], "stop")
    is_low = (history.side > 0) == is_limit
    name = "open" if history.is_immediate else "low" if is_low else "high"
    extreme = float(history.bars[name][t, history.order.asset])
    gap = float(levels.distance[k])
    if gap == 0.0:
        return f"{name} {number(extreme)} touched the {word}, and limit_fill='through' needs a price beyond it"
    side = "above" if is_low else "below"
    return f"{name} {number(extreme)} stayed {number(gap)} {side} the {word} {number(float(level))}"


def _event(history: OrderHistory, t: int) -> str:
    """Return what a bar in which something happened did to the order."""
    said = [_reached(history, t)] if not history.entered_inside(t) else []
    fills = _fills(history, t)
    said.append(fills if fills else _unfilled(history, t))
    said.append(_cap(history, t) if fills and t != history.order.ended else "")
    return "; ".join(part for part in said if part)


def _fills(history: OrderHistory, t: int) -> str:
    return "; ".join(fill_text(history, row) for row in history.fills_by_bar.get(t, []))


def _reached(history: OrderHistory, t: int) -> str:
    """Return how the bar reached the price of a limit or a stop."""
    assert history.span is not None
    levels, k, a = history.levels, t - history.span[0], history.order.asset
    if levels.state[k] not in "ls" or not (levels.at_open[k] or levels.in_bar[k]):
        return ""
    is_limit = levels.state[k] == "l"
    level, word = (levels.limit[k], "limit") if is_limit else (levels.stop[k], "stop")
    is_low = (history.side > 0) == is_limit
    if levels.at_open[k]:
        price = float(history.bars.open[t, a])
        where = "at" if price == level else f"already {'below' if is_low else 'above'}"
        return f"opened at {number(price)}, {where} the {word} {number(float(level))}"
    extreme = float((history.bars.low if is_low else history.bars.high)[t, a])
    return f"{'low' if is_low else 'high'} {number(extreme)} reached the {word} {number(float(level))}"


def _unfilled(history: OrderHistory, t: int) -> str:
    """Return why a bar that reached the order did not fill it, as far as the tables show."""
    o = history.order
    entry = history.entered_inside(t)
    if o.triggered == t and o.kind == OrderKind.STOP_LIMIT:
        waits = "triggered: a limit order from the next bar on"
        return f"{waits}{_cap(history, t, ', as ')}" if o.ended != t else "triggered"
    spent = _cap(history, t)
    if spent:
        return f"no fill: {spent}"
    if o.ended == t and o.status != Status.FILLED and o.reason != Reason.DATA_ENDED:
        return _beside_partner(history, t)
    if entry:
        return f"order {entry} filled inside this bar, and only what came after counts: not reached"
    return _beside_partner(history, t) or "no fill, for a reason the tables do not hold"


def _beside_partner(history: OrderHistory, t: int) -> str:
    """Return that the bar filled, or reached, the other leg, where it did."""
    partner = history.order.partner
    if not partner:
        return ""
    other = history.other(partner)
    if other.order.asset != history.order.asset or other.span is None or not other.span[0] <= t <= other.span[1]:
        return ""
    k = t - other.span[0]
    met = "filled in this bar" if t in other.fills_by_bar else "was reached by this bar, too"
    if t not in other.fills_by_bar and not (other.levels.at_open[k] or other.levels.in_bar[k]):
        return ""
    rule = f"same_bar={history.terms.same_bar!r} decides where a bar reaches both"
    return f"no fill: order {partner} {met}; {rule}"


def _cap(history: OrderHistory, t: int, lead: str = "") -> str:
    """Return that participation left no more, where it did."""
    allowed = history.account.allowance(t)
    if allowed.most == float("inf") or allowed.used < allowed.most * (1.0 - 1e-9):
        return ""
    volume = number(float(history.bars.volume[t, history.order.asset]))
    others = [order for order in allowed.orders if order != history.order.id]
    shared = f", shared with {ids(others)}" if others else ""
    cap = f"max_participation {number(history.terms.max_participation)} of volume {volume}"
    return f"{lead}{cap} allows {number(allowed.most)}{shared}, and all of it is used"


# --- the end ---------------------------------------------------------------------------------------------------------


def _end(history: OrderHistory) -> list[Line]:
    o = history.order
    if o.ended < 0:
        return []
    sentence = reason_of(o.reason)
    if o.reason == Reason.NONE:
        average = _average(history)
        return [Line(o.ended, _ENDED, o.ended, f"filled in full{f', {average}' if average else ''}")]
    if history.is_forced:
        head = f"filled: {sentence.what}"
    else:
        head = f"{_status(history)}: {sentence.what} ({Reason(o.reason).name.lower()})"
    found = found_values(history)
    parts = [head, f"Found: {found}" if found else "", f"Rule: {sentence.rule}" if sentence.rule else ""]
    parts.append(f"Remedy: {sentence.remedy}" if sentence.remedy else "")
    return [Line(o.ended, _ENDED, o.ended, ". ".join(part for part in parts if part) + ".")]


def _status(history: OrderHistory) -> str:
    o = history.order
    word = Status(o.status).name.lower()
    if o.filled == 0.0:
        return word
    whole = f" of {number(abs(o.quantity))}" if abs(o.quantity) > abs(o.filled) else ""
    amount, average = f"{number(abs(o.filled))}{whole}", _average(history)
    said = f"filled in part, {amount}" if o.status == Status.FILLED else f"{word} after {amount} had filled"
    return f"{said}, {average}" if average else said


def _average(history: OrderHistory) -> str:
    """Return the average price and the commission, where there were several fills."""
    o = history.order
    if len(history.fill_rows) < 2:
        return ""
    return f"at {number(o.filled_value / abs(o.filled))} on average, commission {money(o.commission)} in all"
