"""What a page says of a result, as plain JSON values: headline, metrics, months, costs, charts, tables, manifest.

Nothing here knows of HTML. A later page, a notebook view or a test reads the same dict. Fractions stay fractions;
bars stay numbers, which `clock` turns into times; codes are words. Undefined is None.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from backtester.kernel.codes import CashFlowKind
from backtester.metrics import fill_totals, summary
from backtester.notices import notices
from backtester.report import charts, prices, tables
from backtester.report.attribution import money_sections
from backtester.report.honest import verdict_data
from backtester.report.risk import risk_sections
from backtester.report.sampling import number, numbers
from backtester.summary_text import GROUPS, comparison_of, is_daily, step_words, when, words

if TYPE_CHECKING:
    from backtester.result import Result

FORMAT = 2
_MISSING = (  # what older versions did not write, by its name in the manifest
    ("currencies", "splits, dividends, delistings and currencies (it was written before these were recorded)"),
    ("seconds", "how long the run took"),
    ("data", "the identity of its data"),
    ("versions", "the versions it ran with"),
)
_HEADLINE = (("total_return", "percent"), ("cagr", "percent"), ("sharpe", "number"), ("max_drawdown", "percent"))
_LABELS = {metric.name: (metric.label, metric.kind) for _, metrics in GROUPS for metric in metrics}


def page_data(result: Result) -> dict[str, Any]:
    """Return everything a page shows.

    Returns
    -------
    dict
        `kind` ("result"), `title`, `strategy`, `verdict`, `period`, `headline`, `notices`, `metrics`, `months`,
        `costs`, `flows`, `clock`, `equity`, `equity_label`, `drawdown`, `comparison`, `prices`, `marks`, `levels`,
        `records`, `sections` (by their place on the page), `trades`, `orders`, `order_ends`, `symbols`, `manifest`.
    """
    manifest = result.manifest
    found = result.summary()
    compared = comparison_of(result)
    against = _comparison_metrics(result, compared)
    return {
        "kind": "result",
        "title": f"{manifest['strategy']} – backtest",
        "strategy": {"name": manifest["strategy"], "parameters": _pairs(manifest["parameters"])},
        "verdict": verdict_data(result),
        "symbols": list(result.bars.symbols),
        "period": _period(result),
        "headline": _headline(found, against, compared[0] if compared else None, result),
        "notices": [*_missing(result), *notices(result)],
        "metrics": _metrics(found, against),
        "months": _months(result, compared),
        **_costs(result),
        **charts.chart_data(result, compared),
        **prices.price_data(result),
        "sections": {**risk_sections(result, compared), **money_sections(result)},
        "trades": tables.trades_table(result),
        "orders": tables.orders_table(result),
        "order_ends": tables.order_ends(result),
        "manifest": _plain(manifest),
    }


def _missing(result: Result) -> list[tuple[str, str]]:
    """Return a sentence on what a result of an older version does not hold, if it is one."""
    absent = [words for name, words in _MISSING if name not in result.manifest]
    if not absent:
        return []
    return [("warning", f"This result is of an older version. Not in it: {'; '.join(absent)}.")]


def _period(result: Result) -> dict[str, Any]:
    bars, manifest = result.bars, result.manifest
    return {
        "first": when(bars, 0),
        "last": when(bars, bars.n_bars - 1),
        "n_bars": bars.n_bars,
        "step": step_words(bars),
        "daily": is_daily(bars),
        "data": bars.name,
        "cash": number(float(manifest["settings"]["cash"])),
        "mode": manifest["mode"],
    }


def _comparison_metrics(result: Result, compared: tuple[str, np.ndarray] | None) -> dict[str, float]:
    """Return the metrics of the comparison's equity that mean something for it."""
    if compared is None:
        return {}
    settings = result.manifest["settings"]
    found = summary(
        compared[1],
        result.bars.timestamps,
        periods_per_year=settings["periods_per_year"],
        risk_free=settings["risk_free"],
    )
    return {name: value for name, value in found.items() if value == value}


def _headline(
    found: dict[str, float], against: dict[str, float], name: str | None, result: Result
) -> list[dict[str, Any]]:
    """Return the few numbers on top: each with its label, its kind, and a smaller one that puts it in proportion."""
    rows = []
    for key, kind in _HEADLINE:
        beside = {"label": name, "value": number(against[key]), "kind": kind} if name and key in against else None
        rows.append({"label": _LABELS[key][0], "value": number(found[key]), "kind": kind, "beside": beside})
    winning = {"label": "winning", "value": number(found["win_rate"]), "kind": "percent"}
    rows.append({"label": "closed trades", "value": number(found["n_trades"]), "kind": "count", "beside": winning})
    of_cash = found["total_costs"] / float(result.manifest["settings"]["cash"])
    share = {"label": "of the starting cash", "value": number(of_cash), "kind": "percent"}
    rows.append({"label": "costs", "value": number(found["total_costs"]), "kind": "money", "beside": share})
    return rows


def _metrics(found: dict[str, float], against: dict[str, float]) -> list[dict[str, Any]]:
    """Return the metrics in groups, and those no group names in a last one."""
    groups = []
    for title, metrics in GROUPS:
        rows = [_metric(m.name, m.label, m.kind, found, against) for m in metrics if m.name in found]
        groups.append({"title": title, "rows": rows})
    rest = [name for name in found if name not in _LABELS]
    if rest:
        rows = [_metric(name, words(name), "number", found, against) for name in rest]
        groups.append({"title": "Further", "rows": rows})
    return groups


def _metric(name: str, label: str, kind: str, found: dict[str, float], against: dict[str, float]) -> dict[str, Any]:
    other = number(against[name]) if name in against else None
    return {"name": name, "label": label, "kind": kind, "value": number(found[name]), "against": other}


def _months(result: Result, compared: tuple[str, np.ndarray] | None) -> dict[str, Any]:
    """Return the return of every calendar month and year of sessions; the first counts from the first bar's equity."""
    month = result.bars.sessions.astype("M8[D]").astype("M8[M]").astype(np.int64)  # since January 1970
    years = np.arange(month[0] // 12, month[-1] // 12 + 1)
    grid: list[list[Any]] = [[None] * 12 for _ in years]
    at, change = changes(result.wealth, month)
    for m, value in zip(at.tolist(), numbers(change, 6), strict=True):
        grid[m // 12 - int(years[0])][m % 12] = value
    return {
        "years": (years + 1970).tolist(),
        "months": grid,
        "totals": _by_year(result.wealth, month, years),
        "against": _by_year(compared[1], month, years) if compared else None,
        "against_name": compared[0] if compared else None,
    }


def _by_year(equity: np.ndarray, month: np.ndarray, years: np.ndarray) -> list[Any]:
    at, change = changes(equity, month // 12)
    found = dict(zip(at.tolist(), numbers(change, 6), strict=True))
    return [found.get(year) for year in years.tolist()]


def changes(equity: np.ndarray, label: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the labels that occur, in order, and the simple return of equity over each; NaN after ruin."""
    last = np.flatnonzero(np.diff(label, append=label[-1] + 1))
    before = np.concatenate(([equity[0]], equity[last[:-1]]))
    change = np.full(len(last), np.nan)
    np.divide(equity[last], before, out=change, where=before > 0.0)
    return label[last], change - 1.0


def _costs(result: Result) -> dict[str, Any]:
    """Return costs by kind, and the other changes of cash by kind."""
    tables_, cash = result.tables, float(result.manifest["settings"]["cash"])
    totals = fill_totals(tables_.fills, tables_.flows, tables_.multipliers)
    traded = totals["traded_value"]
    rows = [
        {
            "kind": kind,
            "money": number(money),
            "of_cash": number(money / cash),
            "of_traded": number(money / traded) if traded > 0.0 else None,
        }
        for kind, money in totals["costs"].items()
    ]
    flows = []
    for kind in CashFlowKind:
        rows_ = tables_.flows[tables_.flows["kind"] == kind]
        amounts = rows_["amount"] * rows_["fx"]
        if kind is not CashFlowKind.BORROW and len(amounts):
            flows.append({"kind": words(kind.name), "money": number(float(amounts.sum())), "rows": len(amounts)})
    return {"costs": rows, "traded_value": number(traded), "flows": flows}


def _pairs(values: dict[str, Any]) -> list[list[str]]:
    return [[str(name), value if isinstance(value, str) else _text(value)] for name, value in values.items()]


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else repr(value)


def _plain(value: Any) -> Any:
    """Return manifest values as JSON has them: no NaN, no infinity, text keys."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return number(value, 15)
    return value if value is None or isinstance(value, (bool, int, str)) else str(value)
