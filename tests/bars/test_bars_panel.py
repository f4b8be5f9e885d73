"""The panel: frozen, read-only, sliced by position and by time, hashed by content."""

import copy
import datetime as dt
import pickle
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from backtester.bars import Bars
from backtester.errors import DataError

DAY = 86_400_000_000_000
COLUMNS = ("open", "high", "low", "close", "volume")


def panel(n=10, width=2, start="2020-01-06", **options):
    """Return daily bars that close when the UTC day ends."""
    close = 100.0 + np.arange(n * width, dtype=float).reshape(n, width)
    stamps = np.datetime64(start, "D").astype(int) * DAY + DAY * np.arange(1, n + 1)
    return Bars.from_arrays(stamps, close, close + 1, close - 1, close, close * 10, **options)


def test_arrays_are_float64_c_contiguous_and_read_only_in_slices_too():
    bars = panel(extras={"x": np.arange(10)})
    for part in (bars, bars[2:7], bars["2020-01-08":], bars.select("ASSET1"), bars.resample("1W")):
        for name in (*COLUMNS, "x"):
            array = part[name]
            assert array.dtype == np.float64
            assert array.shape == (part.n_bars, part.n_assets)
            assert array.flags.c_contiguous
            assert not array.flags.writeable
            with pytest.raises(ValueError, match="read-only"):
                array[0, 0] = 1.0
        assert part.timestamps.dtype == np.int64
        assert not part.timestamps.flags.writeable
        assert not part.sessions.flags.writeable
        assert not part.session_ends.flags.writeable


def test_input_arrays_are_copied():
    close = np.full((3, 1), 5.0)
    bars = Bars.from_arrays([1, 2, 3], close, close, close, close)
    close[0, 0] = 9.0
    assert bars.close[0, 0] == 5.0
    assert close.flags.writeable


def test_slices_are_views():
    bars = panel()
    assert np.shares_memory(bars.close, bars[3:5].close)
    assert copy.copy(bars) is bars
    assert copy.deepcopy(bars) is bars


def test_nothing_can_be_set_or_deleted():
    bars = panel(extras={"x": np.ones(10)})
    for name in ("close", "anything"):
        with pytest.raises(AttributeError, match="read-only"):
            setattr(bars, name, 1)
    with pytest.raises(AttributeError, match="read-only"):
        del bars.close
    with pytest.raises(TypeError):
        bars.extras["y"] = 1
    with pytest.raises(TypeError, match="from_frame"):
        Bars()


def test_shapes_and_names():
    bars = panel(width=3, symbols=["A", "B", "C"], name="mine")
    assert (len(bars), bars.n_bars, bars.n_assets, bars.symbols, bars.name) == (10, 10, 3, ("A", "B", "C"), "mine")
    assert panel(width=1).symbols == ("ASSET",)
    assert panel(width=2).symbols == ("ASSET0", "ASSET1")
    one = Bars.from_arrays([1, 2], [1, 2], [1, 2], [1, 2], [1, 2], symbols="X")
    assert one.close.shape == (2, 1)
    assert np.isnan(one.volume).all()
    assert "10 bars × 3 (A, B, C)" in repr(bars)
    assert "mine" in repr(bars)


def test_extras_spread_over_assets_and_may_be_missing():
    own = np.arange(20.0).reshape(10, 2)
    own[3, 1] = np.nan
    bars = panel(extras={"vix": np.arange(10), "own": own})
    assert bars["vix"].tolist() == [[float(i)] * 2 for i in range(10)]
    assert np.isnan(bars["own"][3, 1])
    assert bars[3:5]["vix"][0, 0] == 3.0
    assert list(bars.extras) == ["vix", "own"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"timestamps": [[1, 2]]}, "one dimension"),
        ({"timestamps": [1.0, 2.0]}, "int64 ns UTC"),
        ({"open": [1, 2, 3]}, r"open has shape \(3,\); it must be \(2, n_assets\)"),
        ({"high": np.ones((2, 2))}, r"high has shape \(2, 2\); it must be \(2, 1\)"),
        ({"close": ["a", "b"]}, "close is <U1; give numbers"),
        ({"open": None}, "open is missing"),
        ({"symbols": ["A", "B"]}, "2 symbols for 1 assets"),
        ({"symbols": [""]}, "non-empty"),
        ({"symbols": [3]}, "non-empty text"),
        ({"extras": {"close": [1, 2]}}, "taken"),
        ({"extras": {"2nd": [1, 2]}}, "digit"),
        ({"extras": {"x": [1, np.inf]}}, "x = inf: values must be finite"),
        ({"extras": {"x": [1, 2, 3]}}, "x has shape"),
        ({"sessions": [2, 1]}, "row 1 has 1 after 2"),
        ({"sessions": [1]}, r"shape \(1,\)"),
        ({"sessions": [1.0, 2.0]}, "float64"),
        ({"session_ends": [1, 2]}, "need sessions"),
        ({"sessions": [0, 1], "session_ends": [0, 5]}, "before its bar closes"),
        ({"sessions": [0, 0], "session_ends": [4, 5]}, "both are of one session"),
        ({"open": np.empty((2, 0))}, "no columns"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(change, message):
    good = {"timestamps": [1, 2], "open": [1, 2], "high": [1, 2], "low": [1, 2], "close": [1, 2]}
    with pytest.raises(DataError, match=message):
        Bars.from_arrays(**{**good, **change})


def test_symbols_must_be_distinct():
    with pytest.raises(DataError, match="'A' is there 2 times"):
        panel(symbols=["A", "A"])


def test_getitem_reads_columns_and_suggests_names():
    bars = panel(extras={"momentum": np.ones(10)})
    for name in COLUMNS:
        assert bars[name] is getattr(bars, name)
    with pytest.raises(DataError, match="did you mean 'momentum'"):
        bars["momentun"]


def test_positions():
    bars = panel()
    assert bars[3].timestamps.tolist() == [bars.timestamps[3]]
    assert bars[-1].timestamps.tolist() == [bars.timestamps[-1]]
    assert bars[np.int64(2)] == bars[2]
    assert bars[2:5].timestamps.tolist() == bars.timestamps[2:5].tolist()
    assert bars[-3:].n_bars == 3
    assert bars[:] == bars
    assert bars[:100] == bars
    for wrong in (10, -11):
        with pytest.raises(DataError, match="positions from -10 to 9"):
            bars[wrong]
    with pytest.raises(DataError, match="cannot be skipped"):
        bars[::2]
    with pytest.raises(DataError, match="has no bar"):
        bars[5:5]


def days(bars):
    return [str(np.datetime64(int(s), "D")) for s in bars.sessions]


def test_dates_are_sessions_with_both_ends_included():
    bars = panel()  # sessions 2020-01-06 to 2020-01-15, each closing at 00:00 of the next day
    assert days(bars)[0] == "2020-01-06"
    assert days(bars["2020-01-07":"2020-01-09"]) == ["2020-01-07", "2020-01-08", "2020-01-09"]
    assert days(bars["2020-01-14":]) == ["2020-01-14", "2020-01-15"]
    assert days(bars[:"2020-01-06"]) == ["2020-01-06"]
    assert days(bars["2020-01-10"]) == ["2020-01-10"]
    assert bars["2020"] == bars
    assert bars["2020-01"] == bars
    for moment in (
        dt.date(2020, 1, 10),
        dt.datetime(2020, 1, 10),
        pd.Timestamp("2020-01-10"),
        np.datetime64("2020-01-10"),
    ):
        assert days(bars[moment]) == ["2020-01-10"]
        assert days(bars[moment:])[0] == "2020-01-10"
    for nothing in ("2019", "2021", "2020-02"):
        with pytest.raises(DataError, match=r"has no bar; the 10 bars run from 2020-01-07T00:00:00Z"):
            bars[nothing]


def test_times_are_compared_with_closes():
    stamps = np.arange(np.datetime64("2020-01-06T10:00"), np.datetime64("2020-01-06T12:00"), np.timedelta64(30, "m"))
    bars = Bars.from_arrays(stamps, *[np.ones(4)] * 4)  # closes 10:00, 10:30, 11:00, 11:30
    assert bars["2020-01-06 10:30":].n_bars == 3
    assert bars[:"2020-01-06 10:30"].n_bars == 2
    assert bars["2020-01-06T10"].n_bars == 2
    assert bars["2020-01-06T10:30:00Z":].n_bars == 3
    assert bars["2020-01-06T11:30:00+01:00":].n_bars == 3
    assert bars[pd.Timestamp("2020-01-06 05:30", tz="America/New_York") :].n_bars == 3
    assert bars[dt.datetime(2020, 1, 6, 10, 30, tzinfo=dt.UTC) :].n_bars == 3
    assert bars[dt.datetime(2020, 1, 6, 10, 30) :].n_bars == 3
    assert bars[np.datetime64("2020-01-06T10:30:00.000000001", "ns") :].n_bars == 2


@pytest.mark.parametrize("key", ["2020-13", "2020-01-06 25:00", "20xx", None, 1.5, ("a", 1), np.datetime64("NaT")])
def test_keys_that_mean_nothing(key):
    with pytest.raises(DataError):
        panel()[key]


def test_sessions_are_utc_dates_of_the_close_less_a_nanosecond():
    stamps = [DAY, DAY + 1, 2 * DAY, 2 * DAY + 1]
    bars = Bars.from_arrays(stamps, *[np.ones(4)] * 4)
    assert bars.sessions.tolist() == [0, 1, 1, 2]
    assert bars.session_ends.tolist() == [DAY, 2 * DAY, 2 * DAY, 3 * DAY]


def test_given_sessions_are_kept_in_slices_and_their_ends_are_unknown_unless_given():
    bars = panel(sessions=np.arange(10) // 4)
    assert bars[3:6].sessions.tolist() == [0, 1, 1]
    assert (bars.session_ends == np.iinfo(np.int64).max).all()
    dated = panel(sessions=np.arange("2020-01-06", "2020-01-16", dtype="M8[D]"))
    assert days(dated)[-1] == "2020-01-15"


def test_years_and_periods_per_year():
    # nine days lie between ten daily bars: 9 / (9 / 365.25) = 365.25 periods a year
    assert panel().periods_per_year == pytest.approx(365.25, rel=1e-12)
    assert panel().years == pytest.approx(9 / 365.25, rel=1e-12)
    assert np.isnan(panel()[0].periods_per_year)


def test_index_is_utc():
    index = panel().index
    assert str(index.tz) == "UTC"
    assert index[0] == pd.Timestamp("2020-01-07", tz="UTC")
    assert index is panel().index or len(index) == 10


def test_select_picks_assets_in_order():
    bars = panel(width=3, symbols=["A", "B", "C"], extras={"x": np.arange(30.0).reshape(10, 3)})
    part = bars.select(["C", "A"])
    assert part.symbols == ("C", "A")
    assert part.close[:, 0].tolist() == bars.close[:, 2].tolist()
    assert part["x"][:, 1].tolist() == bars["x"][:, 0].tolist()
    assert bars.select("B").symbols == ("B",)
    with pytest.raises(DataError, match="no symbol 'D'"):
        bars.select("D")
    with pytest.raises(DataError, match="once"):
        bars.select(["A", "A"])


def test_adjusted_scales_prices_and_keeps_traded_value():
    adj_close = np.array([[50.0, 51.0], [52.0, 53.0]])
    close = np.array([[100.0, 102.0], [52.0, 53.0]])
    bars = Bars.from_arrays(
        [1, 2], close, close * 1.1, close * 0.9, close, np.full((2, 2), 10.0), extras={"adj_close": adj_close}
    )
    after = bars.adjusted()
    assert after.close.tolist() == adj_close.tolist()
    assert after.high[0, 0] == pytest.approx(55.0)
    assert after.volume.tolist() == [[20.0, 20.0], [10.0, 10.0]]
    assert not after.extras
    with pytest.raises(DataError, match="no column 'adjusted'"):
        bars.adjusted("adjusted")
    broken = Bars.from_arrays([1, 2], close, close, close, close, extras={"adj_close": [1.0, 0.0]})
    with pytest.raises(DataError, match=r"ASSET0, row 1.*adj_close = 0.0"):
        broken.adjusted()


class TestHash:
    def test_equal_content_has_an_equal_hash_whatever_the_name(self):
        assert panel().content_hash == panel(name="other").content_hash
        assert panel() == panel(name="other")
        assert hash(panel()) == hash(panel())

    def test_it_is_the_same_in_every_process_and_version(self):
        # computed once by the rule in the docstring of `digest`, with hashlib alone
        import hashlib

        out = hashlib.blake2b(digest_size=16)
        for text in ("A", "", ""):
            out.update(len(text).to_bytes(8, "little") + text.encode())
        out.update((2).to_bytes(8, "little"))
        for clock in ([DAY, 2 * DAY], [0, 1], [DAY, 2 * DAY]):
            out.update(b"".join(x.to_bytes(8, "little") for x in clock))
        for column in ([1.0, 2.0], [1.5, 2.5], [0.5, 1.5], [1.0, 2.0], [0.0, float("nan")]):
            out.update(np.array(column, dtype="<f8").tobytes())
        args = [[1.0, 2.0], [1.5, 2.5], [0.5, 1.5], [1.0, 2.0], [0.0, np.nan]]
        assert Bars.from_arrays([DAY, 2 * DAY], *args, symbols="A").content_hash == out.hexdigest()

    def test_every_part_of_the_content_counts(self):
        base = panel(extras={"x": np.ones(10)})
        close = base.close.copy()
        close[5, 1] = np.nextafter(close[5, 1], 0)
        others = [
            panel(),
            panel(extras={"y": np.ones(10)}),
            panel(extras={"x": np.full(10, 2.0)}),
            panel(extras={"x": np.ones(10)}, symbols=["A", "B"]),
            panel(extras={"x": np.ones(10)}, sessions=np.zeros(10, dtype=int)),
            panel(extras={"x": np.ones(10)}, start="2020-01-07"),
            Bars.from_arrays(base.timestamps, base.open, base.high, base.low, close, base.volume, extras=base.extras),
            base[:-1],
        ]
        assert len({base.content_hash, *(b.content_hash for b in others)}) == len(others) + 1
        assert all(base != b for b in others)

    def test_nan_and_zero_have_one_form(self):
        odd = np.array([0x7FF8000000000001, 0xFFF8000000000000], dtype=np.uint64).view(np.float64)
        ones = np.ones(2)
        a = Bars.from_arrays([1, 2], ones, ones, ones, ones, [-0.0, 0.0], extras={"x": odd})
        b = Bars.from_arrays([1, 2], ones, ones, ones, ones, [0.0, 0.0], extras={"x": [np.nan, np.nan]})
        assert a == b
        assert a.content_hash == b.content_hash

    def test_it_is_not_equal_to_other_things(self):
        assert panel() != "bars"


def test_pickle_keeps_everything_and_stays_read_only():
    bars = panel(extras={"x": np.ones(10)}, sessions=np.arange(10), name="n", symbols=["A", "B"])
    back = pickle.loads(pickle.dumps(bars))
    assert back == bars
    assert back.name == "n"
    assert not back.close.flags.writeable
    assert not back.sessions.flags.writeable


def test_building_and_slicing_need_no_pandas_and_no_numba():
    code = (
        "import sys; from backtester.bars import Bars; b = Bars.sample('sp500'); b['2008']; b[3:9].content_hash;"
        "b.resample('1W'); b.on('1ME').close; b.periods_per_year; repr(b); Bars.align([b]);"
        "print([m for m in ('pandas', 'numba', 'pyarrow') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
