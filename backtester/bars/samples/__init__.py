"""Bundled real data. `samples.json` says for each sample where it is from, under which licence, and what was done.

The files are rebuilt from published wheels by `python -m backtester.bars.samples.rebuild`; loading them needs neither
network nor pandas.
"""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

import numpy as np

from backtester.bars.build import from_arrays
from backtester.bars.check import near
from backtester.bars.panel import Bars
from backtester.errors import DataError


def names() -> tuple[str, ...]:
    """Return the names of the samples."""
    return tuple(_catalogue()["samples"])


def describe(name: str) -> dict[str, Any]:
    """Return what is recorded of a sample: title, source, wheel, licence, rows, time, notes.

    Raises
    ------
    DataError
        If there is no such sample.
    """
    catalogue = _catalogue()
    known = catalogue["samples"]
    if name not in known:
        raise DataError(f"no sample {name!r}{near(name, known)} Samples: {', '.join(known)}")
    entry = dict(known[name])
    return {**entry, "wheel": catalogue["wheels"][entry["wheel"]]}


def load(name: str) -> Bars:
    """Return a sample as bars; it was checked when it was built, and jumps in it are known and noted.

    Raises
    ------
    DataError
        If there is no such sample.
    """
    entry = describe(name)
    with resources.files(__name__).joinpath(f"{name}.npz").open("rb") as file, np.load(file) as stored:
        arrays = {key: stored[key] for key in stored.files}
    columns = [arrays.pop(key) for key in ("open", "high", "low", "close", "volume")]
    clock = {key: arrays.pop(key) for key in ("timestamps", "sessions", "session_ends")}
    return from_arrays(
        clock["timestamps"],
        columns,
        symbols=tuple(entry["symbols"]),
        extras=arrays,
        sessions=clock["sessions"],
        session_ends=clock["session_ends"],
        name=name,
        allow_negative=False,
        check=False,
    )


def _catalogue() -> dict[str, Any]:
    return json.loads(resources.files(__name__).joinpath("samples.json").read_text(encoding="utf-8"))
