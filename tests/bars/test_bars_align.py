"""Assets with different calendars on one clock."""

import numpy as np
import pytest

from backtester.bars import Bars
from backtester.errors import DataError

HOUR = 3_600_000_000_000
DAY = 24 * HOUR


def asset(symbol, hours, *, extras=None, **options):
    stamps = np.array(hours) * HOUR
    close = 100.0 + np.array(hours, dtype=float)
    return Bars.from_arrays(
        stamps, close, close + 1, close - 1, close, close * 2, symbols=symbol, extras=extras, **options
    )


def test_the_clock_is_the_union_and_a_missing_bar_is_nan():
    bars = Bars.align([asset("A", [1, 2, 4]), asset("B", [2, 3, 4])])
    assert bars.symbols == ("A", "B")
    assert (bars.timestamps // HOUR).tolist() == [1, 2, 3, 4]
    for name, shift in (("open", 0), ("high", 1), ("low", -1), ("close", 0)):
        expected = [[101 + shift, np.nan], [102 + shift] * 2, [np.nan, 103 + shift], [104 + shift] * 2]
        np.testing.assert_array_equal(bars[name], expected)
    np.testing.assert_array_equal(bars.volume, [[202, np.nan], [204, 204], [np.nan, 206], [208, 208]])
    assert bars.close.flags.c_contiguous
    assert not bars.close.flags.writeable


def test_the_clock_can_be_what_all_have():
    bars = Bars.align([asset("A", [1, 2, 4]), asset("B", [2, 3, 4])], how="intersection")
    assert (bars.timestamps // HOUR).tolist() == [2, 4]
    assert not np.isnan(bars.close).any()
    with pytest.raises(DataError, match="no close in common"):
        Bars.align([asset("A", [1, 2]), asset("B", [3, 4])], how="intersection")


def test_extras_are_aligned_and_missing_where_a_panel_has_none():
    bars = Bars.align([asset("A", [1, 2], extras={"x": [5.0, 6.0]}), asset("B", [2, 3], extras={"y": [7.0, 8.0]})])
    np.testing.assert_array_equal(bars["x"], [[5, np.nan], [6, np.nan], [np.nan, np.nan]])
    np.testing.assert_array_equal(bars["y"], [[np.nan, np.nan], [np.nan, 7], [np.nan, 8]])


def test_it_takes_panels_of_several_assets_and_is_its_own_inverse():
    whole = Bars.sample("stocks")
    parts = [whole.select(["MSFT", "GOOG"]), whole.select("AAPL"), whole.select("IBM")]
    joined = Bars.align(parts)
    assert joined.symbols == ("MSFT", "GOOG", "AAPL", "IBM")
    assert joined.select(whole.symbols) == whole
    assert Bars.align([whole]) == whole


def test_sessions_that_agree_are_kept():
    a = asset("A", [1, 30], sessions=[0, 1], session_ends=[2 * HOUR, 31 * HOUR])
    b = asset("B", [5, 30], sessions=[0, 1], session_ends=[6 * HOUR, 40 * HOUR])
    bars = Bars.align([a, b])
    assert bars.sessions.tolist() == [0, 0, 1]
    # a session of two markets ends with the later
    assert (bars.session_ends // HOUR).tolist() == [6, 6, 40]
    plain = Bars.align([a, asset("C", [23, 25])])
    assert plain.sessions.tolist() == [0, 0, 1, 1]
    assert (plain.session_ends // HOUR).tolist() == [24, 24, 48, 48]


def test_sessions_that_contradict_each_other_are_refused_unless_utc_is_asked_for():
    clash = [asset("A", [1, 23], sessions=[0, 1]), asset("B", [23, 30])]
    with pytest.raises(DataError, match=r"1970-01-01T23:00:00Z: .*1970-01-02 and 1970-01-01.*sessions='utc'"):
        Bars.align(clash)
    back = [asset("A", [1, 22], sessions=[0, 1]), asset("B", [23, 30])]
    with pytest.raises(DataError, match=r"1970-01-01T23:00:00Z"):
        Bars.align(back)
    assert Bars.align(clash, sessions="utc").sessions.tolist() == [0, 0, 1]


def test_what_cannot_be_aligned_is_refused():
    with pytest.raises(DataError, match="'A' is there 2 times"):
        Bars.align([asset("A", [1, 2]), asset("A", [2, 3])])
    with pytest.raises(DataError, match="a panel at least"):
        Bars.align([])
    with pytest.raises(DataError, match="how = 'inner'"):
        Bars.align([asset("A", [1, 2])], how="inner")
    with pytest.raises(DataError, match="sessions = 'local'"):
        Bars.align([asset("A", [1, 2])], sessions="local")


def test_negative_prices_and_names_are_carried():
    a = Bars.from_arrays([1, 2], *[[-1.0, 1.0]] * 4, symbols="A", allow_negative=True, name="n")
    b = Bars.from_arrays([1, 2], *[[1.0, 1.0]] * 4, symbols="B", name="n")
    assert Bars.align([a, b]).allow_negative
    assert Bars.align([a, b]).name == "n"
    assert not Bars.align([b]).allow_negative
