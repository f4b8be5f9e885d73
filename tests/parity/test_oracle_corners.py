"""The oracle against numbers worked out by hand, where altered rules passed its other tests: rules 29, 32-34."""

from by_hand import FLAT, ending, filled, play

from backtester.kernel.codes import ChangeKind, Reason, Status

ENDED = (Status.EXPIRED, Reason.DATA_ENDED)


def at(price: float) -> tuple:
    return (price,) * 4


def test_legs_are_not_rounded_by_a_split_and_sell_what_is_there():
    # 5·1.5 = 7.5: the position keeps 7 of it in lots of 1, the legs ask for 7.5 and are capped at the 7.
    bars = [FLAT, FLAT, FLAT, at(7), (7, 7, 5, 7)]
    script = {1: lambda c: c.bracket(0, 5, stop_loss=9, take_profit=15)}
    result = play(bars, script, lot_size=1.0, events={"split": {3: 1.5}})
    rows = [(c.order_id, c.old_quantity, c.quantity) for c in result.changes if c.kind == ChangeKind.SPLIT]
    assert rows == [(2, -5, -7.5), (3, -5, -7.5)]
    assert filled(result) == [(1, 2, 5, 10), (2, 4, -7, 6)]


def test_a_withdrawal_scales_the_peak_by_the_part_that_goes():
    # 100 at 10, marked at 20 (peak 2000), sold at 10: E = 1000. Half of it goes: the peak is 1000 and 0.4·1000 = 400
    # is below E = 500. A peak of 2000, or of 2000 − 500, would stop: 800 and 600.
    script = {
        1: lambda c: c.order(0, 100),
        4: lambda c: c.order(0, -100),
        5: lambda c: c.withdraw(500),
        6: lambda c: c.order(0, 1),
    }
    result = play([FLAT, FLAT, FLAT, at(20), FLAT, FLAT, FLAT, FLAT], script, max_drawdown=0.6)
    assert filled(result)[2:] == [(3, 7, 1, 10)]


def test_a_deposit_scales_the_peak_too():
    # As before, but 1000 come: the peak is 4000. 100 at 10 and then 5: E = 1500 < 0.4·4000; 0.4·(2000 + 1000) = 1200.
    script = {
        1: lambda c: c.order(0, 100),
        4: lambda c: c.order(0, -100),
        5: lambda c: c.deposit(1000),
        6: lambda c: c.order(0, 100),
    }
    result = play([FLAT, FLAT, FLAT, at(20), FLAT, FLAT, FLAT, (10, 10, 5, 5), at(5)], script, max_drawdown=0.6)
    assert filled(result)[2:] == [(3, 7, 100, 10), (4, 8, -100, 5)]


def test_max_gross_does_not_weigh_what_is_held_already():
    # 100 of asset 0 are worth 1000, whatever its margin: 1.5·1000 − 1000 = 500 are left for asset 1.
    def send(c):
        c.order(0, 100)
        c.order(1, 100)

    result = play([[FLAT, FLAT]] * 3, {1: send}, margin=[0.25, 0.25], max_gross=1.5)
    assert result.positions == [100, 50]


def test_max_exposure_leaves_other_assets_out_of_its_sum():
    def send(c):
        c.order(0, 50)
        c.order(1, 60)

    result = play([[FLAT, FLAT]] * 3, {1: send}, max_exposure=0.5, leverage=2.0)
    assert result.positions == [50, 50]
    assert ending(result, 2) == (Status.FILLED, Reason.EXPOSURE_LIMIT)


def test_a_margined_value_that_weighs_little_is_not_liquidated():
    # 200 at 9: E = 800, 0.75·1800/4 = 337.5. The value itself, 0.75·1800 = 1350, would not be covered.
    def send(c):
        c.order(0, 200)
        c.limit(0, 1, 5)

    result = play([FLAT, FLAT, FLAT, at(9)], {1: send}, margin=[0.25], maintenance=0.75)
    assert (result.positions, ending(result, 2)) == ([200], ENDED)


def test_max_order_leaves_protective_orders_alone():
    # 0.25·1000 = 250. The trailing stop sleeps with 50·10, and the rung asks for twice the 20 that are held.
    def second(c):
        c.trailing_stop(1, -50, distance=1)
        c.scale_out(0, [30.0], [2.0])

    script = {1: lambda c: c.order(0, 20), 2: second}
    result = play([[FLAT, FLAT]] * 4, script, max_order=0.25)
    assert [(ending(result, i), result.orders[i - 1].quantity) for i in (2, 3)] == [(ENDED, -50), (ENDED, -40)]


def test_what_a_rebalance_closes_frees_its_margin_only():
    # Long 200 at μ = 1/4 turns to −50, asset 1 to 100. Free: 1000 − 500 + 200·10/4 = 1000; needed: 50·10/4 + 100·10 =
    # 1125. f = 8/9: 44.4 and 88.8, in lots of 1.
    script = {1: lambda c: c.order(0, 200), 2: lambda c: c.rebalance([-0.5, 1.0])}
    result = play([[FLAT, FLAT]] * 4, script, margin=[0.25, None], lot_size=1.0)
    assert result.positions == [-44, 88]
    assert [ending(result, i) for i in (2, 3)] == [(Status.FILLED, Reason.SCALED_TO_EQUITY)] * 2
