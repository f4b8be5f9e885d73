"""`backtester walk-forward`: parameters chosen on one stretch of the data, and traded on the next."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from backtester.cli import completion
from backtester.cli import options as o
from backtester.cli.dimensions import space_of, where_of
from backtester.cli.failures import ExitCode
from backtester.cli.inputs import benchmark_of, check_folder, check_writable, load_bars, reading_options
from backtester.cli.locate import find_strategy
from backtester.cli.market import market_of
from backtester.cli.output import result_document, say, say_json, say_prose, stdout_kept
from backtester.cli.sweep import STORE
from backtester.cli.tables import check_table, write_table
from backtester.errors import SettingsError

if TYPE_CHECKING:
    from backtester.research.walk_forward import WalkForwardResult

FOLDS = "Folds"


def walk_forward(
    target: o.Target,
    vary: o.Dimensions = None,
    parameters: o.Parameters = None,
    train: Annotated[
        int | None,
        typer.Option(min=1, metavar="BARS", rich_help_panel=FOLDS, help="Bars to choose parameters on; required."),
    ] = None,
    test: Annotated[
        int | None,
        typer.Option(min=1, metavar="BARS", rich_help_panel=FOLDS, help="Bars to trade them on afterwards; required."),
    ] = None,
    step: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="BARS", rich_help_panel=FOLDS, help="From one test to the next; by default --test."
        ),
    ] = None,
    anchored: Annotated[
        bool, typer.Option("--anchored", rich_help_panel=FOLDS, help="Train from the first bar on in every fold.")
    ] = False,
    purge: Annotated[
        int, typer.Option(min=0, metavar="BARS", rich_help_panel=FOLDS, help="Left out between training and test.")
    ] = 0,
    between: Annotated[
        str,
        typer.Option(
            metavar="carry|flat",
            autocompletion=completion.of("carry", "flat"),
            rich_help_panel=FOLDS,
            help="Whether positions are taken over where parameters change, or closed.",
        ),
    ] = "carry",
    choose: Annotated[
        str,
        typer.Option(
            metavar="best|stable",
            autocompletion=completion.of("best", "stable"),
            rich_help_panel=FOLDS,
            help="The set with the best score, or the one that is best together with its neighbours.",
        ),
    ] = "best",
    min_trades: Annotated[
        int, typer.Option(min=0, rich_help_panel=FOLDS, help="Closed trades in training that a set needs.")
    ] = 0,
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
    table: o.Table = None,
    report: o.Report = None,
    out: o.Out = None,
    as_json: o.AsJson = False,
    quiet: o.Quiet = False,
    progress: o.Progress = None,
) -> None:
    """Choose parameters on one stretch, trade them on the next.

    The tests follow each other, in one account and under the same costs: what is left of an edge when nobody knew the
    best parameters beforehand. --report is about both, --out about that account, --table about the folds.

    Example: `backtester walk-forward my.py -p fast=5:50:5 -p slow=60:200:20 --train 750 --test 250 --data sample:sp500`
    """
    from backtester.research.walk_forward import walk_forward as walk

    check_writable(report)
    check_folder(out)
    check_table(table)
    check_folder(store.parent)
    if train is None or test is None:
        missing = "--train" if train is None else "--test"
        raise SettingsError(f"{missing} BARS is required, such as --train 750 --test 250")
    if objective and len(objective) > 1:
        raise SettingsError("--objective: a fold chooses by one metric; give it once")
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
        found = walk(
            kind,
            bars,
            space,
            train=train,
            test=test,
            step=step,
            anchored=anchored,
            purge=purge,
            between=between,  # type: ignore[arg-type]
            choose=choose,  # type: ignore[arg-type]
            min_trades=min_trades,
            where=where_of(where, kind),
            method=method,  # type: ignore[arg-type]
            n_trials=n_trials,
            seed=seed,
            objective=(objective or ["sharpe"])[0],
            workers=workers,
            executor=executor,
            store=store,
            progress=False if quiet and progress is None else progress,
            benchmark=benchmark_of(benchmark, bars),
            mode=mode,
            **market,
        )
        written = _write(found, table, report, out)
    if as_json:
        folds = found.folds.reset_index().to_dict("records")
        say_json({"folds": folds, **result_document(found.result, **written)})
    elif not quiet:
        say_prose(f"{found}")
        for name, path in written.items():
            if path is not None:
                say(f"\n{name.capitalize()} written to {path}")
    if found.interrupted:
        raise typer.Exit(ExitCode.INTERRUPTED)


def _write(
    found: WalkForwardResult, table: Path | None, report: Path | None, out: Path | None
) -> dict[str, str | None]:
    """Write what was asked for, and return where."""
    written: dict[str, Any] = {"table": write_table(found.folds, table), "report": None, "out": None}
    if report is not None:
        found.report(report)
        written["report"] = str(report)
    if out is not None:
        found.result.to_parquet(out)
        written["out"] = str(out)
    return written
