"""SQLite files that many processes write: opened with a write-ahead log, written in whole transactions, and errors that
say what to do. The store of sweeps and the trial ledger are such files.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from backtester.errors import ResultError

_ROWS = 100  # of one statement; SQLite of before 2020 takes 999 values
_PAUSE = 0.02  # seconds, between two tries to switch the log on


def connect(path: str | Path, patience: float) -> sqlite3.Connection:
    """Open a file for any thread of this process, which must take turns; `patience` seconds are waited for a writer.

    `path` is "" for a temporary file of SQLite's own, and ":memory:" for none.
    """
    db = sqlite3.connect(path, timeout=patience, check_same_thread=False, isolation_level=None)
    try:
        if str(path) not in ("", ":memory:"):
            _write_ahead(db, patience)
            db.execute("PRAGMA synchronous = NORMAL")
    except BaseException:
        db.close()
        raise
    return db


def _write_ahead(db: sqlite3.Connection, patience: float) -> None:
    """Switch the write-ahead log on; SQLite itself does not wait for its lock while another opens the same new file."""
    end = time.monotonic() + patience
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > end:
                raise
            time.sleep(_PAUSE)


def insert(db: sqlite3.Connection, into: str, rows: Sequence[Sequence[Any]], conflict: str = "") -> int:
    """Insert rows, a hundred with each statement, and return how many there are more.

    Every step of a statement lets go of the interpreter's lock and waits for it again, which costs more than a row
    where other threads work.

    Parameters
    ----------
    db : sqlite3.Connection
    into : str
        "INSERT INTO table" or the like.
    rows : sequence of sequence
        All of one length.
    conflict : str
        What follows the values.
    """
    found = 0
    for at in range(0, len(rows), _ROWS):
        part = rows[at : at + _ROWS]
        marks = f"({', '.join('?' * len(part[0]))})"
        values = tuple(chain.from_iterable(part))
        found += db.execute(f"{into} VALUES {', '.join([marks] * len(part))} {conflict}", values).rowcount
    return found


def tables_of(db: sqlite3.Connection) -> set[str]:
    """Return the names of the tables."""
    return {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


class Transaction:
    """BEGIN IMMEDIATE … COMMIT, or ROLLBACK."""

    def __init__(self, db: sqlite3.Connection):
        self._db = db

    def __enter__(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        try:
            if kind is None:
                self._db.execute("COMMIT")
        finally:
            if self._db.in_transaction:  # SQLite may have rolled back by itself, and a COMMIT that failed has not
                self._db.execute("ROLLBACK")


class Explained:
    """Turns the errors of SQLite and of the file system into a `ResultError` that says what to do.

    Parameters
    ----------
    what : str
        Begins the sentence: what the file is, with its name.
    sentences : dict of str to str
        What is said of an error whose text has the key; the rest of the sentence.
    """

    def __init__(self, what: str, sentences: dict[str, str]):
        self._what = what
        self._sentences = sentences

    def __enter__(self) -> None:
        return

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if not isinstance(error, sqlite3.Error | OSError):
            return
        text = str(error)
        told = next((told for word, told in self._sentences.items() if word in text), "")
        if told:
            raise ResultError(f"{self._what} {told} ({text})") from error
        raise ResultError(f"{self._what} cannot be used: {text}") from error
