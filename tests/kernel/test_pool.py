"""The pool of table memory: a block comes back when the last array over it is gone, and not before."""

import gc

import numpy as np
import pytest

from backtester.kernel import pool

SHAPE = (30_000, 3)


@pytest.fixture(autouse=True)
def _empty_pool():
    pool.clear()
    yield
    pool.clear()


def address(array):
    return array.__array_interface__["data"][0]


def test_a_block_is_used_again_once_nobody_looks_at_it():
    first = pool.empty(SHAPE, np.float64)
    where = address(first)
    del first
    assert address(pool.empty(SHAPE, np.float64)) == where


@pytest.mark.parametrize("look", [lambda a: a[5:10], lambda a: a.reshape(-1)[7:], lambda a: a.view(np.int64)[1:].T])
def test_a_view_keeps_its_block_from_being_used_again(look):
    whole = pool.empty(SHAPE, np.float64)
    whole[:] = 1.5
    where, part = address(whole), look(whole)
    before = part.copy()
    del whole
    gc.collect()
    other = pool.empty(SHAPE, np.float64)
    other[:] = 0.0
    assert address(other) != where
    np.testing.assert_array_equal(part, before)


def test_arrays_are_contiguous_writable_and_of_the_asked_type():
    array = pool.empty(SHAPE, np.dtype([("a", np.int64), ("b", np.float64)]))
    assert array.flags.c_contiguous
    assert array.flags.writeable
    assert array.flags.aligned
    assert array.shape == SHAPE


def test_the_pool_keeps_no_more_than_its_limit(monkeypatch):
    monkeypatch.setattr(pool, "MOST", 2 * 8 * 90_000)
    arrays = [pool.empty(SHAPE, np.float64) for _ in range(4)]
    del arrays
    assert pool._kept == 2 * 8 * 90_000
