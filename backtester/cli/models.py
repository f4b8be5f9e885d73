"""`backtester models list`: the models that installed packages offer, by name."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from backtester.cli import completion
from backtester.cli import options as o
from backtester.cli.help import Group, add
from backtester.cli.output import clean, say_json, say_prose, say_table, stdout_kept

app = typer.Typer(cls=Group, help="Look at models.", rich_markup_mode="rich")
_HEADS = ("model", "learns", "lookback", "package", "what it is")


@app.callback()
def models() -> None:
    """Look at models."""


def list_(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME]...",
            show_default=False,
            autocompletion=completion.models,
            help="Models to show in full: settings, class and source. Without it: a line for each.",
        ),
    ] = None,
    as_json: o.AsJson = False,
    quiet: o.Quiet = False,
) -> None:
    """List models with what they learn: numbers or classes.

    They come from installed packages, which register them under `backtester.models`.

    Example: `backtester models list`

    Example, one in full: `backtester models list ridge`
    """
    from backtester.signals.plugins import describe, plugin_named, plugins

    with stdout_kept(as_json):
        if names:
            found = [describe(plugin_named(name)) for name in names]
        else:
            found = [describe(plugin) for those in plugins().values() for plugin in those]
    if as_json:
        say_json({"models": found})
    elif quiet:
        return
    elif names:
        say_prose("\n\n".join(_shown(entry) for entry in found))
    else:
        say_table(_HEADS, [_row(entry) for entry in found], right=("lookback",))


add(app, list_, "list")


def _row(entry: dict[str, Any]) -> list[str]:
    said = entry["summary"].partition(": ")[0] if entry["problem"] is None else f"cannot be used: {entry['problem']}"
    return [entry["name"], ", ".join(entry["learns"]), str(entry["lookback"] or ""), entry["package"], said]


def _shown(entry: dict[str, Any]) -> str:
    """Return a model as lines of text."""
    settings = ", ".join(f"{name}={value!r}" for name, value in entry["settings"].items())
    lines = [
        f"{entry['name']} -> {entry['class']}",
        f"  {entry['summary'] or '(no docstring)'}",
        f"  package   {entry['package']} {entry['version']}",
        f"  learns    {', '.join(entry['learns'])}",
        f"  settings  {settings or 'none'}",
    ]
    if entry["source"]:
        lines.append(f"  source    {entry['source']}")
    if entry["problem"] is not None:
        lines[1:] = [f"  cannot be used: {entry['problem']}"]
    return "\n".join(map(clean, lines))
