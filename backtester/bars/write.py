"""From bars to a frame and to files, so that reading them back gives equal bars."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from backtester.bars.check import COLUMNS, near
from backtester.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

    from backtester.bars.panel import Bars


def to_frame(bars: Bars, symbol: str | None = None) -> pd.DataFrame:
    """Return bars as a frame; `Bars.to_frame` says how.

    Raises
    ------
    DataError
        If there is no such symbol.
    """
    import pandas as pd

    if symbol is not None and symbol not in bars.symbols:
        raise DataError(f"no symbol {symbol!r}{near(symbol, bars.symbols)} Symbols: {', '.join(bars.symbols[:20])}")
    assets = range(bars.n_assets) if symbol is None else [bars.symbols.index(symbol)]
    row, asset = _present(bars, list(assets))
    index = bars.index[row].rename("close_time")
    data: dict[str, object] = {}
    if symbol is None and (bars.n_assets > 1 or bars.symbols != ("ASSET",)):
        names = pd.array(list(bars.symbols), dtype="object")
        data["symbol"] = names[asset]
    for name in (*COLUMNS, *bars.extras):
        data[name] = bars[name][row, asset]
    if bars._sessions is not None:
        data["session"] = pd.DatetimeIndex(bars.sessions[row].view("M8[D]").astype("M8[s]"))
        if bars._session_ends is not None:
            data["session_end"] = bars.session_ends[row]
    return pd.DataFrame(data, index=index)


def frame_of(bars: Bars, values: Any) -> pd.DataFrame:
    """Return an array, or several by name, on the clock of bars; `Bars.frame` says how.

    Raises
    ------
    DataError
        If the shape is not that of the bars.
    """
    import pandas as pd

    if isinstance(values, Mapping):
        if not values:
            raise DataError("frame: an empty mapping; give {name: array}")
        return pd.concat({str(key): frame_of(bars, value) for key, value in values.items()}, axis=1)
    array = np.asarray(bars[values] if isinstance(values, str) else values)
    if array.shape == (bars.n_bars,):
        array = np.repeat(array[:, None], bars.n_assets, axis=1)
    if array.shape != (bars.n_bars, bars.n_assets):
        raise DataError(
            f"frame: the array has shape {array.shape}; bars have ({bars.n_bars}, {bars.n_assets}), bars by assets. "
            "Was it made of other bars, or of a part of these?"
        )
    return pd.DataFrame(array.copy(), index=bars.index.rename("close_time"), columns=list(bars.symbols))


def to_csv(bars: Bars, path: str | PathLike[str]) -> None:
    """Write bars as CSV, in full or not at all.

    Raises
    ------
    DataError
        If the file cannot be written.
    """
    _replace(path, lambda target: to_frame(bars).to_csv(target, lineterminator="\n"))


def to_parquet(bars: Bars, path: str | PathLike[str]) -> None:
    """Write bars as Parquet, in full or not at all.

    Raises
    ------
    DataError
        If the file cannot be written.
    """
    _replace(path, lambda target: to_frame(bars).to_parquet(target, engine="pyarrow"))


def _present(bars: Bars, assets: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Return (rows, assets) of what is written, in the order of time.

    One asset keeps every row. Of several, the rows of missing bars without extras are left out, except where no
    asset has a bar, which keeps the first asset's row, and so the clock.
    """
    if len(assets) == 1:
        return np.arange(bars.n_bars), np.full(bars.n_bars, assets[0])
    there = ~np.isnan(bars.close)
    for values in bars.extras.values():
        there |= ~np.isnan(values)
    there[~there.any(axis=1), 0] = True
    row, asset = np.nonzero(there)
    return row, asset


def _replace(path: str | PathLike[str], write: Callable[[str], object]) -> None:
    """Write beside the target, then move it there: a full disk leaves the old file as it was."""
    target = Path(path)
    try:
        handle, temporary = tempfile.mkstemp(prefix=f".{target.name}.", suffix=target.suffix, dir=target.parent)
        os.close(handle)
        try:
            write(temporary)
            os.chmod(temporary, 0o666 & ~_umask())
            os.replace(temporary, target)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as error:
        raise DataError(f"{target}: cannot be written: {error.strerror or error}. Nothing was left there") from None


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
