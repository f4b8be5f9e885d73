"""`backtester trials`: what was tried in this project, market by market."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from backtester.cli import options as o
from backtester.cli.output import say, say_json, say_table
from backtester.errors import ResultError

if TYPE_CHECKING:
    from backtester.trials.markets import Market

_HEADS = (
    "market",
    "from",
    "to",
    "runs",
    "trials",
    "independent",
    "best Sharpe",
    "of luck",
    "not counted",
    "strategies",
)
_BATCH_HEADS = ("begun", "by", "strategy", "market", "from", "to", "bars", "trials", "runs", "best Sharpe", "mark")


def trials(
    show_all: Annotated[
        bool, typer.Option("--all", help="A line for each batch: what was run, when, by which door.")
    ] = False,
    file: Annotated[
        Path | None,
        typer.Option(
            "--file",
            metavar="FILE",
            help="The ledger of another project; by default .backtester/trials.db of this one, or $BACKTESTER_TRIALS.",
            show_default=False,
        ),
    ] = None,
    as_json: o.AsJson = False,
    quiet: o.Quiet = False,
) -> None:
    """Show how many trials each market has seen.

    Every run, sweep, walk-forward, fitted model and training of a project is counted, once for the same code and
    parameters. The more trials, the better the best of them looks without any skill; "of luck" says how good.

    Example: `backtester trials`

    Example, a line for each batch: `backtester trials --all`
    """
    from backtester.trials.ledger import Ledger
    from backtester.trials.markets import markets_of
    from backtester.trials.where import ledger_path

    path = file or ledger_path()
    if path is None:
        raise ResultError("trials are not counted: BACKTESTER_TRIALS is off; unset it, or name a ledger with --file")
    if not path.exists():
        if file is not None:
            raise ResultError(f"there is no ledger {file}")
        if as_json:
            say_json({"file": str(path), "markets": []})
        elif not quiet:
            say(f"No trials yet: {path} begins with the first run.")
        return
    ledger = Ledger(path)
    if show_all:
        rows = list(ledger.rows())
        if as_json:
            say_json({"file": str(path), "batches": [_plain(row._asdict()) for row in rows]})
        elif not quiet:
            say_table(_BATCH_HEADS, [_batch(row) for row in rows], right=("bars", "trials", "runs", "best Sharpe"))
        return
    found = markets_of(ledger)
    if as_json:
        say_json({"file": str(path), "markets": [one.plain() for one in found]})
    elif not quiet:
        right = ("runs", "trials", "independent", "best Sharpe", "of luck")
        say_table(_HEADS, [_row(one) for one in found], right=right)


def _row(one: Market) -> list[str]:
    marked = ", ".join(f"{count:,} {mark}" for mark, count in sorted(one.marked.items()))
    independent = f"{one.effective:,.1f}" if one.trials else "-"
    return [
        *(_market(one.symbols), _day(one.first), _day(one.last), f"{one.runs:,}", f"{one.trials:,}", independent),
        *(_number(one.best), _number(one.expected_best), marked or "-", _market(one.strategies)),
    ]


def _batch(row: Any) -> list[str]:
    return [
        *(row.at.replace("T", " ").removesuffix("Z"), row.door, row.strategy, _market(row.symbols), _day(row.first)),
        *(_day(row.last), f"{row.n_bars:,}", f"{row.trials:,}", f"{row.runs:,}", _number(row.best), row.mark or "-"),
    ]


def _market(names: tuple[str, ...]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3:,} more" if len(names) > 3 else "")


def _day(time: int) -> str:
    from backtester.bars.check import time_text

    return time_text(time)[:10]


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.2f}"


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {name: None if isinstance(value, float) and math.isnan(value) else value for name, value in row.items()}
