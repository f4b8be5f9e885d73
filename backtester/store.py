"""A result in a directory: Parquet files beside `manifest.json`, which holds their hashes.

| file | rows |
|---|---|
| `orders`, `fills`, `flows`, `changes`, `actions`, `records` `.parquet` | rows of `result.tables`, codes as numbers |
| `equity.parquet` | one per bar: `equity`, and `benchmark` where there is one |
| `bars.parquet` | one per bar and asset, assets side by side: time, symbol, prices, volume, extras |
| `assets.parquet` | one per asset: symbol, multiplier, exchange rate at the end, margined |

Everything is written to a directory beside the target, which is then renamed: there is a whole result or none. Numbers
are stored as they are, so a loaded result equals the saved one bit for bit.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from backtester.errors import ResultError
from backtester.kernel import codes
from backtester.kernel.tables import ACTION, CASH_FLOW, CHANGE, FILL, ORDER, RECORD

if TYPE_CHECKING:
    import pyarrow as pa

    from backtester.bars import Bars
    from backtester.result import Result

FORMAT = 2  # 1 had no actions, no currencies
KIND = "backtester result"
MANIFEST = "manifest.json"
_DTYPES = {
    "orders": ORDER,
    "fills": FILL,
    "flows": CASH_FLOW,
    "changes": CHANGE,
    "actions": ACTION,
    "records": RECORD,
}
_OLD_FILES = {1: ("actions.parquet",)}  # by format, what did not exist yet
_OLD_COLUMNS = {"fx": 1.0, "currency": 0}  # what columns that did not exist yet stand for
FILES = tuple(f"{name}.parquet" for name in (*_DTYPES, "equity", "bars", "assets"))
_COLUMNS = ("open", "high", "low", "close", "volume")
_EXTRA = "extra:"
_CODES = {
    "kind": codes.OrderKind,
    "role": codes.Role,
    "tif": codes.Tif,
    "status": codes.Status,
    "reason": codes.Reason,
    "phase": codes.Phase,
    "flow_kind": codes.CashFlowKind,
    "change_kind": codes.ChangeKind,
    "action_kind": codes.ActionKind,
    "outcome": codes.ChangeOutcome,
}


# --- saving ----------------------------------------------------------------------------------------------------------


def save(result: Result, directory: str | PathLike[str]) -> None:
    """Write a result to a directory, in full or not at all.

    Parameters
    ----------
    result : Result
    directory : path
        New, empty, or an earlier result, which is replaced.

    Raises
    ------
    ResultError
        If the directory holds anything else, or cannot be written.
    """
    target = Path(os.path.abspath(directory))
    replaces = _check_target(target)
    partial = target.parent / f".{target.name}.{secrets.token_hex(4)}.partial"
    try:
        partial.mkdir()
        try:
            _write(result, partial)
            _put(partial, target, replaces)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
    except OSError as error:
        raise ResultError(
            f"{target}: the result cannot be written: {error.strerror or error}. Nothing was left there; "
            "free space, or give a directory that can be written"
        ) from None


def _check_target(target: Path) -> bool:
    """Refuse a target that must not be replaced; return whether there is a directory to replace."""
    if not target.parent.is_dir():
        raise ResultError(f"{target}: the folder {target.parent} does not exist; create it, or give another place")
    if not os.path.lexists(target):
        return False
    if not target.is_dir() or target.is_symlink():
        raise ResultError(
            f"{target}: there is a file or a link of this name; a result is a directory, give another name"
        )
    inside = sorted(path.name for path in target.iterdir())
    if not inside:
        return True
    strangers = [name for name in inside if name not in (*FILES, MANIFEST)]
    if strangers or not _is_result(target):
        what = f"holds {', '.join(strangers[:3])}" if strangers else f"has no {MANIFEST} of a result"
        raise ResultError(
            f"{target}: the directory {what}; only an empty directory or an earlier result is written over. "
            "Give another name, or move what is there"
        )
    return True


def _is_result(directory: Path) -> bool:
    try:
        return json.loads((directory / MANIFEST).read_text("utf-8")).get("kind") == KIND
    except (OSError, ValueError, AttributeError):
        return False


def _put(partial: Path, target: Path, replaces: bool) -> None:
    """Move a finished directory to its place; an earlier one is moved aside before, and removed after."""
    if not replaces:
        partial.rename(target)
        return
    aside = partial.with_suffix(".old")
    target.rename(aside)
    try:
        partial.rename(target)
    except BaseException:
        aside.rename(target)
        raise
    shutil.rmtree(aside, ignore_errors=True)


def _write(result: Result, folder: Path) -> None:
    import pyarrow.parquet as pq

    written = {}
    for name, table in _tables_of(result).items():
        path = folder / f"{name}.parquet"
        pq.write_table(table, path, compression="zstd")
        written[path.name] = {"rows": table.num_rows, "bytes": path.stat().st_size, "sha256": _sha256(path)}
    content = {
        "kind": KIND,
        "format": FORMAT,
        "run": result.manifest,
        "bars": {"name": result.bars.name, "allow_negative": bool(result.bars.allow_negative)},
        "ambiguous_bars": int(result.ambiguous_bars),
        "record_names": [[int(key), name] for key, name in result._record_names.items()],
        "codes": {name: {int(member): member.name.lower() for member in kind} for name, kind in _CODES.items()},
        "files": written,
    }
    content = json.loads(json.dumps(content, allow_nan=False))
    content["checksum"] = _checksum(content)
    (folder / MANIFEST).write_text(json.dumps(content, indent=2) + "\n", "utf-8")


def _tables_of(result: Result) -> dict[str, pa.Table]:
    """Return what the files hold, by name."""
    import pyarrow as pa

    tables, bars = result.tables, result.bars
    found = {}
    for name, dtype in _DTYPES.items():
        rows = getattr(tables, name)
        found[name] = pa.table({field: np.ascontiguousarray(rows[field]) for field in dtype.names or ()})
    time = pa.array(bars.timestamps.view("M8[ns]")).cast(pa.timestamp("ns", "UTC"))
    curves = {"time": time, "equity": tables.equity}
    if result.benchmark is not None:
        curves["benchmark"] = result.benchmark
    found["equity"] = pa.table(curves)
    row = np.repeat(np.arange(bars.n_bars), bars.n_assets)
    asset = pa.array(np.tile(np.arange(bars.n_assets, dtype=np.int32), bars.n_bars))
    panel = {"time": time.take(pa.array(row)), "symbol": pa.DictionaryArray.from_arrays(asset, list(bars.symbols))}
    panel |= {name: bars[name].ravel() for name in _COLUMNS}
    panel |= {f"{_EXTRA}{name}": values.ravel() for name, values in bars.extras.items()}
    for name in ("session", "session_end"):
        labels = getattr(bars, f"_{name}s")
        if labels is not None:
            panel[name] = labels[row]
    found["bars"] = pa.table(panel)
    symbols = pa.array(list(bars.symbols), pa.string())
    found["assets"] = pa.table(
        {"symbol": symbols, "multiplier": tables.multipliers, "fx": tables.last_fx, "margined": tables.margined}
    )
    return found


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _checksum(content: dict[str, Any]) -> str:
    """Return the hash of a manifest without its checksum."""
    rest = {key: value for key, value in content.items() if key != "checksum"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


# --- loading ---------------------------------------------------------------------------------------------------------


def load(directory: str | PathLike[str]) -> Result:
    """Read a result that `save` wrote.

    Parameters
    ----------
    directory : path

    Returns
    -------
    Result
        Equal to the one that was saved, bit for bit; `manifest` is as it was then, versions included.

    Raises
    ------
    ResultError
        If there is no result, a file is missing, cut off or altered, or a newer version wrote it.
    """
    from backtester.result import Result, Tables

    folder = Path(directory)
    content = _manifest(folder)
    absent = _OLD_FILES.get(content["format"], ())
    tables = {name.removesuffix(".parquet"): _table(folder, name, content) for name in FILES if name not in absent}
    try:
        old = content["format"] < FORMAT
        rows = {name: _rows(tables.get(name), dtype, old) for name, dtype in _DTYPES.items()}
        symbols = tuple(tables["assets"]["symbol"].to_pylist())
        bars = _bars(tables["bars"], symbols, content["bars"], old)
        equity = _numbers(tables["equity"], "equity")
        benchmark = _numbers(tables["equity"], "benchmark") if "benchmark" in tables["equity"].column_names else None
        multipliers = _numbers(tables["assets"], "multiplier")
        last_fx = np.ones(len(symbols)) if old else _numbers(tables["assets"], "fx")
        margined = np.zeros(len(symbols), np.int64) if old else _numbers(tables["assets"], "margined")
        last_fx.flags.writeable = margined.flags.writeable = False
        raw = Tables(**rows, equity=equity, multipliers=multipliers, last_fx=last_fx, margined=margined)
        if len(equity) != bars.n_bars:
            raise ValueError(f"{len(equity)} values of equity for {bars.n_bars} bars")
        run, names = content["run"], {int(key): name for key, name in content["record_names"]}
        facts = {name: run[name] for name in run if name not in ("data", "versions")}
        result = Result(bars, raw, json.loads(json.dumps(facts)), names, content["ambiguous_bars"], benchmark)
    except (KeyError, ValueError, TypeError, IndexError) as error:
        raise _damaged(folder, f"what it holds does not fit together ({type(error).__name__}: {error})") from None
    vars(result)["manifest"] = run
    return result


def _damaged(path: Path, what: str) -> ResultError:
    return ResultError(
        f"{path}: {what}. A result is read only as it was written; run again, or take the directory from a backup"
    )


def _manifest(folder: Path) -> dict[str, Any]:
    """Return the checked manifest of a result directory."""
    path = folder / MANIFEST
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "there is no such directory"
        raise ResultError(f"{folder}: {what}; Result.load takes the directory that result.to_parquet wrote")
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        what = f"there is no {MANIFEST}, so it is not the directory of a result"
        raise ResultError(f"{folder}: {what}; give the directory that result.to_parquet wrote") from None
    except OSError as error:
        raise ResultError(f"{path}: cannot be read: {error.strerror or error}; check its permissions") from None
    except ValueError as error:
        raise _damaged(path, f"it is cut off or altered ({error})") from None
    if not isinstance(content, dict) or content.get("kind") != KIND:
        found = content.get("kind") if isinstance(content, dict) else type(content).__name__
        raise ResultError(f"{path}: it is not the manifest of a result: kind is {found!r}, and must be {KIND!r}")
    version = content.get("format")
    if isinstance(version, int) and version > FORMAT:
        written = content.get("run", {}).get("versions", {}).get("backtester", "a newer one")
        raise ResultError(
            f"{path}: format {version}, written by backtester {written}; this version reads formats up to {FORMAT}. "
            "Upgrade backtester to read it"
        )
    if version not in (*_OLD_FILES, FORMAT) or content.get("checksum") != _checksum(content):
        raise _damaged(path, "it was altered: its checksum does not fit what it holds")
    return content


def _table(folder: Path, name: str, content: dict[str, Any]) -> pa.Table:
    """Return a file of the result as a table, if it is the one the manifest tells of."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = folder / name
    wanted = content.get("files", {}).get(name)
    if wanted is None:
        raise _damaged(folder / MANIFEST, f"it does not list {name}")
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise _damaged(path, "the file is missing") from None
    except OSError as error:
        raise ResultError(f"{path}: cannot be read: {error.strerror or error}; check its permissions") from None
    if len(data) < wanted["bytes"]:
        raise _damaged(path, f"the file is cut off: {len(data)} bytes of {wanted['bytes']}")
    found = hashlib.sha256(data).hexdigest()
    if found != wanted["sha256"]:
        raise _damaged(path, f"the file was altered: SHA-256 is {found[:12]}…, and was {wanted['sha256'][:12]}…")
    try:
        return pq.read_table(pa.BufferReader(data))
    except pa.ArrowException as error:
        raise _damaged(path, f"it is not Parquet ({str(error).splitlines()[0]})") from None


def _numbers(table: pa.Table, name: str) -> np.ndarray:
    """Return a column as a read-only array."""
    values = np.ascontiguousarray(table[name].to_numpy())
    values.flags.writeable = False
    return values


def _rows(table: pa.Table | None, dtype: np.dtype, old: bool) -> np.ndarray:
    """Return a table as read-only rows; what an old format did not have stands for what it meant."""
    names = dtype.names or ()
    if table is None:
        rows = np.empty(0, dtype)
        rows.flags.writeable = False
        return rows
    wanted = tuple(name for name in names if name in table.column_names or not (old and name in _OLD_COLUMNS))
    if tuple(table.column_names) != wanted:
        raise ValueError(f"columns {table.column_names}, expected {list(names)}")
    rows = np.empty(table.num_rows, dtype)
    for name in names:
        rows[name] = table[name].to_numpy() if name in wanted else _OLD_COLUMNS[name]
    rows.flags.writeable = False
    return rows


def _bars(table: pa.Table, symbols: tuple[str, ...], about: dict[str, Any], old: bool) -> Bars:
    """Return the bars that ran; format 1 had the source's adjusted close under the name that is ours now."""
    from backtester.bars import Bars

    n = len(symbols)

    def panel(name: str) -> np.ndarray:
        return _numbers(table, name).reshape(-1, n)

    def labels(name: str) -> np.ndarray | None:
        return np.ascontiguousarray(_numbers(table, name)[::n]) if name in table.column_names else None

    extras = {name.removeprefix(_EXTRA): panel(name) for name in table.column_names if name.startswith(_EXTRA)}
    if old and "adjusted_close" in extras:
        extras["adj_close"] = extras.pop("adjusted_close")
    times = table["time"].cast("int64").to_numpy()[::n]
    return Bars.from_arrays(
        times,
        *(panel(name) for name in _COLUMNS),
        symbols=symbols,
        extras=extras,
        sessions=labels("session"),
        session_ends=labels("session_end"),
        name=about["name"],
        allow_negative=about["allow_negative"],
        check=False,
    )
