"""`Cleaning`: extreme values are cut off at limits found on the training rows and no others.

Gaps are no matter of this module: `Features(…, hold=)` says for how long a value may stand in, and nothing is ever
filled backwards.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from backtester.errors import FeatureError, SettingsError
from backtester.signals.specification import digest_of

Floats = npt.NDArray[np.float64]

FORMAT = 1  # of the specification of FittedCleaning
_BLOCK = 1 << 18  # values that are cut off at a time


@dataclass(frozen=True)
class Cleaning:
    """What is done to features before they are scaled.

    Attributes
    ----------
    winsorise : float, pair of float, or None
        Quantiles of the training rows, beyond which a value is set to the quantile: `(low, high)` with 0 ≤ low < high
        ≤ 1, or a fraction f below 0.5, which is (f, 1 − f). None cuts nothing off.

    Raises
    ------
    SettingsError
        If `winsorise` is something else.

    Examples
    --------
    >>> Cleaning(0.01).quantiles
    (0.01, 0.99)
    """

    winsorise: float | tuple[float, float] | None = None

    def __post_init__(self) -> None:
        given = self.winsorise
        pair = given if isinstance(given, tuple | list) else (given, None)
        if given is None:
            return
        numbers = [x for x in pair if isinstance(x, int | float | np.number) and not isinstance(x, bool)]
        if isinstance(given, tuple | list):
            wrong = len(pair) != 2 or len(numbers) != 2 or not 0.0 <= numbers[0] < numbers[1] <= 1.0
            found: float | tuple[float, float] = tuple(float(x) for x in numbers)  # type: ignore[assignment]
        else:
            wrong = not numbers or not 0.0 <= numbers[0] < 0.5
            found = float(numbers[0]) if numbers else 0.0
        if wrong:
            raise SettingsError(
                f"Cleaning: winsorise is {given!r}; it is a fraction from 0 and below 0.5, such as 0.01, two quantiles "
                "such as (0.01, 0.99), or None"
            )
        object.__setattr__(self, "winsorise", found)

    @property
    def quantiles(self) -> tuple[float, float] | None:
        """The lower and the upper quantile, or None."""
        if self.winsorise is None or isinstance(self.winsorise, tuple):
            return self.winsorise
        return self.winsorise, 1.0 - self.winsorise

    def fit(self, rows: npt.ArrayLike, *, names: Sequence[str] | None = None) -> FittedCleaning:
        """Return the limits of training rows.

        Parameters
        ----------
        rows : array_like, shape (n_rows, n_features) or (…, n_features)
            The training rows and nothing else. NaN is left out.
        names : sequence of str, optional
            Of the columns. Default: `"0"`, `"1"`, …

        Returns
        -------
        FittedCleaning

        Raises
        ------
        FeatureError
            If a column has no value, or an infinite one.
        SettingsError
            If there are no rows, or another number of names.
        """
        array = _read(rows, "fit")
        width = array.shape[-1]
        labels = tuple(str(n) for n in range(width)) if names is None else tuple(names)
        if len(labels) != width:
            raise SettingsError(f"Cleaning.fit: {len(labels)} names for {width} columns")
        if not array.size:
            raise SettingsError("Cleaning.fit: there are no rows to train on")
        lower, upper = np.full(width, -np.inf), np.full(width, np.inf)
        if self.quantiles is not None:
            for j, name in enumerate(labels):
                lower[j], upper[j] = np.quantile(_known(array[..., j], name), self.quantiles)
        return FittedCleaning(lower, upper, labels, self)

    def spec(self) -> dict[str, Any]:
        """Return the rules as values that JSON can hold; `from_spec` rebuilds them."""
        return {"winsorise": list(self.winsorise) if isinstance(self.winsorise, tuple) else self.winsorise}

    @classmethod
    def from_spec(cls, spec: Mapping[str, Any]) -> Cleaning:
        """Return the rules that `spec()` describes.

        Parameters
        ----------
        spec : mapping
            As `spec()` gave it.

        Raises
        ------
        SettingsError
            If an entry is missing, unknown or out of range.
        """
        if not isinstance(spec, Mapping) or set(spec) != {"winsorise"}:
            raise SettingsError(f"Cleaning.from_spec: {spec!r:.80} is no specification; it has one entry, 'winsorise'")
        return cls(spec["winsorise"])


@dataclass(frozen=True, eq=False)
class FittedCleaning:
    """Limits found on training rows: values beyond are set to them. `Cleaning.fit` makes one.

    Attributes
    ----------
    lower, upper : ndarray of float64, shape (n_features,)
        The least and the largest value of each column; −inf and inf where nothing is cut off.
    names : tuple of str
        Of the columns.
    rules : Cleaning
        What they were found by.
    """

    lower: Floats
    upper: Floats
    names: tuple[str, ...]
    rules: Cleaning = Cleaning()

    def __post_init__(self) -> None:
        names = tuple(str(name) for name in self.names)
        object.__setattr__(self, "names", names)
        for label in ("lower", "upper"):
            array = np.array(getattr(self, label), dtype=np.float64)
            if array.shape != (len(names),) or np.isnan(array).any():
                raise SettingsError(
                    f"FittedCleaning: {label} must be one number for each of the {len(names)} columns, found shape "
                    f"{array.shape}: {array}"
                )
            array.flags.writeable = False
            object.__setattr__(self, label, array)
        if (self.lower > self.upper).any():
            worst = int(np.argmax(self.lower > self.upper))
            raise SettingsError(
                f"FittedCleaning: the limits of {names[worst]!r} are {self.lower[worst]} and {self.upper[worst]}; the "
                "lower one must not be above the upper one"
            )

    def apply(self, rows: npt.ArrayLike) -> Floats:
        """Return rows with what lies beyond the limits set to them.

        Parameters
        ----------
        rows : array_like, shape (…, n_features)
            With the columns the limits were found on, such as [n, n_features] or [n, lookback, n_features].

        Returns
        -------
        ndarray of float64, the shape of `rows`
            NaN stays NaN. A new array, unless nothing is cut off: then it may be `rows` itself.

        Raises
        ------
        FeatureError
            If there are other columns than the limits have.
        """
        array = _read(rows, "apply")
        if array.shape[-1] != len(self.names):
            raise FeatureError(
                f"FittedCleaning.apply: the rows have {array.shape[-1]} columns, and the limits were found on "
                f"{len(self.names)}: {', '.join(self.names)}"
            )
        values = array.astype(np.float64, copy=False)
        if np.isneginf(self.lower).all() and np.isposinf(self.upper).all():
            return values
        flat = np.ascontiguousarray(values).reshape(-1, len(self.names))
        found = np.empty(flat.shape)
        step = max(1, _BLOCK // len(self.names))
        for start in range(0, len(flat), step):
            np.clip(flat[start : start + step], self.lower, self.upper, out=found[start : start + step])
        return found.reshape(values.shape)

    def to_arrays(self) -> dict[str, Floats]:
        """Return the numbers as arrays to be stored: `lower` and `upper`, one per column."""
        return {"lower": self.lower.copy(), "upper": self.upper.copy()}

    @classmethod
    def from_arrays(
        cls,
        arrays: Mapping[str, npt.ArrayLike],
        *,
        names: Sequence[str] | None = None,
        rules: Cleaning | None = None,
    ) -> FittedCleaning:
        """Return the limits that `to_arrays` gave the arrays of, bit for bit.

        Parameters
        ----------
        arrays : mapping of str to array_like
            `lower` and `upper`.
        names : sequence of str, optional
            Of the columns, which arrays do not hold. Default: `"0"`, `"1"`, …
        rules : Cleaning, optional
            For the record.

        Raises
        ------
        SettingsError
            If an array is missing, has another shape, or holds what no limits are.
        """
        missing = [name for name in ("lower", "upper") if name not in arrays]
        if missing:
            raise SettingsError(
                f"FittedCleaning.from_arrays: {missing[0]!r} is missing; found {', '.join(arrays) or 'nothing'}"
            )
        lower = np.asarray(arrays["lower"], dtype=np.float64)
        labels = [str(n) for n in range(lower.size)] if names is None else names
        upper = np.asarray(arrays["upper"], dtype=np.float64)
        return cls(lower, upper, tuple(labels), Cleaning() if rules is None else rules)

    def spec(self) -> dict[str, Any]:
        """Return all of it as values that JSON holds without loss; None stands for no limit."""
        return {
            "format": FORMAT,
            "rules": self.rules.spec(),
            "names": list(self.names),
            "lower": [None if x == -np.inf else x for x in self.lower.tolist()],
            "upper": [None if x == np.inf else x for x in self.upper.tolist()],
        }

    @classmethod
    def from_spec(cls, spec: Mapping[str, Any]) -> FittedCleaning:
        """Return the limits that `spec()` describes, bit for bit.

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
            raise SettingsError(
                f"FittedCleaning.from_spec: format {spec.get('format')!r}, and this version reads {FORMAT}"
            )
        known = {"format", "rules", "names", "lower", "upper"}
        if set(spec) != known:
            odd = sorted(known ^ set(spec))
            raise SettingsError(
                f"FittedCleaning.from_spec: the entries {odd} are missing or unknown; it has {sorted(known)}"
            )
        lower = [-np.inf if x is None else x for x in spec["lower"]]
        upper = [np.inf if x is None else x for x in spec["upper"]]
        return cls(np.array(lower), np.array(upper), tuple(spec["names"]), Cleaning.from_spec(spec["rules"]))

    @property
    def digest(self) -> str:
        """SHA-256 of the specification, 64 hex digits: equal for equal limits alone."""
        return digest_of(self.spec())

    def __eq__(self, other: object) -> bool:
        return self.spec() == other.spec() if isinstance(other, FittedCleaning) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.digest)


def _read(rows: npt.ArrayLike, verb: str) -> npt.NDArray[Any]:
    array = np.asarray(rows)
    if array.dtype.kind not in "fiub" or array.ndim < 2 or array.shape[-1] == 0:
        raise FeatureError(
            f"Cleaning.{verb}: rows are real numbers [n_rows, n_features] or [n_rows, lookback, n_features], found "
            f"{array.dtype} of shape {array.shape}"
        )
    return array


def _known(values: npt.NDArray[Any], name: str) -> Floats:
    """Return the values of one column that are there."""
    column = np.asarray(values, dtype=np.float64).ravel()
    infinite = np.isinf(column)
    if infinite.any():
        raise FeatureError(
            f"Cleaning.fit: column {name!r} has {int(infinite.sum())} infinite values in the training rows"
        )
    known = column[~np.isnan(column)]
    if not known.size:
        raise FeatureError(
            f"Cleaning.fit: column {name!r} is NaN in all training rows; train on rows after the warm-up, or leave "
            "it out"
        )
    return known
