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
FIRST_WAIT, LONGEST_WAIT = 256, 4096  # calls from one decision to the next trial

Kernel = Callable[..., int]


def worth_trying(n: int) -> bool:
    """Return whether a step of n copies may be quicker on threads than on one."""
    return n >= PARALLEL_FROM and numba.get_num_threads() > 1


class Quicker:
    """Calls one of two kernels that do the same: the one that was quicker when both were last tried.

    They are called once each, and then tried in turn, at most `TRIALS` times each. The better one (by its mean, as a
    caller waits for a stall too) is called for a while: `FIRST_WAIT` times, and twice as long after every trial that
    confirms it, up to `LONGEST_WAIT`.

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
        self._left = 0
        self._begin()

    def _begin(self) -> None:
        self._calls = 0
        self._seconds = [0.0, 0.0]

    def __call__(self, *words: int) -> int:
        if self._left > 0:
            self._left -= 1
            return self._ways[self._best](*words)
        if self._untimed > 0:
            self._untimed -= 1
            return self._ways[self._untimed](*words)
        return self._try(*words)

    def _try(self, *words: int) -> int:
        way = self._calls % 2
        started = self._clock()
        found = self._ways[way](*words)
        self._seconds[way] += self._clock() - started
        self._calls += 1
        if self._calls % 2 == 0:
            clear = max(self._seconds) > CLEARLY * min(self._seconds)
            if clear or self._calls == 2 * TRIALS:
                self._decide()
        return found

    def _decide(self) -> None:
        best = 0 if self._seconds[0] <= self._seconds[1] else 1
        self._wait = min(2 * self._wait, LONGEST_WAIT) if best == self._best else FIRST_WAIT
        self._best = best
        self._left = self._wait
        self._begin()
