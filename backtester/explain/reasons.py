"""The codes of orders and changes in sentences: what happened, the rule behind it, and the remedy.

`explain` adds the values it found; reports and the command line print the sentences as they are. This is the only place
where a code becomes prose.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple, TypeVar

from backtester.errors import did_you_mean
from backtester.kernel.codes import ChangeOutcome, OrderKind, Reason, Tif

Code = TypeVar("Code", bound=IntEnum)


class Sentence(NamedTuple):
    """One code in words; each part is lower case and without a full stop, and may be empty."""

    what: str  #: what happened; follows "rejected: ", "cancelled: ", "expired: " or "filled in part: "
    rule: str  #: the rule that made it so
    remedy: str  #: what to do about it; empty where there is nothing to put right

    @property
    def text(self) -> str:
        """All parts as sentences in one line."""
        return " ".join(f"{part[0].upper()}{part[1:]}." for part in self if part)


_CASH = "order less, raise Account(leverage=), or hold less of other assets"

REASONS: dict[Reason, Sentence] = {
    Reason.NONE: Sentence("filled in full", "", ""),
    # refused at submission
    Reason.QUANTITY_ZERO: Sentence(
        "the quantity is 0", "an order needs a quantity: positive buys, negative sells", "test for 0 before ordering"
    ),
    Reason.QUANTITY_NOT_FINITE: Sentence(
        "the quantity is not a finite number",
        "quantities must be finite; NaN often comes from an indicator still in its warm-up",
        "test with ctx.ready(a) or math.isfinite before ordering",
    ),
    Reason.QUANTITY_BELOW_LOT: Sentence(
        "the quantity is less than one lot",
        "quantities are rounded towards zero to whole lots of Account(lot_size=)",
        "order at least one lot, or set a smaller lot_size (0: fractional)",
    ),
    Reason.QUANTITY_TOO_LARGE: Sentence(
        "the quantity is too large",
        "quantities go up to 1e15 units, beyond which a float64 no longer counts them",
        "check the sizing: a division by a price or a volatility near 0 does this",
    ),
    Reason.PRICE_INVALID: Sentence(
        "a price is missing or not valid",
        "prices must be finite and above 0 (below only where the bars allow it), and a bracket leg is given by price "
        "or by fraction, not both",
        "check the price before ordering",
    ),
    Reason.DISTANCE_INVALID: Sentence(
        "the trailing distance is not valid",
        "a trailing stop takes either distance= or distance_frac=, finite and above 0, and a fraction below 1 to sell",
        "give exactly one of the two",
    ),
    Reason.NO_MARK: Sentence(
        "the asset has no price yet",
        "value and percent targets, and brackets entered at the market, need a last close",
        "wait for the asset's first bar: test with ctx.ready(a)",
    ),
    Reason.STOP_LOSS_WRONG_SIDE: Sentence(
        "the stop loss is on the wrong side of the entry",
        "the stop loss of a long entry lies below its price, that of a short entry above; a fraction is above 0, and "
        "below 1 for a long entry",
        "check the sign of the quantity, and compute the stop from the entry price",
    ),
    Reason.TAKE_PROFIT_WRONG_SIDE: Sentence(
        "the take profit is on the wrong side of the entry",
        "the take profit of a long entry lies above its price, that of a short entry below; a fraction is above 0, and "
        "below 1 for a short entry",
        "check the sign of the quantity, and compute the target from the entry price",
    ),
    Reason.EXPIRE_MISSING: Sentence(
        "tif=GTD came without a time to expire",
        "GTD needs expire=, int64 ns UTC, above 0",
        "pass expire=ctx.timestamp + a number of nanoseconds",
    ),
    Reason.ASSET_UNKNOWN: Sentence(
        "there is no such asset",
        "assets are numbered from 0 to ctx.n_assets - 1",
        "check the first argument of the order verb",
    ),
    Reason.TIF_UNKNOWN: Sentence(
        "the time in force is not known",
        "tif is one of GTC, DAY, IOC, FOK and GTD",
        "import the name from backtester",
    ),
    Reason.BANKRUPT: Sentence(
        "the account was bankrupt",
        "an account whose equity is 0 or less, and which holds nothing, trades no more",
        "trade smaller, or set Account(maintenance=) so that positions are liquidated earlier",
    ),
    Reason.TARGET_NOT_FINITE: Sentence(
        "the target is not a finite number",
        "targets must be finite; NaN often comes from an indicator still in its warm-up",
        "test with ctx.ready(a) or math.isfinite before ordering",
    ),
    Reason.PARENT_REJECTED: Sentence(
        "its bracket was refused", "the legs of a bracket live only with their entry", "put the entry right"
    ),
    Reason.ORDER_TOO_LARGE: Sentence(
        "the order is worth more than the account allows one order to be",
        "an order that does more than reduce may be worth at most Account(max_order=) times equity at its submission",
        "order less, or raise max_order",
    ),
    # refused, reduced or ended in the market
    Reason.INSUFFICIENT_EQUITY: Sentence(
        "the account could not afford it",
        "after a fill that increases a position, and its costs, all positions together may be worth at most leverage "
        "times equity (leverage 1: a cash account)",
        f"{_CASH}; Account(on_shortfall=) says whether an order that does not fit is reduced or refused",
    ),
    Reason.SHORT_NOT_ALLOWED: Sentence(
        "it would have made the position short",
        "with allow_short=False an order sells at most what is held",
        "sell no more than ctx.position(a), use ctx.close_position(a), or set Account(allow_short=True)",
    ),
    Reason.SCALED_TO_EQUITY: Sentence(
        "the rebalance did not fit the account, so its increases were scaled down together",
        "one factor scales all increases of a rebalance such that positions, after costs, are worth at most leverage "
        "times equity, and at most max_gross times equity where that is set",
        "let the weights leave room for costs and for gaps between close and open, or raise Account(leverage=) or the "
        "limit",
    ),
    Reason.FOK_NOT_FILLED: Sentence(
        "it could not be filled in full at once",
        "FOK is filled in full at its first eligible open (close, for orders that fill at the close), or not at all",
        "use IOC to take what there is, or GTC to wait",
    ),
    Reason.IOC_REMAINDER: Sentence(
        "what could not be filled at once expired",
        "IOC takes what there is at its first eligible open (close, for orders that fill at the close), no more",
        "use DAY or GTC to let the rest work on",
    ),
    Reason.DAY_ENDED: Sentence(
        "its session ended",
        "DAY ends with the session in which the order is first eligible",
        "use GTC or GTD to wait on",
    ),
    Reason.GTD_ENDED: Sentence(
        "its time was over", "GTD ends with the last bar whose close is not later than expire", "give a later expire="
    ),
    Reason.DATA_ENDED: Sentence("the run ended", "orders still open after the last bar expire", ""),
    Reason.EXPOSURE_LIMIT: Sentence(
        "a limit of the account on what it may hold cut it",
        "after a fill that increases a position, and its costs, all positions may be worth at most "
        "Account(max_gross=) times equity, and those of one asset max_exposure= times equity",
        "order less, or raise the limit; Account(on_shortfall=) says whether an order that does not fit is reduced or "
        "refused",
    ),
    # cancelled
    Reason.CANCELLED_BY_USER: Sentence(
        "the strategy cancelled it", "a cancel acts at the start of the next bar, plus latency_bars", ""
    ),
    Reason.REPLACED_BY_TARGET: Sentence(
        "a later target order of the asset replaced it",
        "a target order that becomes eligible ends the older market and target orders of its asset; limits, stops and "
        "protective orders stay",
        "",
    ),
    Reason.TARGET_REACHED: Sentence(
        "the position was already at the target",
        "what a target order buys or sells is fixed when it becomes eligible: the target less the position then",
        "",
    ),
    Reason.LEG_ABSENT: Sentence(
        "this leg was not asked for", "a bracket always takes three ids; a leg without a price ends at once", ""
    ),
    Reason.OTHER_LEG_FILLED: Sentence(
        "the order it was paired with filled", "of two paired orders, what one fills is taken off the other", ""
    ),
    Reason.NOTHING_TO_REDUCE: Sentence(
        "there was no position left to reduce",
        "bracket legs, trailing stops and the rungs of scale_out only reduce; they go with the position they protect",
        "",
    ),
    Reason.PARENT_ENDED: Sentence(
        "its entry ended without a fill", "the legs of a bracket live only with their entry", ""
    ),
    Reason.LEGS_ENDED: Sentence(
        "no leg of its bracket works any more",
        "once one leg has filled, or has gone with the position, and none works, the rest of the entry is cancelled",
        "",
    ),
    Reason.CLOSE_POSITION: Sentence(
        "ctx.close_position was called", "close_position cancels every order of the asset and closes what is held", ""
    ),
    Reason.REDUCED_BY_MODIFY: Sentence(
        "a modify set its quantity to what had filled", "an order with nothing left to fill ends", ""
    ),
    Reason.SPLIT: Sentence(
        "a split left nothing of it",
        "a split multiplies the quantity of an order, which is then rounded towards zero to the lot",
        "",
    ),
    Reason.DELISTED: Sentence(
        "the asset is delisted",
        "a delisting cancels the orders of its asset, pays out the position, and allows no further order",
        "test for it with ctx.delisting[-1, a], which is NaN in every other bar",
    ),
    Reason.DRAWDOWN_LIMIT: Sentence(
        "the account had lost its maximum from the peak",
        "at Account(max_drawdown=) below the peak of equity every order is cancelled, every position is closed, and "
        "no further order is taken",
        "trade smaller, or raise max_drawdown",
    ),
    # forced orders, and cancels that come with them
    Reason.LIQUIDATION: Sentence(
        "the margin check liquidated positions",
        "when equity falls below maintenance times the value of all positions, every order is cancelled and whole "
        "positions are closed at the close, the largest first, until it no longer is",
        "hold less, or lower Account(leverage=)",
    ),
    Reason.AT_END: Sentence(
        "the run closed the position at its end", "close_at_end=True closes open positions at the last close", ""
    ),
}

OUTCOMES: dict[ChangeOutcome, Sentence] = {
    ChangeOutcome.QUEUED: Sentence(
        "it had not acted yet", "a change acts at the start of the next bar, plus latency_bars", ""
    ),
    ChangeOutcome.DONE: Sentence("done", "", ""),
    ChangeOutcome.ORDER_UNKNOWN: Sentence(
        "it named an order or an asset that does not exist",
        "order ids are what the order verbs returned; 0 means that no order was made",
        "keep the id, and test it for 0",
    ),
    ChangeOutcome.ORDER_ENDED: Sentence(
        "the order had ended",
        "only orders that have not ended can be changed",
        "test what ctx.modify or ctx.cancel returns",
    ),
    ChangeOutcome.NOTHING_TO_CHANGE: Sentence(
        "it changed nothing",
        "modify needs a price or a quantity, and oco two different orders",
        "give what is to change",
    ),
    ChangeOutcome.PRICE_INVALID: Sentence(
        "the new price is not valid",
        "prices must be finite and above 0 (below only where the bars allow it)",
        "check the price before modifying",
    ),
    ChangeOutcome.PRICE_NOT_MODIFIABLE: Sentence(
        "this order has no price to change",
        "market orders, trailing stops and stops that were triggered have no price that modify can set",
        "cancel it and send another",
    ),
    ChangeOutcome.QUANTITY_INVALID: Sentence(
        "the new quantity is not valid",
        "it is the new signed total: finite, of the same sign, at least one lot and at least what has filled",
        "give the total, not the change",
    ),
    ChangeOutcome.QUANTITY_ON_CHILD: Sentence(
        "the quantity of a bracket leg cannot be changed",
        "a leg follows what its entry has filled and what the other leg has",
        "modify the price, or cancel the leg and send an order of its own",
    ),
    ChangeOutcome.OCO_ALREADY_PAIRED: Sentence(
        "one of the two orders is already paired", "an order has one partner, and bracket legs have each other", ""
    ),
    ChangeOutcome.REDUCED: Sentence(
        "only a part was paid",
        "a withdrawal takes at most what the margin of the positions leaves of equity: E − G / leverage",
        "withdraw less, or close positions first",
    ),
    ChangeOutcome.AMOUNT_INVALID: Sentence(
        "the amount is not valid", "an amount of money is finite and above 0", "check the amount before asking"
    ),
    ChangeOutcome.ACCOUNT_ENDED: Sentence(
        "the account had ended", "a bankrupt or stopped account takes and gives no money any more", ""
    ),
    ChangeOutcome.INSUFFICIENT_EQUITY: Sentence(
        "nothing was free",
        "a withdrawal takes at most what the margin of the positions leaves of equity: E − G / leverage",
        "close positions first",
    ),
    ChangeOutcome.RATE_UNKNOWN: Sentence(
        "there was no exchange rate yet",
        "a rate is the price of its pair in the bars, from the pair's first bar on",
        "wait for the pair's first bar",
    ),
    ChangeOutcome.CURRENCY_NOT_KEPT: Sentence(
        "the account keeps no other currency",
        "with settlement='convert' cash is in the account's currency alone, unless a margined contract is in another",
        "set Account(settlement='keep')",
    ),
    ChangeOutcome.ASSET_UNKNOWN: Sentence(
        "there is no such asset",
        "a currency is named by an asset from 0 to ctx.n_assets - 1, or by -1: the account's own",
        "check the second and third argument of ctx.convert",
    ),
    ChangeOutcome.DATA_ENDED: Sentence("the run ended before it could act", "nothing acts after the last bar", ""),
}

KINDS: dict[OrderKind, str] = {
    OrderKind.MARKET: "market order",
    OrderKind.LIMIT: "limit order",
    OrderKind.STOP: "stop order",
    OrderKind.STOP_LIMIT: "stop-limit order",
    OrderKind.TRAILING_STOP: "trailing stop",
}

TIFS: dict[Tif, str] = {
    Tif.GTC: "good till cancelled",
    Tif.DAY: "good for the session (DAY)",
    Tif.IOC: "immediate or cancel (IOC)",
    Tif.FOK: "fill or kill (FOK)",
    Tif.GTD: "good till date (GTD)",
}


def reason_of(code: int | str) -> Sentence:
    """Return the sentence of a `Reason`: an enum member, its number, or its word as in `result.orders.reason`.

    Raises
    ------
    ValueError
        If there is no such reason.
    """
    return REASONS[_member(Reason, code)]


def outcome_of(code: int | str) -> Sentence:
    """Return the sentence of a `ChangeOutcome`: an enum member, its number, or its word as in `result.changes.outcome`.

    Raises
    ------
    ValueError
        If there is no such outcome.
    """
    return OUTCOMES[_member(ChangeOutcome, code)]


def _member(kind: type[Code], code: int | str) -> Code:
    if not isinstance(code, str):
        return kind(code)
    word = code.upper()
    if word == "" and kind is Reason:
        return kind(0)
    if word not in kind.__members__:
        known = [name.lower() for name in kind.__members__]
        raise ValueError(f"{code!r} is no {kind.__name__}{did_you_mean(code, known)}; known are {', '.join(known)}")
    return kind[word]
