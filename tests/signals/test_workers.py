"""Work over processes: the same results in the same order, and no process where it is not worth one."""

import os
import time

import numpy as np
import pytest

from backtester.errors import SettingsError
from backtester.executors import Processes, Threads
from backtester.signals import workers
from backtester.signals.fitting.protocol import numerical_libraries
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
    shared = {"array": np.arange(300_000.0)}
    shared["array"].flags.writeable = False  # and large enough: shared memory
    found = each(where, shared, range(4), 2, lambda done, total: heard.append((done, total)))
    assert [value for value, _ in found] == [300_000 * 299_999 / 2 + k for k in range(4)]
    assert os.getpid() not in {process for _, process in found}
    assert heard == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_slow_work_goes_elsewhere_after_the_first(monkeypatch):
    monkeypatch.setattr(workers, "_WORTH_IT", 0.001)
    monkeypatch.setattr(workers, "check_workers", lambda number: 2)
    found = each(slow, None, range(4), None)
    assert found[0] == os.getpid()
    assert os.getpid() not in found[1:]


@pytest.mark.parametrize("number", [0, -1, 1.5, True])
def test_a_number_that_is_none_is_refused(number):
    with pytest.raises(SettingsError, match="workers is"):
        each(where, None, range(3), number)


@pytest.mark.parametrize("executor", ["threads", Threads(2), Processes(1)], ids=repr)
def test_who_is_named_does_all_of_it(executor):
    heard = []
    found = each(
        where, {"array": np.ones(10)}, range(3), None, lambda done, total: heard.append((done, total)), executor
    )
    assert [value for value, _ in found] == [10.0, 11.0, 12.0]
    assert ({process for _, process in found} == {os.getpid()}) == (not isinstance(executor, Processes))
    assert heard == [(1, 3), (2, 3), (3, 3)]


def test_numbers_of_threads_are_as_before_and_one_meanwhile():
    before = one_number()
    assert each(lambda shared, item: one_number(), None, range(4), None, executor=Threads(2)) == [1, 1, 1, 1]
    assert one_number() == before


def one_number():
    """Return the most threads that a numerical library would use."""
    return max(pool["num_threads"] for pool in numerical_libraries().info() if pool["user_api"] == "blas")


def test_no_such_executor():
    with pytest.raises(SettingsError, match="did you mean 'processes'"):
        each(where, None, range(3), None, executor="proceses")


def test_nothing_to_do_is_done():
    assert each(where, None, [], 4) == []
