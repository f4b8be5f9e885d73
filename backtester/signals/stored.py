"""A signal in a directory: Parquet files beside `manifest.json`, which holds their SHA-256.

| file | rows |
|---|---|
| `values-….parquet` | one per bar and asset, assets side by side: time, symbol, value, probabilities, the label |
| `bars-….parquet` | one per bar: time, fold |

The manifest has the rest: name, classes, folds with all that was tried in them, the declaration of the label. Columns
of the paths of combinatorial cross-validation begin with their number. Numbers are stored as they are, so that a loaded
signal equals the saved one bit for bit. `backtester.archive` says why a save is whole or did not happen.
"""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from backtester import archive
from backtester.archive import Kind, Part
from backtester.errors import BacktesterError, ModelError

if TYPE_CHECKING:
    import pyarrow as pa

    from backtester.signals.labels import Label
    from backtester.signals.signal import FoldRecord, Signal

KIND = Kind("backtester signal", 1, ModelError, "predict again")
_ARRAY = "label_array:"


def save(signal: Signal, directory: str | PathLike[str]) -> None:
    """Write a signal; see `Signal.to_parquet`."""
    import pyarrow as pa

    import backtester

    n_bars, n_assets = signal.values.shape
    time = pa.array(np.asarray(signal.timestamps).view("M8[ns]")).cast(pa.timestamp("ns", "UTC"))
    asset = pa.array(np.tile(np.arange(n_assets, dtype=np.int32), n_bars))
    panel: dict[str, Any] = {
        "time": time.take(pa.array(np.repeat(np.arange(n_bars), n_assets))),
        "symbol": pa.DictionaryArray.from_arrays(asset, list(signal.symbols)),
    }
    bars: dict[str, Any] = {"time": time}
    words = _words(signal, "", panel, bars)
    paths = [_words(path, f"{n}:", panel, bars) for n, path in enumerate(signal.paths)]
    content = {
        "name": signal.name,
        "symbols": list(signal.symbols),
        "classes": [int(one) for one in signal.classes],
        "signal": words,
        "paths": paths,
        "label": None if signal.label is None else _label_words(signal.label, panel),
        "versions": {"backtester": backtester.__version__, "numpy": np.__version__, "pyarrow": pa.__version__},
    }
    archive.write(directory, KIND, content, {"values": _parquet(pa.table(panel)), "bars": _parquet(pa.table(bars))})


def load(directory: str | PathLike[str]) -> Signal:
    """Read a signal; see `Signal.load`."""
    folder = Path(directory)
    content, parts = archive.read(folder, KIND)
    if set(parts) != {"values", "bars"}:
        raise KIND.damaged(folder / archive.MANIFEST, f"it lists the files {sorted(parts)}")
    panel, bars = _table(parts["values"]), _table(parts["bars"])
    try:
        symbols = tuple(str(one) for one in content["symbols"])
        clock = bars["time"].cast("int64").to_numpy()
        rows = panel["time"].cast("int64").to_numpy()
        if not np.array_equal(rows, np.repeat(clock, len(symbols))):
            raise ValueError("the times of the two files differ")
        if panel["symbol"].cast("string").to_pylist() != list(symbols) * len(clock):
            raise ValueError("the symbols of the values are not those of the manifest")
        label = None if content["label"] is None else _label(content["label"], panel, clock, symbols)
        common = {"symbols": symbols, "name": str(content["name"]), "classes": tuple(content["classes"])}
        paths = [
            _signal(words, f"{n}:", panel, bars, clock, label, (), common) for n, words in enumerate(content["paths"])
        ]
        return _signal(content["signal"], "", panel, bars, clock, label, tuple(paths), common)
    except BacktesterError as error:
        raise KIND.damaged(folder, f"what it holds is no signal: {error}") from None
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise KIND.damaged(folder, f"what it holds does not fit together ({type(error).__name__}: {error})") from None


def _words(signal: Signal, start: str, panel: dict[str, Any], bars: dict[str, Any]) -> dict[str, Any]:
    """Put the arrays of a signal into tables, under names that begin with `start`; return the rest as plain values."""
    panel[f"{start}value"] = signal.values.ravel()
    if signal.probabilities is not None:
        for k, one in enumerate(signal.classes):
            panel[f"{start}probability:{int(one)}"] = np.ascontiguousarray(signal.probabilities[:, :, k]).ravel()
    bars[f"{start}fold"] = signal.fold
    return {
        "trained_until": [int(one) for one in signal.trained_until],
        "trials": int(signal.trials),
        "probabilities": signal.probabilities is not None,
        "folds": [_record_words(record) for record in signal.folds],
    }


def _record_words(record: FoldRecord) -> dict[str, Any]:
    from backtester.signals.bundle.contents import kept, tried_words

    return {
        "number": int(record.number),
        "first": int(record.first),
        "last": int(record.last),
        "n_train": int(record.n_train),
        "trained_until": int(record.trained_until),
        "columns": list(record.columns),
        "settings": {name: kept(value) for name, value in record.settings.items()},
        "tried": tried_words(record.tried),
        "seconds": float(record.seconds),
        "trained_from": int(record.trained_from),
        "label_mean": float(record.label_mean) if math.isfinite(record.label_mean) else None,
        "importance": {name: float(one) for name, one in record.importance.items()},
    }


def _record(words: Mapping[str, Any]) -> FoldRecord:
    from backtester.signals.bundle.contents import tried_from
    from backtester.signals.bundle.weights import unpacked
    from backtester.signals.signal import FoldRecord

    return FoldRecord(
        **{name: int(words[name]) for name in ("number", "first", "last", "n_train", "trained_until")},
        columns=tuple(str(one) for one in words["columns"]),
        settings={name: unpacked(value) for name, value in words["settings"].items()},
        tried=tried_from(words["tried"]),
        seconds=float(words["seconds"]),
        trained_from=int(words["trained_from"]),
        label_mean=math.nan if words["label_mean"] is None else float(words["label_mean"]),
        importance={str(name): float(one) for name, one in words["importance"].items()},
    )


def _signal(
    words: Mapping[str, Any],
    start: str,
    panel: pa.Table,
    bars: pa.Table,
    clock: np.ndarray,
    label: Label | None,
    paths: tuple[Signal, ...],
    common: dict[str, Any],
) -> Signal:
    from backtester.signals.signal import Signal

    shape = (len(clock), len(common["symbols"]))
    chances = None
    if words["probabilities"]:
        columns = [_numbers(panel, f"{start}probability:{one}").reshape(shape) for one in common["classes"]]
        chances = np.ascontiguousarray(np.stack(columns, axis=2))
    return Signal(
        values=_numbers(panel, f"{start}value").reshape(shape),
        timestamps=np.array(clock),
        fold=_numbers(bars, f"{start}fold").astype(np.int32, casting="safe"),
        trained_until=np.array(words["trained_until"], np.int64),
        probabilities=chances,
        label=label,
        folds=tuple(_record(one) for one in words["folds"]),
        trials=int(words["trials"]),
        paths=paths,
        **common,
    )


def _label_words(label: Label, panel: dict[str, Any]) -> dict[str, Any]:
    panel["label"], panel["label_end"] = label.values.ravel(), label.end.ravel()
    if label.returns is not None:
        panel["label_returns"] = label.returns.ravel()
    for name, array in label.arrays.items():
        panel[f"{_ARRAY}{name}"] = array.ravel()
    return {"name": label.name, "kind": label.kind, "spec": label.spec}


def _label(words: Mapping[str, Any], panel: pa.Table, clock: np.ndarray, symbols: tuple[str, ...]) -> Label:
    from backtester.signals.labels import Label

    shape = (len(clock), len(symbols))
    names = panel.column_names
    return Label(
        values=_numbers(panel, "label").reshape(shape),
        end=_numbers(panel, "label_end").reshape(shape),
        kind=words["kind"],
        name=words["name"],
        spec=dict(words["spec"]),
        timestamps=clock,
        symbols=symbols,
        returns=_numbers(panel, "label_returns").reshape(shape) if "label_returns" in names else None,
        arrays={
            name.removeprefix(_ARRAY): _numbers(panel, name).reshape(shape) for name in names if name.startswith(_ARRAY)
        },
    )


def _parquet(table: pa.Table) -> Part:
    import pyarrow.parquet as pq

    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    return Part("parquet", buffer.getvalue())


def _table(part: Part) -> pa.Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.read_table(pa.BufferReader(part.data))
    except (pa.ArrowException, OSError) as error:
        raise KIND.damaged(
            part.path, f"it is not Parquet ({str(error).splitlines()[0]}); nothing was unpickled"
        ) from None


def _numbers(table: pa.Table, name: str) -> np.ndarray:
    """Return a column as an array of its own."""
    return np.array(table[name].to_numpy())
