"""Other markets made of the same bars: whole rows, no jumps, right bars, and no direction where there must be none."""

from __future__ import annotations

import numpy as np
import pytest
from stressed import DAY, ladder, noise

from backtester import Bars
from backtester.research.stress.markets import Bootstrapped, Cut, Market, Mirrored, MissingBars, MissingRows
from backtester.research.stress.rows import drawn_rows, places_in_session

PRICES = ("open", "high", "low", "close")


def moves(bars):
    return bars.close[1:] / bars.close[:-1] - 1.0


def checked(bars):
    """Put bars through the checks of the door."""
    columns = (bars[name] for name in (*PRICES, "volume"))
    return Bars.from_arrays(bars.timestamps, *columns, symbols=bars.symbols, allow_negative=bars.allow_negative)


class TestBootstrapped:
    def test_takes_whole_rows_so_that_what_assets_have_in_common_stays(self):
        """Asset 1 moves by twice what asset 0 does, less a little of its own: each row is one of the source."""
        bars = noise(200, n_assets=3)
        made, _ = Bootstrapped(5.0, seed=3, draw=0).apply(Market(bars))
        source = moves(bars)
        for row in moves(made):
            gaps = np.abs(source - row).max(axis=1)
            assert gaps.min() < 1e-12

    def test_keeps_the_shape_of_bars_and_the_money_traded(self):
        bars = noise(120)
        made, _ = Bootstrapped(4.0, seed=1, draw=2).apply(Market(bars))
        checked(made)
        rows = drawn_rows(places_in_session(bars), 4.0, 1, 2)
        for name in PRICES:
            shape = made[name][1:, 0] / made.close[:-1, 0]
            assert shape == pytest.approx(bars[name][rows[1:], 0] / bars.close[rows[1:] - 1, 0], rel=1e-12)
        money = made.volume * made.close
        assert money[1:, 0] == pytest.approx((bars.volume * bars.close)[rows[1:], 0], rel=1e-12)

    def test_stays_on_the_clock_and_begins_with_the_first_bar(self):
        bars = noise(60)
        made, rows = Bootstrapped(4.0, seed=1, draw=0).apply(Market(bars))
        assert rows is None
        assert np.array_equal(made.timestamps, bars.timestamps)
        assert all(np.array_equal(made[name][0], bars[name][0]) for name in (*PRICES, "volume"))

    def test_knows_no_split_and_no_dividend_and_has_no_jump_there(self):
        """Halved by a split, and 10 lower for a dividend of 10: a holder's return is 0 in both rows, and 1 % else."""
        close = [100.0]
        for t in range(1, 40):
            close.append(close[-1] / 2 if t == 10 else close[-1] - 10.0 if t == 20 else close[-1] * 1.01)
        split, dividend = np.full((40, 1), np.nan), np.full((40, 1), np.nan)
        split[10], dividend[20] = 2.0, 10.0
        close = np.array(close)
        bars = ladder(close, gaps=True, extras={"split": split, "dividend": dividend, "mood": np.arange(40.0)[:, None]})
        made, _ = Bootstrapped(3.0, seed=0, draw=0).apply(Market(bars))
        found = np.unique(np.round(moves(made), 9))
        assert set(found) <= {0.0, 0.01}
        assert np.isnan(made.extras["split"]).all()
        assert np.isnan(made.extras["dividend"]).all()
        rows = drawn_rows(places_in_session(bars), 3.0, 0, 0)
        assert np.array_equal(made.extras["mood"][:, 0], rows)

    def test_leaves_a_bar_out_where_the_row_has_none(self):
        bars = noise(100, n_assets=2)
        missing, _ = MissingBars(0.2, seed=5, draw=0).apply(Market(bars))
        made, _ = Bootstrapped(4.0, seed=1, draw=0).apply(Market(missing))
        rows = drawn_rows(places_in_session(bars), 4.0, 1, 0)
        assert np.array_equal(np.isnan(made.close), np.isnan(missing.close)[rows])
        checked(made)

    def test_adds_moves_up_where_prices_may_be_negative(self):
        close = np.array([5.0, 3.0, -2.0, -4.0, 1.0, 6.0, 4.0, -1.0, 2.0, 3.0, 0.0, 5.0])
        bars = ladder(close, allow_negative=True)
        made, _ = Bootstrapped(2.0, seed=1, draw=0).apply(Market(bars))
        assert set(np.diff(made.close[:, 0])) <= set(np.diff(close))
        checked(made)

    def test_keeps_each_bar_at_its_time_of_day(self):
        """Six bars a session: a row stands where one of its place stood, and blocks go on through the night."""
        bars = noise(200, hours=4)
        places = np.arange(200) % 6
        held = {"place": places[:, None], "row": np.arange(200.0)[:, None]}
        columns = (bars[name] for name in (*PRICES, "volume"))
        marked = Bars.from_arrays(bars.timestamps, *columns, extras=held)
        made, _ = Bootstrapped(7.0, seed=9, draw=0).apply(Market(marked))
        assert np.array_equal(made.extras["place"][:, 0], places)
        assert 0.7 < np.mean(np.diff(made.extras["row"][:, 0]) == 1) < 0.97  # 6/7 of the steps stay in their block

    def test_draws_blocks_of_the_length_that_is_asked_for(self):
        """A block ends after each row with probability 1/8: 0.125 of 4,000 rows, ± 4·√(0.125·0.875/4000) = 0.021."""
        rows = drawn_rows(np.zeros(4001, np.int64), 8.0, 1, 0)[1:]
        breaks = np.mean((np.diff(rows) != 1) & ~((rows[:-1] == 4000) & (rows[1:] == 1)))
        assert abs(breaks - 0.125) < 0.021
        assert rows.min() >= 1

    def test_is_another_for_each_draw_and_the_same_for_the_same(self):
        market = Market(noise(80))
        one, again, other = (Bootstrapped(4.0, 1, draw).apply(market)[0] for draw in (0, 0, 1))
        assert one == again
        assert one != other


class TestMirrored:
    def test_a_price_that_doubles_has_no_direction_either(self):
        """Two bars of 2.3 times the last, up with a chance of 1/3.3 each; the mean of 4000 has an error of 0.02."""
        close = 10.0 * np.cumprod(np.where(np.isin(np.arange(20), (5, 12)), 2.3, 1.0))[:, None]
        market = Market(Bars.from_arrays((np.arange(20) + 1) * DAY, close, close, close, close))
        ends = np.array([Mirrored(seed=0, draw=draw).apply(market)[0].close[-1, 0] for draw in range(4000)]) / 10.0
        assert np.unique(np.round(ends, 6)) == pytest.approx([1 / 5.29, 1.0, 5.29], abs=1e-6)
        assert np.mean(ends > 2.0) == pytest.approx(1 / 3.3**2, abs=0.02)
        assert ends.mean() == pytest.approx(1.0, abs=0.08)

    def test_keeps_the_size_of_every_move_and_mirrors_all_assets_together(self):
        bars = noise(200, n_assets=2)
        made, _ = Mirrored(seed=1, draw=0).apply(Market(bars))
        signs = moves(made) / moves(bars)
        assert np.abs(signs) == pytest.approx(np.ones(signs.shape), rel=1e-9)
        assert np.array_equal(signs[:, 0] > 0, signs[:, 1] > 0)
        assert 60 < np.sum(signs[:, 0] > 0) < 140  # of 199 tosses, ± 5.6 standard deviations
        checked(made)

    def test_a_turned_bar_is_the_mirror_image_of_the_bar(self):
        """After 100 a bar 101, 106, 98, 104 becomes 99, 102, 94, 96."""
        times = np.arange(1, 41) * DAY
        pair = ([100.0, 100.0, 100.0, 100.0], [101.0, 106.0, 98.0, 104.0])
        rows = np.array([pair[0], *[pair[1]] * 39])
        rows[1:] *= 1.04 ** np.arange(39)[:, None]
        bars = Bars.from_arrays(times, *rows.T)
        made, _ = Mirrored(seed=2, draw=0).apply(Market(bars))
        turned = np.flatnonzero(moves(made)[:, 0] < 0.0) + 1
        assert len(turned)
        for t in turned:
            found = [made[name][t, 0] / made.close[t - 1, 0] for name in PRICES]
            assert found == pytest.approx([0.99, 1.02, 0.94, 0.96], rel=1e-9)

    def test_a_price_that_doubles_in_a_bar_stays_above_zero(self):
        bars = ladder([10, 25, 26, 70, 69, 68, 200, 190, 195, 180, 185, 600])
        for draw in range(20):
            checked(Mirrored(seed=1, draw=draw).apply(Market(bars))[0])

    def test_is_driftless_whatever_the_drift_of_the_data(self):
        """Σ of 99 moves of ±1 %, 400 times: its mean is within 4·√99·0.01/√400 = 0.02 of 0, and that of the data 1."""
        market = Market(ladder(100.0 * 1.01 ** np.arange(100)))
        sums = [moves(Mirrored(seed=0, draw=draw).apply(market)[0]).sum() for draw in range(400)]
        assert abs(np.mean(sums)) < 0.02


class TestMissing:
    def test_a_larger_fraction_takes_more_beside_the_same(self):
        market = Market(noise(500, n_assets=2))
        few, many = (np.isnan(MissingBars(f, seed=1, draw=0).apply(market)[0].close) for f in (0.02, 0.1))
        assert (many | ~few).all()
        assert 0.006 < few.mean() < 0.034  # 1,000 bars, ± 3 standard deviations
        assert 0.07 < many.mean() < 0.13

    def test_a_missing_bar_is_missing_in_every_column_and_events_stay(self):
        split, mood = np.full((80, 1), np.nan), np.ones((80, 1))
        split[40] = 2.0
        close = np.where(np.arange(80) < 40, 100.0, 50.0) + np.arange(80) % 3
        bars = ladder(close, gaps=True, extras={"split": split, "mood": mood})
        made, rows = MissingBars(0.5, seed=1, draw=0).apply(Market(bars))
        gone = np.isnan(made.close)
        assert rows is None
        assert gone.any()
        assert all(np.array_equal(np.isnan(made[name]), gone) for name in (*PRICES, "volume"))
        assert np.array_equal(np.isnan(made.extras["mood"]), gone)
        assert np.array_equal(made.extras["split"], split, equal_nan=True)

    def test_rows_go_as_a_whole_and_their_events_to_the_next(self):
        """Every row splits: what is left of the rows has the product of all."""
        n = 60
        split = np.full((n, 1), 2.0)
        bars = ladder(100.0 * 0.5 ** np.arange(n), gaps=True, extras={"split": split})
        made, rows = MissingRows(0.4, seed=1, draw=0).apply(Market(bars))
        assert 0 < n - made.n_bars < n
        assert rows[0] == 0
        assert rows[-1] == n - 1
        assert np.array_equal(made.close, bars.close[rows])
        assert np.array_equal(made.sessions, bars.sessions[rows])
        assert made.extras["split"][1:, 0].tolist() == (2.0 ** np.diff(rows)).tolist()

    def test_a_cut_is_a_slice(self):
        bars = noise(50)
        made, rows = Cut(head=3, tail=4).apply(Market(bars))
        assert made == bars[3:46]
        assert rows == slice(3, 46)
