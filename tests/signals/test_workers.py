"""Work over processes: the same results in the same order, and no process where it is not worth one."""

import os
import time

import numpy as np
import pytest

from backtester.errors import SettingsError
from backtester.signals import workers
from backtester.signals.workers import each


def where(shared, item):
    """Return the sum of the shared array and the item, and the process that made it."""
    return float(shared["array"].sum()) + item, os.getpid()


def slow(shared, item):
    time.sleep(0.01)
    return os.getpid()


def test_quick_work_stays_in_this_process():
    found = each(where, {"array": np.ones(10)}, range(5), None)
    assert found == [(10.0 + k, os.getpid()) for k in range(5)]


def test_work_is_done_elsewhere_where_that_is_asked_for():
    heard = []
    shared = {"array": np.arange(300_000.0)}  # large enough to be shared memory
    found = each(where, shared, range(4), 2, lambda done, total: heard.append((done, total)))
    assert [value for value, _ in found] == [300_000 * 299_999 / 2 + k for k in range(4)]
    assert os.getpid() not in {process for _, process in found}
    assert heard == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_slow_work_goes_elsewhere_after_the_first(monkeypatch):
    monkeypatch.setattr(workers, "_WORTH_IT", 0.001)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    found = each(slow, None, range(4), None)
    assert found[0] == os.getpid()
    assert os.getpid() not in found[1:]


@pytest.mark.parametrize("number", [0, -1, 1.5, True])
def test_a_number_that_is_none_is_refused(number):
    with pytest.raises(SettingsError, match="workers is"):
        each(where, None, range(3), number)


def test_nothing_to_do_is_done():
    assert each(where, None, [], 4) == []
