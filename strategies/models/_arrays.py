"""What all models do with their samples: check them, standardise them, and keep libraries to one thread."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from backtester.errors import ModelError
from backtester.signals.fitting.protocol import numerical_libraries

Floats = npt.NDArray[np.float64]
_BLOCK = 1 << 20  # values that are read at a time


def read_fit(model: Any, X: Any, y: Any, sample_weight: Any) -> tuple[npt.NDArray[Any], Floats, Floats | None]:
    """Return samples, labels (float64 [n]) and weights (float64 [n] or None), checked.

    Raises
    ------
    ModelError
        That names the model, what has the wrong shape or is not finite, and where.
    """
    name = type(model).__name__
    X = read_inputs(model, X, "fit")
    if len(X) == 0:
        raise ModelError(f"{name}.fit: there are no samples")
    y = _read_column(name, "y", y, len(X))
    found = np.isfinite(X.reshape(len(X), -1)).all(axis=1)
    if not found.all():
        raise ModelError(f"{name}.fit: sample {int(np.argmin(found))} of X has a value that is not finite")
    if sample_weight is None:
        return X, y, None
    weight = _read_column(name, "sample_weight", sample_weight, len(X))
    if weight.min() < 0.0 or not weight.sum() > 0.0:
        raise ModelError(f"{name}.fit: weights must be 0 or more, and not all 0; the least is {weight.min()}")
    return X, y, weight


def read_inputs(model: Any, X: Any, verb: str) -> npt.NDArray[Any]:
    """Return samples as an array: [n, n_features], or [n, lookback, n_features] of a model that has a `lookback`.

    Raises
    ------
    ModelError
        If the shape is another, or not that of the samples the model was fitted on.
    """
    name, lookback = type(model).__name__, getattr(model, "lookback", None)
    X = np.asarray(X)
    if X.dtype.kind not in "fiub":
        raise ModelError(f"{name}.{verb}: X must be numbers, found {X.dtype}")
    if lookback is None:
        wanted, fits = "[n, n_features]", X.ndim == 2
    else:
        if isinstance(lookback, bool) or not isinstance(lookback, int | np.integer) or lookback < 2:
            raise ModelError(f"{name}: lookback is {lookback!r}; it must be a whole number of at least 2 bars")
        wanted = f"[n, {lookback}, n_features], lookback being {lookback}"
        fits = X.ndim == 3 and X.shape[1] == lookback
    if not fits or X.shape[-1] == 0:
        raise ModelError(f"{name}.{verb}: X must have the shape {wanted}; found {list(X.shape)}")
    width = getattr(model, "n_features_in_", None)
    if verb != "fit" and width is not None and X.shape[-1] != width:
        raise ModelError(f"{name}.{verb}: X has {X.shape[-1]} features, and the model was fitted on {width}")
    return X


def check_fitted(model: Any, attribute: str) -> None:
    """Raise a `ModelError` if a model was not fitted yet."""
    if getattr(model, attribute, None) is None:
        raise ModelError(f"{type(model).__name__} is not fitted; call fit first")


def read_state(model: Any, arrays: Any, names: tuple[str, ...]) -> dict[str, npt.NDArray[Any]]:
    """Return arrays of a stored model by name, or raise a `ModelError` that names the one that is missing."""
    missing = [name for name in names if name not in arrays]
    if missing:
        found = ", ".join(sorted(arrays)) or "nothing"
        raise ModelError(f"{type(model).__name__}.load_state: the array {missing[0]!r} is missing; found {found}")
    return {name: np.asarray(arrays[name]) for name in arrays}


def moments(X: npt.NDArray[Any], rows: npt.NDArray[np.int64] | None = None) -> tuple[Floats, Floats]:
    """Return mean and standard deviation (population) of each feature, the last axis; 1 for a constant one.

    Parameters
    ----------
    X : ndarray, shape (n, …, n_features)
    rows : ndarray of int64, optional
        The samples that are read; no other is. Default: all.
    """
    rows = np.arange(len(X)) if rows is None else rows
    step = max(1, _BLOCK // max(1, X[0].size))
    blocks = [rows[begin : begin + step] for begin in range(0, len(rows), step)]
    width = X.shape[-1]
    count = len(rows) * (X[0].size // width)
    mean = sum(X[block].reshape(-1, width).sum(axis=0, dtype=np.float64) for block in blocks) / count
    square = np.zeros(width)
    for block in blocks:
        apart = X[block].reshape(-1, width) - mean
        square += np.einsum("ij,ij->j", apart, apart)
    scale = np.sqrt(square / count)
    scale[scale <= 1e-9 * np.abs(mean)] = 1.0  # what is left of a constant after rounding
    scale[scale == 0.0] = 1.0
    return mean, scale


class OnStandardised:
    """Put before a linear model of scikit-learn: it is fitted on inputs of mean 0 and deviation 1.

    So a penalty means the same for every feature. The coefficients are then those of the inputs as they are: `coef_`
    and `intercept_` of the model are a plain linear model, and `predict` stays the library's own.
    """

    coef_: Floats
    intercept_: Any

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        """Fit the model.

        Parameters
        ----------
        X : ndarray, shape (n, n_features)
        y : ndarray, shape (n,)
        sample_weight : ndarray, shape (n,), optional
            Not negative.

        Returns
        -------
        self

        Raises
        ------
        ModelError
            If a shape is wrong, or a value not finite.
        """
        X, y, sample_weight = read_fit(self, X, y, sample_weight)
        mean, scale = moments(X)
        inputs = X - mean
        inputs /= scale
        with one_thread():
            super().fit(inputs, y, sample_weight)  # type: ignore[misc]
        self.coef_ = self.coef_ / scale
        self.intercept_ = self.intercept_ - self.coef_ @ mean
        return self


class _OneThread:
    """Counts who asked for one thread, so that the first sets it and the last gives it back, in any order."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.users = 0
        self.limits: Any = None

    def enter(self) -> None:
        with self.lock:
            if self.users == 0:
                self.limits = numerical_libraries().limit(limits=1)
            self.users += 1

    def leave(self) -> None:
        with self.lock:
            self.users -= 1
            if self.users == 0:
                self.limits.restore_original_limits()
                self.limits = None


_ONE_THREAD = _OneThread()


@contextmanager
def one_thread() -> Iterator[None]:
    """Let BLAS and OpenMP use one thread: sums are then the same bits on every number of cores."""
    _ONE_THREAD.enter()
    try:
        yield
    finally:
        _ONE_THREAD.leave()


def _read_column(model: str, what: str, values: Any, n: int) -> Floats:
    values = np.asarray(values, dtype=np.float64)
    if values.shape != (n,):
        raise ModelError(
            f"{model}.fit: {what} must be one number for each of the {n} samples; found {list(values.shape)}"
        )
    finite = np.isfinite(values)
    if not finite.all():
        row = int(np.argmin(finite))
        raise ModelError(f"{model}.fit: {what} of sample {row} is {values[row]}; it must be finite")
    return values
