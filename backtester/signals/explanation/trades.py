"""`shap_per_trade`: what the signal was made of when each trade was decided."""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING

import numpy as np

from backtester.bars.check import time_text
from backtester.errors import ModelError
from backtester.signals.explanation.shap_of import check_explainable, shap_at

if TYPE_CHECKING:
    import pandas as pd

    from backtester.bars import Bars
    from backtester.result import Result
    from backtester.signals.fitting.fitted import FittedModel


def shap_per_trade(
    result: Result, fitted: FittedModel, bars: Bars | None = None, *, path: str | PathLike[str] | None = None
) -> pd.DataFrame:
    """Return the SHAP values behind each trade: those of the bar at whose close its entry was ordered.

    Parameters
    ----------
    result : Result
        A run that traded the signal of `fitted`.
    fitted : FittedModel
        Of trees, or linear; see `shap_values`.
    bars : Bars, optional
        What the features are computed on: the bars of the run, perhaps with others before or after, and more assets.
        Default: those of the run.
    path : path, optional
        A Parquet file to write the table to.

    Returns
    -------
    pandas.DataFrame
        One row per trade, in the order and with the index of `result.trades`: `symbol`, `decided` (the close, UTC),
        `signal`, `base`, `unit` (see `Shap`), `in_sample` (whether the model was fitted on that bar), and a column
        `shap:NAME` for each feature. NaN where the model said nothing at that bar.

    Raises
    ------
    ModelError
        If the model is neither tree nor linear, `shap` is not installed, `bars` lack a bar or an asset of a trade, or
        the file cannot be written.
    """
    import pandas as pd

    check_explainable(fitted.learnt.model)
    bars = result.bars if bars is None else bars
    trades, orders = result.trades, result.tables.orders
    sent = np.zeros(int(orders["id"].max(initial=0)) + 1, np.int64)
    sent[orders["id"]] = orders["submitted"]
    decided = result.bars.timestamps[sent[trades["entry_order"].to_numpy()]]
    row, asset = _places(bars, decided, trades["symbol"].astype(str).tolist())
    panel = fitted.recipe.features.compute(bars)
    spoken = np.isfinite(panel[row, asset]).all(axis=1)
    table = pd.DataFrame(
        {
            "symbol": trades["symbol"],
            "decided": pd.DatetimeIndex(decided.astype("M8[ns]"), tz="UTC"),
            "signal": np.nan,
            "base": np.nan,
            "unit": "signal",
            "in_sample": decided <= fitted.trained_until,
        },
        index=trades.index,
    )
    values = np.full((len(trades), len(fitted.columns)), np.nan)
    if spoken.any():
        found = shap_at(fitted, bars, panel, row[spoken], asset[spoken])
        values[spoken] = found.values
        table.loc[spoken, "signal"] = found.signal
        table.loc[spoken, "base"] = found.base
        table["unit"] = found.unit
    names = [f"shap:{name}" for name in fitted.columns]
    table = table.join(pd.DataFrame(values, index=trades.index, columns=names))
    if path is not None:
        try:
            table.to_parquet(path)
        except OSError as error:
            raise ModelError(f"{path}: the SHAP values cannot be written: {error.strerror or error}") from None
    return table


def _places(bars: Bars, decided: np.ndarray, symbols: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return row and column of each decision in the bars."""
    at = np.minimum(np.searchsorted(bars.timestamps, decided), bars.n_bars - 1)
    missing = np.flatnonzero(bars.timestamps[at] != decided)
    columns = {symbol: a for a, symbol in enumerate(bars.symbols)}
    strange = [symbol for symbol in symbols if symbol not in columns]
    if missing.size or strange:
        what = f"the asset {strange[0]}" if strange else f"the bar at {time_text(int(decided[missing[0]]))}"
        raise ModelError(f"shap_per_trade: bars lack {what}, at which a trade was decided; give those of the run")
    return at, np.array([columns[symbol] for symbol in symbols], np.int64)
