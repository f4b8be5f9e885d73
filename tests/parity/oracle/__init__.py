"""A second, independent reading of the rules in docs/: plain Python, exact arithmetic, every number from scratch.

`Oracle(market, settings, script).run()` plays one script over one market. It shares `codes` and the column names of
`tables` with the kernel and nothing else. Read it beside docs/timeline.md and docs/accounting.md: `engine` is rule 2,
`matching` decides which order meets which price, `execution` how much of it is taken, `money` what that costs, `book`
how orders begin and end, `path` how a price moves inside its bar. docs/events.md is in `events` (rules 28-31),
`transfers` (32, 35), `book` (33, 36), `money` and `engine` (33-35). Square roots (impact, σ) are floats; all else is a
`Fraction`.

Where the rules are silent, the oracle takes these rulings.

Time
 1. Bars before `start` are played too: cash earns interest from bar 1 on.
 2. Orders submitted in the last bar were never eligible, so they end as DATA_ENDED, DAY and GTD ones too; dormant
    children of an unfilled parent end as PARENT_ENDED, since the parent ends first. Queued changes: DATA_ENDED.
 3. After the write-off of a bankrupt account bars go on: queued changes act, and find their orders ended.
 4. `eligible` is the scheduled bar of a pending order, -1 for an order refused at submission and for a dormant child,
    the bar of activation for a child (the next bar after the close phase). A change that is not queued has `acts` -1.
 5. A pass matches each of its orders once. A further pass holds only what the last one activated; a child that works
    already is not matched again when its parent fills more.
 6. IOC and FOK end at once when they are judged, before the next order of the pass; a trailing stop that is still
    asleep ends after the open phase. A stop or limit with IOC is never matched intrabar.
 7. A GTD target over before its bar expires without replacing anything.
 8. Trailing levels move after the intrabar phase; a stop woken in the close phase moves from the next bar on.
 9. A child, or trailing stop, sent with DAY counts the session of its `eligible` bar, awake or not.

Prices
 10. "Inside the limit" of a triggered stop-limit follows `limit_fill`, as "passed by the open" does. The bar that
     triggers it outside the limit is over for it, also when that was the open. One that fills in part rests.
 11. What the open has passed is judged there alone, even where volume or equity then left nothing of it.
 12. A limit, new or old, that the open has passed is a taker; at its own price it is resting.
 13. σ: each of the last 20 sessions with a bar that has a predecessor gives a return (so the 21st close is used);
     under 2 returns there is no impact. V: mean volume of these up to 20 sessions, the first one included.
 14. Both `distance` and `distance_frac`, or neither: DISTANCE_INVALID. A fraction of 1 or more only for buys.

Quantities
 15. What rounding leaves of a sum of quantities is 0, by the measure of rule 14 (1e-12) and for every lot: of a
     position, of an order's remainder, of a bar's volume, of the gap to a target. (Else 5e-16 pays a minimum.)
 16. `order_target` rounds X to the lot as the other two do. QUANTITY_TOO_LARGE applies to X, also to a computed one.
 17. All checks of a target verb come before "nothing to do" (returns 0, makes no row).
 18. `allow_short=False`: the order ends when the position is what stopped it; while the volume does, it works on.
 19. IOC reduced by equity ends with that reason; FOK that is reduced by anything is FOK_NOT_FILLED.
 20. "First non-reducing order" of a rebalance: by its opening part at its turn. The sums run over the orders of the
     group that are not matched yet in the pass and ask for something. A factor of 1 within 1e-9 scales nothing.
 21. "Less than 1e-9 of the request" is measured by the opening part.

Brackets, pairs, changes
 22. A leg given both by price and by fraction: PRICE_INVALID. Children carry the parent's tag.
 23. Children's `quantity` is −(parent filled + other leg filled) while they live. A completing fill ends the other
     of a pair without shrinking it first, so the row keeps the quantity it had.
 24. A leg moved by `modify` while dormant keeps that price; the fraction is then not used.
 25. Any two orders with `partner` 0 that have not ended can be paired, pending and sleeping ones too; an order whose
     partner has ended, and the leg of a bracket with an absent leg, stay paired. Twice one id: NOTHING_TO_CHANGE.
     A pair does not shrink a target whose quantity is not fixed yet. Any end as FILLED is a completion.
 26. "Two legs of one kind: the lower id" holds in all five modes (kind: waiting for a stop, or a limit).
     Otherwise the path decides in ohlc and olhc by where it first reaches either price in the right direction.
 27. Which leg loses is decided at the start of a pass; "reachable" is that the price is reached (of a stop-limit: the
     stop). In an entry bar it is what rule 17 leaves of the bar, so the count depends on the mode there. A leg
     passed by r decides like the open. "nearest" is nearest to open[t], in the entry bar too.
 28. The path after an entry starts where its first move in the entry's direction meets r.
 29. `cancel_all` of an asset with no live order: ORDER_ENDED, False. It cancels by id, so that a parent takes its
     dormant children along (PARENT_ENDED), as in a liquidation. `close_position` always writes its row.
 30. `modify`: both NaN, NOTHING_TO_CHANGE; price before quantity, all or nothing; what is left of a triggered stop has
     no price; a target not fixed yet has no quantity; down to what is filled, CANCELLED / REDUCED_BY_MODIFY.

Money
 31. With no position there is no liquidation: orders of a bankrupt account end as BANKRUPT. A write-off of 0 makes no
     row. The largest notional is chosen once, at the marks; E is computed anew before each sale.
 32. `close_at_end` leaves an asset with zero volume open, as one without a bar.

Events
 33. The start of a bar: carry, changes, events by asset, then exchange rates move to the open. A change that acts in
     the bar of a split is in the units before it; one still queued is adjusted, if its order is live, not rounded.
 34. "Closes the position exactly": what remains of the order is −x. After the split it asks for what is filled less
     the new position; where nothing is left of that it is cancelled, `split`. Legs of brackets follow their own rules.
 35. Orders are adjusted by id, a row each, those that are cancelled by it too; the legs of a cancelled parent end with
     it and have no row. `filled` of an order that has ended stays in the units of its end; legs count in units of now.
 36. A delisting ends orders by id, so that a parent takes dormant legs along (PARENT_ENDED). The mark stays. A flat
     asset is delisted without a row. A target of 0 there returns 0 before anything else of it is looked at.
 37. Rungs of `scale_out` are rounded before they are sent: one below a lot is QUANTITY_ZERO. The last one, where the
     fractions add up to 1, is not rounded; refused rungs count as taken. A rung that becomes eligible with nothing to
     reduce ends as NOTHING_TO_REDUCE. Flat comes before delisted: 0.

Accounts
 38. A refused amount of NaN, 0 or less is NaN in its row (else the sign would lie). ACCOUNT_ENDED comes before
     AMOUNT_INVALID, that before the other outcomes; an account that ended before a transfer acts says it too. Two sides
     of one currency: NOTHING_TO_CHANGE when it acts, before RATE_UNKNOWN. Less than 1e-12 of E is nothing free.
 39. The peak is of the equities after margin checks, not those after the close phase. It is not scaled at E ≤ 0.
 40. The drawdown stop happens once. A liquidation leaves its orders alone.
 41. A limit cuts shorter than leverage if its q*, in lots, is smaller by more than 1e-9, none below 0. An order that
     its rebalance has scaled keeps SCALED_TO_EQUITY, whatever cuts it further.
 42. `max_order` of a target looks at X − x when it is sent. An unknown exchange rate is NO_MARK there, as for targets
     by value; at the open it is INSUFFICIENT_EQUITY.
 43. Where no asset settles in another currency, flows are in the account's, and `ctx.balance` is its cash for all.
     Under `"keep"` a write-off is a row per balance. Conversion rows have no asset, and the rate of the open; E is not
     known, and nothing free, between a conversion and the open if the currency had no rate before.
"""

from .engine import Oracle
from .model import Market, OracleResult, Settings

__all__ = ["Market", "Oracle", "OracleResult", "Settings"]
