"""Which bars may be skipped: those that reach no order of the book, with nothing in the hand and nothing to expire.

A quiet bar costs two comparisons per asset, however many orders are working. The bounds may be too narrow, by an entry
of the book that is stale, which costs a look; they are never too wide.
"""

from backtester.kernel.jit import inner_jit


@inner_jit(forceinline=True)
def has_work(s, t):
    """Whether bar t may do something to an order."""
    if s.n_pending > 0 or s.n_hand > 0 or (s.n_dated > 0 and ends_dated(s, t)):
        return True
    for a in range(s.n_assets):
        if s.low[t, a] <= s.bound_down[a] or s.high[t, a] >= s.bound_up[a]:
            return True
    return False


@inner_jit
def ends_dated(s, t):
    """Whether DAY or GTD orders may expire with bar t."""
    if s.session_ends[t] or s.next_expire <= s.timestamp:
        return True
    return t + 1 < s.n_bars and s.next_expire < s.timestamps[t + 1]
