"""The book: which price each resting order waits for, looked up instead of scanned.

Every working order is in one of two places. In the **book** is what waits for a price that stays where it is: limits,
stops and stop-limits. In the **hand** is what each bar has to look at: market orders, triggered stops, trailing stops,
IOC and FOK; and, within a bar, what has just become eligible and what the bar's prices reach. A bar takes the orders
that it reaches out of the book, matches the hand, and puts back what goes on waiting.

The book is two heaps per asset, lowest key on top: the price for what a rising price reaches, the negative price for
what a falling one does. Nothing is ever deleted from the middle of a heap: `shelf` has the key under which an order is
in the book, and an entry with another key, or of an ended order, is stale and dropped when it comes to the top. With
the last live order of an asset all its entries go; where stale ones become the greater part, the heaps are built anew.
"""

import numpy as np

from backtester.kernel.codes import Table
from backtester.kernel.constants import FOK, IOC, LIMIT, MARKET, STOP_LIMIT, TRAILING_STOP, WORKING
from backtester.kernel.jit import inner_jit
from backtester.kernel.orders import is_live, row_of
from backtester.kernel.reach import is_tradable, rises
from backtester.kernel.room import grow

_BOOK = int(Table.BOOK)
_FIRST_ROOM = 4  # entries of a heap when it is first used
_SLACK = 64  # stale entries that are always tolerated


@inner_jit
def hold(s, i):
    """Take a working order into the hand."""
    s.shelf[i] = np.nan
    if s.n_hand < s.hand.shape[0]:  # it is as long as the list of live orders; only in a void run it may be full
        s.hand[s.n_hand] = s.orders[i].id
        s.n_hand += 1


@inner_jit
def lift(s, i):
    """Take an order out of the book, because the price it waits for is about to change; elsewhere it stays."""
    if s.orders[i].status == WORKING and s.shelf[i] == s.shelf[i]:
        hold(s, i)


@inner_jit
def waited_price(o):
    """Return the price a working order waits for, or NaN where it waits for none that stays where it is."""
    if o.kind == MARKET or o.kind == TRAILING_STOP or o.tif == IOC or o.tif == FOK:
        return np.nan
    if o.kind == LIMIT:
        return o.limit_price
    if o.triggered < 0:
        return o.stop_price
    return o.limit_price if o.kind == STOP_LIMIT else np.nan


@inner_jit
def take_reached(s, t):
    """Take every order that bar t may reach out of the book into the hand."""
    if s.n_booked == 0:
        return  # the highs and lows of this bar need not come into the cache
    for a in range(s.n_assets):
        if s.book_count[2 * a] > 0 and s.low[t, a] <= s.bound_down[a] and is_tradable(s, t, a):
            take_side(s, 2 * a, -s.low[t, a])
        if s.book_count[2 * a + 1] > 0 and s.high[t, a] >= s.bound_up[a] and is_tradable(s, t, a):
            take_side(s, 2 * a + 1, s.high[t, a])


@inner_jit
def take_side(s, h, furthest):
    """Take the orders with keys up to `furthest` out of one heap, and drop stale entries on the way."""
    while s.book_count[h] > 0:
        key = s.book_keys[s.book_first[h]]
        if key > furthest:
            break
        order_id = s.book_ids[s.book_first[h]]
        pop(s, h)
        i = row_of(s, order_id)
        if s.shelf[i] == key and is_live(s.orders[i]) and s.orders[i].id == order_id:
            hold(s, i)
    set_bound(s, h)


@inner_jit
def put_back(s):
    """After a bar was matched: what waits for a price goes into the book, what has ended leaves the hand."""
    if s.n_booked > 2 * (s.n_active - s.n_ended) + _SLACK:
        rebuild(s)
    kept = 0
    for n in range(s.n_hand):
        i = row_of(s, s.hand[n])
        o = s.orders[i]
        if o.status != WORKING:
            continue
        if not shelve(s, i):
            s.hand[kept] = o.id
            kept += 1
    s.n_hand = kept


@inner_jit
def shelve(s, i):
    """Put an order into the book; return False where it waits for no price, or there is no memory."""
    o = s.orders[i]
    price = waited_price(o)
    if price != price:
        return False
    h = 2 * o.asset
    key = -price
    if rises(o):
        h += 1
        key = price
    if s.book_count[h] == s.book_room[h] and not widen(s, h):
        return False
    push(s, h, key, o.id)
    s.shelf[i] = key
    return True


@inner_jit
def rebuild(s):
    """Build the heaps from the orders that are in the book, without stale entries."""
    s.n_booked = 0
    for h in range(2 * s.n_assets):
        s.book_count[h] = 0
        set_bound(s, h)
    for n in range(s.n_active):
        i = row_of(s, s.active[n])
        if s.orders[i].status == WORKING and s.shelf[i] == s.shelf[i]:
            shelve(s, i)


@inner_jit
def set_bound(s, h):
    """Take the bound of a side from the top of its heap."""
    top = s.book_keys[s.book_first[h]] if s.book_count[h] > 0 else np.inf
    if h & 1:
        s.bound_up[h >> 1] = top
    else:
        s.bound_down[h >> 1] = -top


@inner_jit
def push(s, h, key, order_id):
    """Add an entry to a heap that has room."""
    first = s.book_first[h]
    k = s.book_count[h]
    while k > 0:
        above = (k - 1) >> 1
        if s.book_keys[first + above] <= key:
            break
        s.book_keys[first + k] = s.book_keys[first + above]
        s.book_ids[first + k] = s.book_ids[first + above]
        k = above
    s.book_keys[first + k] = key
    s.book_ids[first + k] = order_id
    s.book_count[h] += 1
    s.n_booked += 1
    if k == 0:
        set_bound(s, h)


@inner_jit
def pop(s, h):
    """Remove the top of a heap."""
    first = s.book_first[h]
    n = s.book_count[h] - 1
    s.book_count[h] = n
    s.n_booked -= 1
    key = s.book_keys[first + n]
    order_id = s.book_ids[first + n]
    k = 0
    below = 1
    while below < n:
        if below + 1 < n and s.book_keys[first + below + 1] < s.book_keys[first + below]:
            below += 1
        if key <= s.book_keys[first + below]:
            break
        s.book_keys[first + k] = s.book_keys[first + below]
        s.book_ids[first + k] = s.book_ids[first + below]
        k = below
        below = 2 * k + 1
    s.book_keys[first + k] = key
    s.book_ids[first + k] = order_id


@inner_jit
def widen(s, h):
    """Move a heap to twice the room at the end of the book's memory; return False where there is none."""
    room = max(_FIRST_ROOM, 2 * s.book_room[h])
    while s.book_end + room > s.book_ids.shape[0]:
        before = s.book_ids.shape[0]
        grow(s, _BOOK)
        if s.book_ids.shape[0] == before:
            return False
    for k in range(s.book_count[h]):
        s.book_keys[s.book_end + k] = s.book_keys[s.book_first[h] + k]
        s.book_ids[s.book_end + k] = s.book_ids[s.book_first[h] + k]
    s.book_first[h] = s.book_end
    s.book_room[h] = room
    s.book_end += room
    return True
