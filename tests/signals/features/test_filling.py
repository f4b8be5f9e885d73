"""The panel is the same whoever computes what, and what fails first in the list is what is told."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
from feature_bars import random_bars

from backtester.errors import SettingsError
from backtester.signals import SHIPPED, External, Features, Function
from backtester.signals.features import filling

NAMES = [name for name, one in SHIPPED.items() if not {"extra", "symbol"} & set(one.defaults)]


@pytest.fixture(autouse=True)
def small_columns_are_worth_a_thread(monkeypatch):
    monkeypatch.setattr(filling, "_WORTH_A_THREAD", 1)
    monkeypatch.setattr(filling, "_AT_ONCE", 7)


def test_the_number_of_threads_changes_no_bit():
    bars = random_bars(n_assets=4)
    features = Features([*NAMES, "rank(rsi(7))", "gap@1D", "lag(body, 2)", Function(lambda b: b.close, name="own")])
    one = features.compute(bars, workers=1)
    for workers in (2, 3, 99, None):
        assert features.compute(bars, workers=workers).tobytes() == one.tobytes()


def test_features_of_ours_are_computed_beside_each_other_and_others_by_the_caller():
    met = threading.Barrier(2, timeout=60)
    callers = set()

    class Meets(External):
        """Waits until another one is computed at the same time."""

        def compute(self, view):
            met.wait()
            return super().compute(view)

    def mine(bars):
        callers.add(threading.get_ident())
        return bars.close

    bars = random_bars(gaps=False)
    elements = [Meets(np.ones(320), "a"), Function(mine, name="b"), Meets(np.ones(320), "c"), Function(mine, name="d")]
    panel = Features(elements).compute(bars, workers=2)
    np.testing.assert_array_equal(panel[0, :, [0, 1, 2, 3]], [np.ones(3), bars.close[0], np.ones(3), bars.close[0]])
    assert callers == {threading.get_ident()}


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_the_first_failure_in_the_list_is_raised(workers):
    def fails(word):
        def fail(bars):
            raise RuntimeError(word)

        return Function(fail, name=word)

    infinite = External(np.full(320, np.inf), "infinite")
    for elements, expected in (
        (["gap", infinite, fails("later")], "'infinite': inf"),
        (["gap", fails("sooner"), infinite], "sooner"),
    ):
        with pytest.raises((RuntimeError, ValueError), match=expected):
            Features(elements).compute(random_bars(), workers=workers)


def test_what_fails_later_in_time_and_in_the_list_does_not_hide_what_failed_before():
    met = threading.Barrier(2, timeout=60)

    class Fails(External):
        """Fails when another one is being computed; the second a while after the first."""

        def compute(self, view):
            met.wait()
            if self.columns[0] == "second":
                time.sleep(0.2)
            raise RuntimeError(self.columns[0])

    elements = ["gap", Fails(np.ones(320), "first"), Fails(np.ones(320), "second")]
    with pytest.raises(RuntimeError, match="first"):
        Features(elements).compute(random_bars(), workers=2)


@pytest.mark.parametrize("workers", [0, -1, 1.0, True, "2"])
def test_workers_is_a_number_of_threads(workers):
    with pytest.raises(SettingsError, match="compute: workers is"):
        Features(["gap"]).compute(random_bars(), workers=workers)


@pytest.mark.parametrize("n_columns", [1, 7, 8, 9, 17])
def test_every_column_is_written_where_it_belongs(n_columns):
    bars = random_bars(50, 3, gaps=False)
    values = np.random.default_rng(0).normal(size=(50, 3, n_columns))
    columns = [External(values[:, :, k], f"c{k}") for k in range(n_columns)]
    assert Features(columns).compute(bars, workers=3).tobytes() == values.tobytes()
    assert Features([External(values, "c")]).compute(bars).tobytes() == values.tobytes()
