"""Signals in directories: every array and word comes back, and what was changed on the disk is refused."""

from __future__ import annotations

import hashlib
import json
import math
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from backtester import Bars, archive
from backtester.errors import ModelError
from backtester.signals import (
    CombinatorialPurgedCV,
    Features,
    Search,
    Signal,
    WalkForward,
    direction,
    forward_return,
    meta_label,
    predict_out_of_sample,
)
from backtester.signals.signal import FoldRecord

DAY = 86_400_000_000_000
FEATURES = ("log_return(1)", "log_return(3)", "rsi(7)")


def random_bars(n_bars=240):
    rng = np.random.default_rng(4)
    close = 50.0 * np.exp(np.cumsum(rng.normal(0.0, 0.02, (n_bars, 2)), axis=0))
    close[rng.random(close.shape) < 0.05] = np.nan
    return Bars.from_arrays(DAY * np.arange(1, n_bars + 1), close, close, close, close, close * 0 + 1e6)


def walk(model="ridge", label=forward_return, **settings):
    bars = random_bars()
    settings = {"scheme": WalkForward(100, 40), "importance": True, "workers": 1, **settings}
    return predict_out_of_sample(model, Features(FEATURES), label(bars), bars, **settings)


def equal(one, other):
    if isinstance(one, np.ndarray):
        return (
            isinstance(other, np.ndarray)
            and one.dtype == other.dtype
            and one.shape == other.shape
            and (one.tobytes() == other.tobytes())
        )
    if isinstance(one, float) and math.isnan(one):
        return isinstance(other, float) and math.isnan(other)
    if isinstance(one, dict):
        return list(one) == list(other) and all(equal(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return type(one) is type(other) and len(one) == len(other) and all(map(equal, one, other))
    if hasattr(one, "__dataclass_fields__"):
        return all(equal(getattr(one, name), getattr(other, name)) for name in one.__dataclass_fields__)
    return one == other


SIGNALS = {
    "a walk with a search": lambda: walk(search=Search({"alpha": [1.0, 1e3]}, metric="ic")),
    "probabilities": lambda: walk("logistic", direction),
    "three classes": lambda: walk("logistic", lambda bars: direction(bars, threshold=0.01)),
    "paths": lambda: walk(scheme=CombinatorialPurgedCV(4, 2)),
    "paths with probabilities": lambda: walk("logistic", direction, scheme=CombinatorialPurgedCV(3, 1)),
    "a label with arrays": lambda: walk("logistic", lambda bars: meta_label(bars, np.ones(bars.close.shape), 5)),
    "numbers of one's own": lambda: Signal.of(np.random.default_rng(0).normal(size=(240, 2)), random_bars()),
}


@pytest.mark.parametrize("make", SIGNALS.values(), ids=SIGNALS)
def test_everything_comes_back(make, tmp_path):
    signal = make()
    assert np.isfinite(signal.values).sum() > 100
    signal.to_parquet(tmp_path / "signal")
    again = Signal.load(tmp_path / "signal")
    assert equal(signal, again)
    assert not again.values.flags.writeable
    assert again.known_in_time == signal.known_in_time


def test_a_record_with_odd_values_comes_back(tmp_path):
    signal = walk()
    tried = (({"alpha": 1.0, "pair": (1, 2)}, math.nan), ({"alpha": None, "pair": [1]}, 0.25))
    odd = FoldRecord(0, 1, 2, 3, 4, ("a",), {"kernel": "rbf"}, tried, 0.5, 6, math.nan, {"a": -0.1})
    signal = replace(signal, folds=(odd,))
    signal.to_parquet(tmp_path / "signal")
    assert equal(Signal.load(tmp_path / "signal").folds, (odd,))


def test_the_files_are_parquet_that_others_read(tmp_path):
    signal = walk()
    signal.to_parquet(tmp_path / "signal")
    (path,) = (tmp_path / "signal").glob("values-*.parquet")
    table = pq.read_table(path)
    assert table.column_names == ["time", "symbol", "value", "label", "label_end", "label_returns"]
    frame = table.to_pandas()
    assert frame["value"].to_numpy().tobytes() == signal.values.ravel().tobytes()
    assert frame["time"].iloc[2].value == signal.timestamps[1]
    assert frame["symbol"].iloc[1] == signal.symbols[1]


def test_an_earlier_signal_is_replaced_and_nothing_else(tmp_path):
    for _ in range(2):
        walk().to_parquet(tmp_path / "signal")
    assert len(list((tmp_path / "signal").iterdir())) == 3
    (tmp_path / "signal" / "diary.txt").write_text("mine")
    with pytest.raises(ModelError, match=r"holds diary\.txt; only an empty directory or an earlier backtester signal"):
        walk().to_parquet(tmp_path / "signal")


def rewrite(folder: Path, change) -> None:
    path = folder / archive.MANIFEST
    content = json.loads(path.read_text())
    change(content)
    content["checksum"] = archive.checksum(content)
    path.write_text(json.dumps(content))


def put(folder: Path, part: str, data: bytes) -> None:
    """Put other bytes in the place of a file, with name, length and hashes that fit."""
    (old,) = folder.glob(f"{part}-*")
    digest = hashlib.sha256(data).hexdigest()
    new = folder / f"{part}-{digest[:16]}.parquet"
    old.unlink()
    new.write_bytes(data)
    entry = {"name": new.name, "bytes": len(data), "sha256": digest}
    rewrite(folder, lambda content: content["files"].update({part: entry}))


@pytest.fixture
def folder(tmp_path) -> Path:
    walk().to_parquet(tmp_path / "signal")
    return tmp_path / "signal"


def same_words(data: bytes, flipped: bytearray) -> bool:
    try:
        return json.loads(flipped) == json.loads(data)
    except ValueError:
        return False


def test_flipped_bytes_in_every_file(folder):
    for path in sorted(folder.iterdir()):
        data = path.read_bytes()
        for at in range(0, len(data), max(1, len(data) // 40)):
            flipped = bytearray(data)
            flipped[at] ^= 1
            if path.suffix == ".json" and same_words(data, flipped):
                continue  # the seventeenth digit of a float may change and leave the number
            path.write_bytes(flipped)
            with pytest.raises(ModelError):
                Signal.load(folder)
        path.write_bytes(data)
    Signal.load(folder)


class Bomb:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize("part", ["values", "bars"])
def test_a_pickle_in_the_place_of_a_file(folder, part, tmp_path):
    put(folder, part, pickle.dumps(Bomb(tmp_path / "exploded")))
    with pytest.raises(ModelError, match=r"it is not Parquet .*nothing was unpickled"):
        Signal.load(folder)
    assert not (tmp_path / "exploded").exists()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda c: c["symbols"].reverse(), "the symbols of the values are not those of the manifest"),
        (lambda c: c["symbols"].pop(), "the times of the two files differ"),
        (lambda c: c["signal"].update(trained_until=[]), "is not among 0 in trained_until"),
        (lambda c: c["signal"]["folds"][0].pop("columns"), "does not fit together"),
        (lambda c: c["signal"].update(probabilities=True, classes=[1]), "does not fit together"),
        (lambda c: c["label"].update(kind="magic"), "kind is 'magic'"),
        (lambda c: c["files"].pop("bars"), r"lists the files \['values'\]"),
        (lambda c: c.update(format=2), "this version reads format 1"),
        (lambda c: c.update(kind="backtester model"), "not the manifest of a backtester signal"),
    ],
)
def test_a_manifest_that_does_not_fit(folder, change, told):
    rewrite(folder, change)
    with pytest.raises(ModelError, match=told):
        Signal.load(folder)


def test_rows_that_are_missing(folder):
    (path,) = folder.glob("values-*")
    buffer = pa.BufferOutputStream()
    pq.write_table(pq.read_table(path).slice(0, 100), buffer)
    put(folder, "values", buffer.getvalue().to_pybytes())
    with pytest.raises(ModelError, match="the times of the two files differ"):
        Signal.load(folder)
