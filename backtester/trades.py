"""Fills to round trips: FIFO matching, costs by quantity, and how far each trade went for and against its holder.

`build_trades` reads the fill table once, in its own order. Per asset the open lots stand in a queue; a fill against
the position takes them from the front, so that one trade is one piece of an entry fill matched with one exit fill
(docs/accounting.md, rule 22). A fill through zero closes what there is, then opens the rest; its costs are split by
quantity.

The worst and the best price a lot has seen is the minimum over a sliding window: under FIFO both its ends (the entry of
the oldest lot, and now) move forward only, so a monotonic queue of the segments between fills answers every query
exactly, and each bar is read once however many lots overlap (D. Lemire, "Streaming maximum-minimum filter using no
more than three comparisons per element", Nordic Journal of Computing 13, 2006). A maximum is the minimum of the
negated highs.
"""

from __future__ import annotations

import numba
import numpy as np
from numba import float64, int64

from backtester.errors import SettingsError
from backtester.kernel.arithmetic import DUST
from backtester.kernel.codes import Phase
from backtester.kernel.jit import inner_jit, kernel_jit
from backtester.kernel.struct import Field, Struct, StructBuffer, address_of, make_cast
from backtester.kernel.tables import FILL

_I, _F = np.int64, np.float64

TRADE = np.dtype(
    [
        ("asset", _I),
        ("entry_bar", _I),
        ("exit_bar", _I),  # -1 while open
        ("entry_order", _I),
        ("exit_order", _I),  # 0 while open, or where a split or a delisting paid it out
        ("tag", _I),  # of the entry order
        ("quantity", _F),  # signed, + long
        ("entry_price", _F),  # price paid or received; spread, slippage and impact are inside
        ("exit_price", _F),  # likewise; the last mark while open
        ("pnl", _F),  # money, net of all costs but carry
        ("return_frac", _F),  # pnl / (|quantity|·multiplier·|entry_price|)
        ("costs", _F),  # money: its share of commission, spread, slippage, impact and rounding of both fills
        ("bars", _I),  # exit_bar − entry_bar; to the last bar while open
        ("mae_frac", _F),  # maximum adverse excursion, positive fraction of the entry price
        ("mfe_frac", _F),  # maximum favourable excursion, positive fraction of the entry price
        ("open", _I),  # 1 while open
    ]
)

_SEGMENT = np.dtype([("start", _I), ("value", _F), ("previous", _I), ("next", _I)])
_HOLDING = np.dtype(
    [
        ("first", _I),  # fill that opened the oldest open lot, -1 when flat
        ("last", _I),  # fill that opened the youngest
        ("quantity", _F),  # signed position
        ("scanned", _I),  # the bars before this one are in the queues
        ("last_entry", _I),  # bar of the youngest lot
    ]
)

# One pointer instead of thirteen arrays: see `backtester.kernel.struct`.
_BOOK = Struct(
    "TradeBook",
    [
        Field("count", "scalar", int64),  # trades written
        Field("used", "scalar", int64),  # segments written
        Field("held", "scalar", int64),  # assets with a position
        *(Field(name, "array", float64, 2, readonly=True) for name in ("high", "low", "close")),
        Field("multiplier", "array", float64, 1, readonly=True),  # per asset
        Field("last_fx", "array", float64, 1),  # per asset: exchange rate at the end
        Field("margined", "array", int64, 1, readonly=True),  # per asset: 1 where the value is not paid
        Field("fills", "array", numba.from_dtype(FILL), 1, readonly=True),
        Field("left", "array", float64, 1),  # per fill: quantity still open of the lot it opened
        Field("following", "array", int64, 1),  # per fill: the next younger lot of its asset, or -1
        Field("holdings", "array", numba.from_dtype(_HOLDING), 1),  # per asset
        Field("lows", "array", numba.from_dtype(_SEGMENT), 1),
        Field("highs", "array", numba.from_dtype(_SEGMENT), 1),  # negated
        Field("low_ends", "array", int64, 2),  # per asset: front and back of its queue in `lows`, -1 when empty
        Field("high_ends", "array", int64, 2),
        Field("trades", "array", numba.from_dtype(TRADE), 1),
    ],
)
_as_book = make_cast(_BOOK)
_FILLS = _BOOK.offset("fills")
#: where the fills of a book lie and how many there are, as words that can be written
_as_place = make_cast(
    Struct(
        "FillsOfBook",
        [Field("address", "scalar", int64), Field("count", "scalar", int64)],
        {"address": _FILLS, "count": _FILLS + 1},
    )
)
_OPEN = int(Phase.OPEN)


@inner_jit
def _push(segments, ends, asset, node, start, value):
    """Queue a segment and drop, from the back, those that it dominates."""
    back = ends[asset, 1]
    while back >= 0 and segments[back].value >= value:
        back = segments[back].previous
    segments[node].start = start
    segments[node].value = value
    segments[node].previous = back
    segments[node].next = -1
    if back >= 0:
        segments[back].next = node
    else:
        ends[asset, 0] = node
    ends[asset, 1] = node


@inner_jit
def _least_since(segments, ends, asset, bar):
    """Drop the segments that start before `bar`; return the least value of the rest, +inf if none is left."""
    front = ends[asset, 0]
    while front >= 0 and segments[front].start < bar:
        front = segments[front].next
    ends[asset, 0] = front
    if front < 0:
        ends[asset, 1] = -1
        return np.inf
    segments[front].previous = -1
    return segments[front].value


@inner_jit
def _extend(b, asset, stop):
    """Queue the bars of one asset up to `stop − 1`, cut after its last entry bar. NaN compares false: passed over."""
    holding = b.holdings[asset]
    high, low = b.high, b.low
    while holding.scanned < stop:
        start = holding.scanned
        end = start + 1 if start == holding.last_entry else stop
        least = np.inf
        least_negated = np.inf
        for t in range(start, end):
            value = low[t, asset]
            least = value if value < least else least
            value = -high[t, asset]
            least_negated = value if value < least_negated else least_negated
        if least < np.inf:
            _push(b.lows, b.low_ends, asset, b.used, start, least)
            _push(b.highs, b.high_ends, asset, b.used, start, least_negated)
            b.used += 1
        holding.scanned = end


@inner_jit
def _excursion(b, entry, exit_bar, reference):
    """Return the lowest and the highest price that a piece is known to have been held at, `reference` the last."""
    lowest = min(reference, _least_since(b.lows, b.low_ends, entry.asset, entry.bar + 1))
    highest = max(reference, -_least_since(b.highs, b.high_ends, entry.asset, entry.bar + 1))
    if entry.phase == _OPEN:
        lowest = min(lowest, entry.reference_price)
        highest = max(highest, entry.reference_price)
    if exit_bar > entry.bar:
        price = b.close[entry.bar, entry.asset]
        lowest = price if price < lowest else lowest
        highest = price if price > highest else highest
    return lowest, highest


@inner_jit
def _costs(fill):
    return fill.commission + fill.spread + fill.slippage + fill.impact + fill.rounding


@inner_jit
def _write(b, entry, size, price, fx, commission, costs, exit_bar, reference):
    """Append a piece that ends at `price` and rate `fx`, with its share of the exit fill's costs; return its row."""
    row = b.trades[b.count]
    b.count += 1
    lowest, highest = _excursion(b, entry, exit_bar, reference)
    quantity = size if entry.quantity > 0.0 else -size
    multiplier = b.multiplier[entry.asset]
    share = size / abs(entry.quantity)
    basis = abs(entry.price)
    fall = max((entry.price - lowest) / basis, 0.0)
    rise = max((highest - entry.price) / basis, 0.0)
    row.asset = entry.asset
    row.entry_bar = entry.bar
    row.exit_bar = exit_bar
    row.entry_order = entry.order_id
    row.exit_order = 0
    row.tag = entry.tag
    row.quantity = quantity
    row.entry_price = entry.price
    row.exit_price = price
    entry_fx = fx if b.margined[entry.asset] else entry.fx  # what is not paid is not exchanged: the gain alone is
    gain = price - entry.price if fx == 1.0 and entry_fx == 1.0 else price * fx - entry.price * entry_fx
    row.pnl = quantity * multiplier * gain - (share * entry.commission + commission)
    row.return_frac = row.pnl / (size * multiplier * basis * entry_fx) if basis > 0.0 else np.nan
    row.costs = share * _costs(entry) + costs
    row.bars = exit_bar - entry.bar
    row.mae_frac = np.nan if basis == 0.0 else fall if quantity > 0.0 else rise
    row.mfe_frac = np.nan if basis == 0.0 else rise if quantity > 0.0 else fall
    row.open = 0
    return row


@inner_jit
def _close_lots(b, i):
    """Match fill `i` with the oldest lots of its asset; return what of it is left over, unsigned."""
    fill = b.fills[i]
    holding = b.holdings[fill.asset]
    dust = DUST * max(abs(holding.quantity), abs(fill.quantity))
    remaining = abs(fill.quantity)
    while remaining > 0.0 and holding.first >= 0:
        lot = holding.first
        whole = b.left[lot] <= remaining + dust
        size = b.left[lot] if whole else remaining
        remaining = remaining - size if remaining - size > dust else 0.0
        share = size / abs(fill.quantity)
        row = _write(
            b, b.fills[lot], size, fill.price, fill.fx, share * fill.commission, share * _costs(fill),
            fill.bar, fill.reference_price,
        )  # fmt: skip
        row.exit_order = fill.order_id
        if whole:
            holding.first = b.following[lot]
        else:
            b.left[lot] -= size
    if holding.first < 0:
        b.held -= 1
        holding.quantity = 0.0
    else:
        holding.quantity += fill.quantity
    return remaining


@inner_jit
def _open_lot(b, i, size):
    """Put what is left of fill `i` at the end of the queue of its asset."""
    fill = b.fills[i]
    holding = b.holdings[fill.asset]
    b.left[i] = size
    b.following[i] = -1
    if holding.first < 0:
        if b.held == 0:
            b.used = 0
        b.held += 1
        holding.first = i
        holding.scanned = fill.bar + 1
        b.low_ends[fill.asset, 0] = b.low_ends[fill.asset, 1] = -1
        b.high_ends[fill.asset, 0] = b.high_ends[fill.asset, 1] = -1
    else:
        b.following[holding.last] = i
    holding.last = i
    holding.last_entry = fill.bar
    holding.quantity += size if fill.quantity > 0.0 else -size


@inner_jit
def _list_open(b, asset):
    """Append the lots of one asset that are still open, marked at its last close that is not NaN."""
    n_bars = len(b.close)
    lot = b.holdings[asset].first
    t = n_bars - 1
    while t > 0 and np.isnan(b.close[t, asset]):
        t -= 1
    mark = b.close[t, asset]
    while lot >= 0:
        entry = b.fills[lot]
        row = _write(b, entry, b.left[lot], mark, b.last_fx[asset], 0.0, 0.0, n_bars, mark)
        row.exit_bar = -1
        row.bars = n_bars - 1 - entry.bar
        row.open = 1
        lot = b.following[lot]


@inner_jit
def match(address):
    """Fill the trade table of the book at `address` from its fill table; return the table."""
    b = _as_book(address)
    b.count = b.used = b.held = 0
    for asset in range(len(b.holdings)):
        b.holdings[asset].first = -1
        b.holdings[asset].quantity = 0.0
        b.holdings[asset].scanned = 0
        b.holdings[asset].last_entry = 0
    for i in range(len(b.fills)):
        fill = b.fills[i]
        if fill.quantity == 0.0:
            continue
        holding = b.holdings[fill.asset]
        remaining = abs(fill.quantity)
        if holding.first >= 0:
            _extend(b, fill.asset, fill.bar)
            if holding.quantity * fill.quantity < 0.0:
                remaining = _close_lots(b, i)
        if remaining > 0.0:
            _open_lot(b, i, remaining)
    for asset in range(len(b.holdings)):
        if b.holdings[asset].first >= 0:
            _extend(b, asset, len(b.close))
            _list_open(b, asset)
    return b.trades[: b.count]


@inner_jit
def match_fills(address, fills, rates, currencies):
    """Point the book at `address` at fills, and its rates at those of the assets' currencies; return its trades.

    The book must have room for them: see `has_room`.
    """
    b, place = _as_book(address), _as_place(address)
    place.address, place.count = address_of(fills), len(fills)
    for asset in range(len(b.last_fx)):
        b.last_fx[asset] = rates[currencies[asset]]
    return match(address)


@inner_jit
def has_room(address, n_fills):
    """Whether the book at `address` has room for the trades of so many fills."""
    return n_fills <= len(_as_book(address).left)


@kernel_jit()
def _match(address):
    """Fill the trade table of the book at `address`; return the number of trades."""
    return len(match(address))


def build_trades(
    fills: np.ndarray,
    open: np.ndarray,
    high: np.ndarray,
    low: np.ndarray,
    close: np.ndarray,
    multiplier: np.ndarray | float,
    n_assets: int,
    last_fx: np.ndarray | float = 1.0,
    margined: np.ndarray | bool = False,
) -> np.ndarray:
    """Match entry fills with exit fills, first in first out per asset, in one pass over the fill table.

    Parameters
    ----------
    fills : structured array, dtype `FILL`
        In the order in which they happened (`bar` never decreases). Fills of quantity 0 are passed over.
    open, high, low, close : float64 [n_bars, n_assets]
        The bars; a missing bar is NaN and is passed over. `open` gives its shape alone: the open of the bar of a fill
        at the open is the `reference_price` of that fill.
    multiplier : float64 [n_assets] or float
        Money per unit of price and quantity.
    n_assets : int
    last_fx : float64 [n_assets] or float
        Exchange rates at the end, for pieces still open: money of the account for one unit of an asset's currency.
    margined : bool [n_assets] or bool
        Where the value is not paid: then the rate of the exit counts for both fills, since the gain alone is exchanged.

    Returns
    -------
    structured array, dtype `TRADE`
        One row per matched piece, in the order of the exits; then the pieces still open, by asset and age, with
        `open` = 1, `exit_bar` = -1, `exit_order` = 0, marked at the last close that is not NaN. Statistics leave
        those out.

        With q the signed quantity of the piece, m the multiplier, P the prices of its two fills (spread, slippage,
        impact and tick rounding are inside P), each times its `fx` for money, and w its share of the quantity of each
        fill:

        - `pnl` = q·m·(P_exit − P_entry) − w_entry·commission_entry − w_exit·commission_exit; their sum is the change
          of equity less carry;
        - `return_frac` = pnl / (abs(q)·m·abs(P_entry)), NaN for an entry price of 0 (so are the two below);
        - `costs` = Σ w·(commission + spread + slippage + impact + rounding) over the two fills;
        - `mae_frac` = max(0, s·(P_entry − worst))/abs(P_entry), `mfe_frac` = max(0, s·(best − P_entry))/abs(P_entry),
          with s = sign(q), over the lows and highs of the bars strictly between entry and exit (to the end while open),
          and over the prices of the entry and exit bars it is known to have been held at: the open if it was entered
          there, the close of the entry bar if it was held to it, the reference price of the exit (the mark while
          open).

    Raises
    ------
    SettingsError
        A table or an array has another dtype or shape, or a fill lies outside the bars or the assets.

    Notes
    -----
    O(n_fills + bars held), for pyramids too. Remainders below 1e-12 of position or fill are rounding and make no trade.
    """
    bars = {"open": open, "high": high, "low": low, "close": close}
    bars = {name: np.ascontiguousarray(array, dtype=np.float64) for name, array in bars.items()}
    _check(fills, bars, n_assets)
    return Matcher(bars["high"], bars["low"], bars["close"], multiplier, margined).match(fills, last_fx)


class Matcher:
    """Builds one trade table after the other over the same bars; what it writes, the next one overwrites.

    Parameters
    ----------
    high, low, close : float64 [n_bars, n_assets]
        C-contiguous.
    multiplier, margined : as in `build_trades`

    Attributes
    ----------
    address : int
        Of the book, for `match_fills`.
    """

    def __init__(
        self,
        high: np.ndarray,
        low: np.ndarray,
        close: np.ndarray,
        multiplier: np.ndarray | float,
        margined: np.ndarray | bool,
    ):
        self._n = n = close.shape[1]
        self._room = -1
        self._book = StructBuffer(_BOOK)
        self._last_fx = np.ones(n)
        fixed = {
            "high": high,
            "low": low,
            "close": close,
            "last_fx": self._last_fx,
            "holdings": np.zeros(n, _HOLDING),
            "multiplier": np.array(np.broadcast_to(multiplier, (n,)), dtype=np.float64),
            "margined": np.array(np.broadcast_to(margined, (n,)), dtype=np.int64),
            "low_ends": np.empty((n, 2), np.int64),
            "high_ends": np.empty((n, 2), np.int64),
        }
        for name, array in fixed.items():
            self._book.set_array(name, array)
        self.address = self._book.address

    def match(self, fills: np.ndarray, last_fx: np.ndarray | float) -> np.ndarray:
        """Return the trade table of fills, dtype `TRADE`; see `build_trades`."""
        self.make_room(len(fills))
        self._last_fx[:] = last_fx
        self._book.set_array("fills", np.ascontiguousarray(fills))
        return self._trades[: _match(self.address)]

    @property
    def last(self) -> np.ndarray:
        """The trade table that was built last."""
        return self._trades[: int(self._book.get("count"))]

    def make_room(self, n: int) -> None:
        """Have room for the trades of `n` fills."""
        if n <= self._room:
            return
        self._room = n = n if self._room < 0 else 2 * n
        self._trades = np.empty(2 * n, TRADE)  # every piece ends its lot, or its exit fill
        rows = {
            "left": np.empty(n),
            "following": np.empty(n, np.int64),
            "trades": self._trades,
            "lows": np.empty(2 * (n + self._n), _SEGMENT),
            "highs": np.empty(2 * (n + self._n), _SEGMENT),
        }
        for name, array in rows.items():
            self._book.set_array(name, array)


def _check(fills: np.ndarray, bars: dict[str, np.ndarray], n_assets: int) -> None:
    shape = bars["close"].shape
    for name, array in bars.items():
        if array.ndim != 2 or array.shape != shape or shape[1] != n_assets:
            raise SettingsError(f"{name} has shape {array.shape}; the four price arrays must be [n_bars, {n_assets}]")
    if fills.dtype != FILL:
        raise SettingsError(f"fills has dtype {fills.dtype}; pass rows of backtester.kernel.tables.FILL")
    for name, limit in (("bar", shape[0]), ("asset", n_assets)):
        if len(fills) and (fills[name].min() < 0 or fills[name].max() >= limit):
            found = f"{fills[name].min()} to {fills[name].max()}"
            raise SettingsError(f"fills name {name} {found}; the price arrays have 0 to {limit - 1}")
