"""Numerical libraries have one thread inside a fit, and what they had outside; they are looked for after an import."""

import sys
import types

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from backtester.signals.fitting.protocol import numerical_libraries, one_thread


def threads():
    np.ones((2, 2)) @ np.ones((2, 2))  # numpy's library is loaded
    return [library["num_threads"] for library in threadpool_info()]


def test_there_is_one_thread_inside_and_as_many_as_before_outside():
    before = threads()
    assert before
    with one_thread():
        assert set(threads()) == {1}
        with one_thread():
            assert set(threads()) == {1}
        assert set(threads()) == {1}
    assert threads() == before


def test_an_error_inside_gives_the_threads_back():
    before = threads()
    with pytest.raises(ZeroDivisionError), one_thread():
        raise ZeroDivisionError
    assert threads() == before


def test_libraries_are_looked_for_again_when_a_module_was_imported(monkeypatch):
    first = numerical_libraries()
    assert numerical_libraries() is first
    monkeypatch.setitem(sys.modules, "a_module_that_is_new", types.ModuleType("a_module_that_is_new"))
    second = numerical_libraries()
    assert second is not first
    assert len(second.lib_controllers) == len(first.lib_controllers)
