"""What a signal is worth in money: traded by the engine, net, at several costs, beside what needs no model.

Source: the questions are those of David Bailey, Jonathan Borwein, Marcos López de Prado and Qiji Jim Zhu,
"Pseudo-Mathematics and Financial Charlatanism", Notices of the AMS 61 (2014), 458-471, and of Robert Novy-Marx and
Mihail Velikov, "A Taxonomy of Anomalies and Their Trading Costs", Review of Financial Studies 29 (2016), 104-147: what
is left after costs, and of that after twice the costs; how soon it is gone; and what a naive rule has on the same bars.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from backtester import Account, Costs, Execution, Strategy, run
from backtester.errors import BacktesterError, ModelError
from backtester.signals.fitting.protocol import title_of
from strategies.buy_and_hold import BuyAndHold
from strategies.model import ModelStrategy

if TYPE_CHECKING:
    import pandas as pd

    from backtester import Bars, Result
    from backtester.signals import Signal
    from backtester.signals.splits import Fold

#: what is run of each signal: name, multiple of the costs, bars by which every order is late beyond the execution's own
VARIANTS = (("no costs", 0.0, 0), ("net", 1.0, 0), ("twice the costs", 2.0, 0), ("one bar later", 1.0, 1))
NET = "net"
BASELINES = ("naive", "ar1")
_METRICS = (
    *("sharpe", "total_return", "cagr", "annual_volatility", "max_drawdown", "turnover", "total_costs", "n_trades"),
)
_SHOWN = (
    ("sharpe", "Sharpe", "{:.2f}"),
    ("cagr", "per year", "{:.1%}"),
    ("annual_volatility", "volatility", "{:.1%}"),
    ("max_drawdown", "drawdown", "{:.1%}"),
    ("turnover", "turnover", "{:.1f}"),
    ("total_costs", "costs", "{:,.0f}"),
)
_SCALED = (
    *("commission", "commission_per_unit", "commission_per_order", "commission_min"),
    *("spread", "slippage", "impact", "borrow_rate"),
)


class Flat(Strategy):
    """Do nothing: what cash alone makes."""

    def on_bar(self, ctx: Any) -> None:
        pass


@dataclass(frozen=True, eq=False, repr=False)
class Scorecard:
    """A traded signal beside what needs no model, over the tested bars alone. `print` shows it.

    Attributes
    ----------
    name : str
        Of the model.
    table : DataFrame
        One row for each run, by `strategy` (the model, "naive", "ar1", "buy and hold", "flat") and `variant` ("no
        costs", "net", "twice the costs", "one bar later"; the last two strategies net alone). Columns:
        `cost_multiple`, `latency_bars`, then metrics of the run: `sharpe`, `total_return`, `cagr`,
        `annual_volatility`, `max_drawdown` (fractions), `turnover` (per year), `total_costs` (money), `n_trades`.
    results : dict of (str, str) to Result
        The runs.
    notes : tuple of str
        What a reader must know beside the numbers.
    """

    name: str
    table: pd.DataFrame
    results: dict[tuple[str, str], Result]
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"<Scorecard of {self.name}: {len(self.table)} runs>"

    def __str__(self) -> str:
        import textwrap

        from backtester.bars.check import time_text
        from backtester.summary_text import clean

        clock = next(iter(self.results.values())).bars.timestamps
        span = f"{len(clock):,} bars from {time_text(int(clock[0]))} to {time_text(int(clock[-1]))}"
        lines = [f"{clean(self.name)}, traded: {span}", ""]
        widths = [max(len(label) + 2, 10) for _, label, _ in _SHOWN]
        heading = "".join(f"{label:>{w}}" for (_, label, _), w in zip(_SHOWN, widths, strict=True))
        lines.append(f"{'':18}{heading}")
        before = None
        for (strategy, variant), row in self.table.iterrows():
            if strategy != before:
                lines.append(clean(strategy))
                before = strategy
            cells = ["-" if np.isnan(row[name]) else form.format(row[name]) for name, _, form in _SHOWN]
            lines.append(f"  {variant:<16}" + "".join(f"{cell:>{w}}" for cell, w in zip(cells, widths, strict=True)))
        lines.append("")
        for note in self.notes:
            lines += textwrap.wrap(note, 78, initial_indent="- ", subsequent_indent="  ")
        return "\n".join(lines).rstrip()


def scorecard(
    signal: Signal,
    bars: Bars,
    *,
    rule: Any = "sign",
    costs: Costs | None = None,
    cash: float = 100_000.0,
    account: Account | None = None,
    execution: Execution | None = None,
    risk_free: float = 0.0,
    baselines: Sequence[Any] = BASELINES,
    allow_future: bool = False,
    **settings: Any,
) -> Scorecard:
    """Trade a signal over the bars it was tested on, net of costs, beside naive models, buy and hold, and cash.

    The signal is run at no, once and twice the costs, and once more with every order a bar later. The naive models are
    fitted in the same folds, on the labels of the same training bars, with the last return as their only feature; they
    speak at the same bars and assets, and are traded by the same rule.

    Parameters
    ----------
    signal : Signal
        Of `predict_out_of_sample`; known in time. Of other signals there are no folds to fit naive models in.
    bars : Bars
        Those the signal is of, or a part of them; naive models are fitted where they are all.
    rule : Rule, function or str
        As for `ModelStrategy`.
    costs : Costs, optional
        Default: none. Scaled are commission, spread, slippage, impact and borrow; interest stays.
    cash : float
    account : Account, optional
    execution : Execution, optional
    risk_free : float
        Annual; of the Sharpe ratio.
    baselines : sequence of model or str
        Models, or their names; "naive" is the mean of the training labels, "ar1" a line through the last return.
    allow_future : bool
        As for `ModelStrategy`: trade a signal of K-fold or combinatorial tests all the same.
    **settings
        Of `ModelStrategy`, such as `band=0.1`; of all the signals.

    Returns
    -------
    Scorecard

    Raises
    ------
    ModelError
        If the signal has no value in the bars.
    StrategyError, ParameterError
        As from `ModelStrategy`.
    """
    import pandas as pd

    costs, account, execution = costs or Costs(), account or Account(), execution or Execution()
    part = _tested_part(signal, bars)
    notes: list[str] = []
    signals = {signal.name: signal}
    for model in baselines:
        name = model if isinstance(model, str) else title_of(model)
        try:
            signals[name if name not in signals else f"{name} (baseline)"] = same_folds(model, signal, bars)
        except BacktesterError as error:
            notes.append(f"{name} is left out: {error}")
    options = {"cash": cash, "account": account, "risk_free": risk_free}
    results: dict[tuple[str, str], Result] = {}
    facts: dict[tuple[str, str], tuple[float, int]] = {}

    def trade(name: str, variant: str, multiple: float, late: int, strategy: Strategy) -> None:
        found = replace(execution, latency_bars=execution.latency_bars + late)
        results[name, variant] = run(strategy, part, costs=scaled(costs, multiple), execution=found, **options)
        facts[name, variant] = (multiple, found.latency_bars)

    for name, one in signals.items():
        for variant, multiple, late in VARIANTS:
            strategy = ModelStrategy(signal=one, rule=rule, allow_future=allow_future, **settings)
            trade(name, variant, multiple, late, strategy)
    trade("buy and hold", NET, 1.0, 0, BuyAndHold())
    trade("flat", NET, 1.0, 0, Flat())
    rows = []
    for key, result in results.items():
        numbers = result.summary()
        rows.append((*facts[key], *(numbers[name] for name in _METRICS)))
    index = pd.MultiIndex.from_tuples(list(results), names=["strategy", "variant"])
    table = pd.DataFrame(rows, index=index, columns=["cost_multiple", "latency_bars", *_METRICS])
    return Scorecard(signal.name, table, results, tuple(_notes(signal, costs) + notes))


def same_folds(model: Any, signal: Signal, bars: Bars) -> Signal:
    """Return what another model says in the folds of a signal: the same training bars, the same tests.

    Parameters
    ----------
    model : object or str
        It sees one feature, the last return, unscaled.
    signal : Signal
        Of walk-forward folds, with the label that its model learnt.
    bars : Bars
        Those the signal is of.

    Returns
    -------
    Signal
        NaN wherever `signal` is.

    Raises
    ------
    ModelError
        If the signal keeps no folds or no label, its folds train on what comes after their tests, or the bars are not
        those it is of.
    """
    from backtester.signals import predict_out_of_sample

    if not signal.folds or signal.label is None:
        raise ModelError(
            f"the signal of {signal.name!r} keeps no folds that another model could be fitted in; it is not one of "
            "predict_out_of_sample"
        )
    if not signal.known_in_time:
        raise ModelError(
            f"the folds of {signal.name!r} train on bars after their tests, and which ones they train on is not kept"
        )
    if not np.array_equal(signal.timestamps, bars.timestamps) or signal.symbols != tuple(bars.symbols):
        raise ModelError(f"the bars are not those that the signal of {signal.name!r} is of: fits need all of them")
    found = predict_out_of_sample(
        model, ["log_return(1)"], signal.label, bars, _SameFolds(signal), scaler=None, workers=1
    )
    return replace(found, values=np.where(np.isfinite(signal.values), found.values, np.nan))


@dataclass(frozen=True, eq=False)
class _SameFolds:
    """The folds of a signal as a scheme: of each the training range and the test that its record keeps."""

    signal: Signal

    def folds(self, start: npt.NDArray[Any], end: npt.NDArray[Any], n_bars: int) -> list[Fold]:
        """Return the folds; see `backtester.signals.splits`."""
        from backtester.signals.splits import Fold

        clock = self.signal.timestamps
        found = []
        for record in self.signal.folds:
            first = np.searchsorted(clock, record.trained_from)
            last = np.searchsorted(clock, record.trained_until)
            train = (start >= first) & (end >= 0) & (end <= last)
            test = np.arange(max(record.first, int(start.min())), record.last + 1)
            found.append(Fold(number=record.number, test=test, train=train))
        return found


def scaled(costs: Costs, multiple: float) -> Costs:
    """Return costs with commission, spread, slippage, impact and borrow `multiple` times as high; interest stays.

    Parameters
    ----------
    costs : Costs
    multiple : float
        0 or more.
    """
    if multiple == 1.0:
        return costs
    return dataclasses.replace(costs, **{name: _times(getattr(costs, name), multiple) for name in _SCALED})


def _times(value: Any, multiple: float) -> Any:
    if callable(value):
        return 0.0 if multiple == 0.0 else _commission_times(value, multiple)
    if isinstance(value, Mapping):
        return {key: multiple * item for key, item in value.items()}
    return (multiple * np.asarray(value, np.float64)).tolist()  # of one number or one per asset


def _commission_times(function: Any, multiple: float) -> Callable[[float, float], float]:
    import numba

    inner = function if hasattr(function, "py_func") else numba.njit(function)

    def commission(price: float, quantity: float) -> float:
        return multiple * inner(price, quantity)

    return commission


def _tested_part(signal: Signal, bars: Bars) -> Bars:
    """Return the bars from the one before the first value to the last value: nothing outside is traded or counted."""
    rows = np.flatnonzero(np.isin(bars.timestamps, signal.timestamps[signal.tested]))
    if not rows.size:
        raise ModelError(f"the signal of {signal.name!r} has no value in these {bars.n_bars:,} bars; nothing is traded")
    return bars[max(int(rows[0]) - 1, 0) : int(rows[-1]) + 1]


def _notes(signal: Signal, costs: Costs) -> list[str]:
    found = []
    if not signal.known_in_time:
        found.append("The signal was not known in time: its models were fitted on bars after those they speak of.")
    if costs == Costs():
        found.append("There are no costs: give costs=Costs(…), or net means nothing.")
    if signal.trials > len(signal.folds) > 0:
        found.append(
            f"{signal.trials:,} fits were tried for {len(signal.folds):,} folds: the settings are the best of several, "
            "chosen inside the folds."
        )
    return found
