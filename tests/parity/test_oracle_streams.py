"""The oracle on random streams: what must hold whatever the orders are, checked from its tables alone."""

import math
from fractions import Fraction

import pytest
from oracle import Oracle, OracleResult
from streams import WORLDS, Stream, stream

from backtester.kernel.codes import ChangeKind, Phase, Reason, Status

SEEDS = {world: range(120 if world == "plain" else 40) for world in WORLDS}


class CheckedOracle(Oracle):
    """Recomputes, after each fill that increases |x|, what rules 11 and 33 promise: G′ ≤ L·E′, and so for each limit.

    A commission function is asked at the requested quantity, so there the promise holds for what was requested only.
    """

    def book(self, order, quantity, p, quote, phase, taker):
        a = order.asset
        before = abs(self.position[a])
        super().book(order, quantity, p, quote, phase, taker)
        if abs(self.position[a]) > before and not callable(self.settings.commission):
            marks = self.marks(phase, a, p)
            sums = {
                self.settings.leverage: self.weighted_gross(marks),
                self.settings.max_gross: self.gross(marks),
                self.settings.of("max_exposure", a): abs(self.values(marks)[a]),
            }
            for limit, gross in sums.items():
                if limit < math.inf:
                    assert gross <= self.number(limit) * self.equity(marks) + gross * self.number(3e-9)


@pytest.fixture(scope="module")
def played() -> list[tuple[Stream, OracleResult]]:
    streams = [stream(seed, world) for world in WORLDS for seed in SEEDS[world]]
    return [(s, CheckedOracle(s.market, s.settings, s.script()).run()) for s in streams]


def test_replaying_fills_flows_and_actions_rebuilds_every_equity_exactly(played):
    for found, result in played:
        market, settings = found.market, found.settings
        currency = settings.currency or [0] * market.n_assets
        margin = settings.margin or [None] * market.n_assets
        keeps = [settings.settlement == "keep" or part is not None for part in margin]
        balance = [Fraction(settings.cash)] + [Fraction(0)] * len(settings.fx)
        position, mark = [Fraction(0)] * market.n_assets, [Fraction(0)] * market.n_assets
        for t in range(market.n_bars):
            for a in range(market.n_assets):
                r = market.event("split", t, a)
                mark[a] /= 1 if math.isnan(r) else Fraction(r)
            for action in (row for row in result.actions if row.bar == t):
                assert position[action.asset] == action.before
                position[action.asset] = action.after
            for flow in (f for f in result.cash_flows if f.bar == t):
                balance[flow.currency] += flow.amount
            for fill in (f for f in result.fills if f.bar == t):
                money = fill.quantity * fill.price * Fraction(settings.of("multiplier", fill.asset)) * fill.fx
                k = currency[fill.asset] if keeps[fill.asset] else 0
                balance[k] -= (money + fill.commission) / (fill.fx if k else 1)
                position[fill.asset] += fill.quantity
            for a in range(market.n_assets):
                if market.has_bar(t, a):
                    mark[a] = Fraction(market.close[t][a])
            rate = [Fraction(1), *(1 / mark[a] if inverse and mark[a] else mark[a] for a, inverse in settings.fx)]
            worth = sum(
                x * Fraction(settings.of("multiplier", a)) * mark[a] * rate[currency[a]] for a, x in enumerate(position)
            )
            worth += sum(held * x for held, x in zip(balance, rate, strict=True))
            assert worth == result.equity[t], (found.world, found.seed, t)
        assert (balance, position) == (result.balances, result.positions), found.seed


def test_fills_lie_inside_bars_that_trade_and_never_before_their_order(played):
    for found, result in played:
        market = found.market
        for fill in result.fills:
            order = result.orders[fill.order_id - 1]
            assert market.tradable(fill.bar, fill.asset)
            assert market.low[fill.bar][fill.asset] <= fill.reference_price <= market.high[fill.bar][fill.asset]
            assert order.eligible <= fill.bar <= order.ended
            assert fill.bar > order.submitted or fill.phase in (Phase.CLOSE, Phase.FORCED)


def test_costs_of_a_fill_add_up_to_its_distance_from_the_reference(played):
    for found, result in played:
        for fill in result.fills:
            distance = fill.quantity * (fill.price - fill.reference_price)
            cost = fill.spread + fill.slippage + fill.impact + fill.rounding
            assert distance * Fraction(found.settings.of("multiplier", fill.asset)) * fill.fx == cost


def test_commission_of_an_order_follows_from_its_fills(played):
    for found, result in played:
        for order in result.orders:
            fills = [f for f in result.fills if f.order_id == order.id]
            if fills and not callable(found.settings.commission):
                per_order, least, per_unit, part, m = (
                    Fraction(found.settings.of(name, order.asset))
                    for name in (
                        "commission_per_order", "commission_min", "commission_per_unit", "commission", "multiplier",
                    )
                )  # fmt: skip
                size = sum(abs(f.quantity) for f in fills)
                value = sum(abs(f.quantity) * f.price * f.fx for f in fills)
                assert sum(f.commission for f in fills) == max(least, per_order + per_unit * size + part * value * m)


def test_volume_taken_in_a_bar_stays_under_the_cap(played):
    for found, result in played:
        part = found.settings.max_participation
        taken: dict[tuple[int, int], Fraction] = {}
        for fill in result.fills:
            if fill.phase != Phase.FORCED:
                taken[fill.bar, fill.asset] = taken.get((fill.bar, fill.asset), 0) + abs(fill.quantity)
        for (t, a), quantity in taken.items():
            volume = found.market.volume[t][a]
            assert part is None or math.isnan(volume) or quantity <= part * volume * (1 + 1e-9)


def test_every_order_ends_with_a_status_and_a_reason(played):
    for _, result in played:
        split = {change.order_id for change in result.changes if change.kind == ChangeKind.SPLIT}
        assert [order.id for order in result.orders] == list(range(1, len(result.orders) + 1))
        for order in result.orders:
            filled = sum(f.quantity for f in result.fills if f.order_id == order.id)
            assert order.id in split or order.filled == filled
            assert order.status >= Status.FILLED
            assert order.ended >= order.submitted
            assert order.status == Status.FILLED or order.reason != Reason.NONE
            if order.status == Status.FILLED and order.reason == Reason.NONE:
                assert order.filled == order.quantity
            if order.status == Status.FILLED:
                assert filled
            if order.status == Status.REJECTED:
                assert not filled


def test_streams_reach_every_reason(played):
    reached = {order.reason for _, result in played for order in result.orders}
    assert set(Reason) - reached <= {Reason.BANKRUPT}


def test_floats_make_the_same_decisions_as_fractions(played):
    for found, exact in played[:40]:
        rough = Oracle(found.market, found.settings, found.script(), number=float).run()
        for name in ("orders", "fills"):
            for mine, other in zip(getattr(exact, name), getattr(rough, name), strict=True):
                assert close(vars(mine), vars(other)), (found.seed, mine, other)
        assert close(dict(enumerate(exact.equity)), dict(enumerate(rough.equity)))
        mine, other = flows(exact), flows(rough)  # what rounding leaves of a cash of 0 bears interest, in floats
        assert close({k: mine.get(k, 0) for k in mine | other}, {k: other.get(k, 0) for k in mine | other})


def flows(result: OracleResult) -> dict[tuple[int, int, int], float]:
    return {(f.bar, f.asset, f.kind): f.amount for f in result.cash_flows}


def close(first: dict, second: dict) -> bool:
    """Equal, or numbers that agree to 1e-9; NaN is NaN."""
    pairs = [(first[key], second[key]) for key in first if not isinstance(first[key], tuple)]
    return all(
        x == y or (x != x and y != y) or math.isclose(float(x), float(y), rel_tol=1e-9, abs_tol=1e-9) for x, y in pairs
    )
