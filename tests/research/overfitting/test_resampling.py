"""The stationary bootstrap's rows, and the length of its blocks beside arch."""

import numpy as np
import pytest
from arch.bootstrap import optimal_block_length as arch_block_length

from backtester.errors import SettingsError
from backtester.research.overfitting import optimal_block_length
from backtester.research.overfitting._random import stationary_counts, stationary_rows


class TestRows:
    @pytest.mark.parametrize("block_length", [1.0, 4.0, 25.0])
    def test_blocks_have_the_mean_length_and_begin_anywhere(self, block_length):
        n, replicates = 50, 4000
        rows = stationary_rows(n, block_length, replicates, seed=7)
        follows = (rows[:, 1:] == (rows[:, :-1] + 1) % n).mean()
        # goes on with probability 1 − 1/L, or restarts at the next row by chance, 1/(L·n)
        expected = 1.0 - (1.0 - 1.0 / n) / block_length
        assert follows == pytest.approx(expected, abs=4.0 * np.sqrt(0.25 / rows[:, 1:].size))
        shares = np.bincount(rows.ravel(), minlength=n) / rows.size
        np.testing.assert_allclose(shares, 1.0 / n, rtol=0.25)
        assert np.bincount(rows[:, 0], minlength=n).min() > 0

    def test_blocks_go_on_over_the_end(self):
        rows = stationary_rows(10, 1e9, 50, seed=1)
        for one in rows:
            np.testing.assert_array_equal(one, (one[0] + np.arange(10)) % 10)

    def test_a_replicate_is_a_function_of_seed_and_number(self):
        together = stationary_rows(30, 3.0, 8, seed=5)
        np.testing.assert_array_equal(stationary_rows(30, 3.0, 3, seed=5, first=4), together[4:7])
        assert (stationary_rows(30, 3.0, 8, seed=6) != together).any(axis=1).all()
        assert len({row.tobytes() for row in together}) == 8

    def test_counts_are_of_the_rows(self):
        rows = stationary_rows(20, 3.0, 5, seed=2)
        counts = stationary_counts(20, 3.0, 5, seed=2)
        np.testing.assert_array_equal(counts, [np.bincount(row, minlength=20) for row in rows])


class TestBlockLength:
    @pytest.mark.parametrize("coefficient", [-0.5, 0.0, 0.3, 0.8, 0.97])
    @pytest.mark.parametrize("n", [40, 251, 3000])
    def test_it_is_arch_s(self, coefficient, n):
        noise = np.random.default_rng(n).normal(size=n)
        values = np.empty(n)
        value = 0.0
        for t in range(n):
            value = coefficient * value + noise[t]
            values[t] = value
        theirs = float(arch_block_length(values)["stationary"].iloc[0])
        assert optimal_block_length(values)[0] == pytest.approx(max(theirs, 1.0), rel=1e-9)

    def test_columns(self):
        values = np.random.default_rng(0).normal(size=(200, 3)).cumsum(axis=0)
        theirs = arch_block_length(values)["stationary"].to_numpy()
        np.testing.assert_allclose(optimal_block_length(values), theirs, rtol=1e-9)

    def test_dependence_makes_longer_blocks(self):
        noise = np.random.default_rng(3).normal(size=1000)
        assert optimal_block_length(noise)[0] < 5.0
        assert optimal_block_length(noise.cumsum())[0] > 40.0

    def test_a_constant_needs_no_blocks(self):
        assert optimal_block_length(np.full(30, 0.1))[0] == 1.0

    def test_errors(self):
        with pytest.raises(SettingsError, match="values has 9 bars; not enough data"):
            optimal_block_length(np.zeros(9))
        with pytest.raises(SettingsError, match="at bar 3 of column 0 is nan"):
            optimal_block_length([0.0, 1.0, 2.0, np.nan, *range(9)])
