"""What every indicator checks before it computes: its arrays and its settings, each with a sentence that helps."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from backtester.errors import DataError, SettingsError

_LONGEST = 2**31 - 1  # longer than any data; keeps sums of periods inside int64


def read_arrays(indicator: str, arrays: Mapping[str, ArrayLike]) -> tuple[tuple[int, ...], list[NDArray[np.float64]]]:
    """Check the arrays of one call, and return their common shape and read-only [n_bars, n_assets] views or copies.

    Parameters
    ----------
    indicator : str
        Its name, for the messages.
    arrays : mapping of str to array_like
        Argument name to array, [n_bars, n_assets] or [n_bars], all of one shape.

    Raises
    ------
    DataError
        An array holds no real numbers, has no bar axis or more than two axes, or differs in shape from the first.
    """
    panels = [_read_array(indicator, name, values) for name, values in arrays.items()]
    shape = panels[0].shape
    for name, panel in zip(arrays, panels, strict=True):
        if panel.shape != shape:
            raise DataError(
                f"{indicator}: {name} has shape {panel.shape}, but {next(iter(arrays))} has shape {shape}; "
                "all arrays of one call have the same bars and assets"
            )
    if len(shape) == 1:
        panels = [panel[:, np.newaxis] for panel in panels]
    return shape, panels


def read_period(indicator: str, name: str, value: object, least: int = 1) -> int:
    """Return a period as a Python int.

    Raises
    ------
    SettingsError
        It is not an integer (bool and 10.0 are not), or smaller than `least`.
    """
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | np.integer):
        raise SettingsError(
            f"{indicator}: {name} is {value!r} ({type(value).__name__}); a period is an int, a number of bars"
        )
    if value < least:
        raise SettingsError(f"{indicator}: {name} is {value}; a period is {least} or more bars")
    return min(int(value), _LONGEST)


def read_number(indicator: str, name: str, value: object, *, zero: bool) -> float:
    """Return a finite positive number as a float; `zero` says whether 0 is allowed too.

    Raises
    ------
    SettingsError
        It is no real number, NaN, infinite or out of range.
    """
    rule = "0 or more" if zero else "more than 0"
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.integer | np.floating):
        raise SettingsError(f"{indicator}: {name} is {value!r} ({type(value).__name__}); it is a number, {rule}")
    number = float(value)
    if not math.isfinite(number) or number < 0.0 or (number == 0.0 and not zero):
        raise SettingsError(f"{indicator}: {name} is {value!r}; it is a finite number, {rule}")
    return number


def read_flag(indicator: str, name: str, value: object) -> bool:
    """Return a bool.

    Raises
    ------
    SettingsError
        It is something else; 0 and 1 are.
    """
    if not isinstance(value, bool | np.bool_):
        raise SettingsError(f"{indicator}: {name} is {value!r} ({type(value).__name__}); it is True or False")
    return bool(value)


def read_periods_per_year(indicator: str, value: object) -> float:
    """Return how many bars a year has; None stands for 1, which leaves volatility per bar.

    Raises
    ------
    SettingsError
        It is not a finite number above 0.
    """
    return 1.0 if value is None else read_number(indicator, "periods_per_year", value, zero=False)


def read_only(array: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a view that cannot be written, so that numba sees one array type and compiles each core once."""
    view = array.view()
    view.flags.writeable = False
    return view


def _read_array(indicator: str, name: str, values: ArrayLike) -> NDArray[np.float64]:
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise DataError(f"{indicator}: {name} is not an array: {error}") from error
    if array.dtype.kind not in "fiu":
        raise DataError(
            f"{indicator}: {name} holds {array.dtype} values; an indicator takes real numbers, "
            f"so convert it first, for example with {name}.astype(float)"
        )
    if array.ndim not in (1, 2):
        raise DataError(
            f"{indicator}: {name} has {array.ndim} dimensions (shape {array.shape}); "
            "an indicator takes [n_bars, n_assets], or [n_bars] for one asset"
        )
    if np.ma.isMaskedArray(values):
        raise DataError(f"{indicator}: {name} is a masked array; mark missing bars with NaN: {name}.filled(np.nan)")
    return read_only(np.ascontiguousarray(array, dtype=np.float64))
