"""A log of every time that an agent met a test range, written before it did.

A test is worth what it says once: whoever looks, changes something and looks again has trained on it. Nothing can
forbid that, so it is made visible. The log is only ever added to; it is kept with the results, over all runs and
configs, and a range that the same algorithm and seed opened twice is told on the page.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from os import PathLike
from pathlib import Path
from typing import Any

FIELDS = ("data", "first", "last", "algorithm", "seed")


def note_opening(path: str | PathLike[str], **opening: Any) -> None:
    """Add one line to the log, and see it on the disk before going on.

    Parameters
    ----------
    path : path
    **opening
        `data` (content hash of the bars), `first` and `last` (times of the range), `algorithm`, `seed`, and whatever
        else says who looked.
    """
    line = json.dumps({"at": datetime.now(UTC).isoformat(timespec="seconds"), **opening}, sort_keys=True) + "\n"
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        os.write(handle, line.encode())  # one write: lines of several processes do not mix
        os.fsync(handle)
    finally:
        os.close(handle)


def read_openings(path: str | PathLike[str]) -> list[dict[str, Any]]:
    """Return the lines of a log in their order; a log that is not there has none, and a torn last line is left out."""
    return read_lines(path)


def read_lines(path: str | PathLike[str]) -> list[dict[str, Any]]:
    """Return the JSON objects of a file, one a line; lines that a kill has cut off are left out."""
    file = Path(path)
    if not file.exists():
        return []
    found = []
    for line in file.read_text(encoding="utf-8").splitlines():
        try:
            value = json.loads(line)
        except json.JSONDecodeError:
            continue
        if isinstance(value, dict):
            found.append(value)
    return found


def opened(openings: Iterable[Mapping[str, Any]]) -> Counter[tuple[Any, ...]]:
    """Return how often each range was opened by each algorithm and seed: keys are the values of `FIELDS`."""
    return Counter(tuple(one.get(name) for name in FIELDS) for one in openings)
