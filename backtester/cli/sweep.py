"""`backtester sweep`: one strategy with many sets of parameters, and what to make of the best of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from backtester.cli import options as o
from backtester.cli.dimensions import space_of, where_of
from backtester.cli.failures import ExitCode
from backtester.cli.inputs import benchmark_of, check_folder, check_writable, load_bars, reading_options
from backtester.cli.locate import find_strategy
from backtester.cli.market import market_of
from backtester.cli.output import say, say_json, say_prose, say_table, stdout_kept
from backtester.cli.tables import check_table, write_table
from backtester.errors import SettingsError

if TYPE_CHECKING:
    import pandas as pd

    from backtester.research import Sweep

STORE = Path(".backtester/sweeps.db")
_SHOWN = ("total_return", "max_drawdown", "n_trades")  # beside the objectives


def sweep(
    target: o.Target,
    vary: o.Dimensions = None,
    parameters: o.Parameters = None,
    where: o.Where = None,
    method: o.Method = "grid",
    n_trials: o.NTrials = None,
    objective: o.Objectives = None,
    seed: o.SearchSeed = 0,
    data: o.DataSources = None,
    reading: o.Reading = None,
    benchmark: o.Benchmark = None,
    cash: o.Cash = 100_000.0,
    commission: o.Commission = 0.0,
    spread: o.Spread = 0.0,
    slippage: o.Slippage = 0.0,
    leverage: o.Leverage = 1.0,
    fill_at: o.FillAt = "next_open",
    same_bar: o.SameBar = "stop_first",
    latency: o.Latency = 0,
    mode: o.Mode = "auto",
    store: o.Store = STORE,
    workers: o.Workers = None,
    executor: o.ExecutorName = "threads",
    top: Annotated[int, typer.Option(min=0, rich_help_panel=o.OUTPUT, help="How many of the best are shown.")] = 10,
    table: o.Table = None,
    report: Annotated[
        Path | None, typer.Option(rich_help_panel=o.OUTPUT, help="Write the HTML report of the sweep and its best run.")
    ] = None,
    as_json: o.AsJson = False,
    quiet: o.Quiet = False,
    progress: o.Progress = None,
) -> None:
    """Run a strategy with many sets of parameters.

    Every parameter that is not varied has its default, or what --set says. The best of many is an optimum of these
    data: what is printed says how much of it is a plateau, and how much a peak.

    Example: `backtester sweep my.py -p fast=5:50:5 -p slow=20:200:20 --where 'fast < slow' --data sample:sp500`

    Example: `backtester sweep my.py -p fast=3:60 -p slow=61:250 --method random -n 200 --data sample:sp500`
    """
    from backtester.report import write_report
    from backtester.research.sweep import sweep as run_sweep

    check_writable(report)
    check_table(table)
    check_folder(store.parent)
    market = market_of(
        cash=cash,
        commission=commission,
        spread=spread,
        slippage=slippage,
        leverage=leverage,
        fill_at=fill_at,
        same_bar=same_bar,
        latency=latency,
    )
    with stdout_kept(as_json):
        kind = find_strategy(target)
        space = space_of(kind, vary, parameters, method)
        if not vary:
            names = ", ".join(kind.parameter_types()) or "none"
            raise SettingsError(f"nothing to vary: give -p NAME=VALUES, such as -p NAME=5:50 (parameters: {names})")
        bars = load_bars(data or [], reading_options(reading or []))
        found = run_sweep(
            kind,
            bars,
            parameters=space,
            where=where_of(where, kind),
            method=method,  # type: ignore[arg-type]
            n_trials=n_trials,
            seed=seed,
            objective=objective if objective and len(objective) > 1 else (objective or ["sharpe"])[0],
            workers=workers,
            executor=executor,
            store=store,
            progress=False if quiet and progress is None else progress,
            benchmark=benchmark_of(benchmark, bars),
            mode=mode,
            **market,
        )
        written = {"table": write_table(found.table, table), "report": None if report is None else str(report)}
        if report is not None:
            write_report({"sweep": found, "best": found.run_best()}, report)
    if as_json:
        say_json(document(found, top, written))
    elif not quiet:
        tell(found, top)
        for name, path in written.items():
            if path is not None:
                say(f"\n{name.capitalize()} written to {path}")
    if found.interrupted:
        raise typer.Exit(ExitCode.INTERRUPTED)


# --- what is printed -------------------------------------------------------------------------------------------------


def best_rows(found: Sweep, top: int) -> pd.DataFrame:
    """Return the best rows of the table by the first objective; of several objectives the front comes first."""
    table, name = found.table, found.column(found.objectives[0])
    ascending = not found.maximize[0]
    ranked = table[table[name].notna()].sort_values(name, ascending=ascending, kind="stable")
    if len(found.objectives) > 1:
        front = found.front
        ranked = ranked.loc[[*front.index, *ranked.index.difference(front.index, sort=False)]]
    return ranked.head(top)


def tell(found: Sweep, top: int) -> None:
    """Print what a sweep came to: its own words, the best rows, and how stable the best is."""
    say_prose(f"{found}")
    rows = best_rows(found, top)
    if len(rows):
        say("")
        _table(found, rows)
    tried, _, unscored = found.counts
    if tried > 1 and tried > unscored:
        from backtester.research.sweep.stability import NO_NEIGHBOURS

        stable = found.stability() if found.has_neighbours else f"stability: {NO_NEIGHBOURS}"
        say_prose(f"\n{stable}")


def _table(found: Sweep, rows: pd.DataFrame) -> None:
    from backtester.research.sweep.axes import worded
    from backtester.summary_text import GROUPS, written

    kinds = {metric.name: metric.kind for _, group in GROUPS for metric in group}
    scores = [found.column(name) for name in found.objectives]
    columns = [*scores, *(found.column(name) for name in _SHOWN if found.column(name) not in scores)]
    heads = [str(rows.index.name), *found.parameters, *(name.replace("_", " ") for name in columns)]
    cells = []
    for number, row in zip(rows.index.tolist(), worded(found, rows).to_dict("records"), strict=True):
        metrics = [written(float(row[name]), kinds.get(name.removeprefix("metric_"), "number")) for name in columns]
        cells.append([f"{number:,}", *(_cell(row[name]) for name in found.parameters), *metrics])
    say_table(heads, cells, right=heads)


def _cell(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def document(found: Sweep, top: int, written: dict[str, str | None]) -> dict[str, Any]:
    """Return a sweep as one JSON document: docs/cli.md says what is in it."""
    tried, failed, unscored = found.counts
    best = found.best if tried > unscored else None
    rows = best_rows(found, top)
    stable = found.stability() if best is not None and found.has_neighbours else None
    failure = found.first_failure
    return {
        "strategy": found.strategy.__name__,
        "method": found.method,
        "objectives": list(found.objectives),
        "parameters": list(found.parameters),
        "trials": tried,
        "failed": failed,
        "unscored": unscored,
        "interrupted": found.interrupted,
        "best": None if best is None else _trial(best),
        "stability": None if stable is None else {"best": _trial(stable.best), "peak_rank": stable.peak_rank},
        "top": [
            {str(rows.index.name): number, **row}
            for number, row in zip(
                rows.index.tolist(), rows.drop(columns=found.error_column).to_dict("records"), strict=True
            )
        ],
        "first_error": None if failure is None else {"trial": failure.number, "error": failure.error},
        **written,
    }


def _trial(trial: Any) -> dict[str, Any]:
    return {
        "trial": trial.number,
        "parameters": trial.parameters,
        "scores": trial.scores,
        "metrics": trial.metrics,
    }
