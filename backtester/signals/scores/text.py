"""The metrics of a model in words, at most 80 columns wide."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np

from backtester.summary_text import clean

if TYPE_CHECKING:
    import pandas as pd

    from backtester.signals.scores.report import ModelMetrics

WIDTH = 80
_ROWS = 12  # of a table of parts; the first and last of more
_OF_RETURNS = ("n", "r2_oos", "ic", "rank_ic", "hit_rate")
_OF_CLASSES = ("n", "balanced_accuracy", "f1", "roc_auc", "log_loss", "ic")


def text_of(metrics: ModelMetrics) -> str:
    """Return what `print(metrics)` shows: overall, over time, and by the parts there are, the key measures of each."""
    scope = f"{metrics.n_samples:,} samples, worth {metrics.n_effective:,.0f}; coverage {metrics.coverage:.1%}"
    if len(metrics.by_fold):
        scope += f"; {len(metrics.by_fold)} folds"
    title = f"{clean(metrics.name)} on {clean(metrics.label)}"
    lines = [title, scope, "", *_columns(metrics.overall), ""]
    steady = metrics.ic_statistics
    where = "across assets, bar by bar" if metrics.period == "bar" else f"by {metrics.period}"
    lines.append(f"information coefficient {where}")
    shown = steady.drop(columns="lags").rename(columns={"t_statistic": "t", "n_periods": "periods"})
    lines += [*_table(shown), f"  t with the errors of Newey and West, {steady['lags'].max():g} lags", ""]
    wanted = _OF_RETURNS if "r2_oos" in metrics.overall.index else _OF_CLASSES
    for name in ("by_year", "by_regime", "by_fold", "by_path"):
        table = getattr(metrics, name)
        if table is not None and len(table):
            heading = "by regime of trailing volatility" if name == "by_regime" else name.replace("_", " ")
            lines += [heading, *_table(table[[one for one in wanted if one in table]]), ""]
    for note in metrics.notes:
        lines += textwrap.wrap(note, WIDTH - 2, initial_indent="- ", subsequent_indent="  ")
    return "\n".join(lines).rstrip()


def number_text(value: Any) -> str:
    """Return a number with four significant digits; whole ones in full."""
    if isinstance(value, int | np.integer):
        return f"{value:,}"
    if not isinstance(value, float | np.floating):
        return str(value)
    value = float(value)
    if not np.isfinite(value):
        return "-"
    if value.is_integer() and abs(value) >= 1.0:
        return f"{value:,.0f}"
    return f"{value:.4f}" if 1e-3 <= abs(value) < 1e4 or value == 0.0 else f"{value:.3g}"


def _columns(values: pd.Series) -> list[str]:
    """Return names and numbers in two columns."""
    items = [f"  {name:<20}{number_text(value):>14}" for name, value in values.items()]
    half = (len(items) + 1) // 2
    right = [*items[half:], *[""] * (2 * half - len(items))]
    return [f"{a}    {b}".rstrip() for a, b in zip(items[:half], right, strict=True)]


def _table(frame: pd.DataFrame) -> list[str]:
    """Return a table of numbers, the middle of a long one left out."""
    rows = [
        (clean(key), [number_text(frame.iloc[i, j]) for j in range(frame.shape[1])])
        for i, key in enumerate(frame.index)
    ]
    if len(rows) > _ROWS:
        rows = [*rows[: _ROWS // 2], ("..", [""] * frame.shape[1]), *rows[-(_ROWS // 2) :]]
    names = [str(name) for name in frame.columns]
    widths = [max(len(name), *(len(row[1][j]) for row in rows)) for j, name in enumerate(names)]
    first = max(8, *(len(key) for key, _ in rows))
    lines = [" " * (2 + first) + "".join(f"  {name:>{w}}" for name, w in zip(names, widths, strict=True))]
    for key, cells in rows:
        lines.append(f"  {key:<{first}}" + "".join(f"  {cell:>{w}}" for cell, w in zip(cells, widths, strict=True)))
    return [line.rstrip() for line in lines]
