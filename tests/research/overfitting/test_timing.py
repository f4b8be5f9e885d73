"""The permutation test of timing: by hand, what stays the same on every path, its size and its power."""

import math

import numpy as np
import pytest

from backtester import Account, Bars, Costs, Instrument, Strategy, run
from backtester.errors import SettingsError
from backtester.research.overfitting import exposures_of, timing_test, timing_test_of
from strategies import BuyAndHold, SmaCross

ONCE = np.eye(10)[0]  # long in the first of ten bars


def random_path(seed, n=300, hold=6):
    """Long or flat, changing every few bars, with returns that know nothing of it."""
    rng = np.random.default_rng(seed)
    held = np.repeat(rng.integers(0, 2, n // hold + 1), hold)[:n].astype(float)
    held[:2] = 0.0, 1.0
    return held, rng.normal(0.0, 0.01, n)


class TestByHand:
    def test_one_good_bar_of_ten(self):
        # long where the return is 5 %; each of the nine shifts is long elsewhere, at 0: (1 + 0)/(1 + 9)
        found = timing_test(ONCE, 0.05 * ONCE, statistic="mean")
        assert found.statistic == pytest.approx(0.005)
        np.testing.assert_allclose(found.null, 0.0)
        assert found.p_value == pytest.approx(0.1)

    def test_it_can_be_printed(self):
        found = timing_test(ONCE, 0.05 * ONCE, statistic="mean")
        assert str(found) == "p = 0.1: 0.005 at its own times, median 0 over 9 paths at others (shift)"
        assert "array" not in repr(found)

    def test_a_shift_moves_positions_and_their_costs_against_returns_that_stay(self):
        rng = np.random.default_rng(1)
        held, moves, paid = rng.normal(size=(12, 2)), rng.normal(size=(12, 2)) * 0.01, rng.random(12) * 1e-2
        found = timing_test(held, moves, paid)
        for shift in range(1, 12):
            path = (np.roll(held, shift, axis=0) * moves).sum(axis=1) - np.roll(paid, shift)
            assert found.null[shift - 1] == pytest.approx(path.mean() / path.std(ddof=1), rel=1e-9)

    @pytest.mark.parametrize(
        ("statistic", "function"),
        [
            ("mean", np.mean),
            ("sharpe", lambda r: r.mean() / r.std(ddof=1)),
            ("total_return", lambda r: np.prod(1 + r) - 1),
        ],
    )
    def test_statistics(self, statistic, function):
        held, moves = random_path(2)
        paid = np.full(300, 1e-4)
        found = timing_test(held, moves, paid, statistic=statistic)
        assert found.statistic == pytest.approx(function(held * moves - paid), rel=1e-9)

    def test_ruin_is_the_end_of_a_total(self):
        held = np.ones(10)
        held[3] = 2.0
        moves = np.where(np.arange(10) == 3, -0.6, 0.5)
        assert timing_test(held, moves, statistic="total_return").statistic == -1.0


class TestWhatStays:
    def test_always_long_is_no_timing(self):
        moves = np.random.default_rng(3).normal(0.002, 0.01, 200)
        assert timing_test(np.ones(200), moves).p_value == 1.0

    @pytest.mark.parametrize("method", ["shift", "blocks"])
    def test_costs_are_the_same_on_every_path(self, method):
        held, _ = random_path(4)
        paid = np.abs(np.diff(held, prepend=0.0)) * 0.001
        # without returns a path earns its costs alone
        found = timing_test(held, np.zeros(300), paid, statistic="mean", method=method)
        assert found.statistic == pytest.approx(-paid.mean())
        np.testing.assert_allclose(found.null, -paid.mean(), rtol=1e-12)
        assert found.p_value == 1.0

    def test_blocks_keep_exposure_and_holding_periods(self):
        held, _ = random_path(5)
        # a return in one bar alone: a path earns its exposure there, on average that of the whole
        moves = np.zeros(300)
        moves[150] = 1.0
        found = timing_test(held, moves, statistic="mean", method="blocks", replicates=4000)
        earned = found.null * 300
        assert set(np.round(earned, 9)) <= {0.0, 1.0}
        assert earned.mean() == pytest.approx(held.mean(), abs=4 * 0.5 / math.sqrt(4000))

    def test_every_order_of_blocks_is_as_likely(self):
        # three blocks of 4 bars, long 1, 2 and 3, and returns that write their order as a number: Σ over blocks of
        # exposure·10^(place), each of six orders
        held, moves = np.repeat([1.0, 2.0, 3.0], 4), np.repeat([100.0, 10.0, 1.0], 4)
        found = timing_test(held, moves, statistic="mean", method="blocks", replicates=6000)
        values, counts = np.unique(np.round(found.null * 3), return_counts=True)
        assert values.tolist() == [123.0, 132.0, 213.0, 231.0, 312.0, 321.0]
        np.testing.assert_allclose(counts / 6000, 1 / 6, atol=4 * math.sqrt(5 / 36 / 6000))

    def test_blocks_are_cut_where_holdings_change_or_every_so_often(self):
        held, moves = random_path(6)
        drifting = held * np.linspace(1.0, 1.5, 300)
        by_holdings = timing_test(drifting, moves, method="blocks", holdings=held)
        assert len(set(by_holdings.null)) > 900
        every = timing_test(held, moves, method="blocks", block_length=150, replicates=500)
        # two blocks have two orders: one is the path itself
        assert len(set(np.round(every.null, 12))) == 2

    def test_shifts_are_evenly_spaced_where_there_are_more(self):
        held, moves = random_path(7)
        every, some = timing_test(held, moves), timing_test(held, moves, replicates=99)
        assert len(every.null) == 299
        np.testing.assert_array_equal(some.null, every.null[2::3])


class TestSizeAndPower:
    @pytest.mark.parametrize("method", ["shift", "blocks"])
    def test_random_timing_is_rejected_at_its_rate(self, method):
        found = [
            timing_test(*random_path(seed), method=method, replicates=199, seed=seed).p_value for seed in range(200)
        ]
        # deviation √(0.1·0.9/200) = 0.021; three of them
        assert 0.1 - 0.064 < np.mean(np.array(found) <= 0.1) < 0.1 + 0.064

    @pytest.mark.parametrize("method", ["shift", "blocks"])
    def test_foresight_is_found_with_costs(self, method):
        _, moves = random_path(8)
        held = (moves > 0.0).astype(float)
        paid = np.abs(np.diff(held, prepend=0.0)) * 0.001
        found = timing_test(held, moves, paid, method=method, replicates=999)
        assert found.p_value == 1 / (1 + len(found.null))


class TestUndefined:
    def test_returns_that_do_not_vary_have_no_ratio(self):
        found = timing_test(np.zeros(20), np.full(20, 0.01))
        assert math.isnan(found.statistic)
        assert math.isnan(found.p_value)


class BuyTwo(Strategy):
    """Buy two assets at the first bar."""

    def prepare(self, bars):
        self.done = False

    def on_bar(self, ctx):
        if not self.done:
            ctx.order(0, 20.0)
            ctx.order(1, 30.0)
            self.done = True


@pytest.fixture(scope="module")
def result():
    return run(SmaCross(fast=20, slow=100), Bars.sample("sp500")[:1500], costs=Costs(commission=0.001))


class TestOfAResult:
    def test_the_path_itself_is_the_result(self, result):
        held = result.positions.to_numpy()[:, 0]
        own = result.to_frame()["returns"].to_numpy()[np.flatnonzero(held)[0] + 1 :]
        for method in ("shift", "blocks"):
            found = timing_test_of(result, method=method, replicates=200)
            assert found.statistic == pytest.approx(own.mean() / own.std(ddof=1), rel=1e-9)
            assert 0.0 < found.p_value <= 1.0

    def test_exposures_are_those_of_the_account(self, result):
        exposures, moves = exposures_of(result)
        np.testing.assert_allclose(exposures.sum(axis=1), result.to_frame()["net_exposure"].to_numpy()[:-1], atol=1e-12)
        close = np.asarray(result.bars.close)
        np.testing.assert_allclose(moves, close[1:] / close[:-1] - 1.0, atol=1e-12)

    def test_several_assets_move_together(self):
        bars = Bars.simulate("gbm", n_bars=400, n_assets=3, seed=2)
        found = run(SmaCross(fast=5, slow=20), bars, costs=Costs(commission=0.001))
        exposures, _ = exposures_of(found)
        assert exposures.shape == (399, 3)
        np.testing.assert_allclose(exposures.sum(axis=1), found.to_frame()["net_exposure"].to_numpy()[:-1], atol=1e-12)
        held = found.positions.to_numpy()
        own = found.to_frame()["returns"].to_numpy()[np.flatnonzero(held.any(axis=1))[0] + 1 :]
        assert timing_test_of(found, statistic="mean").statistic == pytest.approx(own.mean(), rel=1e-9)

    def test_splits_dividends_and_currencies_are_in_the_returns(self):
        """Where nothing is filled, exposure times return is the account's return."""
        n = 12
        rng = np.random.default_rng(5)
        close = np.array([100.0, 50.0, 1.2]) * np.exp(np.cumsum(rng.normal(0, 0.02, (n, 3)), axis=0))
        close[6:, 0] /= 2.0
        extras = {"split": np.full((n, 3), np.nan), "dividend": np.full((n, 3), np.nan)}
        extras["split"][6, 0], extras["dividend"][8, 0] = 2.0, 1.5
        opens = np.concatenate([close[:1], close[:-1]])
        opens[6, 0] /= 2.0
        high, low = np.maximum(opens, close), np.minimum(opens, close)
        bars = Bars.from_arrays(
            np.arange(1, n + 1) * 86_400 * 10**9, opens, high, low, close, symbols=["US", "EU", "EURUSD"], extras=extras
        )
        account = Account(
            instruments=[Instrument("EU", currency="EUR")], currency="USD", fx={"EUR": "EURUSD"}, allow_short=True
        )
        found = run(BuyTwo(), bars, cash=10_000, account=account)
        assert len(found.fills) == 2
        exposures, moves = exposures_of(found)
        own = found.to_frame()["returns"].to_numpy()[1:]
        ours = (exposures * moves).sum(axis=1)
        # the adjusted close puts the dividend back into the asset before the bar: c/(p − D) in place of (c + D)/p
        p, c = close[7, 0], close[8, 0]
        ours[7] -= exposures[7, 0] * (c / (p - 1.5) - (c + 1.5) / p)
        np.testing.assert_allclose(ours[2:], own[2:], rtol=1e-9, atol=1e-12)

    def test_buy_and_hold_has_no_timing(self):
        bars = Bars.sample("sp500")[:500]
        assert timing_test_of(run(BuyAndHold(), bars)).p_value > 0.05

    def test_no_position(self):
        idle = run(SmaCross(fast=20, slow=100), Bars.sample("sp500")[:102])
        assert len(idle.fills) == 0
        with pytest.raises(SettingsError, match="never has a position"):
            timing_test_of(idle)


class TestErrors:
    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"returns": np.zeros(11)}, r"exposures have shape \(10, 1\) and returns \(11, 1\)"),
            ({"costs": np.zeros(3)}, "costs has 3 values and exposures have 10 bars"),
            ({"returns": np.full(10, np.nan)}, "returns at bar 0 of asset 0 is nan"),
            ({"statistic": "sortino"}, "statistic is 'sortino'; it must be one of 'sharpe', 'mean', 'total_return'"),
            ({"method": "shifts"}, "did you mean 'shift'"),
            ({"block_length": 3}, "pass method='blocks'"),
            ({"method": "blocks", "block_length": 0}, "block_length is 0"),
            ({"method": "blocks", "holdings": np.ones(10)}, "only one block"),
            ({"method": "blocks", "holdings": np.ones(4)}, "holdings have 4 rows and exposures 10"),
            ({"replicates": 0}, "replicates is 0"),
        ],
    )
    def test_say_what_was_found(self, arguments, message):
        with pytest.raises(SettingsError, match=message):
            timing_test(**({"exposures": ONCE, "returns": ONCE} | arguments))

    def test_too_few_bars(self):
        with pytest.raises(SettingsError, match="has 9 bars; not enough data"):
            timing_test(np.ones(9), np.ones(9))
