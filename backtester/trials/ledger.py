"""The file: one SQLite database per project, safe under any number of writers.

A batch is what one door did with one strategy on one market over one period; its trials are numbers of
`identity.trial_number`, each with how often it ran, how many trials it hides (those a signal was chosen from), its
Sharpe ratio per year, and, for some, a sketch of its returns. Sketches are large beside the rest and have a table of
their own, so that trials lie close together. The journal is a write-ahead log, and every batch is one transaction.
`count` asks it how many trials there were.
"""

from __future__ import annotations

import json
import math
import os
import threading
import time
import weakref
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from backtester.database import Explained, Transaction, connect, insert, tables_of
from backtester.errors import ResultError

FORMAT = 2
_OLDER = "1"  # its table of trials had a column of sketches
PATIENCE = 20.0  # seconds to wait for another writer
FEW_RETURNS = 30  # below, moments are too rough, and so is a Sharpe ratio
_SCHEMA = """
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE markets (id INTEGER PRIMARY KEY, symbols TEXT NOT NULL UNIQUE);
CREATE TABLE market_symbols (symbol TEXT NOT NULL, market INTEGER NOT NULL, PRIMARY KEY (symbol, market)) WITHOUT ROWID;
CREATE TABLE batches (
    id INTEGER PRIMARY KEY, at TEXT NOT NULL, door TEXT NOT NULL, mark TEXT NOT NULL, strategy TEXT NOT NULL,
    code TEXT NOT NULL, market INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, n_bars INTEGER NOT NULL,
    UNIQUE (market, code, door, mark, first, last, n_bars));
CREATE TABLE trials (
    batch INTEGER NOT NULL, number INTEGER NOT NULL, runs INTEGER NOT NULL, behind INTEGER NOT NULL, sharpe REAL,
    PRIMARY KEY (batch, number)) WITHOUT ROWID;
CREATE TABLE sketches (
    batch INTEGER NOT NULL, number INTEGER NOT NULL, sketch BLOB NOT NULL, PRIMARY KEY (batch, number));
"""
_TABLES = {"facts", "markets", "market_symbols", "batches", "trials"}
_FROM_OLDER = """
ALTER TABLE trials RENAME TO older;
{trials};
{sketches};
INSERT INTO trials SELECT batch, number, runs, behind, sharpe FROM older;
INSERT INTO sketches SELECT batch, number, sketch FROM older WHERE sketch IS NOT NULL;
DROP TABLE older
"""


class Trial(NamedTuple):
    """One trial, as it is written."""

    number: int  # int64
    sharpe: float  # per year; NaN where there is none
    sketch: bytes = b""  # of `sketch.Sketcher`; empty where there is none
    behind: int = 1  # trials that this one stands for
    runs: int = 1  # how often it ran


@dataclass(frozen=True)
class Batch:
    """What the trials of a batch have in common.

    Attributes
    ----------
    door : str
        What made them: "run", "sweep", "walk-forward", "walk-forward window", "model", "training".
    mark : str
        See `mark.marked`; "" where they count.
    strategy, code : str
        Name, and hash of the code.
    symbols : tuple of str
    first, last : int
        Closes of the first and the last bar, ns UTC.
    n_bars : int
    """

    door: str
    mark: str
    strategy: str
    code: str
    symbols: tuple[str, ...]
    first: int
    last: int
    n_bars: int


class Row(NamedTuple):
    """A batch as it is read."""

    id: int
    at: str
    door: str
    mark: str
    strategy: str
    symbols: tuple[str, ...]
    first: int
    last: int
    n_bars: int
    trials: int
    runs: int
    best: float


class Tally(NamedTuple):
    """What some trials come to.

    Attributes
    ----------
    distinct : int
        Trials.
    behind : int
        And with those that they stand for.
    sharpe_variance, best : float
        Of their Sharpe ratios per year, as over the period that was asked for; NaN where there are too few.
    """

    distinct: int
    behind: int
    sharpe_variance: float
    best: float


class Ledger:
    """One file of trials.

    Parameters
    ----------
    path : Path
        Made with its folder where it is not there.

    Raises
    ------
    ResultError
        It cannot be made, read or written, or is something else.
    """

    def __init__(self, path: Path):
        self.path = path
        self._lock = threading.RLock()
        self._pid = os.getpid()
        with _explained(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = connect(path, PATIENCE)
            try:
                self._open()
            except BaseException:
                self._db.close()
                raise
            self._file = _identity(path)
        self.close = weakref.finalize(self, self._db.close)

    def _open(self) -> None:
        schema = _SCHEMA.strip().rstrip(";").split(";")
        if not tables_of(self._db):
            with self._writing():
                if not tables_of(self._db):  # nobody else was quicker
                    for statement in schema:
                        self._db.execute(statement)
                    self._db.execute("INSERT INTO facts VALUES ('format', ?)", (str(FORMAT),))
        tables = tables_of(self._db)
        if not tables >= _TABLES:
            raise ResultError(
                f"the trial ledger {self.path} is an SQLite file with the tables {', '.join(sorted(tables))}, and no "
                "ledger; set BACKTESTER_TRIALS to another file"
            )
        if self._format() == _OLDER:
            with self._writing():
                if self._format() == _OLDER:  # nobody else was quicker
                    for statement in _FROM_OLDER.format(trials=schema[-2], sketches=schema[-1]).strip().split(";"):
                        self._db.execute(statement)
                    self._db.execute("UPDATE facts SET value = ? WHERE name = 'format'", (str(FORMAT),))
        found = self._format()
        if found != str(FORMAT):
            raise ResultError(
                f"the trial ledger {self.path} has format {found}, and this version reads format {FORMAT}; set "
                "BACKTESTER_TRIALS to another file"
            )

    def _format(self) -> str:
        return str(self._db.execute("SELECT value FROM facts WHERE name = 'format'").fetchone()[0])

    @property
    def is_usable(self) -> bool:
        """Whether the file is still the one that was opened, and this process the one that did."""
        return self._pid == os.getpid() and self.close.alive and self._file == _identity(self.path)

    # --- writing -----------------------------------------------------------------------------------------------------

    def add(self, batch: Batch, trials: Iterable[Trial]) -> None:
        """Write trials in one transaction; one that is there already has run once more."""
        with self._lock, _explained(self.path), self._writing():
            batch_id = self._batch(batch)
            rows, sketches = [], []
            for number, sharpe, sketch, behind, runs in trials:
                rows.append((batch_id, number, runs, behind, None if sharpe != sharpe else sharpe))
                if sketch:
                    sketches.append((batch_id, number, sketch))
            insert(
                self._db,
                "INSERT INTO trials",
                rows,
                "ON CONFLICT DO UPDATE SET runs = runs + excluded.runs, behind = max(behind, excluded.behind), "
                "sharpe = coalesce(excluded.sharpe, sharpe)",
            )
            insert(self._db, "INSERT OR REPLACE INTO sketches", sketches)

    def _batch(self, batch: Batch) -> int:
        market = self._market(batch.symbols)
        key = (market, batch.code, batch.door, batch.mark, batch.first, batch.last, batch.n_bars)
        query = (
            "SELECT id FROM batches WHERE market = ? AND code = ? AND door = ? AND mark = ? AND first = ? "
            "AND last = ? AND n_bars = ?"
        )
        row = self._db.execute(query, key).fetchone()
        if row is not None:
            return int(row[0])
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        cursor = self._db.execute(
            "INSERT INTO batches (market, code, door, mark, first, last, n_bars, at, strategy) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (*key, at, batch.strategy),
        )
        return int(cursor.lastrowid or 0)

    def _market(self, symbols: Sequence[str]) -> int:
        names = sorted(set(symbols))
        text = json.dumps(names)
        row = self._db.execute("SELECT id FROM markets WHERE symbols = ?", (text,)).fetchone()
        if row is not None:
            return int(row[0])
        market = int(self._db.execute("INSERT INTO markets (symbols) VALUES (?)", (text,)).lastrowid or 0)
        self._db.executemany("INSERT INTO market_symbols VALUES (?, ?)", [(name, market) for name in names])
        return market

    # --- reading -----------------------------------------------------------------------------------------------------

    def tally(self, symbols: Sequence[str], first: int, last: int, without: str = "") -> Tally:
        """Return what the distinct trials that count come to.

        Counted are those without a mark on any of the symbols, over a period that overlaps that from `first` to `last`,
        which did not come through the door `without`.

        The error of a Sharpe ratio per year shrinks with the root of the years, so that one of a month says nothing
        beside those of ten years. Each is therefore told as it would be over the period from `first` to `last` with the
        same significance, SR·√(its period / that period). Of a trial on several periods the longest counts, and of
        periods of one length (the windows of a walk) the mean, over the stretch that they cover. Those on 30 bars or
        fewer have none.
        """
        within = (
            "FROM batches b JOIN trials t ON t.batch = b.id WHERE b.market IN (SELECT value FROM json_each(:markets)) "
            "AND b.mark = '' AND b.first < :last AND b.last > :first AND b.door != :without"
        )
        counted = f"SELECT count(*), total(behind) FROM (SELECT max(t.behind) AS behind {within} GROUP BY t.number)"
        by_length = (
            f"SELECT t.number AS number, max(b.last) - min(b.first) AS stretch, avg(t.sharpe) AS sharpe {within} "
            "AND t.sharpe IS NOT NULL AND b.n_bars > :few GROUP BY t.number, b.last - b.first"
        )
        longest = f"SELECT sharpe, max(stretch) AS period FROM ({by_length}) GROUP BY number"
        sums = "count(*), total(sharpe), total(sharpe * sharpe), max(sharpe)"
        scored = f"SELECT period, {sums} FROM ({longest}) GROUP BY period"
        with self._lock, _explained(self.path):
            asked = {"markets": json.dumps(self._markets(symbols)), "first": first, "last": last}
            asked |= {"without": without, "few": FEW_RETURNS}
            distinct, behind = self._db.execute(counted, asked).fetchone()
            rows = self._db.execute(scored, asked).fetchall()
        n, total, squares, best = 0, 0.0, 0.0, -math.inf
        for period, count, sum_of, squares_of, best_of in rows:
            scale = math.sqrt(period / max(last - first, 1))
            n += count
            total, squares = total + scale * sum_of, squares + scale * scale * squares_of
            best = max(best, scale * best_of)
        variance = max(squares - total * total / n, 0.0) / (n - 1) if n > 1 else math.nan
        return Tally(int(distinct), int(behind), variance, best if n else math.nan)

    def sketches(self, symbols: Sequence[str], first: int, last: int, most: int, without: str = "") -> list[bytes]:
        """Return the sketches of at most `most` of the distinct trials that `tally` counts, spread over them."""
        with self._lock, _explained(self.path):
            found: dict[int, bytes] = {}
            query = (
                "SELECT s.number, s.sketch FROM sketches s JOIN batches b ON b.id = s.batch WHERE b.market = ? AND "
                "b.mark = '' AND b.first < ? AND b.last > ? AND b.door != ? ORDER BY s.number"
            )
            for market in self._markets(symbols):
                found.update(self._db.execute(query, (market, last, first, without)).fetchall())
        numbers = sorted(found)
        chosen = (
            numbers if len(numbers) <= most else [numbers[i] for i in np.linspace(0, len(numbers) - 1, most, dtype=int)]
        )
        return [found[number] for number in chosen]

    def marked(self, symbols: Sequence[str], first: int, last: int) -> dict[str, int]:
        """Return how many runs over that period there were with each mark; they are not counted."""
        with self._lock, _explained(self.path):
            found: dict[str, int] = {}
            query = (
                "SELECT b.mark, sum(t.runs) FROM trials t JOIN batches b ON b.id = t.batch WHERE b.market = ? AND "
                "b.mark != '' AND b.first < ? AND b.last > ? GROUP BY b.mark"
            )
            for market in self._markets(symbols):
                for mark, runs in self._db.execute(query, (market, last, first)):
                    found[mark] = found.get(mark, 0) + int(runs)
            return found

    def rows(self) -> Iterator[Row]:
        """Return every batch in the order in which they began."""
        query = (
            "SELECT b.id, b.at, b.door, b.mark, b.strategy, m.symbols, b.first, b.last, b.n_bars, count(*), "
            "sum(t.runs), max(t.sharpe) FROM batches b JOIN markets m ON m.id = b.market "
            "JOIN trials t ON t.batch = b.id GROUP BY b.id ORDER BY b.id"
        )
        with self._lock, _explained(self.path):
            rows = self._db.execute(query).fetchall()
        for row in rows:
            best = float("nan") if row[11] is None else float(row[11])
            number, at, door, mark, strategy, symbols, first, last, n_bars, trials, runs = row[:11]
            names = tuple(json.loads(symbols))
            yield Row(number, at, door, mark, strategy, names, first, last, n_bars, trials, runs, best)

    def _markets(self, symbols: Sequence[str]) -> list[int]:
        names, found = sorted(set(symbols)), set()
        for start in range(0, len(names), 500):
            part = names[start : start + 500]
            marks = ", ".join("?" * len(part))
            rows = self._db.execute(f"SELECT DISTINCT market FROM market_symbols WHERE symbol IN ({marks})", part)
            found |= {int(market) for (market,) in rows}
        return sorted(found)

    def _writing(self) -> Transaction:
        return Transaction(self._db)


def _identity(path: Path) -> tuple[int, int] | None:
    """Return what tells a file from another of its name; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _explained(path: Path) -> Explained:
    return Explained(f"the trial ledger {path}", _SENTENCES)


_ELSEWHERE = "set BACKTESTER_TRIALS to another file, or to off"
_SENTENCES = {
    "not a database": f"is no SQLite file; move it away, or {_ELSEWHERE}",
    "malformed": "is damaged; recover it with `sqlite3 FILE .recover`, or move it away and count anew",
    "readonly": f"can only be read; {_ELSEWHERE}",
    "unable to open": f"cannot be opened; {_ELSEWHERE}",
    "locked": f"has been locked by another program for {PATIENCE:.0f} seconds; end that, or {_ELSEWHERE}",
    "full": "is on a disk that is full; make room",
}
