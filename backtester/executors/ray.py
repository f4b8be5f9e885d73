"""The machines of a Ray cluster, or this one under a local Ray.

What is shared goes into Ray's object store once; every node copies it once, and its workers map the arrays where they
lie there. Ray starts a task again whose worker or node died.
"""

from __future__ import annotations

import sys
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from backtester.errors import WorkerError
from backtester.executors.parcel import Parcel, pack
from backtester.executors.protocol import AHEAD, WAIT, Item, Out, check_workers

RETRIES = 3  # of a task whose worker died
_END = object()
_opened: dict[str, Any] = {}  # in a worker: what was opened last, by key


class Ray:
    """Workers are those of a Ray cluster; extra `ray` (`pip install backtester[ray]`).

    Parameters
    ----------
    workers : int, optional
        How many items are worked on at once; by default one per CPU of the cluster. A local Ray is started with as many
        CPUs.
    address : str, optional
        Of a cluster, e.g. `"auto"` or `"ray://head:10001"`. By default the one this process is connected to, else a
        local Ray, which is shut down after the work.
    """

    def __init__(self, workers: int | None = None, address: str | None = None):
        self._wanted = None if workers is None else check_workers(workers)
        self.address = address

    @property
    def workers(self) -> int:
        """How many items are worked on at once."""
        if self._wanted is not None:
            return self._wanted
        ray = _ray()
        if ray.is_initialized():
            return max(1, int(ray.cluster_resources().get("CPU", 1)))
        return check_workers(None)

    def __repr__(self) -> str:
        return f"Ray(workers={self._wanted}, address={self.address!r})"

    def map(
        self,
        function: Callable[[Any, Item], Out],
        shared: Any,
        items: Iterable[Item],
        stop: threading.Event | None = None,
    ) -> Iterator[Out]:
        """Yield `function(shared, item)` of each of the `items` in order, until `stop`; see `Executor.map`."""
        return self._answers(function, shared, items, stop, ordered=True)

    def as_done(self, function: Callable[[Any, Item], Out], shared: Any, items: Iterable[Item]) -> Iterator[Out]:
        """Yield `function(shared, item)` of each of the `items` when it is there; see `as_done` of the protocol."""
        return self._answers(function, shared, items, None, ordered=False)

    def _answers(
        self, function: Any, shared: Any, items: Iterable[Any], stop: threading.Event | None, ordered: bool
    ) -> Iterator[Any]:
        ray = _ray()
        ours = not ray.is_initialized()
        if ours:
            self._start(ray)
        try:
            yield from self._map(ray, function, shared, items, stop, ordered)
        finally:
            if ours:
                ray.shutdown()

    def _start(self, ray: Any) -> None:
        quiet = {"log_to_driver": False, "include_dashboard": False}
        try:
            if self.address is None:
                ray.init(num_cpus=self.workers, **quiet)
            else:
                ray.init(address=self.address, log_to_driver=False)
        except Exception as error:
            where = f"the Ray cluster at {self.address}" if self.address else "a local Ray"
            raise WorkerError(f"{where} cannot be used: {type(error).__name__}: {error}") from error

    def _map(
        self, ray: Any, function: Any, shared: Any, items: Iterable[Any], stop: threading.Event | None, ordered: bool
    ) -> Iterator[Any]:
        parcel = pack((function, shared))
        arrays = ray.put(parcel.arrays)
        body = ray.put((parcel.body, sys.path))
        work = ray.remote(max_retries=RETRIES, num_cpus=1)(_work)
        key, most = uuid.uuid4().hex, AHEAD * self.workers
        waiting: list[Any] = []
        source, exhausted = iter(items), False
        try:
            while True:
                ended = exhausted or (stop is not None and stop.is_set())
                while not ended and len(waiting) < most:
                    item = next(source, _END)
                    if item is _END or item is WAIT:
                        ended = exhausted = item is _END
                        break
                    waiting.append(work.remote(key, [body, arrays], item))
                if waiting:
                    following = waiting[0] if ordered else ray.wait(waiting)[0][0]
                    waiting.remove(following)
                    yield self._get(ray, following)
                elif ended:
                    return
        finally:
            for one in waiting:
                ray.cancel(one, force=False)

    def _get(self, ray: Any, reference: Any) -> Any:
        try:
            return ray.get(reference)
        except ray.exceptions.RayTaskError as error:
            cause = getattr(error, "cause", None)
            raise (cause if isinstance(cause, Exception) else error) from None
        except ray.exceptions.WorkerCrashedError as error:
            raise WorkerError(
                f"{RETRIES + 1} Ray workers died one after the other on the same item; see Ray's logs, or run with "
                "executor='threads', workers=1"
            ) from error


def _work(key: str, references: list[Any], item: Any) -> Any:
    """Do one item in a worker of Ray; what is shared is opened once per worker."""
    if key not in _opened:
        import ray

        (body, path), arrays = ray.get(references)
        sys.path += [folder for folder in path if folder not in sys.path]
        _opened.clear()
        _opened[key] = Parcel(body, [array.view() for array in arrays]).open()
    function, shared = _opened[key]
    return function(shared, item)


def _ray() -> Any:
    try:
        import ray
    except ImportError as error:
        raise WorkerError("executor='ray' needs the package ray: pip install 'backtester[ray]'") from error
    return ray
