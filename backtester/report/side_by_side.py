"""The first page of several results: their equity, metrics, years and correlations side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from backtester.report.charts import drawdown
from backtester.report.sections import (
    Section,
    bars,
    frame_table,
    heat_map,
    line,
    lines,
    scatter,
    table,
    text,
    unit_of,
)
from backtester.summary_text import GROUPS, is_daily, when, words, written

if TYPE_CHECKING:
    import pandas as pd

    from backtester.result import Result

CORRELATED = 60  # results, up to which their correlations are drawn
DRAWN = 24  # lines of equity at most
FEWEST = 4  # results, from which a cloud of them is drawn
_DAY_NS = 86_400 * 10**9
_KEY = (
    "total_return",
    "cagr",
    "annual_volatility",
    "sharpe",
    "sortino",
    "max_drawdown",
    "calmar",
    "n_trades",
    "win_rate",
)


def side_by_side(results: Mapping[str, Result]) -> list[Section]:
    """Return the sections that set results side by side, the best Sharpe ratio first where an order is needed."""
    from backtester.diff import compare

    names = list(results)
    found = compare(*results.values(), names=names)
    sections = [_performance(results)]
    sections.append(Section("Key figures", _key_items(names, found.metrics)))
    sections.append(_years(results))
    if len(results) <= CORRELATED:
        sections.append(_correlations(results))
    notes = [text(note) for note in found.notes]
    given = {name: [_word(value) for value in values] for name, values in found.different.items()}
    if given:
        columns = {"Given": list(given), **{n: [values[k] for values in given.values()] for k, n in enumerate(names)}}
        sections.append(Section("What they were given", [*notes, table("", columns)]))
    else:
        sections.append(Section("What they were given", [*notes, text("They were given the same.")]))
    sections.append(Section("All metrics", [_metric_table(names, found.metrics)]))
    return sections


def _performance(results: Mapping[str, Result]) -> Section:
    shown = dict(list(results.items())[:DRAWN])
    equity, below = [], []
    for name, result in shown.items():
        x = _times(result)
        wealth = result.wealth
        start = wealth[0]
        equity.append(line(name, wealth / start if start > 0.0 else np.full(len(wealth), np.nan), x))
        below.append(line(name, -drawdown(wealth), x))
    note = f"The first {DRAWN} of {len(results):,} results are drawn." if len(results) > DRAWN else ""
    items = [
        lines("Growth of 1", equity, x="time", log=True, tall=True, levels=[(1.0, "")]),
        lines("Drawdown", below, unit="percent", x="time", zero=True),
    ]
    return Section("Performance", items, note)


def _times(result: Result) -> np.ndarray:
    bars_ = result.bars
    return (bars_.sessions * _DAY_NS if is_daily(bars_) else bars_.timestamps).view("M8[ns]")


def _key_items(names: list[str], metrics: Mapping[str, tuple[float, ...]]) -> list[dict[str, Any]]:
    cloud = [_cloud(names, metrics)] if len(names) >= FEWEST else []
    return [_key_table(names, metrics), *cloud]


def _key_table(names: list[str], metrics: Mapping[str, tuple[float, ...]]) -> dict[str, Any]:
    labels = {metric.name: metric.label for _, group in GROUPS for metric in group}
    columns: dict[str, Any] = {"Result": names}
    units = {}
    for name in _KEY:
        head = labels[name][:1].upper() + labels[name][1:]
        columns[head] = np.array(metrics.get(name, [np.nan] * len(names)), np.float64)
        units[head] = unit_of(name)
    return table("", columns, units, tone=("Total return", "Growth per year"))


def _cloud(names: list[str], metrics: Mapping[str, tuple[float, ...]]) -> dict[str, Any]:
    return scatter(
        "Return against risk",
        np.array(metrics["annual_volatility"]),
        np.array(metrics["annual_return"]),
        x_title="volatility per year",
        y_title="mean return per year",
        x_unit="percent",
        y_unit="percent",
        names=names,
    )


def _metric_table(names: list[str], metrics: Mapping[str, tuple[float, ...]]) -> dict[str, Any]:
    labels = {metric.name: metric.label for _, group in GROUPS for metric in group}
    columns: dict[str, Any] = {"Metric": [labels.get(name, words(name)) for name in metrics]}
    for k, name in enumerate(names):
        columns[name] = [written(values[k], unit_of(metric)).replace("-", "−") for metric, values in metrics.items()]
    return table("", columns, dict.fromkeys(names, "written"))


def _years(results: Mapping[str, Result]) -> Section:
    """Return the return of each calendar year."""
    import pandas as pd

    rows = {name: by_year(result) for name, result in results.items()}
    years = sorted({year for row in rows.values() for year in row})
    if len(years) * len(rows) > 5_000:
        frame = pd.DataFrame(rows).T.rename_axis("Result").sort_index(axis=1)
        return Section("Years", [frame_table("", frame, {str(year): "percent" for year in years})])
    values = np.array([[row.get(year, np.nan) for year in years] for row in rows.values()])
    if len(rows) <= 3:
        item = bars(
            "Return by calendar year", years, dict(zip(rows, values, strict=True)), unit="percent", upright=True
        )
    else:
        item = heat_map("Return by calendar year", years, list(rows), values, unit="percent")
    return Section("Years", [item])


def by_year(result: Result) -> dict[int, float]:
    """Return the simple return of each calendar year of sessions; the first counts from the first bar."""
    from backtester.report.data import changes

    year = result.bars.sessions.astype("M8[D]").astype("M8[Y]").astype(np.int64) + 1970
    at, change = changes(result.wealth, year)
    return dict(zip(at.tolist(), change.tolist(), strict=True))


def _correlations(results: Mapping[str, Result]) -> Section:
    """Return the correlations of the returns per session, of the sessions that both have."""
    import pandas as pd

    daily = {name: result.daily_returns for name, result in results.items()}
    frame: pd.DataFrame = pd.DataFrame(daily)
    with np.errstate(all="ignore"):
        table_ = frame.corr(min_periods=3)
    names = list(results)
    item = heat_map("Correlation of returns per session", names, names, table_.to_numpy())
    return Section("Correlations", [item], "Of the sessions that both results have.")


def _word(value: Any) -> str:
    from backtester.diff.inputs import value_text

    return value_text(value)


def period_of(results: Mapping[str, Result]) -> str:
    """Return from when to when the results run."""
    first = min(when(result.bars, 0) for result in results.values())
    last = max(when(result.bars, result.bars.n_bars - 1) for result in results.values())
    return f"{first} – {last}"
