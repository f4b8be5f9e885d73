"""The memory of indicators: what it answers, what it never answers, what it keeps, and threads."""

import gc
import inspect
import pickle
import threading
import weakref

import numpy as np
import pytest

import backtester.indicators as indicators
from backtester.bars import Bars
from backtester.errors import DataError, SettingsError
from backtester.indicators import (
    IndicatorMemory,
    bollinger,
    cross_rank,
    ema,
    macd,
    remembered,
    rsi,
    session_vwap,
    sma,
)
from backtester.indicators import _panel as panel_module

PANEL = 8 * 4000 * 3  # bytes of a result below


@pytest.fixture
def bars():
    return Bars.simulate("gbm", n_bars=4000, n_assets=3, seed=1)


@pytest.fixture
def computations(monkeypatch):
    """Count how often arrays are read, which every computation begins with."""
    names = []
    read_arrays = panel_module.read_arrays

    def counted(indicator, arrays):
        names.append(indicator)
        return read_arrays(indicator, arrays)

    monkeypatch.setattr(panel_module, "read_arrays", counted)
    return names


def counts(memory):
    return memory.hits, memory.computed, memory.evicted


# --- what is answered ------------------------------------------------------------------------------------------------


def test_the_same_call_is_computed_once(bars, computations):
    plain = sma(bars.close, 20)
    with remembered() as memory:
        first, second = sma(bars.close, 20), sma(bars.close, np.int64(20))
        assert counts(memory) == (1, 1, 0)
    assert computations == ["sma", "sma"]  # the one outside, the one inside
    assert np.shares_memory(first, second)
    for found in (first, second):
        np.testing.assert_array_equal(found, plain)


def test_other_settings_functions_and_arrays_are_other_calls(bars):
    with remembered() as memory:
        calls = [
            lambda: sma(bars.close, 20),
            lambda: sma(bars.close, 21),
            lambda: ema(bars.close, 20),
            lambda: sma(bars.open, 20),
            lambda: sma(bars.close[:, :1], 20),
            lambda: sma(bars.close[:, 0], 20),
            lambda: sma(bars.close[100:], 20),
            lambda: sma(bars.close[::-1], 20),
            lambda: sma(bars.close.view(np.int64), 20),
            lambda: bollinger(bars.close, 20, 1.0),
            lambda: bollinger(bars.close, 20, 2.0),
        ]
        found = [call() for call in calls]
        assert counts(memory) == (0, len(calls), 0)
        again = [call() for call in calls]
        assert counts(memory) == (len(calls), len(calls), 0)
    for call, first, second in zip(calls, found, again, strict=True):
        np.testing.assert_array_equal(first, call())
        np.testing.assert_array_equal(second, call())


def test_an_indicator_of_an_indicator_is_remembered(bars):
    with remembered() as memory:
        for _ in range(3):
            upper, middle, _ = bollinger(rsi(bars.close, 14), 20)
            smooth = sma(upper, 5)
        assert counts(memory) == (6, 3, 0)
    np.testing.assert_array_equal(smooth, sma(bollinger(rsi(bars.close, 14), 20)[0], 5))
    assert middle.shape == bars.close.shape


def test_slices_of_bars_are_the_same_part_of_the_same_arrays(bars):
    with remembered() as memory:
        for _ in range(2):
            sma(bars[500:1500].close, 20)
        sma(bars[501:1501].close, 20)
        assert counts(memory) == (1, 2, 0)


def test_bars_from_a_pickle_are_remembered_too(bars):
    other = pickle.loads(pickle.dumps(bars))
    with remembered() as memory:
        first, _ = sma(other.close, 20), sma(other.close, 20)
        assert counts(memory) == (1, 1, 0)
    np.testing.assert_array_equal(first, sma(bars.close, 20))


ARRAYS = {"x": "close", "y": "open"}


@pytest.mark.parametrize("name", [name for name in indicators.__all__ if not name.startswith("crossed_")])
def test_every_indicator_does_nothing_twice(name, bars, computations):
    if name in ("IndicatorMemory", "remembered"):
        return
    function = getattr(indicators, name)
    arrays = [
        getattr(bars, ARRAYS.get(p.name, p.name))
        for p in inspect.signature(function).parameters.values()
        if p.default is inspect.Parameter.empty
    ]
    with remembered():
        first = function(*arrays)
        done = len(computations)
        second = function(*arrays)
        assert len(computations) == done > 0
    outside = function(*arrays)
    for one, other, plain in zip(*map(np.atleast_3d, (first, second, outside)), strict=True):
        np.testing.assert_array_equal(one, plain)
        np.testing.assert_array_equal(other, plain)
    for result in first if isinstance(first, tuple) else (first,):
        assert not result.flags.writeable


# --- what is never answered ------------------------------------------------------------------------------------------


def read_only_view_of_a_writable_array(close):
    mine = close.copy()
    view = mine[:]
    view.flags.writeable = False
    return view, mine


def over_a_buffer_that_can_be_written(close):
    buffer = bytearray(close.tobytes())
    view = np.frombuffer(memoryview(buffer).toreadonly(), np.float64).reshape(close.shape)
    return view, np.frombuffer(buffer, np.float64).reshape(close.shape)


def plain(close):
    mine = close.copy()
    return mine, mine


@pytest.mark.parametrize("make", [plain, read_only_view_of_a_writable_array, over_a_buffer_that_can_be_written])
def test_an_array_that_may_change_is_computed_each_time(make, bars):
    seen, written = make(bars.close)
    with remembered() as memory:
        first = sma(seen, 20)
        written[50:] *= 2.0
        second = sma(seen, 20)
        assert counts(memory) == (0, 0, 0)
        assert first.flags.writeable
    assert not np.array_equal(first[60:], second[60:])
    np.testing.assert_array_equal(second, sma(seen.copy(), 20))


def test_lists_and_frames_are_computed_each_time(bars):
    frame = bars.to_frame(bars.symbols[0])["close"]
    with remembered() as memory:
        for array in (bars.close.tolist(), frame, frame.to_numpy()):
            sma(array, 20)
            sma(array, 20)
        with pytest.raises(DataError, match="masked"):
            sma(np.ma.masked_array(bars.close, False), 20)
        assert counts(memory) == (0, 0, 0)


def test_an_array_at_the_address_of_a_dead_one_is_another_array():
    with remembered() as memory:
        for value in range(200):  # the allocator hands the same block out again
            x = np.full(64, float(value))
            x.flags.writeable = False
            assert sma(x, 2)[-1] == value
            del x
        assert memory.hits == 0
        assert len(memory) == 0


def test_an_error_is_raised_again_and_nothing_is_kept(bars):
    with remembered() as memory:
        for _ in range(2):
            with pytest.raises(DataError, match=r"^atr: low has shape"):
                indicators.atr(bars.high, bars.low[1:], bars.close)
            with pytest.raises(SettingsError, match=r"^sma: n is 0"):
                sma(bars.close, 0)
        assert len(memory) == memory.n_bytes == memory.hits == 0


def test_nothing_is_remembered_outside(bars, computations):
    for _ in range(2):
        found = sma(bars.close, 20)
        assert found.flags.writeable
    assert computations == ["sma", "sma"]


# --- what is handed out ----------------------------------------------------------------------------------------------


def test_results_cannot_be_written_and_stay_valid_after_the_block(bars):
    with remembered() as memory:
        found = sma(bars.close, 20)
        with pytest.raises(ValueError, match="read-only"):
            found[0] = 1.0
    assert len(memory) == 0
    gc.collect()
    others = [sma(bars.close, n) for n in range(2, 12)]  # would be given the block of a result that was let go
    np.testing.assert_array_equal(found, sma(bars.close, 20))
    assert not any(np.shares_memory(found, other) for other in others)


# --- what is kept ----------------------------------------------------------------------------------------------------


def test_the_least_recently_used_goes_first(bars):
    memory = IndicatorMemory(limit=3 * PANEL)
    with remembered(memory):
        for n in (2, 3, 4):
            sma(bars.close, n)
        assert (len(memory), memory.n_bytes) == (3, 3 * PANEL)
        sma(bars.close, 2)
        sma(bars.close, 5)  # 3 goes
        assert counts(memory) == (1, 4, 1)
        sma(bars.close, 2), sma(bars.close, 4), sma(bars.close, 5)
        assert counts(memory) == (4, 4, 1)
        sma(bars.close, 3)
        assert counts(memory) == (4, 5, 2)
        assert (len(memory), memory.n_bytes) == (3, 3 * PANEL)
    assert len(memory) == 3  # a memory that was handed in is not cleared


def test_what_is_larger_than_the_limit_is_handed_out_and_not_kept(bars):
    memory = IndicatorMemory(limit=2 * PANEL)
    with remembered(memory):
        for _ in range(2):
            assert len(macd(bars.close)) == 3
        assert counts(memory) == (0, 2, 2)
        assert len(memory) == memory.n_bytes == 0


def test_a_limit_of_zero_is_off(bars):
    with remembered(IndicatorMemory(limit=0)) as memory:
        assert sma(bars.close, 20).flags.writeable
        sma(bars.close, 20)
        assert counts(memory) == (0, 0, 0)


def test_clear_forgets_and_frees(bars):
    memory = IndicatorMemory()
    with remembered(memory):
        result = weakref.ref(sma(bars.close, 20).base)
        gc.collect()
        assert result() is not None
        memory.clear()
        assert result() is None
        assert len(memory) == memory.n_bytes == 0
        sma(bars.close, 20)
        assert counts(memory) == (0, 2, 0)


def test_results_die_with_their_input_and_with_the_memory():
    memory = IndicatorMemory()
    gc.disable()  # references alone do it
    try:
        with remembered(memory):
            bars = Bars.simulate("gbm", n_bars=4000, seed=2)
            end = weakref.ref(sma(rsi(bars.close, 14), 5).base)
            other = Bars.simulate("gbm", n_bars=4000, seed=3)
            sma(other.close, 5)
            assert len(memory) == 3
            del bars
            assert (len(memory), memory.n_bytes) == (1, 8 * 4000)
            assert end() is None
        with remembered(memory):
            kept = weakref.ref(sma(other.close, 5).base)
        assert kept() is not None
        del memory
        assert kept() is None
    finally:
        gc.enable()


def test_an_input_that_dies_while_another_thread_is_at_the_table_is_forgotten_afterwards():
    with remembered() as memory:
        first, second = (Bars.simulate("gbm", n_bars=50, seed=seed) for seed in (4, 5))
        sma(first.close, 5)
        with memory._lock:
            del first  # nobody may wait here: this can happen in a garbage collection of the thread that has the lock
        sma(second.close, 5)
        assert len(memory) == 1


def test_an_evicted_result_in_use_still_leads_to_others(bars):
    memory = IndicatorMemory(limit=PANEL)
    with remembered(memory):
        strength = rsi(bars.close, 14)
        for _ in range(2):
            sma(strength, 5)  # evicts the strength
        assert counts(memory) == (1, 2, 1)


@pytest.mark.parametrize("limit", [-1, 1.5, "1", None, True])
def test_the_limit_is_a_number_of_bytes(limit):
    with pytest.raises(SettingsError, match=r"^IndicatorMemory: limit is .*bytes"):
        IndicatorMemory(limit)


def test_what_is_no_memory_is_refused():
    with pytest.raises(SettingsError, match=r"^remembered: memory is 5 \(int\)"), remembered(5):
        pass


def test_blocks_nest(bars):
    with remembered() as outer:
        sma(bars.close, 20)
        with remembered() as inner:
            sma(bars.close, 20)
        assert counts(inner) == (0, 1, 0)
        sma(bars.close, 20)
        assert counts(outer) == (1, 1, 0)
        with pytest.raises(RuntimeError), remembered(outer):
            raise RuntimeError
        sma(bars.close, 20)
        assert outer.hits == 2
        assert repr(outer) == (
            "<IndicatorMemory: 1 results of 96,000 bytes, at most 268,435,456; 2 hits, 1 computed, 0 evicted>"
        )


# --- threads ---------------------------------------------------------------------------------------------------------


def in_threads(n, work):
    """Run `work(i)` in n threads that start together, and raise what one of them raised."""
    barrier, failures = threading.Barrier(n), []

    def start(i):
        try:
            barrier.wait(30.0)
            work(i)
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=start, args=(i,)) for i in range(n)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60.0)
        assert not thread.is_alive()
    if failures:
        raise failures[0]


def test_threads_compute_nothing_twice(bars, computations):
    memory = IndicatorMemory()
    expected = {n: sma(bars.close, n) for n in range(2, 22)}
    computations.clear()

    def work(i):
        with remembered(memory):
            for n in range(2, 22):
                np.testing.assert_array_equal(sma(bars.close, n), expected[n])

    in_threads(8, work)
    assert len(computations) == memory.computed == 20
    assert memory.hits == 7 * 20


def test_a_result_on_its_way_is_waited_for(bars, monkeypatch):
    """The one that computes is held until the others have asked."""
    memory, release, begun = IndicatorMemory(), threading.Event(), threading.Event()
    core, calls = panel_module.read_arrays, []

    def slow(*arguments):
        calls.append(threading.get_ident())
        begun.set()
        assert release.wait(30.0)
        return core(*arguments)

    monkeypatch.setattr(panel_module, "read_arrays", slow)

    def work(i):
        if i == 0:
            assert begun.wait(30.0)
            for _ in range(3):
                assert asked.acquire(timeout=30.0)
            release.set()
            return
        with remembered(memory):
            asked.release()
            sma(bars.close, 20)

    asked = threading.Semaphore(0)
    in_threads(4, work)
    assert len(calls) == 1
    assert counts(memory) == (2, 1, 0)


def test_a_failure_is_not_shared(bars, monkeypatch):
    """The first to compute fails; one of those that wait for it tries again, and the rest have its result."""
    memory, calls, lock = IndicatorMemory(), [], threading.Lock()
    read_arrays = panel_module.read_arrays

    def fails_once(*arguments):
        with lock:
            calls.append(1)
            first = len(calls) == 1
        if first:
            raise MemoryError("once")
        return read_arrays(*arguments)

    monkeypatch.setattr(panel_module, "read_arrays", fails_once)
    failed, found = [], []

    def work(i):
        with remembered(memory):
            try:
                found.append(sma(bars.close, 20))
            except MemoryError:
                failed.append(i)

    in_threads(6, work)
    assert len(failed) == 1
    assert len(found) == 5
    assert len(calls) == 2
    monkeypatch.undo()
    for result in found:
        np.testing.assert_array_equal(result, sma(bars.close, 20))


def test_a_thread_of_its_own_is_outside(bars):
    with remembered() as memory:
        in_threads(2, lambda i: sma(bars.close, 20))
        assert counts(memory) == (0, 0, 0)


def test_threads_under_pressure(bars):
    """A limit that evicts all the time, inputs that die, a thread that clears: every value stays right."""
    memory = IndicatorMemory(limit=4 * PANEL)
    expected = {n: sma(bars.close, n) for n in range(2, 10)}

    def work(i):
        rng = np.random.default_rng(i)
        with remembered(memory):
            for step in range(150):
                n = int(rng.integers(2, 10))
                np.testing.assert_array_equal(sma(bars.close, n), expected[n])
                own = rng.normal(size=(50, 2))
                own.flags.writeable = False
                assert cross_rank(ema(own, 2)).shape == own.shape
                if i == 0 and step % 20 == 0:
                    memory.clear()

    in_threads(6, work)
    gc.collect()
    assert 0 <= memory.n_bytes <= memory.limit
    assert memory.n_bytes == sum(entry.n_bytes for entry in memory._entries.values())


def test_session_labels_are_remembered_as_the_array_they_are(bars):
    with remembered() as memory:
        for _ in range(2):
            session_vwap(bars.high, bars.low, bars.close, bars.volume, bars.sessions)
        assert counts(memory) == (1, 1, 0)
