"""The log of a training: `progress.csv`, and TensorBoard's event files beside it."""

from __future__ import annotations

import csv
import math
import os
from pathlib import Path
from typing import Any

from envs.errors import TrainingError

CSV = "progress.csv"
FIRST = ("steps", "seconds", "steps_per_second", "episode_return", "episode_length", "equity", "validation_return")


class Log:
    """Rows of numbers, written as they come.

    Parameters
    ----------
    folder : path
        Made where it does not exist.
    from_steps : int
        Rows of an earlier process that are of later steps than these are dropped: they come again.

    Raises
    ------
    TrainingError
        If the folder cannot be written, or tensorboard is not installed.
    """

    def __init__(self, folder: str | os.PathLike[str], from_steps: int = 0):
        self._path = Path(folder) / CSV
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._rows = _rows_until(self._path, from_steps) if from_steps else []
            self._columns = [*FIRST]
            self._columns += [name for name in (self._rows[0] if self._rows else ()) if name not in self._columns]
            self._rewrite()
        except OSError as error:
            raise TrainingError(f"{self._path}: the log cannot be written: {error.strerror or error}") from None
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            raise TrainingError("log_dir needs tensorboard, which is not installed: pip install tensorboard") from None
        self._board = SummaryWriter(str(folder), purge_step=from_steps or None)

    def write(self, row: dict[str, float]) -> None:
        """Write a row; numbers that are none stay empty. A new name becomes a column, empty in the rows before."""
        told = {name: value for name, value in row.items() if value is not None and math.isfinite(value)}
        self._rows.append({name: _text(value) for name, value in told.items()})
        new = [name for name in told if name not in self._columns]
        if new:
            self._columns += new
            self._rewrite()
        else:
            with self._path.open("a", newline="", encoding="utf-8") as file:
                csv.DictWriter(file, self._columns, restval="").writerow(self._rows[-1])
        for name, value in told.items():
            if name != "steps":
                self._board.add_scalar(name, value, int(row["steps"]))

    def close(self) -> None:
        """Write out what waits."""
        self._board.close()

    def _rewrite(self) -> None:
        partial = self._path.with_name(CSV + ".partial")
        with partial.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, self._columns, restval="")
            writer.writeheader()
            writer.writerows(self._rows)
        os.replace(partial, self._path)


def _rows_until(path: Path, steps: int) -> list[dict[str, Any]]:
    """Return the rows of an earlier log up to a step; a last line that was cut off is left out."""
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    kept = []
    for row in rows:
        try:
            if int(row["steps"]) <= steps and None not in row.values():
                kept.append({name: text for name, text in row.items() if name})
        except (KeyError, TypeError, ValueError):
            break
    return kept


def _text(value: float) -> str:
    return str(int(value)) if float(value).is_integer() and abs(value) < 2**53 else repr(float(value))
