"""A result and a strategy as cards for a notebook."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, Any

from backtester.html_text import Table, card, shortened, sparkline
from backtester.summary_text import GROUPS, comparison_of, count_of, is_daily, when, written

if TYPE_CHECKING:
    from backtester.result import Result
    from backtester.strategy import Strategy

_SHOWN = ("total_return", "cagr", "annual_volatility", "max_drawdown", "sharpe", "n_trades", "total_costs")
_LABELS = {"total_costs": "costs"}  # what is "total" only under its heading


def html_of_result(result: Result) -> str:
    """Return a result as a card: what ran on what, the equity, the key metrics, and what to know of it first."""
    from backtester.notices import notices

    bars, manifest, numbers = result.bars, result.manifest, result.summary()
    given = ", ".join(f"{name}={shortened(value)}" for name, value in manifest["parameters"].items())
    symbols = ", ".join(bars.symbols[:6]) + (", …" if bars.n_assets > 6 else "")
    period = f"{when(bars, 0)} to {when(bars, bars.n_bars - 1)}" + ("" if is_daily(bars) else " UTC")
    facts = [("data", f"{symbols}, {count_of(bars.n_bars, 'bar')}, {period}")]
    compared = comparison_of(result)
    if compared is not None and bars.n_bars > 1:
        facts.append((compared[0], written(float(compared[1][-1] / compared[1][0] - 1.0), "percent")))
    metrics = {metric.name: metric for _, group in GROUPS for metric in group}
    heads = [_LABELS.get(name, metrics[name].label) for name in _SHOWN]
    row = [written(numbers[name], metrics[name].kind) for name in _SHOWN]
    start = float(result.wealth[0])
    return card(
        f"{manifest['strategy']}({given})",
        facts,
        picture=sparkline(result.wealth, "equity", start),
        table=Table(heads, [row], heads),
        notes=[result.verdict.sentence, *(plain_text(sentence) for _, sentence in notices(result))],
    )


def plain_text(sentence: str) -> str:
    """Return a sentence without the marks that keep the direction of names in it."""
    return sentence.replace("\u2068", "").replace("\u2069", "")


def html_of_strategy(strategy: Strategy) -> str:
    """Return a strategy as a card: what it says of itself, and its parameters."""
    kind = type(strategy)
    known = kind.parameter_types()
    rows = [
        (name, shortened(value), _type_text(known[name][0]), _default(known[name][1]))
        for name, value in strategy.parameters.items()
    ]
    doc = inspect.cleandoc(vars(kind).get("__doc__") or "").partition("\n\n")[0].replace("\n", " ")
    table = Table(("parameter", "value", "type", "default"), rows)
    return card(kind.__name__, [("module", kind.__module__)], table=table, notes=[doc] if doc else [])


def _type_text(annotation: Any) -> str:
    return annotation.__name__ if isinstance(annotation, type) else re.sub(r"\btyping\.", "", str(annotation))


def _default(value: Any) -> str:
    return "required" if value is inspect.Parameter.empty else shortened(value)
