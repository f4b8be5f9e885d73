"""A memory of indicators, so that the runs of a sweep compute none twice.

Outside `remembered` nothing is kept. Inside, a call that has been made before, with the same settings and the same
arrays, is answered with the stored result. The same array means the same memory, not equal values, so that nothing has
to be read or hashed; it counts only where that memory can never change: of an array that is read-only, and so is all
it looks at, up to the owner. Those of `Bars` are, and so are remembered results, so that an indicator of an indicator
is remembered too.
"""

from __future__ import annotations

import contextlib
import contextvars
import threading
import weakref
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backtester.errors import SettingsError

LIMIT = 256 << 20  # bytes

Results = tuple[NDArray[np.float64], ...]
Key = tuple[Hashable, ...]

#: owners of the memory of results that were made read-only here, by id; they may lie over a buffer of the pool
_ours: weakref.WeakValueDictionary[int, NDArray[Any]] = weakref.WeakValueDictionary()


class IndicatorMemory:
    """Results of indicators by input and settings, up to a number of bytes; the least recently used goes first.

    Any number of threads may share one: a result that one of them is computing is waited for, not computed again. A
    result whose input no longer exists is forgotten at once, for nobody can ask for it again.

    Attributes
    ----------
    limit : int
        The most bytes of results that are kept; 0 keeps none.
    hits : int
        Calls that were answered from the memory.
    computed : int
        Calls that could be remembered and were computed. Calls on arrays that may change are not counted.
    evicted : int
        Results that were dropped because the limit was reached.
    n_bytes : int
        Bytes of the results that are kept now.

    Examples
    --------
    >>> bars = Bars.sample("sp500")
    >>> memory = IndicatorMemory(limit=64 << 20)
    >>> with remembered(memory):
    ...     first, second = sma(bars.close, 20), sma(bars.close, 20)
    >>> memory.hits, memory.computed, len(memory)
    (1, 1, 1)
    """

    def __init__(self, limit: int = LIMIT):
        """Make an empty memory.

        Parameters
        ----------
        limit : int
            The most bytes of results that are kept, 256 MiB by default; 0 keeps none.

        Raises
        ------
        SettingsError
            `limit` is not an int, or below 0.
        """
        if isinstance(limit, bool) or not isinstance(limit, int | np.integer) or limit < 0:
            raise SettingsError(
                f"IndicatorMemory: limit is {limit!r}; it is an int of 0 or more, in bytes (64 << 20 is 64 MiB)"
            )
        self.limit = int(limit)
        self.hits = 0
        self.computed = 0
        self.evicted = 0
        self.n_bytes = 0
        self._entries: OrderedDict[Key, _Entry] = OrderedDict()
        self._lost: deque[Key] = deque()  # keys of entries one of whose inputs is gone
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._entries)

    def __repr__(self) -> str:
        return (
            f"<IndicatorMemory: {len(self)} results of {self.n_bytes:,} bytes, at most {self.limit:,}; "
            f"{self.hits} hits, {self.computed} computed, {self.evicted} evicted>"
        )

    def clear(self) -> None:
        """Forget every result. Arrays that were handed out stay valid; the counts go on."""
        with self._lock:
            dropped = list(self._entries.values())
            self._entries.clear()
            self.n_bytes = 0
        del dropped  # what this frees may call back, which needs the lock
        self._forget_lost()

    def recall(self, what: Key, inputs: Iterable[object], compute: Callable[[], Results]) -> Results:
        """Return what `compute` returns, from the memory if it has been computed before.

        Parameters
        ----------
        what : tuple
            The computation and its settings, hashable.
        inputs : iterable
            The arrays it reads, as the caller passed them.
        compute : callable
            Called without arguments, unless the memory knows the result; returns a tuple of new arrays.

        Returns
        -------
        tuple of ndarray
            Read-only where the inputs can never change; otherwise what `compute` returned.
        """
        if not self.limit:
            return compute()
        owners, key = [], what
        for array in inputs:
            place = _place(array)
            if place is None:
                return compute()
            owner, where = place
            owners.append(owner)
            key = (*key, id(owner), where)
        while True:
            entry = self._known(key, owners)
            if entry is not None:
                return entry.shown()
            entry, is_new = self._find(key, owners)
            if is_new:
                return self._fill(key, entry, compute)
            entry.done.wait()
            if entry.results is not None:
                with self._lock:
                    self.hits += 1
                return entry.shown()
            # the thread that computed it failed: this one tries

    def _known(self, key: Key, owners: list[NDArray[Any]]) -> _Entry | None:
        """Return the entry for a key whose results are there, or None."""
        with self._lock:
            entry = self._entries.get(key)
            found = entry is not None and entry.results is not None and entry.is_of(owners)
            if found:
                self._entries.move_to_end(key)
                self.hits += 1
        if self._lost:
            self._forget_lost()
        return entry if found else None

    def _find(self, key: Key, owners: list[NDArray[Any]]) -> tuple[_Entry, bool]:
        """Return the entry for a key, and whether it is new and therefore the caller's to fill."""
        callback = self._callback(key)
        with self._lock:
            entry = self._entries.get(key)
            is_new = entry is None or not entry.is_of(owners)
            if entry is None or is_new:
                self._drop(key)
                entry = self._entries[key] = _Entry(owners, callback)
                self.computed += 1
            self._entries.move_to_end(key)
        self._forget_lost()
        return entry, is_new

    def _fill(self, key: Key, entry: _Entry, compute: Callable[[], Results]) -> Results:
        dropped = []
        try:
            results = tuple(_frozen(result) for result in compute())
            with self._lock:
                entry.results = results
                if self._entries.get(key) is entry:  # not cleared meanwhile
                    self.n_bytes += entry.n_bytes
                    dropped = self._evict()
        except BaseException:
            with self._lock:
                if self._entries.get(key) is entry:
                    del self._entries[key]
            raise
        finally:
            entry.done.set()
            del dropped
            self._forget_lost()
        return entry.shown()

    def _evict(self) -> list[_Entry | None]:
        """Drop the least recently used results until the rest is within the limit; the caller holds the lock."""
        dropped = []
        for key in list(self._entries):
            if self.n_bytes <= self.limit:
                break
            if self._entries[key].results is not None:
                dropped.append(self._drop(key))
                self.evicted += 1
        return dropped

    def _drop(self, key: Key) -> _Entry | None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self.n_bytes -= entry.n_bytes
        return entry

    def _callback(self, key: Key) -> Callable[[Any], None]:
        """Return what to call when an input of an entry is gone; it does not keep this memory alive."""
        myself = weakref.ref(self)

        def lost(_: Any) -> None:
            memory = myself()
            if memory is not None:
                memory._lost.append(key)
                memory._forget_lost()

        return lost

    def _forget_lost(self) -> None:
        """Drop the entries whose inputs are gone.

        This may run in the middle of anything, in a garbage collection. It never waits for the lock: who holds it calls
        this once more afterwards.
        """
        while self._lost and self._lock.acquire(blocking=False):
            dropped = []
            try:
                while self._lost:
                    key = self._lost.popleft()
                    entry = self._entries.get(key)
                    if entry is not None and entry.is_lost():
                        dropped.append(self._drop(key))
            finally:
                self._lock.release()
            del dropped


class _Entry:
    """One result, or the promise of one, and weak references to the owners of the memory it was computed from."""

    def __init__(self, owners: Iterable[NDArray[Any]], callback: Callable[[Any], None]):
        self.owners = [weakref.ref(owner, callback) for owner in owners]
        self.done = threading.Event()
        self.results: Results | None = None

    def is_of(self, owners: list[NDArray[Any]]) -> bool:
        """Tell whether these very arrays were the inputs, and not others that lie at their address now."""
        return all(ours() is theirs for ours, theirs in zip(self.owners, owners, strict=True))

    def is_lost(self) -> bool:
        return any(owner() is None for owner in self.owners)

    @property
    def n_bytes(self) -> int:
        return sum(result.nbytes for result in self.results or ())

    def shown(self) -> Results:
        """Return a view of each result for one caller."""
        return tuple(result.view() for result in self.results or ())


_active: contextvars.ContextVar[IndicatorMemory | None] = contextvars.ContextVar("indicator_memory", default=None)


@contextlib.contextmanager
def remembered(memory: IndicatorMemory | None = None) -> Iterator[IndicatorMemory]:
    """Remember the indicators that the calling thread computes inside the `with` block.

    A call with the same settings and the same arrays as one before is not computed again. Results of arrays that can
    never change (those of `Bars`, and remembered results) are then read-only, as they are shared: write into a copy.
    All others are computed each time, and are new arrays, as they are outside.

    Parameters
    ----------
    memory : IndicatorMemory, optional
        Where to look and to keep; several threads may enter the same one. By default a new one, which is cleared at the
        end of the block.

    Yields
    ------
    IndicatorMemory

    Raises
    ------
    SettingsError
        `memory` is something else.

    Examples
    --------
    >>> with remembered() as memory:
    ...     results = [run(SmaCross(fast=fast, slow=slow), bars) for fast in (5, 10) for slow in (50, 100)]
    """
    if memory is not None and not isinstance(memory, IndicatorMemory):
        raise SettingsError(
            f"remembered: memory is {memory!r} ({type(memory).__name__}); it is an IndicatorMemory, for example "
            "IndicatorMemory(limit=64 << 20)"
        )
    used = IndicatorMemory() if memory is None else memory
    token = _active.set(used)
    try:
        yield used
    finally:
        _active.reset(token)
        if memory is None:
            used.clear()


def recall(
    core: Hashable, settings: tuple[float, ...], inputs: Iterable[object], compute: Callable[[], Results]
) -> Results:
    """Return what `compute` returns: through the memory of the `remembered` block that this thread is in, if any."""
    memory = _active.get()
    if memory is None:
        return compute()
    kinds = tuple(map(type, settings))  # 1 and 1.0 are equal, but a core may treat them differently
    return memory.recall((core, settings, kinds), inputs, compute)


def frozen_owner(values: NDArray[Any]) -> NDArray[Any] | None:
    """Return the owner of an array's memory where that can never change, or None where it may."""
    if values.flags.writeable:
        return None
    owner, base = values, values.base
    while isinstance(base, np.ndarray):
        if base.flags.writeable:
            return None
        owner, base = base, base.base
    if base is not None and type(base) is not bytes and _ours.get(id(owner)) is not owner:
        return None  # somebody else's buffer, which may be written from there
    return owner


def _place(values: object) -> tuple[NDArray[Any], Key] | None:
    """Return the owner of an array's memory and where in it the array lies, or None where the memory may change."""
    owner = frozen_owner(values) if type(values) is np.ndarray else None
    if owner is None or type(values) is not np.ndarray:
        return None
    return owner, (values.__array_interface__["data"][0], values.shape, values.strides, values.dtype.str)


def never_changes(array: NDArray[Any]) -> None:
    """Vouch that the memory of a read-only array is never written, though it lies over somebody else's buffer.

    For arrays that a worker maps from a file or an object store; results of theirs are remembered like those of others.
    """
    owner, base = array, array.base
    while isinstance(base, np.ndarray):
        base.flags.writeable = False
        owner, base = base, base.base
    _ours[id(owner)] = owner


def _frozen(result: NDArray[np.float64]) -> NDArray[np.float64]:
    """Make a new array, and all it looks at, read-only."""
    array: Any = result
    while isinstance(array, np.ndarray):
        array.flags.writeable = False
        owner, array = array, array.base
    _ours[id(owner)] = owner
    return result
