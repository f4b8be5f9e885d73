"""`backtester fit`: a model from features, a label and bars, tested out of sample, and saved."""

from __future__ import annotations

import importlib
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from backtester.cli import completion
from backtester.cli import options as o
from backtester.cli.inputs import check_folder, load_bars, reading_options
from backtester.cli.output import say, say_json, stdout_kept
from backtester.errors import SettingsError

if TYPE_CHECKING:
    from backtester.bars import Bars
    from backtester.signals import Features, FittedModel, Signal

MODEL = "Model"


def fit(
    data: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[PATH|sample:NAME]...",
            show_default=False,
            autocompletion=completion.data,
            help="Bars, as --data of `run`; several for a panel.",
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", rich_help_panel=MODEL, help="YAML with any of these options by name; options go before it."
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            autocompletion=completion.models,
            rich_help_panel=MODEL,
            help="A name of `models list`, or 'ridge(alpha=10.0)' with settings.",
        ),
    ] = None,
    features: Annotated[
        list[str] | None,
        typer.Option(
            metavar="LIST",
            rich_help_panel=MODEL,
            help="What the model sees: 'rsi(14), log_return(5)'. Repeatable. Without it: the eight default features.",
        ),
    ] = None,
    hold: Annotated[
        int | None,
        typer.Option(min=0, rich_help_panel=MODEL, help="Bars for which a feature's last value stands in for a gap."),
    ] = None,
    label: Annotated[
        str | None,
        typer.Option(
            metavar="CALL", rich_help_panel=MODEL, help="What it learns: 'forward_return(5)', 'triple_barrier(…)', ..."
        ),
    ] = None,
    rows: Annotated[
        str | None,
        typer.Option(
            metavar="FROM..UNTIL",
            rich_help_panel=MODEL,
            help="The bars to learn from and to test on, such as ..2015; both ends included. Default: all.",
        ),
    ] = None,
    scheme: Annotated[
        str | None,
        typer.Option(
            metavar="CALL",
            rich_help_panel=MODEL,
            help="Test out of sample first, and print its metrics: 'walk_forward(train=756, test=63)', "
            "'purged_k_fold(5)', 'combinatorial(6, 2)'.",
        ),
    ] = None,
    scaler: Annotated[
        str | None,
        typer.Option(metavar="standard|robust|none", rich_help_panel=MODEL, help="How features are scaled."),
    ] = None,
    winsorise: Annotated[
        float | None,
        typer.Option(rich_help_panel=MODEL, help="Cut features off at this quantile of the training rows: 0.01."),
    ] = None,
    select: Annotated[
        str | None,
        typer.Option(
            metavar="CALL",
            rich_help_panel=MODEL,
            help="Features to keep, chosen on training rows: 'mutual_information(keep=10)', 'permutation(5)', 'l1(5)'.",
        ),
    ] = None,
    search: Annotated[
        str | None,
        typer.Option(
            metavar="CALL",
            rich_help_panel=MODEL,
            help="Settings to try on training rows: 'grid(alpha=[1.0, 10.0])', 'tpe(alpha=(1.0, 100.0), n_trials=20)'.",
        ),
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option(metavar="uniqueness|return", rich_help_panel=MODEL, help="Sample weights."),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(rich_help_panel=MODEL, help="Of all that is random; 0 unless given.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, rich_help_panel=MODEL, help="Workers for the folds; default: all cores.")
    ] = None,
    executor: Annotated[
        str | None,
        typer.Option(
            metavar="processes|threads|ray",
            rich_help_panel=MODEL,
            help="Who fits the folds. Default: processes, where they are worth starting.",
        ),
    ] = None,
    reading: o.Reading = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", rich_help_panel=o.OUTPUT, help="Save the fitted model here.")
    ] = None,
    signal: Annotated[
        Path | None,
        typer.Option(metavar="DIR", rich_help_panel=o.OUTPUT, help="Save what --scheme predicts; Signal.load(DIR)."),
    ] = None,
    as_json: o.AsJson = False,
    quiet: o.Quiet = False,
) -> None:
    """Fit a model on bars, test it, and save it.

    With --scheme it is said first how good the model is out of sample.

    Example: `backtester fit sample:sp500 --model ridge --label 'forward_return(5)' --rows ..2014
    --scheme 'walk_forward(train=756, test=63)' --out models/ridge`
    """
    from backtester.cli import recipes

    given = {
        "data": data, "read": reading, "model": model, "features": features, "hold": hold, "label": label, "rows": rows,
        "scheme": scheme, "scaler": scaler, "winsorise": winsorise, "select": select, "search": search,
        "weights": weights, "seed": seed, "workers": workers, "executor": executor, "signal": signal,
        "out": out,
    }  # fmt: skip
    said = recipes.read_config(config, given)
    folders = {name: None if said[name] is None else Path(said[name]) for name in ("out", "signal")}
    if folders["out"] is None and said["scheme"] is None:
        raise SettingsError("nothing to do: give --out DIR to save the model, or --scheme to test it, or both")
    if folders["signal"] is not None and said["scheme"] is None:
        raise SettingsError("--signal needs --scheme: it is what the model predicts out of sample")
    for folder in folders.values():
        check_folder(folder)
    began = time.perf_counter()
    with stdout_kept(as_json):
        made, told = _made(said)
        if folders["signal"] is not None and told is not None:
            told.to_parquet(folders["signal"])
        fitted = None if folders["out"] is None else _fitted(made, told, folders["out"])
    _tell(fitted, told, folders, time.perf_counter() - began, as_json, quiet)


def signals_or_say(command: str) -> Any:
    """Return `backtester.signals`, or say what has to be installed for models.

    Raises
    ------
    SettingsError
        That names the library that is missing.
    """
    for name in ("scipy", "threadpoolctl", "sklearn"):
        try:
            importlib.import_module(name)
        except ModuleNotFoundError as error:
            raise SettingsError(
                f"{command} needs {error.name}, which is not installed; pip install 'backtester[models]'"
            ) from error
    return importlib.import_module("backtester.signals")


def _made(said: dict[str, Any]) -> tuple[tuple[Any, Features, Bars, dict[str, Any], Any], Signal | None]:
    """Return what is fitted on what, and what it says out of sample, if that was asked for."""
    from backtester.cli import recipes

    signals = signals_or_say("fit")
    model = recipes.model_of(said["model"])
    features = recipes.features_of(said["features"], said["hold"])
    scheme, settings = recipes.scheme_of(said["scheme"]), recipes.settings_of(said)
    bars = load_bars(said["data"] or [], reading_options(said["read"] or []))
    bars = bars[recipes.rows_of(said["rows"], bars)]
    label = recipes.label_of(said["label"], bars)
    made = (model, features, bars, settings, label)
    if scheme is None:
        return made, None
    return made, signals.predict_out_of_sample(
        model, features, label, bars, scheme, workers=said["workers"], executor=said["executor"], **settings
    )


def _fitted(made: tuple[Any, Features, Bars, dict[str, Any], Any], told: Signal | None, folder: Path) -> FittedModel:
    signals = importlib.import_module("backtester.signals")
    model, features, bars, settings, label = made
    fitted = signals.fit(model, features, label, bars, **settings)
    signals.save_model(fitted, folder, metrics=None if told is None else told.metrics().overall)
    return fitted  # type: ignore[no-any-return]


def _tell(
    fitted: FittedModel | None,
    told: Signal | None,
    folders: dict[str, Path | None],
    seconds: float,
    as_json: bool,
    quiet: bool,
) -> None:
    metrics = None if told is None else told.metrics()
    if as_json:
        say_json(
            {
                "model": None if fitted is None else fitted.about(),
                "out_of_sample": None if metrics is None else metrics.as_dict(),
                "seconds": seconds,
                **{name: None if folder is None else str(folder) for name, folder in folders.items()},
            }
        )
        return
    if quiet:
        return
    if metrics is not None:
        say(f"{metrics}\n")
    if fitted is not None:
        say(f"{fitted}")
        say(f"Model written to {folders['out']}")
    if folders["signal"] is not None:
        say(f"Signal written to {folders['signal']}")
