"""`backtester predict`: what a saved model says of bars that it was not fitted on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from backtester.cli import completion
from backtester.cli import options as o
from backtester.cli.fit import signals_or_say
from backtester.cli.inputs import check_writable, load_bars, reading_options
from backtester.cli.output import say, say_json, say_table
from backtester.errors import SettingsError

if TYPE_CHECKING:
    import pandas as pd

    from backtester.signals import Signal

_SHOWN = 20  # symbols


def predict(
    bundle: Annotated[
        Path, typer.Argument(metavar="MODEL", show_default=False, help="A folder that `backtester fit --out` wrote.")
    ],
    data: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH|sample:NAME...",
            show_default=False,
            autocompletion=completion.data,
            help="Bars, as --data of `run`.",
        ),
    ],
    reading: o.Reading = None,
    in_sample: Annotated[
        bool, typer.Option("--in-sample", help="Also for the bars it was fitted on; that is no evidence of anything.")
    ] = False,
    drift: Annotated[
        bool, typer.Option("--drift", help="Show how far each feature has moved from the training range.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            rich_help_panel=o.OUTPUT,
            help="Write every value to this .csv or .parquet file: time, symbol, signal, and probabilities.",
        ),
    ] = None,
    force: o.Force = False,
    as_json: o.AsJson = False,
    quiet: o.Quiet = False,
) -> None:
    """Let a saved model say its signal for new bars.

    The last of each symbol is printed, --out writes all.

    Example: `backtester predict models/ridge sample:sp500 --out signal.csv`
    """
    import numpy as np

    kind = _kind(out, force)
    signals = signals_or_say("predict")
    fitted = signals.load_model(bundle)
    bars = load_bars(data, reading_options(reading or []))
    signal = fitted.predict(bars, in_sample=in_sample)
    if not np.isfinite(signal.values).any():
        from backtester.bars.check import time_text

        raise SettingsError(
            f"{bundle} says nothing of these bars, which end at {time_text(int(bars.timestamps[-1]))}: it was fitted "
            f"until {time_text(fitted.trained_until)}, and needs later bars with all features (--in-sample shows the "
            "others)"
        )
    moved = None
    if drift:
        from backtester.signals.scores import drift as drift_of

        moved = drift_of(fitted, bars, in_sample=in_sample)
    if out is not None:
        _write(long_form(signal), out, kind)
    if as_json:
        say_json(_document(signal, fitted, moved, out))
    elif not quiet:
        _show(signal, fitted, moved, out)


def long_form(signal: Signal) -> pd.DataFrame:
    """Return a signal with one row for each bar and symbol that has a value: time (UTC), symbol, signal, p(class)."""
    import numpy as np
    import pandas as pd

    row, asset = np.nonzero(np.isfinite(signal.values))
    columns: dict[str, Any] = {
        "time": pd.DatetimeIndex(signal.timestamps[row].astype("M8[ns]"), tz="UTC"),
        "symbol": np.array(signal.symbols, object)[asset],
        "signal": signal.values[row, asset],
    }
    if signal.probabilities is not None:
        for k, label in enumerate(signal.classes):
            columns[f"p({label:g})"] = signal.probabilities[row, asset, k]
    return pd.DataFrame(columns)


def _kind(out: Path | None, force: bool) -> str:
    if out is None:
        return ""
    kind = out.suffix.lower()
    if kind not in (".csv", ".parquet"):
        raise SettingsError(f"--out {out}: cannot tell what to write; the name must end in .csv or .parquet")
    check_writable(out)
    if out.exists() and not force:
        raise SettingsError(f"--out {out}: there is such a file; --force replaces it")
    return kind


def _write(frame: pd.DataFrame, out: Path, kind: str) -> None:
    """Write in full or not at all."""
    from backtester.report.csv_safe import safe_frame

    unfinished = out.with_name(f".{out.name}.unfinished")
    try:
        if kind == ".csv":
            safe_frame(frame).to_csv(unfinished, index=False, date_format="%Y-%m-%dT%H:%M:%SZ")
        else:
            frame.to_parquet(unfinished, index=False)
        unfinished.replace(out)
    finally:
        unfinished.unlink(missing_ok=True)


def _count(signal: Signal) -> int:
    return int((signal.values == signal.values).sum())


def _last(signal: Signal) -> list[tuple[str, str, float]]:
    """Return symbol, time and value of the last signal of each symbol."""
    import numpy as np

    from backtester.bars.check import time_text

    found = []
    for a, symbol in enumerate(signal.symbols):
        rows = np.flatnonzero(np.isfinite(signal.values[:, a]))
        if rows.size:
            found.append((symbol, time_text(int(signal.timestamps[rows[-1]])), float(signal.values[rows[-1], a])))
    return found


def _document(signal: Signal, fitted: Any, moved: pd.DataFrame | None, out: Path | None) -> dict[str, Any]:
    return {
        "model": fitted.about(),
        "signal": signal.about(),
        "values": _count(signal),
        "last": {symbol: {"time": time, "signal": value} for symbol, time, value in _last(signal)},
        "drift": None if moved is None else {str(name): dict(row) for name, row in moved.iterrows()},
        "out": None if out is None else str(out),
    }


def _show(signal: Signal, fitted: Any, moved: pd.DataFrame | None, out: Path | None) -> None:
    say(f"{fitted}")
    last = _last(signal)
    say(f"{_count(signal):,} values; the last of each symbol:\n")
    rows = [(symbol, time, f"{value:+.6g}") for symbol, time, value in last[:_SHOWN]]
    say_table(("symbol", "time", "signal"), rows, ("signal",))
    if len(last) > _SHOWN:
        say(f"and {len(last) - _SHOWN} more symbols")
    if not signal.known_in_time:
        say("\nThe model was fitted on some of these bars: what it says there is no evidence of anything.")
    if moved is not None:
        say("\nDrift from the training range (psi above 0.25: the feature has shifted):\n")
        heads = ("psi", "ks", "below", "above", "missing")
        body = [(str(name), *(f"{row[head]:.3f}" for head in heads)) for name, row in moved.iterrows()]
        say_table(("feature", *heads), body, heads)
    if out is not None:
        say(f"\nSignal written to {out}")
