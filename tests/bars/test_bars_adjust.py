"""Adjusted closes: the arithmetic by hand, in exact fractions, and against the sources' own."""

from fractions import Fraction

import numpy as np
import pytest

from backtester import Bars
from backtester.errors import DataError

NAN = np.nan
DAY = 86_400_000_000_000


def panel(closes, extras=None, **options):
    close = np.array(closes, float)
    close = close.reshape(len(close), -1)
    made = {key: np.array(value, float).reshape(len(close), -1) for key, value in (extras or {}).items()}
    volume = np.where(np.isnan(close), NAN, 100.0)
    times = (np.arange(len(close)) + 1) * DAY
    return Bars.from_arrays(times, close - 1, close + 1, close - 2, close, volume, extras=made, check=False, **options)


def by_fractions(close, split, dividend):
    """Return the adjusted closes of one asset by the definition, in exact fractions; None in gaps."""
    out, level, last = [], Fraction(1), None
    for c, r, d in zip(close, split, dividend, strict=True):
        if last is not None:
            if r == r:
                last /= Fraction(r)
                level *= Fraction(r)
            if d == d:
                level /= 1 - Fraction(d) / last
        if c == c:
            last = Fraction(c)
        out.append(Fraction(c) * level if c == c else None)
    return out


def test_by_hand():
    # a dividend of 2 when the last close is 40: f = 0.95; a split of 4 with a dividend of 0.5 when the last close is
    # 38 / 4 = 9.5: f = 1/4 and 1 − 0.5/9.5 = 18/19
    bars = panel([40.0, 38.0, 9.0, 9.9], {"split": [NAN, NAN, 4, NAN], "dividend": [NAN, 2.0, 0.5, NAN]})
    k = [1.0, 1 / 0.95, 4 * 19 / 18 / 0.95, 4 * 19 / 18 / 0.95]
    np.testing.assert_allclose(bars.adjusted_close[:, 0], np.array([40.0, 38.0, 9.0, 9.9]) * k, rtol=1e-15)
    np.testing.assert_allclose(bars.adjustment[:, 0], 1 / np.array(k), rtol=1e-15)
    # from bar 2 back: 38 / 4 · 18/19 = 9, and 40 · 0.95 / 4 · 18/19 = 9: the price fell by no more than was paid
    np.testing.assert_allclose(bars.adjusted_as_of(2)[:, 0], [9.0, 9.0, 9.0], rtol=1e-15)
    np.testing.assert_allclose(bars.adjusted_as_of(1)[:, 0], [38.0, 38.0], rtol=1e-15)
    assert bars.adjusted_as_of(0).tolist() == [[40.0]]
    assert bars.adjusted_as_of(-1)[-1, 0] == 9.9


@pytest.mark.parametrize("seed", range(4))
def test_equals_exact_fractions_on_random_markets(seed):
    rng = np.random.default_rng(seed)
    n, width = 200, 3
    close = np.round(50 * np.exp(np.cumsum(rng.normal(0, 0.03, (n, width)), axis=0)), 2)
    close[rng.random((n, width)) < 0.2] = NAN
    close[:7, 1] = NAN
    split = np.where(rng.random((n, width)) < 0.03, rng.choice([2.0, 3.0, 0.5, 1.5, 1.0], (n, width)), NAN)
    dividend = np.where(rng.random((n, width)) < 0.06, rng.choice([0.0, 0.25, 0.4], (n, width)), NAN)
    bars = panel(close, {"split": split, "dividend": dividend})
    for a in range(width):
        exact = by_fractions(close[:, a], split[:, a], dividend[:, a])
        for t, value in enumerate(exact):
            got = bars.adjusted_close[t, a]
            assert np.isnan(got) if value is None else abs(Fraction(got) / value - 1) < Fraction(1, 10**13)
    np.testing.assert_allclose(bars.adjusted_close * bars.adjustment, close, rtol=1e-15)
    for t in (0, 6, 50, 199):
        seen = bars.adjusted_as_of(t)
        assert seen.shape == (t + 1, width)
        np.testing.assert_array_equal(seen[-1], close[t])
        for a in range(width):
            if not np.isnan(close[t, a]):
                now = bars.adjusted_close[: t + 1, a] / bars.adjusted_close[t, a] * close[t, a]
                np.testing.assert_allclose(seen[:, a], now, rtol=1e-14)


def test_what_happens_up_to_the_first_bar_has_no_price_to_adjust():
    bars = panel([NAN, 10.0, 5.0], {"split": [2.0, 3.0, 2.0], "dividend": [1.0, 1.0, NAN]})
    np.testing.assert_array_equal(bars.adjusted_close[:, 0], [NAN, 10.0, 10.0])
    np.testing.assert_array_equal(bars.adjustment[:, 0], [NAN, 1.0, 0.5])


def test_events_in_gaps_count_and_the_adjustment_knows_them_at_once():
    bars = panel([10.0, NAN, NAN, 4.0], {"split": [NAN, 2.0, NAN, NAN], "dividend": [NAN, NAN, 1.0, NAN]})
    # a split of 2, and a dividend of 1 when the last close is 10 / 2 = 5: f = 0.8
    np.testing.assert_allclose(bars.adjusted_close[:, 0], [10.0, NAN, NAN, 4.0 * 2 / 0.8], rtol=1e-15)
    np.testing.assert_allclose(bars.adjustment[:, 0], [1.0, 0.5, 0.4, 0.4], rtol=1e-15)
    np.testing.assert_allclose(bars.adjusted_as_of(1)[:, 0], [5.0, NAN], rtol=1e-15)


def test_without_events_it_is_the_source_s_ratios_or_the_close():
    close = np.array([[10.0, NAN], [20.0, 7.0], [30.0, 8.0]])
    source = np.array([[4.0, NAN], [9.0, 3.5], [15.0, 8.0]])
    bars = panel(close, {"adj_close": source})
    # anchored at the first bar: 4 · 10/4, 9 · 10/4, 15 · 10/4; 3.5 · 7/3.5, 8 · 7/3.5
    np.testing.assert_allclose(bars.adjusted_close, [[10.0, NAN], [22.5, 7.0], [37.5, 16.0]], rtol=1e-15)
    np.testing.assert_allclose(bars.adjustment, [[1.0, NAN], [20 / 22.5, 1.0], [0.8, 0.5]], rtol=1e-15)
    plain = panel(close)
    assert plain.adjusted_close is plain.close
    np.testing.assert_array_equal(plain.adjustment, [[1.0, NAN], [1.0, 1.0], [1.0, 1.0]])


def test_events_go_before_the_source_s_adjusted_close():
    bars = panel([10.0, 5.0], {"adj_close": [1.0, 7.0], "split": [NAN, 2.0]})
    assert bars.adjusted_close[:, 0].tolist() == [10.0, 10.0]


def test_a_source_s_adjusted_close_that_is_no_price_is_refused():
    with pytest.raises(DataError, match=r"row 1.*adj_close = 0.0 beside close = 5.0"):
        _ = panel([10.0, 5.0], {"adj_close": [1.0, 0.0]}).adjusted_close


def test_they_are_made_once_and_cannot_be_written():
    bars = panel([10.0, 5.0], {"split": [NAN, 2.0]})
    for name in ("adjusted_close", "adjustment"):
        array = getattr(bars, name)
        assert array is getattr(bars, name)
        assert not array.flags.writeable
        assert array.flags.c_contiguous
    assert bars["adjusted_close"] is bars.adjusted_close
    assert "adjusted_close" not in bars.extras
    with pytest.raises(DataError, match="no column 'adjustd_close'; did you mean 'adjusted_close'"):
        bars["adjustd_close"]


@pytest.mark.parametrize("t", [2, -3, 1.0, True, None])
def test_as_of_a_bar_that_is_not_there(t):
    with pytest.raises(DataError, match="adjusted_as_of"):
        panel([10.0, 5.0]).adjusted_as_of(t)


class TestAdjustedBars:
    def test_by_events(self):
        bars = panel(
            [[10.0, 8.0], [5.0, 8.0], [6.0, NAN]],
            {
                "split": [[NAN, NAN], [2.0, NAN], [NAN, NAN]],
                "delisting": [[NAN] * 2, [NAN] * 2, [NAN, 7.0]],
                "mood": [[1.0, 2.0]] * 3,
            },
        )
        after = bars.adjusted()
        assert after.close[:, 0].tolist() == [10.0, 10.0, 12.0]
        assert after.open[:, 0].tolist() == [9.0, 8.0, 10.0]  # twice 5 − 1, twice 6 − 1
        assert after.volume[:, 0].tolist() == [100.0, 50.0, 50.0]
        assert set(after.extras) == {"delisting", "mood"}
        assert after["delisting"][2, 1] == 7.0
        assert after.adjusted_close is after.close

    def test_a_delisting_price_is_scaled_as_the_last_bar(self):
        bars = panel([10.0, 5.0, NAN], {"split": [NAN, 2.0, NAN], "delisting": [NAN, NAN, 4.0]})
        assert bars.adjusted()["delisting"][2, 0] == 8.0
        source = panel([10.0, 5.0, NAN], {"adj_close": [4.0, 4.0, NAN], "delisting": [NAN, NAN, 5.0]})
        assert source.adjusted()["delisting"][2, 0] == 4.0

    def test_the_source_s_goes_first_and_either_can_be_named(self):
        bars = panel([10.0, 5.0], {"adj_close": [2.0, 3.0], "split": [NAN, 2.0], "dividend": [NAN, NAN]})
        assert bars.adjusted().close[:, 0].tolist() == [2.0, 3.0]
        assert not bars.adjusted().extras
        assert bars.adjusted("adjusted_close").close[:, 0].tolist() == [10.0, 10.0]
        assert not bars.adjusted("adjusted_close").extras

    def test_nothing_to_adjust_by_is_an_error(self):
        with pytest.raises(DataError, match=r"no extra 'adj_close', 'split' or 'dividend'.*with_events"):
            panel([10.0, 5.0]).adjusted()


class TestSample:
    """`stocks`: the events are the ones the companies announced, and rebuild the source's adjusted close."""

    STOCKS = Bars.sample("stocks")

    def events(self, column, symbol):
        values = self.STOCKS[column][:, self.STOCKS.symbols.index(symbol)]
        days = self.STOCKS.sessions.view("M8[D]")
        return {str(day): value for day, value in zip(days, values, strict=True) if value == value}

    def test_splits_are_those_of_the_companies(self):
        assert self.events("split", "AAPL") == {"2000-06-21": 2.0, "2005-02-28": 2.0}
        assert self.events("split", "MSFT") == {"2003-02-18": 2.0}
        assert self.events("split", "IBM") == self.events("split", "GOOG") == {}

    def test_dividends_are_those_of_the_companies(self):
        assert self.events("dividend", "AAPL") == {"2012-08-09": 2.65, "2012-11-07": 2.65, "2013-02-07": 2.65}
        assert self.events("dividend", "GOOG") == {}
        msft, ibm = self.events("dividend", "MSFT"), self.events("dividend", "IBM")
        assert msft["2004-11-15"] == 3.08  # 3.00 special and 0.08
        assert next(iter(msft)) == "2003-02-19"  # its first ever: 0.08
        assert msft["2003-02-19"] == 0.08
        assert (len(msft), msft["2013-02-19"]) == (37, 0.23)
        # IBM pays every quarter: four dates in each whole year
        years = [day[:4] for day in ibm]
        assert all(years.count(str(year)) == 4 for year in range(2001, 2013))
        assert (ibm["2000-05-08"], ibm["2008-05-07"], ibm["2013-02-06"]) == (0.13, 0.5, 0.85)

    def test_it_is_the_source_s_adjusted_close_but_for_its_other_day(self):
        """From bar to bar the two grow alike, within rounding; on an ex-date by factors that are known.

        Ours grows by c₁/(c₀ − d) (times a split), the source's by (c₁ + d)/c₀: it puts dividends into units at the
        close of the ex-date, ours at the close before it, less the dividend.
        """
        bars = self.STOCKS
        for a in range(4):
            rows = np.flatnonzero(~np.isnan(bars.close[:, a]))
            ours, source = bars.adjusted_close[rows, a], bars["adj_close"][rows, a]
            close, paid = bars.close[rows, a], np.nan_to_num(bars["dividend"][rows, a])[1:]
            c0 = close[:-1] / np.where(bars["split"][rows, a] > 0, bars["split"][rows, a], 1.0)[1:]
            c1 = close[1:]
            expected = (c1 / (c0 - paid)) / ((c1 + paid) / c0)
            found = (ours[1:] / ours[:-1]) / (source[1:] / source[:-1])
            np.testing.assert_allclose(found, expected, rtol=1e-12, atol=0)
            # the largest is that of the 3.08 MSFT paid, 29.97 before and 27.39 after: (27.39/26.89) / (30.47/29.97)
            assert np.abs(expected - 1).max() < 0.002
            np.testing.assert_allclose(ours / ours[0], source / source[0], rtol=0.004)

    def test_a_holder_of_the_shares_has_the_growth_of_the_adjusted_close(self):
        """One share of AAPL from the first bar, dividends put into more shares at the last close less the dividend."""
        bars = self.STOCKS
        units = 1.0
        for t in range(1, bars.n_bars):
            split, paid = bars["split"][t, 0], bars["dividend"][t, 0]
            before = bars.close[t - 1, 0]
            if split == split:
                units, before = units * split, before / split
            if paid == paid:
                units += units * paid / (before - paid)
        wealth = units * bars.close[-1, 0] / bars.close[0, 0]
        assert bars.adjusted_close[-1, 0] / bars.adjusted_close[0, 0] == pytest.approx(wealth, rel=1e-12)
