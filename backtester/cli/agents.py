"""What `backtester train` and `backtester evaluate` have in common: where an agent acts, and what that takes."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from backtester.cli import options as o
from backtester.cli.inputs import load_bars, reading_options
from backtester.errors import SettingsError

if TYPE_CHECKING:
    from backtester.bars import Bars

TRADING = "backtester/Trading-v0"
_COSTS = ("commission", "spread", "slippage")

EnvId = Annotated[
    str | None,
    typer.Argument(
        metavar="[ENV]",
        show_default=False,
        help="The id of an environment, such as backtester/OUPrice-v0. With --data it is backtester/Trading-v0.",
    ),
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        "-s",
        metavar="NAME=VALUE",
        rich_help_panel=o.DATA,
        help="A setting of the environment, such as --set window=16, --set actions=continuous or "
        "--set exposures=[0,1]. Repeatable.",
    ),
]
Cash = Annotated[float | None, typer.Option(rich_help_panel=o.MONEY, help="Money at the start.")]
Commission = Annotated[
    float | None, typer.Option(rich_help_panel=o.MONEY, help="Fraction of the traded value: 0.001 is 0.1 %.")
]
Spread = Annotated[
    float | None,
    typer.Option(rich_help_panel=o.MONEY, help="Full quoted spread, a fraction of the price; half is paid."),
]
Slippage = Annotated[float | None, typer.Option(rich_help_panel=o.MONEY, help="Fraction of the price paid on top.")]
Leverage = Annotated[
    float | None,
    typer.Option(rich_help_panel=o.MONEY, help="Gross value up to this multiple of equity; 1 is a cash account."),
]
FillAt = Annotated[
    str | None,
    typer.Option(metavar="next_open|close", rich_help_panel=o.MARKET, help="Where a market order fills."),
]
Latency = Annotated[int | None, typer.Option(rich_help_panel=o.MARKET, help="Bars by which every order is late.")]


def import_or_say(module: str, command: str) -> Any:
    """Return a module of `envs`, or say what has to be installed for it.

    Raises
    ------
    SettingsError
        That names the library that is missing.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"{command} needs {error.name}, which is not installed; pip install 'backtester[rl]'"
        ) from error


def bars_of(data: Sequence[str] | None, reading: Sequence[str] | None) -> Bars | None:
    """Return the bars of `--data`, or None where there is none."""
    return load_bars(data, reading_options(reading or [])) if data else None


def values_of(option: str, texts: Sequence[str] | None) -> dict[str, Any]:
    """Return values from texts such as `"window=16"`; a value is read as YAML: numbers, true, [0, 1], {from: 1, to: 0}.

    Raises
    ------
    SettingsError
        If a text has no "=", or its value cannot be read.
    """
    import yaml

    values: dict[str, Any] = {}
    for text in texts or ():
        name, equals, value = (part.strip() for part in text.partition("="))
        if not equals or not name:
            raise SettingsError(f"{option} {text}: write {option} NAME=VALUE")
        try:
            values[name] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise SettingsError(f"{option} {text}: the value cannot be read: {' '.join(str(error).split())}") from None
    return values


def market_settings(given: dict[str, Any]) -> dict[str, Any]:
    """Return cash, costs, account and execution, as `run` and the trading environment take them, if given."""
    from backtester.costs import Account, Costs, Execution

    told = {name: value for name, value in given.items() if value is not None}
    found: dict[str, Any] = {"cash": told["cash"]} if "cash" in told else {}
    costs = {name: told[name] for name in _COSTS if name in told}
    if costs:
        found["costs"] = Costs(**costs)
    if "leverage" in told:
        found["account"] = Account(leverage=told["leverage"])
    execution = {name: told[key] for name, key in (("fill_at", "fill_at"), ("latency_bars", "latency")) if key in told}
    if execution:
        found["execution"] = Execution(**execution)
    return found


def refuse_market_options(env_id: str, given: dict[str, Any]) -> None:
    """Refuse options that only a market has.

    Raises
    ------
    SettingsError
        That names the first.
    """
    for name, value in given.items():
        if value is not None:
            raise SettingsError(
                f"--{name.replace('_', '-')} is about a market, and {env_id} is none; its settings are given with --set"
            )
