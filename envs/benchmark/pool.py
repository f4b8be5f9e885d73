"""All runs of a benchmark, in as many processes as are wanted; what is finished stays finished.

Each finished run is a line in a file, on the disk before the next one is. Stopped by Ctrl-C, a kill or a power cut, the
benchmark goes on where it was when it is started again; runs of a config that has changed since are done anew.
"""

from __future__ import annotations

import json
import multiprocessing
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

from backtester.errors import BacktesterError
from envs.benchmark.config import Config
from envs.benchmark.openings import read_lines
from envs.benchmark.work import Place, Unit, execute, units_of

Progress = Callable[[int, int, str], None]


class BenchmarkError(BacktesterError):
    """A benchmark could not be finished; what was is kept."""


def finished(path: Path, units: Sequence[Unit]) -> dict[str, dict[str, Any]]:
    """Return the stored records of these runs, by key: those with the same digest that did not fail, the last ones."""
    wanted = {unit.key: unit.digest for unit in units}
    found = {}
    for record in read_lines(path):
        key = record.get("key")
        if key in wanted and record.get("digest") == wanted[key] and "failed" not in record:
            found[key] = record
    return found


def keep(path: Path, record: dict[str, Any]) -> None:
    """Add a record to the file of runs, and see it on the disk."""
    with path.open("ab") as file:
        if file.tell() and not _ends_with_newline(path):
            file.write(b"\n")  # after a line that a kill has cut off
        file.write(json.dumps(record, allow_nan=False).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())


def _ends_with_newline(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


def run_all(
    config: Config, runs: Path, place: Place, *, workers: int = 1, progress: Progress | None = None
) -> list[dict[str, Any]]:
    """Do the runs of a config that are not done yet, and return the records of all, in the order of `units_of`.

    Parameters
    ----------
    config : Config
    runs : Path
        The file of finished runs; made where it is not there.
    place : Place
        Where runs may write, and who trains.
    workers : int
        Processes; 0 does all runs in this one.
    progress : function, optional
        Called with the number of finished runs, that of all, and the key of the one just finished.

    Returns
    -------
    list of dict
        As `execute`; failed runs among them.

    Raises
    ------
    BenchmarkError
        If a process died; the runs that finished are kept.
    KeyboardInterrupt
        After Ctrl-C; the runs that finished are kept.
    """
    units = units_of(config)
    records = finished(runs, units)
    left = [unit for unit in units if unit.key not in records]
    runs.parent.mkdir(parents=True, exist_ok=True)

    def done(record: dict[str, Any]) -> None:
        keep(runs, record)
        records[record["key"]] = record
        if progress is not None:
            progress(len(records), len(units), record["key"])

    if workers == 0:
        for unit in left:
            done(_keyed(execute(config, unit, place), unit))
    elif left:
        _in_processes(config, left, place, min(workers, len(left)), done)
    return [records[unit.key] for unit in units]


def _in_processes(
    config: Config, units: Sequence[Unit], place: Place, workers: int, done: Callable[[dict[str, Any]], None]
) -> None:
    # spawned: a fork would copy a process that has threads (numba's, torch's), and lock in the child
    context = multiprocessing.get_context("spawn")
    others = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_deaf)
    try:
        futures = {pool.submit(execute, config, unit, place): unit for unit in units}
        for future in as_completed(futures):
            done(_keyed(future.result(), futures[future]))
    except BrokenProcessPool as error:
        raise BenchmarkError(
            "a process of the benchmark died (killed, or out of memory). Start it again: it goes on with the runs that "
            "are not finished; --workers 1 needs less memory"
        ) from error
    except BaseException:
        for child in set(multiprocessing.active_children()) - others:
            child.terminate()  # a training may take minutes, and nobody waits for it any more
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _keyed(record: dict[str, Any], unit: Unit) -> dict[str, Any]:
    return {"key": unit.key, **record}


def _deaf() -> None:
    """Leave Ctrl-C to the parent: a training that answers it would hand in half of its work."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
