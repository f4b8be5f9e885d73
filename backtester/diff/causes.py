"""Why two runs part where they do: the inputs that differ, weighed by what differs first.

A cost column points at the setting of its name, a reason at the settings it speaks of, an order that only one run sends
at the strategy, its parameters and the data so far. What cannot have caused it is said to differ besides. Where nothing
that the manifests hold differs, that is said, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from backtester.bars.check import time_text
from backtester.diff.data import DataChange, values_at
from backtester.diff.inputs import Input
from backtester.diff.words import Difference
from backtester.explain.words import number
from backtester.kernel.codes import Reason

if TYPE_CHECKING:
    from backtester.result import Result

_STRATEGY = ("strategy", "parameters", "seed")
_DECISIONS = ("order", "change", "record")  # what the strategy itself does
_PLACES = ("fill_at", "latency_bars", "limit_fill", "same_bar", "max_participation")
_PAID = ("commission", "spread", "slippage", "impact")  # what an account must be able to pay besides the price
_MONEY = ("currency", "fx", "settlement", "instruments")
_LIMITS = ("max_gross", "max_exposure")
_ROOM = ("cash", "leverage", "on_shortfall", "lot_size", "allow_short", *_LIMITS, *_MONEY, *_PAID)
#: words of settings, by the column of a fill that differs; other columns point at the settings of their own name
_BY_COLUMN = {
    "rounding": ("tick_size",),
    "reference_price": _PLACES,
    "phase": _PLACES,
    "liquidity": _PLACES,
    "quantity": (*_ROOM, "max_participation"),
    "price": (),
    "fx": _MONEY,
}
#: words of settings, by what ended an order
_BY_REASON = {
    Reason.INSUFFICIENT_EQUITY: _ROOM,
    Reason.SCALED_TO_EQUITY: _ROOM,
    Reason.SHORT_NOT_ALLOWED: ("allow_short",),
    Reason.EXPOSURE_LIMIT: _LIMITS,
    Reason.ORDER_TOO_LARGE: ("max_order", *_MONEY),
    Reason.DRAWDOWN_LIMIT: ("max_drawdown",),
    Reason.DELISTED: ("delisting",),
    Reason.SPLIT: ("lot_size", "instruments"),
    Reason.QUANTITY_BELOW_LOT: ("lot_size", "instruments"),
    Reason.LIQUIDATION: ("maintenance", "leverage", "instruments"),
    Reason.AT_END: ("close_at_end",),
}
_AT_DATA_END = (Reason.DATA_ENDED.name.lower(), Reason.AT_END.name.lower())
_ROLES = {
    "liquidation": _BY_REASON[Reason.LIQUIDATION],
    "close_at_end": ("close_at_end",),
    "drawdown_stop": _BY_REASON[Reason.DRAWDOWN_LIMIT],
}
#: words of settings, by the kind of a cash flow or of an action; others point at the settings of their own name
_BY_KIND = {
    "delisting": ("delisting", *_MONEY),
    "split": ("lot_size", "instruments"),
    "cash_in_lieu": ("lot_size", *_MONEY),
    "dividend": _MONEY,
    "funding": _MONEY,
    "withdrawal": ("leverage", "instruments"),
    "conversion": ("spread", "slippage", *_MONEY),
}


def reasons_why(
    results: tuple[Result, Result],
    names: tuple[str, str],
    differences: tuple[Difference, ...],
    time: int,
    inputs: tuple[Input, ...],
    data: tuple[DataChange, ...],
) -> tuple[str, ...]:
    """Return sentences on why the first difference came about, the strongest evidence first.

    Parameters
    ----------
    results : (Result, Result)
    names : (str, str)
    differences : tuple of Difference
        Those of the first bar that differs, the first of them first.
    time : int
        The close of that bar, ns UTC.
    inputs, data
        What the runs were given differently.
    """
    first = differences[0]
    matter = [one for one in inputs if one.matters]
    spot = _at_the_spot(results, names, first, time)
    said = spot + _suspects(first, differences, matter, names)
    earlier = [change for change in data if change.time <= time]
    decided = first.kind in _DECISIONS and not _is_forced(first)
    if earlier and (not said or (decided and not spot)):
        said.append(_sentence(earlier[0].text) + (_more(len(earlier) - 1) if len(earlier) > 1 else ""))
    if not said and data:
        said.append(_beyond(results, names, differences, time, data, matter))
    if not said and matter:
        said.append(f"The runs were given differently: {_listed(matter)}.")
    if not said:
        said.append(_nothing(first, inputs))
    return tuple(said)


# --- evidence --------------------------------------------------------------------------------------------------------


def _at_the_spot(results: tuple[Result, Result], names: tuple[str, str], first: Difference, time: int) -> list[str]:
    """Return that the very bar of the asset differs, where it does."""
    symbols = [first.symbol] if first.symbol else list(results[0].bars.symbols)
    found = []
    for symbol in symbols:
        values = values_at(results[0].bars, results[1].bars, time, symbol, names)
        if values:
            found.append(f"The data differ: in this very bar {symbol} has {values}.")
    return found[:1]


def _suspects(
    first: Difference, differences: tuple[Difference, ...], matter: list[Input], names: tuple[str, str]
) -> list[str]:
    """Return the inputs that what differs points at."""
    own = [one for one in matter if one.group in _STRATEGY]
    own = [one for one in own if one.name == "strategy"] or own
    decided = first.kind in _DECISIONS and not _is_forced(first)
    if decided and own:
        return [f"The strategy decided otherwise: it differs in {_listed(own)}."]
    words = [word for difference in _story(first, differences) for word in _hints(difference)]
    pointed = [one for one in matter if one.group == "settings" and any(_speaks_of(one.name, word) for word in words)]
    if pointed:
        return [f"Because of {_listed(pointed)}{_arithmetic(first, names)}."]
    return [] if decided or not own else [f"It may follow from {_listed(own)}."]


def _arithmetic(first: Difference, names: tuple[str, str]) -> str:
    """Return what a fill paid beside its reference price, per unit, where that is what differs."""
    a, b = first.a, first.b
    if first.kind != "fill" or a is None or b is None or "reference_price" in first.fields:
        return ""
    if "price" not in first.fields:
        return ""
    added = [f"{n} adds {number(row['price'] - row['reference_price'])}" for row, n in zip((a, b), names, strict=True)]
    text = f": both start from the reference price {number(a['reference_price'])}, to which {' and '.join(added)}"
    return text + (", which changes the quantity, too" if "quantity" in first.fields else "")


def _story(first: Difference, differences: tuple[Difference, ...]) -> list[Difference]:
    """Return the first difference, and those of the same order in that bar: they tell one story."""
    same = [d for d in differences[1:] if first.order_id is not None and d.order_id == first.order_id]
    return [first, *same]


def _hints(difference: Difference) -> list[str]:
    """Return words that the names of settings may contain, from what a difference is about."""
    rows = [row for row in (difference.a, difference.b) if row is not None]
    found = [word for row in rows for word in _ROLES.get(str(row.get("role")), ())]
    for row in rows:
        reason = str(row.get("reason", "")).upper()
        if reason in Reason.__members__:
            found += _BY_REASON.get(Reason[reason], ())
    if difference.kind == "cash_flow":
        return [*found, *(word for row in rows for word in _words_of_kind(str(row["kind"])))]
    if difference.kind == "action":
        return [*found, *(word for row in rows for word in _BY_KIND.get(str(row["kind"]), ()))]
    if difference.kind == "outcome":  # asked for alike, for what was asked otherwise has differed before
        return [*found, *(_PLACES if difference.fields else ("latency_bars",))]
    if difference.kind in ("fill", "trigger"):
        columns = difference.fields or ("phase", "quantity")
        return [*found, *(word for column in columns for word in _BY_COLUMN.get(column, (column,)))]
    if difference.kind == "end":
        return [*found, *(_PLACES if not found else ())]
    if difference.kind == "order":
        return [*found, "lot_size", "tick_size", "multiplier", *_MONEY]
    if difference.kind == "equity":
        return [*found, "cash", "multiplier", *_MONEY]
    return found


def _words_of_kind(kind: str) -> tuple[str, ...]:
    """Return words that the names of settings may contain, from the kind of a cash flow."""
    return _BY_KIND.get(kind, (kind.partition("_")[0], *_MONEY))


def _speaks_of(name: str, word: str) -> bool:
    """Whether a setting is about a word: a part of its dotted name begins with it."""
    return any(part.startswith(word) for part in name.split("."))


def _is_forced(difference: Difference) -> bool:
    row = difference.a or difference.b or {}
    return row.get("role") in _ROLES


# --- sentences -------------------------------------------------------------------------------------------------------


def _listed(inputs: list[Input]) -> str:
    return ", ".join(one.text for one in inputs)


def _sentence(text: str) -> str:
    return f"The data differ: {text}."


def _more(n: int) -> str:
    return f" {n} more way{'s' if n > 1 else ''} in which they differ follow{'' if n > 1 else 's'} below."


def _beyond(
    results: tuple[Result, Result],
    names: tuple[str, str],
    differences: tuple[Difference, ...],
    time: int,
    data: tuple[DataChange, ...],
    matter: list[Input],
) -> str:
    """Return what data that differ only afterwards can have done: end a run, or be looked at too early."""
    reasons = {str(row.get("reason")) for d in differences for row in (d.a, d.b) if row}
    ending = [n for n, result in zip(names, results, strict=True) if int(result.bars.timestamps[-1]) == time]
    if ending and (reasons & set(_AT_DATA_END) or differences[0].kind in ("outcome", "order")):
        which = " and ".join(ending)
        return f"The data of {which} end with this bar, and with them all that {which} still had to do."
    same = f"the data are equal up to this bar and differ only from {time_text(data[0].time)} on ({data[0].text})"
    if matter:
        return f"The runs were given differently: {_listed(matter)}; {same}."
    where = "in prepare, most likely: what it stores for a bar must depend on bars up to it alone"
    return f"The strategy looks ahead, or is not deterministic: nothing else differs, and {same}. Look {where}."


def _nothing(first: Difference, inputs: tuple[Input, ...]) -> str:
    """Return what is left where nothing that matters differs."""
    rest = f" Besides, {_listed(list(inputs))}." if inputs else ""
    head = "Nothing that the two manifests hold explains it: same strategy source, parameters, settings, seed and data."
    if first.kind in _DECISIONS:
        what = "The strategy is not deterministic, or code or a file that it uses outside its class has changed."
    else:
        what = "A function among the settings has changed, or the kernel has."
    return f"{head} {what}{rest}"
