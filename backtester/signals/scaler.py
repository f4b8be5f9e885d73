"""`Scaler`: brings each feature to mean 0 and standard deviation 1, as they are on the training rows and no others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from backtester.errors import FeatureError, SettingsError, did_you_mean
from backtester.signals.specification import digest_of

Floats = npt.NDArray[np.float64]
Method = Literal["standard", "robust"]

FORMAT = 1  # of the specification
METHODS = ("standard", "robust")
_NORMAL_IQR = 1.3489795003921634  # the interquartile range of the standard normal distribution
_BLOCK = 1 << 18  # values that are transformed at a time


@dataclass(frozen=True, eq=False)
class Scaler:
    """A fitted scaler: (x − centre) / scale of each column, cut off at ±clip.

    Make one with `Scaler.fit`. A constant column has scale 1, so that it becomes 0 everywhere.

    Attributes
    ----------
    centre : ndarray of float64, shape (n_features,)
        Mean or median of each column on the training rows, all assets together.
    scale : ndarray of float64, shape (n_features,)
        Standard deviation (population), or interquartile range over 1.349, which is the same for normal numbers.
    names : tuple of str
        Of the columns.
    method : {"standard", "robust"}
        What centre and scale are.
    clip : float or None
        The largest size of a transformed value; None is no limit.
    """

    centre: Floats
    scale: Floats
    names: tuple[str, ...]
    method: Method = "standard"
    clip: float | None = 10.0

    def __post_init__(self) -> None:
        names = tuple(str(name) for name in self.names)
        object.__setattr__(self, "names", names)
        for label in ("centre", "scale"):
            array = np.array(getattr(self, label), dtype=np.float64)
            if array.shape != (len(names),) or not np.isfinite(array).all():
                raise SettingsError(
                    f"Scaler: {label} must be one finite number for each of the {len(names)} columns, found shape "
                    f"{array.shape}: {array}"
                )
            array.flags.writeable = False
            object.__setattr__(self, label, array)
        if not (self.scale > 0.0).all():
            worst = int(np.argmin(self.scale))
            raise SettingsError(f"Scaler: the scale of {names[worst]!r} is {self.scale[worst]}; it must be above 0")
        if self.method not in METHODS:
            close = did_you_mean(str(self.method), METHODS)
            raise SettingsError(f"Scaler: method is {self.method!r}{close}; one of {METHODS}")
        object.__setattr__(self, "clip", _read_clip(self.clip))

    @classmethod
    def fit(
        cls,
        panel: npt.ArrayLike,
        *,
        end: int | None = None,
        rows: Any = None,
        names: Sequence[str] | None = None,
        method: Method = "standard",
        clip: float | None = 10.0,
    ) -> Scaler:
        """Return the scaler of the training rows of a panel; no other row is read.

        Parameters
        ----------
        panel : array_like, shape (n_bars, n_assets, n_features) or (n_rows, n_features)
            Features, such as `Features.compute` gives; the last axis are the columns. NaN (warm-up, gaps) is left out.
        end : int, optional
            Train on the rows before this one. It, or `rows`, must be given: which rows are known is never guessed.
        rows : slice, ndarray of bool or of int, optional
            Train on these rows. `slice(None)` is all of them.
        names : sequence of str, optional
            Of the columns; `Features.names`. Default: `"0"`, `"1"`, …
        method : {"standard", "robust"}
            Mean and standard deviation, or median and interquartile range, which outliers do not move. Where half of
            a column is one value its interquartile range is 0, and the standard deviation stands in.
        clip : float or None
            Largest size of a transformed value, above 0; None is no limit.

        Returns
        -------
        Scaler

        Raises
        ------
        FeatureError
            If the rows hold no value of a column, which is named, or an infinite one.
        SettingsError
            If neither or both of `end` and `rows` are given, they pick no rows, or a setting is out of range.
        """
        panel = _read_panel(panel, "fit")
        labels = tuple(str(n) for n in range(panel.shape[-1])) if names is None else tuple(names)
        if len(labels) != panel.shape[-1]:
            raise SettingsError(f"Scaler.fit: {len(labels)} names for {panel.shape[-1]} columns")
        if method not in METHODS:
            raise SettingsError(
                f"Scaler.fit: method is {method!r}{did_you_mean(str(method), METHODS)}; one of {METHODS}"
            )
        chosen = panel[_read_rows(panel.shape[0], end, rows)]
        centre, scale = np.empty(len(labels)), np.empty(len(labels))
        for j, name in enumerate(labels):
            centre[j], scale[j] = _fit_column(np.asarray(chosen[..., j], dtype=np.float64), name, method)
        return cls(centre, scale, labels, method, clip)

    def transform(self, panel: npt.ArrayLike) -> npt.NDArray[np.float32]:
        """Return a panel scaled: (x − centre) / scale in float64, cut off at ±clip, then rounded to float32 once.

        Parameters
        ----------
        panel : array_like, shape (…, n_features)
            With the columns the scaler was fitted on.

        Returns
        -------
        ndarray of float32, the shape of `panel`
            C-contiguous. NaN stays NaN.

        Raises
        ------
        FeatureError
            If there is another number of columns, or an infinite value, which clipping would hide.
        """
        panel = _read_panel(panel, "transform", least=1)
        width = len(self.names)
        if panel.shape[-1] != width:
            raise FeatureError(
                f"Scaler.transform: the panel has {panel.shape[-1]} columns, and the scaler was fitted on {width}: "
                f"{', '.join(self.names[:10])}"
            )
        out = np.empty(panel.shape, np.float32)
        source, target = panel.reshape(-1, width), out.reshape(-1, width)
        step = max(1, _BLOCK // width)
        for begin in range(0, len(source), step):
            block = source[begin : begin + step] - self.centre
            infinite = np.isinf(block)
            if infinite.any():
                t, j = np.argwhere(infinite)[0]
                raise FeatureError(f"Scaler.transform: {self.names[j]!r} has an infinite value, {block[t, j]}")
            block /= self.scale
            if self.clip is not None:
                np.clip(block, -self.clip, self.clip, out=block)
            target[begin : begin + step] = block
        return out

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return `centre` and `scale`, float64 [n_features], and `clip`, float64 [], which is infinite for None."""
        clip = np.inf if self.clip is None else self.clip
        return {"centre": self.centre.copy(), "scale": self.scale.copy(), "clip": np.array(clip)}

    @classmethod
    def from_arrays(
        cls, arrays: Mapping[str, npt.ArrayLike], *, names: Sequence[str] | None = None, method: Method = "standard"
    ) -> Scaler:
        """Return the scaler that `to_arrays` gave the arrays of, bit for bit.

        Parameters
        ----------
        arrays : mapping of str to array_like
            `centre`, `scale` and `clip`.
        names : sequence of str, optional
            Of the columns, which arrays do not hold. Default: `"0"`, `"1"`, …
        method : {"standard", "robust"}
            For the record.

        Raises
        ------
        SettingsError
            If an array is missing, has another shape, or holds what no scaler has.
        """
        missing = [name for name in ("centre", "scale", "clip") if name not in arrays]
        if missing:
            raise SettingsError(
                f"Scaler.from_arrays: {missing[0]!r} is missing; found {', '.join(arrays) or 'nothing'}"
            )
        centre = np.asarray(arrays["centre"], dtype=np.float64)
        clip = float(np.asarray(arrays["clip"]))
        labels = [str(n) for n in range(centre.size)] if names is None else names
        scale = np.asarray(arrays["scale"], dtype=np.float64)
        return cls(centre, scale, tuple(labels), method, None if clip == np.inf else clip)

    def spec(self) -> dict[str, Any]:
        """Return the whole scaler as values that JSON holds without loss."""
        return {
            "format": FORMAT,
            "method": self.method,
            "clip": self.clip,
            "names": list(self.names),
            "centre": self.centre.tolist(),
            "scale": self.scale.tolist(),
        }

    @classmethod
    def from_spec(cls, spec: Mapping[str, Any]) -> Scaler:
        """Return the scaler that `spec()` describes, bit for bit.

        Parameters
        ----------
        spec : mapping
            As `spec()` gave it.

        Raises
        ------
        SettingsError
            If it is of another format, or an entry is missing or unknown.
        """
        if spec.get("format") != FORMAT:
            raise SettingsError(f"Scaler.from_spec: format {spec.get('format')!r}, and this version reads {FORMAT}")
        known = {"format", "method", "clip", "names", "centre", "scale"}
        if set(spec) != known:
            odd = sorted(known ^ set(spec))
            raise SettingsError(f"Scaler.from_spec: the entries {odd} are missing or unknown; it has {sorted(known)}")
        return cls(spec["centre"], spec["scale"], tuple(spec["names"]), spec["method"], spec["clip"])

    @property
    def digest(self) -> str:
        """SHA-256 of the specification, 64 hex digits: equal for equal scalers alone."""
        return digest_of(self.spec())

    def __eq__(self, other: object) -> bool:
        return self.spec() == other.spec() if isinstance(other, Scaler) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.digest)


def _read_panel(panel: npt.ArrayLike, verb: str, least: int = 2) -> npt.NDArray[Any]:
    array = np.asarray(panel)
    if array.dtype.kind not in "fiub" or array.ndim < least or array.shape[-1] == 0:
        raise FeatureError(
            f"Scaler.{verb}: a panel is real numbers [n_bars, n_assets, n_features] or [n_rows, n_features], found "
            f"{array.dtype} of shape {array.shape}"
        )
    return array


def _read_rows(n_rows: int, end: int | None, rows: Any) -> Any:
    """Return the index of the training rows."""
    if (end is None) == (rows is None):
        raise SettingsError(
            "Scaler.fit: say which rows to train on, by end= (the rows before it) or by rows=; "
            "all of them are rows=slice(None)"
        )
    if end is not None:
        if isinstance(end, bool) or not isinstance(end, int | np.integer) or not 0 < end <= n_rows:
            raise SettingsError(
                f"Scaler.fit: end is {end!r}; it is a row from 1 to {n_rows}, and those before it train"
            )
        return slice(0, int(end))
    index = rows if isinstance(rows, slice) else np.asarray(rows)
    if not isinstance(index, slice) and (index.ndim != 1 or index.dtype.kind not in "biu"):
        raise SettingsError(f"Scaler.fit: rows is {rows!r}; it is a slice, or one-dimensional row numbers or booleans")
    try:
        count = len(np.arange(n_rows)[index])
    except IndexError as error:
        raise SettingsError(f"Scaler.fit: rows do not fit the {n_rows} rows of the panel: {error}") from None
    if count == 0:
        raise SettingsError(f"Scaler.fit: rows picks none of the {n_rows} rows; nothing to train on")
    return index


def _fit_column(values: Floats, name: str, method: str) -> tuple[float, float]:
    """Return centre and scale of one column on the training rows."""
    infinite = np.isinf(values)
    if infinite.any():
        raise FeatureError(
            f"Scaler.fit: column {name!r} has {int(infinite.sum())} infinite values in the training rows"
        )
    known = values[~np.isnan(values)]
    if not known.size:
        raise FeatureError(
            f"Scaler.fit: column {name!r} is NaN in all training rows; train on rows after the warm-up, or leave it out"
        )
    mean = float(known.mean())
    spread = float(np.sqrt(np.square(known - mean).mean()))
    largest = float(np.abs(known).max())
    if spread <= 8.0 * np.finfo(float).eps * largest:  # constant but for the rounding of its own mean
        return float(np.median(known)), 1.0
    if method == "standard":
        return mean, spread
    low, middle, high = np.quantile(known, (0.25, 0.5, 0.75))
    inner = float(high - low) / _NORMAL_IQR
    return float(middle), inner if inner > 0.0 else spread


def _read_clip(clip: Any) -> float | None:
    if clip is None:
        return None
    number = isinstance(clip, int | float | np.integer | np.floating) and not isinstance(clip, bool)
    if not number or not 0.0 < clip < np.inf:
        raise SettingsError(f"Scaler: clip is {clip!r}; it is a number above 0, or None for no limit")
    return float(clip)
