"""Which of two kernels is called: the one that proved to be quicker, and again after a while."""

from __future__ import annotations

import numba
import numpy as np
import pytest

import envs
from envs.threads import FIRST_WAIT, LONGEST_WAIT, TRIALS, Quicker, worth_trying


class Machine:
    """Two kernels that take a given time, and the clock that sees it."""

    def __init__(self, alone: float, threads: float):
        self.seconds = {"alone": alone, "threads": threads}
        self.now = 0.0
        self.calls: list[str] = []
        self.quicker = Quicker(
            lambda word: self._run("alone", word), lambda word: self._run("threads", word), self.clock
        )

    def clock(self) -> float:
        return self.now

    def _run(self, way: str, word: int) -> int:
        self.calls.append(way)
        self.now += self.seconds[way]
        return 2 * word

    def call(self, times: int = 1) -> list[str]:
        """Call so often; return which ways were taken."""
        before = len(self.calls)
        for _ in range(times):
            assert self.quicker(21) == 42
        return self.calls[before:]


FIRST = 2  # calls that do not count


@pytest.mark.parametrize(
    ("alone", "threads", "best"), [(2e-3, 1e-3, "threads"), (1e-3, 2e-3, "alone"), (1e-3, 1.001e-3, "alone")]
)
def test_after_the_trials_the_quicker_one_is_called(alone, threads, best):
    machine = Machine(alone, threads)
    tried = machine.call(FIRST + 2 * TRIALS)
    assert tried.count("alone") == tried.count("threads") == TRIALS + 1
    assert set(machine.call(50)) == {best}


def test_a_first_call_that_compiles_does_not_count():
    machine = Machine(1e-3, 60.0)
    machine.call(1)
    machine.seconds["alone"], machine.seconds["threads"] = 60.0, 0.5e-3
    machine.call(1)
    machine.seconds["alone"] = 1e-3
    machine.call(2 * TRIALS)
    assert set(machine.call(50)) == {"threads"}


def test_one_that_is_clearly_slower_is_not_tried_to_the_end():
    machine = Machine(1e-3, 15e-3)
    assert machine.call(FIRST + 2).count("threads") == 2
    assert set(machine.call(100)) == {"alone"}


def test_it_is_tried_again_after_a_while_that_doubles_to_a_limit():
    machine = Machine(1e-3, 15e-3)
    machine.call(FIRST + 2)
    for wait in (FIRST_WAIT, 2 * FIRST_WAIT, 4 * FIRST_WAIT, 8 * FIRST_WAIT, LONGEST_WAIT, LONGEST_WAIT):
        calls = round(wait / 1e-3)
        assert machine.call(calls + 3).count("threads") == 1  # one pair of trials, which costs 15 calls
    assert LONGEST_WAIT == 16 * FIRST_WAIT


def test_when_the_machine_becomes_idle_threads_are_taken_and_when_it_becomes_busy_left():
    machine = Machine(1e-3, 15e-3)
    machine.call(FIRST + 2)
    machine.seconds["threads"] = 0.5e-3
    machine.call(round(FIRST_WAIT / 1e-3) + 2 * TRIALS + 2)
    assert set(machine.call(20)) == {"threads"}
    machine.seconds["threads"] = 15e-3
    assert machine.call(3)[0] == "threads"  # the stall itself
    assert set(machine.call(20)) == {"alone"}


@pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS < 2, reason="one processor has nothing to choose from")
def test_copies_do_not_notice_which_way_is_taken():
    n, steps = 300, 2 * TRIALS + 10
    assert worth_trying(n)
    assert not worth_trying(n // 2)
    whole = envs.make("backtester/OUPrice-v0", n)
    halves = [envs.make("backtester/OUPrice-v0", n // 2) for _ in range(2)]
    whole.seed(range(n))
    halves[0].seed(range(n // 2))
    halves[1].seed(range(n // 2, n))
    for core in (whole, *halves):
        core.reset()
    actions = np.random.default_rng(0).integers(0, 3, (steps, n))
    for row in actions:
        whole.step(row)
        for half, part in zip(halves, np.split(row, 2), strict=True):
            half.step(part)
        for name in ("observation", "reward", "truncated"):
            np.testing.assert_array_equal(
                getattr(whole, name), np.concatenate([getattr(half, name) for half in halves])
            )
