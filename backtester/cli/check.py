"""`backtester check`: does anything in a file look ahead? Everything that can be checked is found by itself."""

from __future__ import annotations

import inspect
import types
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from backtester.cli import options as o
from backtester.cli.failures import ExitCode
from backtester.cli.inputs import load_bars, reading_options
from backtester.cli.locate import make_strategy, module_of, strategies_in
from backtester.cli.output import say, say_json, say_table, stdout_kept
from backtester.errors import SettingsError, StrategyError, did_you_mean

if TYPE_CHECKING:
    from backtester.bars import Bars
    from backtester.research.lookahead import LookAheadReport

DEFAULT_DATA = "sample:sp500"


@dataclass(frozen=True)
class Outcome:
    """What became of one thing: its report, or why there is none."""

    name: str
    report: LookAheadReport | None
    error: str = ""


def check(
    target: Annotated[
        str,
        typer.Argument(
            metavar="FILE[:NAME]",
            show_default=False,
            help="A Python file or module, or one thing in it: my.py, my.py:SmaCross, package.module.",
        ),
    ],
    data: o.DataSources = None,
    parameters: o.Parameters = None,
    reading: o.Reading = None,
    cuts: Annotated[
        str | None,
        typer.Option(
            metavar="N|all",
            help="At how many places the data is cut, beside those after each decision; `all` is every bar. Default: "
            "48, and fewer for environments.",
        ),
    ] = None,
    seed: o.Seed = 0,
    mode: o.Mode = "auto",
    as_json: o.AsJson = False,
    quiet: o.Quiet = False,
) -> None:
    """Check that nothing in a file looks ahead.

    Exit code 1: something does. Everything is run again and again with later bars replaced and deleted; what was before
    must not change. Checked are strategies, sets of features, labels, fitted models, environments, and functions that
    make one of those, or a signal, from `bars` and nothing else. Functions that return arrays are checked where they
    are named, FILE:NAME; names that begin with "_" never. Without --data, on the sample sp500.

    Example: `backtester check my.py --data prices.csv`
    """
    with stdout_kept(as_json):
        bars = load_bars(data or [DEFAULT_DATA], reading_options(reading or []))
        found = _found(target, bars)
        if parameters and len(found) != 1:
            raise SettingsError(f"--set is about one strategy, and there are {len(found)}; name one: FILE:NAME")
        outcomes = [
            _tried(name, thing, bars, parameters or [], _read_cuts(cuts), seed, mode) for name, thing in found.items()
        ]
    _tell(outcomes, bars, as_json, quiet)
    if any(one.report is not None and not one.report.ok for one in outcomes):
        raise typer.Exit(ExitCode.FINDINGS)
    if any(one.report is None for one in outcomes):
        raise typer.Exit(ExitCode.USAGE)


def _found(target: str, bars: Bars) -> dict[str, Any]:
    """Return what can be checked of a target, by name."""
    where, _, name = target.rpartition(":")
    if not (where and name.isidentifier()):
        where, name = target, ""
    found = checkable(module_of(where))
    if name:
        if name not in found:
            raise StrategyError(
                f"{where}: has nothing to check called {name!r}{did_you_mean(name, found)} (there is: "
                f"{', '.join(found) or 'nothing'})"
            )
        return {name: found[name]}
    found = {key: value for key, value in found.items() if not _returns_anything_else(value, bars)}
    if not found:
        raise StrategyError(
            f"{where}: nothing to check is defined there: no strategy, Features, Label or fitted model, no "
            "environment, and no function of `bars` alone that makes one; name a function that returns an array: "
            f"{where}:NAME"
        )
    return found


def _returns_anything_else(value: Any, bars: Bars) -> bool:
    """Return whether something is a function that returns no strategy, environment, features, label, signal or model.

    A helper may look ahead with good reason, as one that computes labels does.
    """
    if not isinstance(value, types.FunctionType):
        return False
    from backtester.research.lookahead.dispatch import is_environment
    from backtester.signals import Features, FittedModel, Label, Signal
    from backtester.strategy import Strategy

    try:
        made = value(bars)
    except Exception:
        return False  # which is told where it is checked
    if isinstance(made, type):
        return not issubclass(made, Strategy)
    return not (isinstance(made, Strategy | Features | FittedModel | Label | Signal) or is_environment(made))


def checkable(module: types.ModuleType) -> dict[str, Any]:
    """Return the things a module defines that `check_lookahead` takes, by name, in the order of the file."""
    from backtester.signals import Features, FittedModel, Label
    from backtester.strategy import Strategy

    classes = strategies_in(module)
    return {
        name: value
        for name, value in vars(module).items()
        if not name.startswith("_")
        if name in classes
        or isinstance(value, Strategy | Features | Label | FittedModel)
        or (getattr(value, "__module__", "") == module.__name__ and takes_bars_alone(value))
    }


def takes_bars_alone(value: Any) -> bool:
    """Return whether something is a function, or the class of an environment, that needs `bars` and nothing else."""
    is_env = isinstance(value, type) and hasattr(value, "reset") and hasattr(value, "step")
    if not (is_env or isinstance(value, types.FunctionType)):
        return False
    parameters = list(inspect.signature(value).parameters.values())
    plain = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    needed = [one.name for one in parameters if one.default is one.empty and one.kind in plain]
    return needed == ["bars"] and parameters[0].name == "bars"


def _read_cuts(text: str | None) -> Any:
    if text is None or text == "all":
        return text
    if not text.isdigit() or int(text) < 1:
        raise SettingsError(f"--cuts {text}: a number of places, 1 or more, or `all`")
    return int(text)


def _tried(name: str, thing: Any, bars: Bars, parameters: list[str], cuts: Any, seed: int, mode: str) -> Outcome:
    """Check one thing; its own errors are told, and the next is checked."""
    from backtester.research.lookahead import check_lookahead
    from backtester.strategy import Strategy

    is_strategy = isinstance(thing, Strategy) or (isinstance(thing, type) and issubclass(thing, Strategy))
    try:
        made = make_strategy(thing, parameters) if isinstance(thing, type) and is_strategy else thing
        settings: dict[str, Any] = {"mode": mode} if is_strategy else {}
        return Outcome(name, check_lookahead(made, bars, cuts=cuts, seed=seed, **settings))
    except Exception as error:
        return Outcome(name, None, f"{type(error).__name__}: {error}")


def _tell(outcomes: list[Outcome], bars: Bars, as_json: bool, quiet: bool) -> None:
    if as_json:
        say_json(
            {
                "ok": all(one.report is not None and one.report.ok for one in outcomes),
                "data": {"name": bars.name, "n_bars": bars.n_bars, "symbols": list(bars.symbols)},
                "checked": [
                    {"name": one.name, **({"error": one.error} if one.report is None else one.report.to_dict())}
                    for one in outcomes
                ],
            }
        )
        return
    if quiet:
        return
    say_table(("name", "what", "verdict", "first bar", "moved", "how far"), [_row(one) for one in outcomes])
    for one in outcomes:
        if one.report is None:
            say(f"\n{one.name} could not be run: {one.error}")
        elif one.report.findings or one.report.notes:
            say(f"\n{one.report}")


def _row(one: Outcome) -> tuple[str, ...]:
    """Return the line of the table for one thing."""
    if one.report is None:
        return one.name, "", "could not run", "", "", ""
    sort, leaks = one.report.sort, one.report.leaks
    if not leaks:
        kinds = Counter(finding.kind for finding in one.report.findings)
        return one.name, sort, ", ".join(["ok", *(f"{n} {_counted(kind, n)}" for kind, n in kinds.items())]), "", "", ""
    first = leaks[0]
    more = f" and {len(leaks) - 1} more" if len(leaks) > 1 else ""
    where = f"{first.bar:,} ({first.time})" + (f" {first.asset}" if first.asset else "")
    return one.name, sort, first.kind, where, first.name + more, first.sees


def _counted(kind: str, n: int) -> str:
    """Return a kind of finding that is no leak, for a number of them."""
    return "start-up drift" + "s" * (n != 1) if kind == "start-up drift" else kind
