"""The phases of a bar: which orders are matched, and in which order (rules 2, 3, 13 and 18).

A phase is one or more passes. A pass lists the orders the phase reaches, sorts them by what they would do to the
position at its start (reduce, go through zero, increase), and attempts them one by one. Orders that a fill activates
are matched in a further pass.
"""

from numba import int64

from backtester.kernel.activation import activate, update_trailing
from backtester.kernel.book import put_back, take_reached
from backtester.kernel.bounds import ends_dated
from backtester.kernel.constants import (
    CLOSE,
    DAY,
    DAY_ENDED,
    EXPIRED,
    FOK,
    FOK_NOT_FILLED,
    GTD,
    GTD_ENDED,
    INTRABAR,
    IOC,
    IOC_REMAINDER,
    NEVER,
    OPEN,
    SLEEPING,
    STOP_LOSS,
    WORKING,
)
from backtester.kernel.jit import inner_jit
from backtester.kernel.orders import (
    fills_at_close,
    finish,
    is_live,
    row_of,
)
from backtester.kernel.reach import (
    NOT_REACHED,
    TAKER,
    TRIGGERED,
    after_entry,
    at_open,
    first_leg_wins,
    in_bar,
    is_stop_now,
    is_tradable,
)
from backtester.kernel.struct import call_pointer

_REDUCES = 0
_THROUGH_ZERO = 1
_INCREASES = 2


@inner_jit
def match_bar(s, t):
    """Run the open and intrabar phases of bar t, with the expiries between and after them."""
    if s.n_pending > 0:
        activate(s, t, False)
    take_reached(s, t)
    run_passes(s, t, OPEN)
    if s.n_immediate > 0:
        end_sleeping(s, t)
    if s.n_active > s.n_ended:
        run_passes(s, t, INTRABAR)
        if s.n_trailing > 0:
            update_trailing(s, t)
        if s.n_dated > 0 and ends_dated(s, t):
            end_dated(s, t, False)
    put_back(s)


@inner_jit
def match_close(s, t):
    """Run the close phase of bar t: market orders under `fill_at="close"`."""
    if s.n_pending > 0:
        activate(s, t, True)
    run_passes(s, t, CLOSE)
    if s.n_dated > 0:
        end_dated(s, t, True)
    put_back(s)


@inner_jit
def run_passes(s, t, phase):
    """Match what the phase reaches, then, pass by pass, what its fills activate."""
    s.n_woken = 0
    n = gather(s, t, phase)
    if n > 0:
        attempt_all(s, t, phase, n, False)
    while s.n_woken > 0:
        n = gather_woken(s, t, phase)
        if n > 0:
            attempt_all(s, t, phase, n, True)


@inner_jit
def gather(s, t, phase):
    """List the working orders the phase reaches in `keys`, as (class and asset, id); return how many."""
    n = 0
    for k in range(s.n_hand):
        order_id = s.hand[k]
        i = row_of(s, order_id)
        o = s.orders[i]
        if o.status != WORKING or fills_at_close(s, o) != (phase == CLOSE):
            continue
        judged_now = phase != INTRABAR and is_immediate(o)
        if not judged_now and not is_tradable(s, t, o.asset):
            continue
        if phase != CLOSE and not judged_now:
            code = at_open(s, t, i)[0] if phase == OPEN else in_bar(s, t, i)[0]
            if code == NOT_REACHED or (phase == INTRABAR and was_at_open(s, t, i)):
                continue
        note(s, n, match_class(s, o), phase, o.asset, order_id, 0.0, 0)
        n += 1
    rank(s, n, phase)
    return n


@inner_jit
def is_immediate(o):
    """IOC and FOK: judged at the first eligible open, or close, and ended there (rule 13)."""
    return o.tif == IOC or o.tif == FOK


@inner_jit
def was_at_open(s, t, i):
    """Whether the open of this bar already decided about an order: market orders, and IOC and FOK at their open."""
    return at_open(s, t, i)[0] != NOT_REACHED


@inner_jit
def gather_woken(s, t, phase):
    """List the orders that fills of the last pass activated and that the phase reaches."""
    n = 0
    count = s.n_woken
    for k in range(count):
        order_id = s.woken[k]
        i = row_of(s, order_id)
        o = s.orders[i]
        if o.status != WORKING:
            continue
        if phase == OPEN:
            code = at_open(s, t, i)[0]
        else:
            code = after_entry(s, t, i, s.woken_prices[k], s.woken_up[k])[0]
        if code != NOT_REACHED or (phase != INTRABAR and is_immediate(o)):
            note(s, n, match_class(s, o), phase, o.asset, order_id, s.woken_prices[k], s.woken_up[k])
            n += 1
    s.n_woken = 0
    rank(s, n, phase)
    return n


@inner_jit
def match_class(s, o):
    """What an order would do to the position it finds: reduce, go through zero, or increase (rule 3)."""
    x = s.positions[o.asset]
    left = o.quantity - o.filled
    if o.role >= STOP_LOSS:
        return _REDUCES
    if x * left < 0.0:
        return _REDUCES if abs(left) <= abs(x) else _THROUGH_ZERO
    return _INCREASES


@inner_jit
def note(s, n, match_kind, phase, asset, order_id, entry, up):
    """Write down a candidate: what it is sorted by (class, asset intrabar, id), and how it was activated."""
    s.keys[n, 0] = match_kind * s.n_assets + asset if phase == INTRABAR else match_kind
    s.keys[n, 1] = order_id
    s.keys[n, 2] = up
    s.key_prices[n] = entry


@inner_jit
def rank(s, n, phase):
    """Sort the candidates: `ranks` lists their rows in the order in which they are attempted."""
    if n < 2:
        s.ranks[0] = 0
        return
    if phase == INTRABAR:
        for k in range(n):
            s.ranks[k] = k
    else:
        place = 0
        for match_kind in range(_INCREASES + 1):  # by class; mostly they are in the order of their ids before and after
            for k in range(n):
                if s.keys[k, 0] == match_kind:
                    s.ranks[place] = k
                    place += 1
    if is_ranked(s, n):
        return
    gap = 1
    while 3 * gap < n:
        gap = 3 * gap + 1
    while gap > 0:  # Shell's sort, with Knuth's gaps
        for place in range(gap, n):
            k = s.ranks[place]
            while place >= gap and goes_before(s, k, s.ranks[place - gap]):
                s.ranks[place] = s.ranks[place - gap]
                place -= gap
            s.ranks[place] = k
        gap //= 3


@inner_jit
def is_ranked(s, n):
    """Whether the candidates are in their order already."""
    for place in range(1, n):
        if goes_before(s, s.ranks[place], s.ranks[place - 1]):
            return False
    return True


@inner_jit
def goes_before(s, k, m):
    """Whether candidate k goes before candidate m."""
    if s.keys[k, 0] != s.keys[m, 0]:
        return s.keys[k, 0] < s.keys[m, 0]
    return s.keys[k, 1] < s.keys[m, 1]


@inner_jit
def attempt_all(s, t, phase, n, woken):
    """Attempt the listed orders in their order."""
    if phase == INTRABAR:
        for place in range(n):
            k = s.ranks[place]
            i = row_of(s, s.keys[k, 1])
            if s.orders[i].partner != 0:
                settle_pair(s, t, i, woken, s.key_prices[k], s.keys[k, 2])
    for place in range(n):
        k = s.ranks[place]
        i = row_of(s, s.keys[k, 1])
        o = s.orders[i]
        if o.status != WORKING or (phase == INTRABAR and o.stamp == loser_stamp(t)):
            continue
        if is_tradable(s, t, o.asset):
            meet(s, t, i, phase, woken, s.key_prices[k], s.keys[k, 2])
        if phase != INTRABAR and o.status == WORKING and is_immediate(o):
            finish(s, t, i, EXPIRED, IOC_REMAINDER if o.tif == IOC else FOK_NOT_FILLED)


@inner_jit
def meet(s, t, i, phase, woken, entry, up):
    """Let one order meet the prices of the phase: trigger it, and attempt it where it may fill."""
    o = s.orders[i]
    code, reference = reach(s, t, i, phase, woken, entry, up)[:2]
    if code == NOT_REACHED:
        return
    climbs = o.quantity < 0.0
    if is_stop_now(o):
        o.triggered = t
        climbs = not climbs
        if code == TRIGGERED:
            return
    call_pointer(s.fn_attempt, int64, s, t, i, reference, code == TAKER, phase, climbs)


@inner_jit
def reach(s, t, i, phase, woken, entry, up):
    """What this phase does to an order: a code, a reference price, and whether an entry price decided."""
    if phase == CLOSE:
        return TAKER, s.close[t, s.orders[i].asset], 0
    if phase == OPEN:
        code, price = at_open(s, t, i)
        return code, price, 0
    if woken:
        return after_entry(s, t, i, entry, up)
    code, price = in_bar(s, t, i)
    return code, price, 0


@inner_jit
def loser_stamp(t):
    """The mark of a leg that stands back in bar t."""
    return -2 - t


@inner_jit
def settle_pair(s, t, i, woken, entry, up):
    """Where the bar reaches both legs of a pair, mark the one that stands back in this bar (rule 18).

    Nothing is ambiguous where the open, or the entry price of this bar, decides about one of them.
    """
    o = s.orders[i]
    j = row_of(s, o.partner)
    other = s.orders[j]
    if o.id > other.id or other.status != WORKING or other.asset != o.asset:
        return
    if not woken and was_at_open(s, t, j):
        return
    mine, my_price, my_rank = reach(s, t, i, INTRABAR, woken, entry, up)
    theirs, their_price, their_rank = reach(s, t, j, INTRABAR, woken, entry, up)
    if mine == NOT_REACHED or theirs == NOT_REACHED:
        return
    first_wins = my_rank >= their_rank
    if my_rank == 0 and their_rank == 0:
        if s.ambiguous_bar != t:
            s.ambiguous_bar = t
            s.ambiguous_bars += 1
        direction = 0
        if woken:
            direction = 1 if up else -1
        first_wins = first_leg_wins(s, t, o, my_price, other, their_price, direction)
    s.orders[j if first_wins else i].stamp = loser_stamp(t)


@inner_jit
def end_sleeping(s, t):
    """Expire the IOC and FOK orders that sleep through their first eligible open (rule 13)."""
    for k in range(s.n_active):
        i = row_of(s, s.active[k])
        o = s.orders[i]
        if is_immediate(o) and o.status == SLEEPING:
            finish(s, t, i, EXPIRED, IOC_REMAINDER if o.tif == IOC else FOK_NOT_FILLED)


@inner_jit
def end_dated(s, t, closing):
    """Expire DAY orders with their session and GTD orders with their last bar (rule 13)."""
    last = t + 1 >= s.n_bars
    s.next_expire = NEVER
    for k in range(s.n_active):
        i = row_of(s, s.active[k])
        o = s.orders[i]
        if not is_live(o) or (o.tif != DAY and o.tif != GTD):
            continue
        if (o.status == WORKING or o.status == SLEEPING) and fills_at_close(s, o) == closing:
            if o.tif == DAY:
                if s.session_ends[t]:
                    finish(s, t, i, EXPIRED, DAY_ENDED)
            elif o.expire <= s.timestamp or (not last and o.expire < s.timestamps[t + 1]):
                finish(s, t, i, EXPIRED, GTD_ENDED)
        if o.tif == GTD and is_live(o):
            s.next_expire = min(s.next_expire, o.expire)
