"""Whether threads pay: found out while it runs, as it depends on what else the machine has to do.

With many copies and an idle machine, a step on all threads is quicker. On a busy one it has to wait, at its end,
until the system has run the last of them, which takes milliseconds where the step takes a tenth of one. Both ways give
the same bits, so it does not matter for the results which one is taken, or when that changes.
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

import numba

PARALLEL_FROM = 256  # copies; below, waking a second thread costs more than it saves
TRIALS = 8  # timed calls of each way before a decision …
CLEARLY = 4.0  # … or fewer, where one has taken so many times as long as the other
FIRST_WAIT, LONGEST_WAIT = 0.25, 4.0  # seconds from one decision to the next trial

Kernel = Callable[..., int]


def worth_trying(n: int) -> bool:
    """Return whether a step of n copies may be quicker on threads than on one."""
    return n >= PARALLEL_FROM and numba.get_num_threads() > 1


class Quicker:
    """Calls one of two kernels that do the same: the one that was quicker when both were last tried.

    They are called once each, and then tried in turn, at most `TRIALS` times each. The better one (by its mean, as a
    caller waits for a stall too) is then called until the next trial: for `FIRST_WAIT` seconds, twice as long after
    every trial that confirms it, up to `LONGEST_WAIT`, and not beyond a call that was clearly slow.

    Parameters
    ----------
    alone, threads : callable
        The kernels; they take the same words and return one.
    clock : callable
        Seconds.
    """

    def __init__(self, alone: Kernel, threads: Kernel, clock: Callable[[], float] = perf_counter):
        self._ways = (threads, alone)
        self._clock = clock
        self._untimed = len(self._ways)  # first calls, which compile and start threads
        self._best = -1
        self._wait = FIRST_WAIT
        self._begin()

    def _begin(self) -> None:
        self._trying = True
        self._calls = 0
        self._seconds = [0.0, 0.0]

    def __call__(self, *words: int) -> int:
        if self._untimed > 0:
            self._untimed -= 1
            return self._ways[self._untimed](*words)
        way = self._calls % 2 if self._trying else self._best
        started = self._clock()
        found = self._ways[way](*words)
        ended = self._clock()
        if self._trying:
            self._note(way, ended - started, ended)
        elif ended >= self._until or ended - started > self._slow:
            self._begin()
        return found

    def _note(self, way: int, spent: float, now: float) -> None:
        self._seconds[way] += spent
        self._calls += 1
        if self._calls % 2:
            return
        if self._calls == 2 * TRIALS or max(self._seconds) > CLEARLY * min(self._seconds):
            best = 0 if self._seconds[0] <= self._seconds[1] else 1
            self._wait = min(2.0 * self._wait, LONGEST_WAIT) if best == self._best else FIRST_WAIT
            self._best, self._until, self._trying = best, now + self._wait, False
            other = self._seconds[1 - best] / (self._calls / 2)
            self._slow = CLEARLY * other if best == 0 else float("inf")  # a stall; one thread has none of its own
