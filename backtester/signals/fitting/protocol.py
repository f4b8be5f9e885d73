"""How a model is spoken to: scikit-learn's `fit` and `predict`, and what a model may declare beyond.

A model is any object with `fit(X, y, sample_weight=None)` and `predict(X)` or `predict_proba(X)`. It may declare

- `lookback`, an int of 2 or more: X is then [n, lookback, n_features], float32, the oldest bar first; else it is
  [n, n_features], float64;
- `takes_samples = True`: `fit` also gets `samples=`, a `Samples`;
- `label_kinds`, the kinds of label it learns, where that is not said by being a classifier.
"""

from __future__ import annotations

import copy
import inspect
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from backtester.errors import ModelError
from backtester.signals.fitting.samples import Samples

Floats = npt.NDArray[np.float64]


def check_model(model: Any) -> None:
    """Check that an object can be a model.

    Raises
    ------
    ModelError
        If it has no `fit`, neither `predict` nor `predict_proba`, or its `lookback` is no int of 1 or more.
    """
    if isinstance(model, type):
        raise ModelError(f"{model.__name__} is a class; a model is an object of it: {model.__name__}()")
    missing = [] if callable(getattr(model, "fit", None)) else ["fit"]
    if not any(callable(getattr(model, name, None)) for name in ("predict", "predict_proba")):
        missing.append("predict or predict_proba")
    if missing:
        raise ModelError(
            f"{model!r} is no model: it has no {' and no '.join(missing)}. A model has scikit-learn's "
            "fit(X, y, sample_weight=None) and predict(X) or predict_proba(X)"
        )
    lookback = getattr(model, "lookback", 0)
    if lookback is not None and (isinstance(lookback, bool) or not isinstance(lookback, int) or lookback < 0):
        raise ModelError(f"{title_of(model)}: lookback is {lookback!r}; it is a number of bars, 1 or more")


def title_of(model: Any) -> str:
    """Return what a model is called in tables and messages: its `name`, or that of its class."""
    name = getattr(model, "name", None)
    return name if isinstance(name, str) and name else type(model).__name__


def lookback_of(model: Any) -> int:
    """Return how many bars the model sees of each sample; 0 where it sees one bar as a flat row."""
    lookback = getattr(model, "lookback", 0) or 0
    return int(lookback) if lookback >= 2 else 0


def is_classifier(model: Any) -> bool:
    """Whether the model learns classes."""
    if hasattr(model, "__sklearn_tags__"):
        from sklearn.base import is_classifier

        return bool(is_classifier(model))
    return callable(getattr(model, "predict_proba", None))


def check_label(model: Any, kind: str, name: str) -> None:
    """Check that the model can learn a label of this kind.

    Raises
    ------
    ModelError
        If it learns another.
    """
    kinds = getattr(model, "label_kinds", None) or (("class",) if is_classifier(model) else ("return", "class"))
    if kind not in kinds:
        remedy = "direction(…) or triple_barrier(…)" if kind == "return" else "forward_return(…)"
        raise ModelError(
            f"{title_of(model)} learns labels of the kind {' or '.join(map(repr, kinds))}, and {name} is of the kind "
            f"{kind!r}; take {remedy}, or another model"
        )


def fresh(model: Any, seed: int, settings: dict[str, Any] | None = None) -> Any:
    """Return an unfitted copy of a model, with other settings where some are given.

    Every setting `random_state`, its own or of a part, that is None is set to `seed`.

    Raises
    ------
    ModelError
        If the model has no such setting.
    """
    if hasattr(model, "get_params") and not isinstance(model, type):
        from sklearn.base import clone

        new = clone(model)
        known = new.get_params(deep=True)
        unknown = [name for name in settings or {} if name not in known]
        if unknown:
            raise ModelError(f"{title_of(model)} has no setting {unknown[0]!r}; it has {', '.join(sorted(known))}")
        states = {
            name: seed
            for name, value in known.items()
            if value is None and (name == "random_state" or name.endswith("__random_state"))
        }
        new.set_params(**{**states, **(settings or {})})
        return new
    if settings:
        raise ModelError(f"{title_of(model)} has no set_params, so that its settings cannot be searched")
    return copy.deepcopy(model)


def teach(model: Any, x: npt.NDArray[Any], y: Floats, weight: Floats | None, samples: Samples) -> Any:
    """Fit the model and return it; what it prints and raises is its own.

    Raises
    ------
    ModelError
        If there are weights, and its `fit` takes none.
    """
    named: dict[str, Any] = {}
    if weight is not None:
        if not _takes(model.fit, "sample_weight"):
            raise ModelError(f"{title_of(model)}: its fit takes no sample_weight; leave weights= out")
        named["sample_weight"] = weight
    if getattr(model, "takes_samples", False):
        named["samples"] = samples
    target = y.astype(np.int64) if is_classifier(model) else y
    fitted = model.fit(x, target, **named)
    return model if fitted is None else fitted


def speak(model: Any, x: npt.NDArray[Any], classes: tuple[int, ...]) -> tuple[Floats, Floats | None]:
    """Return what a fitted model says about samples.

    Parameters
    ----------
    model : object
    x : ndarray, [n, n_features] or [n, lookback, n_features]
    classes : tuple of int
        Of the label, in order; empty for returns.

    Returns
    -------
    values : ndarray of float64, [n]
        The prediction; of a classifier the expected class, Σ class·probability.
    probabilities : ndarray of float64, [n, len(classes)], or None
        Of each class, where the model has probabilities.

    Raises
    ------
    ModelError
        If it returns another number of values, NaN or infinite ones, or probabilities that are none.
    """
    n = len(x)
    if is_classifier(model) and callable(getattr(model, "predict_proba", None)):
        own = np.asarray(getattr(model, "classes_", classes))
        found = _numbers(model, "predict_proba", model.predict_proba(x), (n, len(own)))
        if (found < -1e-6).any() or (found > 1.0 + 1e-6).any():
            raise ModelError(
                f"{title_of(model)}.predict_proba returned values outside 0 to 1: {found.min()}, {found.max()}"
            )
        probabilities = np.zeros((n, len(classes)))
        for k, label in enumerate(own):
            if int(label) not in classes:
                raise ModelError(
                    f"{title_of(model)} learnt the class {label!r}, which the label does not have: {classes}"
                )
            probabilities[:, classes.index(int(label))] = found[:, k]
        return probabilities @ np.array(classes, np.float64), probabilities
    return _numbers(model, "predict", model.predict(x), (n,)), None


def _numbers(model: Any, verb: str, returned: Any, shape: tuple[int, ...]) -> Floats:
    found = np.asarray(returned)
    if found.shape != shape and found.size == shape[0] and len(shape) == 1:
        found = found.reshape(shape)
    if found.shape != shape:
        raise ModelError(
            f"{title_of(model)}.{verb} returned {found.dtype} of the shape {found.shape} for {shape[0]:,} samples; it "
            f"must be {shape}"
        )
    if found.dtype.kind not in "fiub":
        raise ModelError(f"{title_of(model)}.{verb} returned {found.dtype}; it must be real numbers")
    values = found.astype(np.float64)
    wrong = ~np.isfinite(values)
    if wrong.any():
        place = int(np.argwhere(wrong)[0][0])
        raise ModelError(
            f"{title_of(model)}.{verb} returned {values[tuple(np.argwhere(wrong)[0])]} for sample {place:,}, and for "
            f"{int(wrong.sum()):,} of {wrong.size:,} in all; a signal is finite. Look at its learning rate and at the "
            "sizes of the features"
        )
    return values


def _takes(function: Any, name: str) -> bool:
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):
        return True
    return name in parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values())


@contextmanager
def one_thread() -> Iterator[None]:
    """Let numerical libraries use one thread inside, so that sums are added in one order on every machine load."""
    torch = sys.modules.get("torch")
    before = torch.get_num_threads() if torch else 0
    with numerical_libraries().limit(limits=1):
        if torch:
            torch.set_num_threads(1)
        try:
            yield
        finally:
            if torch:
                torch.set_num_threads(before)


_LIBRARIES: dict[int, Any] = {}


def numerical_libraries() -> Any:
    """Return what sets the threads of the libraries that are loaded, a `ThreadpoolController`.

    It is made anew when a module was imported since, and kept else: to look for them takes 5 ms, more than a small fit.
    """
    from threadpoolctl import ThreadpoolController

    n = len(sys.modules)
    found = _LIBRARIES.get(n)
    if found is None:
        found = ThreadpoolController()
        _LIBRARIES.clear()
        _LIBRARIES[n] = found
    return found
