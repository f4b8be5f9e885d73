"""Outcomes on disk: one SQLite file for any number of sweeps, written many at a time.

The journal is a write-ahead log, and every `add` is one transaction: after `kill -9` the file holds all of it or
nothing, and a sweep that is started again runs the rest. A trial is its number in the sweep, which is the primary key,
so that none can be there twice, whoever writes. Metrics are float64 in a blob, in the order of the names that the
sweep's row holds.
"""

from __future__ import annotations

import json
import math
import threading
import time
import weakref
from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from backtester.database import Explained, Transaction, connect, insert, tables_of
from backtester.errors import ResultError
from backtester.research.sweep.trials import Outcome

FORMAT = 2
_OLDER = "1"  # without sums
DEFAULT = ".backtester/sweeps.db"
_PATIENCE = 60.0  # seconds to wait for another writer
_SCHEMA = """
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sweeps (
    id INTEGER PRIMARY KEY, digest TEXT NOT NULL UNIQUE, begun TEXT NOT NULL, strategy TEXT NOT NULL,
    about TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS trials (
    sweep INTEGER NOT NULL, number INTEGER NOT NULL, point TEXT NOT NULL, score REAL, scores BLOB NOT NULL,
    metrics BLOB NOT NULL, error TEXT NOT NULL, sums BLOB NOT NULL DEFAULT x'', PRIMARY KEY (sweep, number))
    WITHOUT ROWID;
"""
_COLUMNS = "number, point, scores, metrics, error"


class Store:
    """A file of outcomes, or memory that goes with the object.

    Parameters
    ----------
    path : path-like or None
        None: a temporary file of SQLite's own that nobody else sees. `":memory:"`: no file at all.

    Raises
    ------
    ResultError
        The file cannot be made, read or written, or is no store of sweeps.
    """

    def __init__(self, path: Any):
        self.path = "" if path is None else str(path)
        self._lock = threading.RLock()
        self.on_disk = self.path not in ("", ":memory:")
        if self.on_disk:
            try:
                Path(self.path).parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise ResultError(f"sweep: the folder of the store {self.path} cannot be made: {error}") from error
        with self._explained():
            self._open()

    def _open(self) -> None:
        self._db = connect(self.path, _PATIENCE)
        try:
            tables = tables_of(self._db)
            if tables and not {"facts", "sweeps", "trials"} <= tables:
                raise ResultError(
                    f"sweep: {self.path} is an SQLite file with the tables {', '.join(sorted(tables))}, and no store "
                    "of sweeps; name another file with store="
                )
            if not tables:
                with self._write():
                    for statement in _SCHEMA.split(";"):
                        self._db.execute(statement)
                    self._db.execute("INSERT OR IGNORE INTO facts VALUES ('format', ?)", (str(FORMAT),))
            found = self._format()
            if found == _OLDER:
                with self._write():
                    if self._format() == _OLDER:  # nobody else was quicker
                        self._db.execute("ALTER TABLE trials ADD COLUMN sums BLOB NOT NULL DEFAULT x''")
                        self._db.execute("UPDATE facts SET value = ? WHERE name = 'format'", (str(FORMAT),))
                found = self._format()
            if found != str(FORMAT):
                raise ResultError(
                    f"sweep: the store {self.path} has format {found}, and this version reads format {FORMAT}; name "
                    "another file with store="
                )
        except BaseException:
            self._db.close()
            raise
        weakref.finalize(self, self._db.close)

    def _format(self) -> str:
        found = self._db.execute("SELECT value FROM facts WHERE name = 'format'").fetchone()
        return found[0] if found else "none"

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def _explained(self) -> Explained:
        return Explained(f"sweep: the store {self.path or 'a temporary file'}", _SENTENCES)

    def _write(self) -> Transaction:
        return Transaction(self._db)

    # --- sweeps ------------------------------------------------------------------------------------------------------

    def sweep(self, digest: str, strategy: str, about: dict[str, Any]) -> int:
        """Return the id of the sweep with a digest; a new row where there is none."""
        with self._lock, self._explained(), self._write():
            row = self._db.execute("SELECT id FROM sweeps WHERE digest = ?", (digest,)).fetchone()
            if row is None:
                begun = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
                values = (digest, begun, strategy, json.dumps(about))
                cursor = self._db.execute(
                    "INSERT INTO sweeps (digest, begun, strategy, about) VALUES (?, ?, ?, ?)", values
                )
                return int(cursor.lastrowid or 0)
            return int(row[0])

    # --- trials ------------------------------------------------------------------------------------------------------

    def add(self, sweep: int, outcomes: Sequence[Outcome], sign: float) -> int:
        """Write outcomes in one transaction, and return how many were new; `sign` turns the first score for `best`."""
        rows = [
            (
                sweep,
                one.number,
                json.dumps(one.coordinates),
                _score(one, sign),
                _blob(one.scores),
                one.metrics,
                one.error,
                one.sums,
            )
            for one in outcomes
        ]
        with self._lock, self._explained(), self._write():
            return insert(self._db, "INSERT OR IGNORE INTO trials", rows)

    def done(self, sweep: int, first: int, last: int) -> set[int]:
        """Return the numbers between `first` and `last`, both included, that are there."""
        query = "SELECT number FROM trials WHERE sweep = ? AND number BETWEEN ? AND ?"
        return {int(number) for (number,) in self._rows(query, (sweep, first, last))}

    def get(self, sweep: int, number: int) -> Outcome | None:
        """Return one outcome, or None."""
        rows = self._rows(f"SELECT {_COLUMNS} FROM trials WHERE sweep = ? AND number = ?", (sweep, number))
        return next((_outcome(row) for row in rows), None)

    def count(self, sweep: int, last: int) -> tuple[int, int, int]:
        """Return how many outcomes there are up to number `last`, how many raised, and how many have no score."""
        query = "SELECT count(*), total(error != ''), total(score IS NULL) FROM trials WHERE sweep = ? AND number <= ?"
        rows, failed, unscored = next(iter(self._rows(query, (sweep, last))))
        return int(rows), int(failed), int(unscored)

    def ends(self, sweep: int, last: int) -> tuple[int, int]:
        """Return the lowest and the highest number of an outcome up to number `last`; (0, -1) where there is none."""
        query = "SELECT coalesce(min(number), 0), coalesce(max(number), -1) FROM trials WHERE sweep = ? AND number <= ?"
        low, high = next(iter(self._rows(query, (sweep, last))))
        return int(low), int(high)

    def best(self, sweep: int, last: int) -> Outcome | None:
        """Return the outcome with the largest turned score, of several the first; None where none has a score."""
        query = (
            f"SELECT {_COLUMNS} FROM trials WHERE sweep = ? AND number <= ? AND score IS NOT NULL "
            "ORDER BY score DESC, number LIMIT 1"
        )
        return next((_outcome(row) for row in self._rows(query, (sweep, last))), None)

    def first_error(self, sweep: int, last: int) -> Outcome | None:
        """Return the first outcome that raised, or None."""
        query = f"SELECT {_COLUMNS} FROM trials WHERE sweep = ? AND number <= ? AND error != '' ORDER BY number LIMIT 1"
        return next((_outcome(row) for row in self._rows(query, (sweep, last))), None)

    def outcomes(self, sweep: int, last: int) -> Iterator[Outcome]:
        """Return all outcomes by number."""
        query = f"SELECT {_COLUMNS} FROM trials WHERE sweep = ? AND number <= ? ORDER BY number"
        return map(_outcome, self._rows(query, (sweep, last)))

    def sums(self, sweep: int, last: int, most: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the numbers of at most `most` trials that have sums, spread evenly, and these sums, one row each."""
        where = "FROM trials WHERE sweep = ? AND number <= ? AND length(sums) > 0"
        (total,) = next(iter(self._rows(f"SELECT count(*) {where}", (sweep, last))))
        stride = max(1, -(-int(total) // most))
        query = f"SELECT number, sums {where} ORDER BY number"
        with self._lock, self._explained():  # row by row: there may be millions
            rows = list(islice(self._db.execute(query, (sweep, last)), 0, None, stride))
        numbers = np.array([number for number, _ in rows], np.int64)
        return numbers, np.array([np.frombuffer(one, np.float64) for _, one in rows])

    def _rows(self, query: str, values: tuple[Any, ...]) -> Iterable[tuple[Any, ...]]:
        with self._lock, self._explained():
            return self._db.execute(query, values).fetchall()


_SENTENCES = {
    "not a database": "is no SQLite file; name another with store=, or move this one away",
    "malformed": "is damaged; move it away, and the sweep begins anew, or recover it with `sqlite3 FILE .recover`",
    "readonly": "can only be read; name one with store= that can be written, or store=None to keep nothing",
    "unable to open": "cannot be opened; name one with store= that can be written, or store=None to keep nothing",
    "locked": f"has been locked by another program for {_PATIENCE:.0f} seconds; end that, or name another with store=",
    "full": "is on a disk that is full; make room and start again: what is stored stays",
}


def _score(one: Outcome, sign: float) -> float | None:
    if not one.scores or any(math.isnan(score) for score in one.scores):
        return None
    return sign * one.scores[0]


def _blob(scores: tuple[float, ...]) -> bytes:
    return array("d", scores).tobytes()


def _outcome(row: tuple[Any, ...]) -> Outcome:
    number, point, scores, metrics, error = row
    return Outcome(
        int(number), tuple(json.loads(point)), tuple(np.frombuffer(scores, np.float64).tolist()), metrics, str(error)
    )
