"""Labels from their specifications: the functions by name, and what each takes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from backtester.errors import LabelError, did_you_mean
from backtester.signals.labels.direction import direction
from backtester.signals.labels.forward_return import forward_return
from backtester.signals.labels.label import Label
from backtester.signals.labels.meta_label import meta_label
from backtester.signals.labels.triple_barrier import triple_barrier
from backtester.signals.labels.volatility_scaled import volatility_scaled

if TYPE_CHECKING:
    from backtester.bars import Bars

#: every function of labels, by name
LABELS: dict[str, Callable[..., Label]] = {
    function.__name__: function
    for function in (forward_return, direction, volatility_scaled, triple_barrier, meta_label)
}


def rebuild(spec: Mapping[str, Any], bars: Bars, arrays: Mapping[str, npt.ArrayLike]) -> Label:
    """Return the label of a specification; `Label.from_spec` says how."""
    if not isinstance(spec, Mapping) or not isinstance(spec.get("settings"), Mapping) or "label" not in spec:
        raise LabelError(f"{spec!r} is no specification of a label; it is as label.spec gives it")
    name, settings = spec["label"], dict(spec["settings"])
    if name == "from_arrays":
        raise LabelError(
            f"label {settings.get('name')!r} was made of arrays, and no specification can make it again; call "
            "Label.from_arrays with those of the other bars"
        )
    function = LABELS.get(name)
    if function is None:
        raise LabelError(f"there is no label {name!r}{did_you_mean(str(name), LABELS)} (labels: {', '.join(LABELS)})")
    known = list(inspect.signature(function).parameters)[1:]
    wrong = [word for word in (*settings, *arrays) if word not in known]
    if wrong:
        raise LabelError(f"{name} has no setting {wrong[0]!r}{did_you_mean(wrong[0], known)} ({', '.join(known)})")
    named = list(spec.get("arrays", ()))
    missing = [word for word in named if word not in arrays]
    surplus = [word for word in arrays if word not in named]
    if missing or surplus:
        what = f"needs the array {missing[0]!r}: {missing[0]}=…" if missing else f"takes no array {surplus[0]!r}"
        raise LabelError(f"{name}: its specification {what}")
    return function(bars, **settings, **arrays)
