"""How a function of labels checks its settings, and writes down what it was called with."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from backtester.errors import LabelError, SettingsError, did_you_mean
from backtester.signals.labels.label import Label

if TYPE_CHECKING:
    from backtester.bars import Bars

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Entry = Literal["close", "next_open"]

ENTRIES = ("close", "next_open")


def read_entry(label: str, entry: object) -> Entry:
    """Return where the label is measured from.

    Raises
    ------
    SettingsError
        If it is another word.
    """
    if entry not in ENTRIES:
        near = did_you_mean(str(entry), ENTRIES)
        raise SettingsError(f"{label}: entry is {entry!r}{near}; it is 'close', the close of the bar, or 'next_open'")
    return entry  # type: ignore[return-value]


def read_panel(label: str, name: str, values: npt.ArrayLike, bars: Bars) -> Floats:
    """Return an array as float64 [n_bars, n_assets]; [n_bars] and [n_bars, 1] stand for all assets.

    Raises
    ------
    LabelError
        If it holds no real numbers, or has another shape.
    """
    array = np.asarray(values)
    shape = (bars.n_bars, bars.n_assets)
    if array.dtype.kind in "fiub" and array.shape in (shape[:1], (shape[0], 1), shape):
        array = array[:, np.newaxis] if array.ndim == 1 else array
        return np.ascontiguousarray(np.broadcast_to(array, shape), dtype=np.float64)
    raise LabelError(
        f"{label}: {name} is {array.dtype} of shape {array.shape}; it is real numbers, one for each bar and asset, "
        f"{shape}, or one for each bar, {shape[:1]}"
    )


def make_label(
    function: Callable[..., Label],
    settings: Mapping[str, Any],
    bars: Bars,
    kind: str,
    values: Floats,
    end: Ints,
    returns: Floats,
    arrays: Mapping[str, Floats] | None = None,
) -> Label:
    """Return the label that a function made, with its name and specification.

    Parameters
    ----------
    function : callable
        Its name and the defaults of its settings are read.
    settings : mapping of str to object
        All of them, as values that JSON can hold.
    bars, kind, values, end, returns, arrays
        As `Label` has them; values, end and returns are not used otherwise, and become its own. Where there is no
        value, end and returns are wiped out too.
    """
    gone = np.isnan(values)
    end[gone] = -1
    returns[gone] = np.nan
    for array in (values, end, returns):
        array.flags.writeable = False
    spec: dict[str, Any] = {"label": function.__name__, "settings": dict(settings)}
    if arrays:
        spec["arrays"] = sorted(arrays)
    name = _call_text(function, settings, arrays or {})
    return Label(values, end, kind, name, spec, bars.timestamps, bars.symbols, returns, arrays or {})


def _call_text(function: Callable[..., Label], settings: Mapping[str, Any], arrays: Mapping[str, Floats]) -> str:
    """Return the call: settings in order, those that must be named only where they are not the default."""
    words = []
    for name, parameter in inspect.signature(function).parameters.items():
        if name in arrays:
            words.append(f"{name}=…")
        elif name in settings and parameter.kind is not parameter.KEYWORD_ONLY:
            words.append(repr(settings[name]))
        elif name in settings and settings[name] != parameter.default:
            words.append(f"{name}={settings[name]!r}")
    return f"{function.__name__}({', '.join(words)})"
