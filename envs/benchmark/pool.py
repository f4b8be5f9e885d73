"""All runs of a benchmark, by as many workers as are wanted; what is finished stays finished.

Each finished run is a line in a file, on the disk before the next one is. Stopped by Ctrl-C, a kill or a power cut, the
benchmark goes on where it was when it is started again; runs of a config that has changed since are done anew.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from backtester.errors import BacktesterError, SettingsError, WorkerError
from backtester.executors import Executor, Threads, as_done, as_executor
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
    config: Config,
    runs: Path,
    place: Place,
    *,
    workers: int | None = 1,
    executor: str | Executor = "processes",
    progress: Progress | None = None,
) -> list[dict[str, Any]]:
    """Do the runs of a config that are not done yet, and return the records of all, in the order of `units_of`.

    Parameters
    ----------
    config : Config
    runs : Path
        The file of finished runs; made where it is not there. This process alone writes it.
    place : Place
        Where runs may write, and who trains; seen by all workers.
    workers : int or None
        How many runs at once; 0 does all in this process. None where `executor` has them.
    executor : {"processes", "ray"} or Executor
        See `backtester.executors`. What a run gives does not depend on it.
    progress : function, optional
        Called with the number of finished runs, that of all, and the key of the one just finished.

    Returns
    -------
    list of dict
        As `execute`; failed runs among them.

    Raises
    ------
    SettingsError
        If there is no such executor, or it is threads: those of a process draw from one generator, torch's.
    BenchmarkError
        If processes died again and again on the same run; the runs that finished are kept.
    KeyboardInterrupt
        After Ctrl-C; the runs that finished are kept.
    """
    chosen = _executor(executor, workers)
    units = units_of(config)
    records = finished(runs, units)
    left = [unit for unit in units if unit.key not in records]
    runs.parent.mkdir(parents=True, exist_ok=True)
    try:
        for record in as_done(chosen, _run, (config, place), left):
            keep(runs, record)
            records[record["key"]] = record
            if progress is not None:
                progress(len(records), len(units), record["key"])
    except WorkerError as error:
        raise BenchmarkError(
            f"{error}. Start it again: it goes on with the runs that are not finished; --workers 1 needs less memory"
        ) from error
    return [records[unit.key] for unit in units]


def _executor(executor: str | Executor, workers: int | None) -> Executor:
    if workers == 0:
        return Threads(1)
    found = as_executor(executor, workers)
    if isinstance(found, Threads) and found.workers > 1:
        raise SettingsError(
            f"executor is {found!r}, and agents that train in one process draw from one generator, torch's, so that "
            "they would not be the same again; take executor='processes' or 'ray'"
        )
    return found


def _run(shared: tuple[Config, Place], unit: Unit) -> dict[str, Any]:
    config, place = shared
    return {"key": unit.key, **execute(config, unit, place)}
