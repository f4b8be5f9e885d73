"""Executors: the same answers in the order of the items, whoever does the work and whoever dies of it."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from folds_and_seeds import bytes_of_folds, folds, seeds
from swept import (
    Cross,
    Dies,
    double,
    fails_at_three,
    kill_always,
    kill_once,
    last_first,
    printing,
    sleeps,
    total,
    walk,
    whose,
)

from backtester import sweep, walk_forward
from backtester.errors import SettingsError, WorkerError
from backtester.executors import WAIT, Executor, Processes, Ray, Threads, as_done, as_executor
from backtester.executors.parcel import pack
from backtester.indicators import IndicatorMemory, remembered, sma

LOCAL = [Threads(1), Threads(3), Processes(2)]


@pytest.fixture(scope="module")
def cluster():
    """A local Ray for all tests that need one."""
    ray = pytest.importorskip("ray")
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
        yield Ray()
        ray.shutdown()


@pytest.mark.parametrize("executor", LOCAL, ids=repr)
def test_answers_come_in_the_order_of_the_items(executor):
    assert list(executor.map(double, 100, range(23))) == [100 + 2 * i for i in range(23)]
    assert list(executor.map(double, 100, [])) == []
    assert isinstance(executor, Executor)


@pytest.mark.parametrize("executor", [Threads(2), Processes(2)], ids=repr)
def test_answers_come_as_they_are_done_where_that_is_asked_for(executor, tmp_path):
    assert list(as_done(executor, last_first, str(tmp_path), range(3))) == [1, 2, 0]
    assert sorted(as_done(executor, double, 100, range(23))) == [100 + 2 * i for i in range(23)]


def test_an_executor_that_knows_no_other_order_keeps_that_of_the_items():
    class Mine:
        workers = 1

        def map(self, function, shared, items, stop=None):
            return (function(shared, item) for item in items)

    assert list(as_done(Mine(), double, 0, range(3))) == [0, 2, 4]


@pytest.mark.parametrize("executor", LOCAL, ids=repr)
def test_items_are_read_a_few_at_a_time(executor):
    read = []

    def items():
        for i in range(1000):
            read.append(i)
            yield i

    answers = executor.map(double, 0, items())
    assert next(answers) == 0
    assert len(read) <= 3 * executor.workers + 1
    answers.close()


@pytest.mark.parametrize("executor", LOCAL, ids=repr)
def test_an_item_may_depend_on_what_came_back(executor):
    back = []

    def items():
        for start in (0, 4, 8):
            yield from range(start, start + 4)
            while len(back) < start + 4:
                yield WAIT

    for answer in executor.map(double, 0, items()):
        back.append(answer)
    assert back == [2 * i for i in range(12)]


@pytest.mark.parametrize("executor", LOCAL, ids=repr)
def test_an_error_is_raised_where_it_is_its_items_turn(executor):
    answers = executor.map(fails_at_three, None, range(10))
    assert [next(answers) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(KeyError, match="three"):
        next(answers)


@pytest.mark.parametrize("executor", LOCAL, ids=repr)
def test_stop_ends_it_and_keeps_what_is_finished(executor):
    stop, found = threading.Event(), []
    for answer in executor.map(double, 0, range(1000), stop):
        found.append(answer)
        if len(found) == 5:
            stop.set()
    assert found == [2 * i for i in range(len(found))]
    assert 5 <= len(found) <= 5 + 3 * executor.workers


def test_processes_are_other_processes_and_print_to_standard_error(capfd):
    found = set(Processes(2).map(whose, None, range(6)))
    assert len(found) == 2
    assert os.getpid() not in found
    assert list(Processes(1).map(printing, None, [7])) == [7]
    out, err = capfd.readouterr()
    assert out == ""
    assert "hello from a worker 7" in err


def test_who_gives_up_waits_for_no_process():
    answers = Processes(2).map(sleeps, None, [0, 600, 600])
    assert next(answers) == 0
    begun = time.monotonic()
    answers.close()
    assert time.monotonic() - begun < 60  # and not ten minutes


def test_a_block_keeps_its_processes_for_other_work(tmp_path):
    with Processes(1) as kept:
        first = set(kept.map(whose, None, range(2)))
        assert list(kept.map(double, 100, range(4))) == [100, 102, 104, 106]
        with pytest.raises(KeyError, match="three"):
            list(kept.map(fails_at_three, None, range(4)))  # gives up, and the process with it
        second = set(kept.map(whose, None, range(2)))
        assert second == set(kept.map(whose, None, range(2)))
        assert list(kept.map(kill_once, str(tmp_path / "once"), range(5))) == [0, 1, 4, 9, 16]
        third = set(kept.map(whose, None, range(2)))
        assert len(first | second | third) == 3
    assert not [one for one in third if Path(f"/proc/{one}").exists()]
    assert set(kept.map(whose, None, range(2))).isdisjoint(third)


def test_large_arrays_are_mapped_not_copied():
    array = np.arange(100_000.0)
    array.flags.writeable = False
    parcel = pack({"array": array, "again": array})
    assert len(parcel.arrays) == 1
    assert parcel.arrays[0] is array
    assert len(parcel.body) < 2_000
    # the sum of k … n − 1 is n(n − 1)/2 − k(k − 1)/2
    wanted = [(100_000 * 99_999 / 2 - k * (k - 1) / 2, False) for k in range(3)]
    assert list(Processes(2).map(total, {"array": array}, range(3))) == wanted


def test_indicators_of_mapped_bars_are_remembered():
    bars = pack(walk(5_000)).open()
    memory = IndicatorMemory()
    with remembered(memory):
        sma(bars.close, 10), sma(bars.close, 10)
    assert (memory.hits, memory.computed) == (1, 1)


def test_a_killed_worker_is_replaced_and_does_its_item_again(tmp_path):
    assert list(Processes(2).map(kill_once, str(tmp_path / "once"), range(9))) == [i * i for i in range(9)]
    assert (tmp_path / "once").exists()


def test_a_worker_that_dies_again_and_again_is_an_error():
    with pytest.raises(WorkerError, match=r"3 processes died one after the other on the same item.*exit code -9"):
        list(Processes(1).map(kill_always, None, [1]))


def test_what_cannot_be_sent_is_named():
    with pytest.raises(WorkerError, match="cannot be sent to another process"):
        list(Processes(1).map(double, threading.Lock(), [1]))


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (("procesess", None), "did you mean 'processes'"),
        ((3, None), "`workers` and `map`"),
        (("threads", 1.5), "workers is 1.5"),
        ((Threads(2), 2), "is given beside Threads"),
        ((Threads, None), "`workers` and `map`"),
    ],
)
def test_what_is_no_executor(given, text):
    with pytest.raises(SettingsError, match=text):
        as_executor(*given)


# --- sweeps ----------------------------------------------------------------------------------------------------------

GRID = {"fast": [3, 5, 6, 8], "slow": [10, 20, 40]}


def bytes_of(found):
    return found.table.to_csv(float_format=lambda x: float(x).hex()).encode()


@pytest.fixture(scope="module")
def bars():
    return walk(3_000)


@pytest.fixture(scope="module")
def expected(bars):
    return bytes_of(sweep(Cross, bars, **GRID, workers=1, store=None))


def test_processes_give_the_bytes_of_threads(bars, expected):
    assert bytes_of(sweep(Cross, bars, **GRID, executor="processes", workers=2, store=None)) == expected


def test_a_class_of_a_script_can_be_sent(bars, expected):
    class Local(Cross):
        pass

    found = sweep(Local, bars, **GRID, executor=Processes(1), store=None)
    assert bytes_of(found) == expected


def test_a_sweep_survives_a_killed_worker(bars, tmp_path):
    marker = tmp_path / "dead"
    found = sweep(Dies, bars, **GRID, marker=str(marker), executor="processes", workers=2, store=tmp_path / "s.db")
    assert marker.exists()
    assert found.failed == 0
    assert bytes_of(found) == bytes_of(sweep(Dies, bars, **GRID, marker=str(marker), workers=1, store=None))


def test_own_executors_are_taken(bars, expected):
    class Mine:
        workers = 1

        def map(self, function, shared, items, stop=None):
            return (function(shared, item) for item in items)

    assert bytes_of(sweep(Cross, bars, **GRID, executor=Mine(), store=None)) == expected


# --- folds of a model, seeds of an agent ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def expected_folds(bars):
    return bytes_of_folds(folds(bars, workers=1))


@pytest.fixture(scope="module")
def expected_seeds(tmp_path_factory):
    return seeds(tmp_path_factory.mktemp("seeds"), workers=0)


@pytest.mark.parametrize("executor", [Threads(1), Threads(2), Processes(2)], ids=repr)
def test_folds_are_the_same_bytes_anywhere(bars, expected_folds, executor):
    assert bytes_of_folds(folds(bars, executor=executor)) == expected_folds


def test_seeds_are_the_same_bytes_in_processes(expected_seeds, tmp_path):
    assert seeds(tmp_path, workers=2) == expected_seeds


def test_a_killed_worker_loses_no_fold_and_no_seed(bars, expected_folds, expected_seeds, tmp_path):
    marker = tmp_path / "dead"
    assert bytes_of_folds(folds(bars, str(marker), executor="processes", workers=1)) == expected_folds
    assert marker.exists()
    marker.unlink()
    assert seeds(tmp_path, str(marker), executor=Processes(1), workers=None) == expected_seeds
    assert marker.exists()


def test_agents_do_not_train_in_threads(tmp_path):
    with pytest.raises(SettingsError, match=r"executor is Threads\(workers=2\), and agents that train in one process"):
        seeds(tmp_path, executor="threads", workers=2)


class TestRay:
    """A local Ray of two CPUs."""

    def test_answers_come_in_the_order_of_the_items(self, cluster):
        assert cluster.workers == 2
        assert list(cluster.map(double, 100, range(23))) == [100 + 2 * i for i in range(23)]

    def test_an_item_may_depend_on_what_came_back(self, cluster):
        back = []

        def items():
            for start in (0, 4):
                yield from range(start, start + 4)
                while len(back) < start + 4:
                    yield WAIT

        for answer in cluster.map(double, 0, items()):
            back.append(answer)
        assert back == [2 * i for i in range(8)]

    def test_answers_come_as_they_are_done(self, cluster, tmp_path):
        assert list(as_done(cluster, last_first, str(tmp_path), range(3))) == [1, 2, 0]

    def test_errors_stops_and_arrays(self, cluster):
        with pytest.raises(KeyError, match="three"):
            list(cluster.map(fails_at_three, None, range(10)))
        stop, found = threading.Event(), []
        for answer in cluster.map(double, 0, range(1000), stop):
            found.append(answer)
            stop.set()
        assert 1 <= len(found) <= 7
        array = np.arange(100_000.0)
        array.flags.writeable = False
        assert list(cluster.map(total, {"array": array}, [0])) == [(100_000 * 99_999 / 2, False)]

    def test_a_sweep_gives_the_bytes_of_threads(self, cluster, bars, expected):
        assert bytes_of(sweep(Cross, bars, **GRID, executor=cluster, store=None)) == expected

    def test_a_walk_gives_the_bytes_of_threads(self, cluster, bars):
        given = {"space": GRID, "train": 1_500, "test": 1_500, "store": None}
        walks = [walk_forward(Cross, bars, **given, executor=one) for one in (cluster, Threads(1))]
        assert walks[0].folds.equals(walks[1].folds)
        assert walks[0].result.tables.equity.tobytes() == walks[1].result.tables.equity.tobytes()

    def test_a_killed_worker_loses_nothing(self, cluster, bars, tmp_path):
        marker = tmp_path / "dead"
        found = sweep(Dies, bars, **GRID, marker=str(marker), executor=cluster, store=None)
        assert marker.exists()
        assert bytes_of(found) == bytes_of(sweep(Dies, bars, **GRID, marker=str(marker), workers=1, store=None))

    def test_folds_and_seeds_are_the_same_bytes(self, cluster, bars, expected_folds, expected_seeds, tmp_path):
        assert bytes_of_folds(folds(bars, executor=cluster)) == expected_folds
        assert seeds(tmp_path, executor=cluster, workers=None) == expected_seeds

    def test_a_killed_worker_loses_no_fold(self, cluster, bars, expected_folds, tmp_path):
        marker = tmp_path / "dead"
        assert bytes_of_folds(folds(bars, str(marker), executor=cluster)) == expected_folds
        assert marker.exists()

    def test_workers_that_die_again_and_again_are_an_error(self, cluster):
        with pytest.raises(WorkerError, match="Ray workers died one after the other"):
            list(cluster.map(kill_always, None, [1]))
