"""`compare`: results side by side, their metrics, what they were given differently, and what forbids comparing them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from backtester.diff.inputs import ABSENT, inputs_of, value_text
from backtester.errors import ResultError
from backtester.summary_text import GROUPS, Metric, clean, step_words, when, written

if TYPE_CHECKING:
    from backtester.result import Result

_LABELS = {"parameters": "parameter ", "versions": "version of "}  # a parameter may be called like a setting
_WIDEST = 22  # characters of a column
#: what an input that differs makes incomparable; by the beginning of its name
_MEANING = (
    ("cash", "they began with other cash: compare fractions, not money"),
    ("costs.", "they paid other costs"),
    ("account.leverage", "their leverage differs: so does the risk that they could take"),
    ("account.max_", "the limits of their accounts differ: so does the risk that they could take"),
    ("account.instruments", "their contracts differ, in multiplier, margin, steps or currency"),
    ("account.currency", "their accounts are in other currencies: compare fractions, not money"),
    ("benchmark", "their benchmarks differ: alpha, beta and the information ratio are against different things"),
    ("risk_free", "their risk-free rates differ: Sharpe, Sortino and alpha are over different rates"),
    ("periods_per_year", "their years have other numbers of periods: annual figures are scaled differently"),
    ("execution.", "their orders were executed by other rules"),
)


@dataclass(frozen=True)
class Comparison:
    """Results side by side. `print` shows the key metrics; `as_dict()` holds everything as plain values.

    Attributes
    ----------
    names : tuple of str
        One per result.
    metrics : dict of str to tuple of float
        Every metric, one value per result; fractions, never percents; NaN where undefined.
    different : dict of str to tuple
        What the runs were given differently, one value per result: strategy, parameters, settings, data, versions.
    notes : tuple of str
        What a reader must know before he compares the numbers; empty where nothing forbids it.
    """

    names: tuple[str, ...]
    metrics: dict[str, tuple[float, ...]]
    different: dict[str, tuple[Any, ...]]
    notes: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return {
            "names": list(self.names),
            "metrics": {name: list(values) for name, values in self.metrics.items()},
            "different": {name: list(values) for name, values in self.different.items()},
            "notes": list(self.notes),
        }

    def text(self, every: bool = False) -> str:
        """Return the comparison as plain text: a row per metric, a column per result.

        Parameters
        ----------
        every : bool
            Show every metric, not the key ones alone.
        """
        rows: list[tuple[str, ...]] = [("", *self.names)]
        for title, metrics in _groups(self.metrics):
            shown = [metric for metric in metrics if every or (metric.key and self._is_told(title, metric))]
            shown = [metric for metric in shown if metric.name in self.metrics]
            if shown:
                rows += [(title,), *(self._row(metric) for metric in shown)]
        if self.different:
            rows.append(("Given",))
            rows += [(f"  {name}", *map(value_text, values)) for name, values in self.different.items()]
        lines = _aligned(rows, len(self.names))
        if self.notes:
            lines += ["", *(f"! {note}" for note in self.notes)]
        return "\n".join(lines)

    def _is_told(self, title: str, metric: Metric) -> bool:
        """Whether a metric is worth a row: of the costs, the total and those that there were."""
        return title != "Costs" or metric.name == "total_costs" or any(self.metrics.get(metric.name, ()))

    def _row(self, metric: Metric) -> tuple[str, ...]:
        return (f"  {metric.label}", *(written(value, metric.kind) for value in self.metrics[metric.name]))

    def __str__(self) -> str:
        return self.text()


def compare(*results: Result, names: Sequence[str] = ()) -> Comparison:
    """Set results side by side.

    Parameters
    ----------
    *results : Result
        One or more, of this process or loaded.
    names : sequence of str
        What to call them, one each; A, B, C, … by default.

    Returns
    -------
    Comparison

    Raises
    ------
    ResultError
        If there is no result, one is no `Result`, or there are not as many names.
    """
    from backtester.result import Result

    if not results:
        raise ResultError("compare: there is no result; give one or more, such as compare(a, b)")
    for n, result in enumerate(results):
        if not isinstance(result, Result):
            raise ResultError(f"compare: argument {n + 1} must be a Result, found {type(result).__name__}")
    if names and len(names) != len(results):
        raise ResultError(f"compare: {len(names)} names for {len(results)} results; give one each")
    called = tuple(clean(name) for name in names) or tuple(_letter(n) for n in range(len(results)))
    summaries = [result.summary() for result in results]
    known = dict.fromkeys(name for summary in summaries for name in summary)
    metrics = {name: tuple(float(s.get(name, float("nan"))) for s in summaries) for name in known}
    different = _different(results)
    return Comparison(called, metrics, different, tuple(_notes(results, called, different)))


def _letter(n: int) -> str:
    return chr(ord("A") + n) if n < 26 else str(n + 1)


def _groups(metrics: dict[str, tuple[float, ...]]) -> list[tuple[str, tuple[Metric, ...]]]:
    """Return the groups of metrics, and those that no group knows under a title of their own."""
    known = {metric.name for _, group in GROUPS for metric in group}
    rest = tuple(Metric(name, name.replace("_", " "), "number") for name in metrics if name not in known)
    return [*GROUPS, ("Other", rest)]


def _facts(result: Result) -> dict[str, Any]:
    """Return what a run was given by name, its data among it."""
    bars, manifest = result.bars, result.manifest
    data = {
        "data": bars.name,
        "symbols": ", ".join(bars.symbols),
        "first bar": when(bars, 0),
        "last bar": when(bars, bars.n_bars - 1),
        "bar length": step_words(bars),
        "bars": bars.n_bars,
        "content hash": manifest["data"]["content_hash"][:12],
    }
    given = {
        _LABELS.get(group, "") + name: value for (group, name), value in inputs_of(result).items() if name != "mode"
    }
    given["source code"] = given["source code"][:12]
    return {**given, **data}


def _different(results: Sequence[Result]) -> dict[str, tuple[Any, ...]]:
    facts = [_facts(result) for result in results]
    names = dict.fromkeys(name for fact in facts for name in fact)
    rows = {name: tuple(fact.get(name, ABSENT) for fact in facts) for name in names}
    return {name: values for name, values in rows.items() if any(value != values[0] for value in values)}


def _notes(results: Sequence[Result], names: Sequence[str], different: dict[str, tuple[Any, ...]]) -> list[str]:
    found = []
    if "content hash" in different:
        other = [name for name in ("symbols", "first bar", "last bar", "bar length") if name in different]
        how = f" ({', '.join(other)} differ)" if other else " (same symbols and period, other values)"
        found.append(f"They ran on other data{how}: the metrics are of different markets, not of different strategies.")
    for start, meaning in _MEANING:
        what = [name for name in different if name.startswith(start)]
        if what:
            found.append(f"{meaning[0].upper()}{meaning[1:]} ({', '.join(what)}).")
    if "source code" in different and "strategy" not in different:
        found.append("The class has one name and several sources: its code was edited between the runs.")
    for result, name in zip(results, names, strict=True):
        if result.manifest["interrupted"]:
            found.append(f"{name} was interrupted: its metrics are of a part of the data.")
    return found


def _aligned(rows: list[tuple[str, ...]], n: int) -> list[str]:
    """Return rows as lines, labels on the left, one column per result on the right."""
    cut = [tuple(cell if not k else _shortened(cell) for k, cell in enumerate(row)) for row in rows]
    label = max(len(row[0]) for row in cut)
    widths = [max((len(row[k]) for row in cut if len(row) > k), default=0) for k in range(1, n + 1)]
    lines = []
    for row in cut:
        if len(row) == 1:
            lines += ["", row[0]]
            continue
        cells = [cell.rjust(width) for cell, width in zip(row[1:], widths, strict=True)]
        lines.append("  ".join([row[0].ljust(label), *cells]).rstrip())
    return lines


def _shortened(text: str) -> str:
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 2]}.."
