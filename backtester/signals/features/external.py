"""`External`: features that come from elsewhere, as an array."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from backtester.bars.check import time_text
from backtester.errors import FeatureError
from backtester.signals.features.element import Feature, View, read_name

if TYPE_CHECKING:
    import pandas as pd

    from backtester.signals.features.events import Events


class External(Feature):
    """An array as a feature, or as k of them; what its values mean and when they were known is the caller's word.

    `External.from_events` makes features of events that each say when they came out.

    Parameters
    ----------
    values : array_like of float, [n_bars], [n_bars, n_assets] or [n_bars, n_assets, k]
        NaN where there is no value yet. The value of a row must have been known at the close of its bar. It is copied.
    name : str or sequence of str
        Of the column; of each of k columns (one name stands for `name[0]`, `name[1]`, …).
    timestamps : array_like of int64, [n_bars], optional
        The close of each row, ns UTC, strictly increasing, as `bars.timestamps`; the rows of the bars are found by it,
        so that the array serves for every part of those bars. Without it, there is one row for each bar in order.

    Raises
    ------
    FeatureError
        If it holds no real numbers, has another shape, a name is missing, or timestamps do not fit or increase.
    """

    kind: ClassVar[str] = "external"

    timestamps: npt.NDArray[np.int64] | None

    def __init__(self, values: npt.ArrayLike, name: str | Sequence[str], timestamps: npt.ArrayLike | None = None):
        array = np.array(values)
        if array.dtype.kind not in "fiub" or array.ndim not in (1, 2, 3):
            raise FeatureError(
                f"External {name!r}: values are real numbers [n_bars], [n_bars, n_assets] or [n_bars, n_assets, k], "
                f"found {array.dtype} of shape {array.shape}"
            )
        self.values = np.ascontiguousarray(array, dtype=np.float64)
        self.values.flags.writeable = False
        width = array.shape[2] if array.ndim == 3 else 1
        if isinstance(name, str):
            read_name("External", name)
            self.columns = (name,) if array.ndim < 3 else tuple(f"{name}[{k}]" for k in range(width))
        else:
            self.columns = tuple(read_name("External", one) for one in name)
        if len(self.columns) != width or not width:
            raise FeatureError(f"External {name!r}: {len(self.columns)} names for {width} columns")
        self.timestamps = None if timestamps is None else _read_clock(self.columns[0], timestamps, len(array))

    @classmethod
    def from_events(
        cls,
        events: pd.DataFrame | Mapping[str, npt.ArrayLike],
        name: str | Sequence[str],
        *,
        delay: Any,
        available: str = "timestamp",
        symbols: str | None = "symbol",
        period: str | None = None,
        max_age: Any = None,
        missing: float | None = None,
        tz: Any = None,
    ) -> Events:
        """Return features of events that came out at their own times: fundamentals, news, sentiment scores.

        At bar t an asset has the value of the last event that was out by then: timestamp + delay ≤ the close of t.
        Nothing is ever filled backwards.

        Parameters
        ----------
        events : DataFrame, or mapping of str to array_like
            One row for each event, in any order; columns by name.
        name : str or sequence of str
            The columns with the values, finite numbers or NaN, which says nothing; they name the features too.
        delay : str, timedelta or int
            How long after its timestamp an event could be used: `"1D"` (24 hours), `"90min"`, `"0s"`; an int is ns. It
            must be said. Where timestamps are dates alone, an event may have come out at the end of that day.
        available : str
            The column with the time at which each event came out: int64 ns UTC, or times with a zone.
        symbols : str or None
            The column with the asset of each event. None, or if `"symbol"` is not there: each is for all assets.
        period : str, optional
            The column with the end of the time that each event is about, such as the end of a quarter. Then the value
            is that of the latest period, and a later event of the same period is a revision, which replaces it from
            its own time on; a late revision of an older period changes nothing. Without it the latest event counts.
        max_age : str, timedelta or int, optional
            An event older than this, from its timestamp on, is stale, and says nothing any more.
        missing : float, optional
            What stands where no event counts: before the first, and after a stale one. Without it NaN stands there,
            which `Features.compute` refuses once an asset has had a value.
        tz : str, optional
            The time zone of times that have none.

        Returns
        -------
        Events

        Raises
        ------
        FeatureError
            If a column is not there, a time is missing or has no zone, an event came out before the end of its period,
            two are of one time, asset and period, a value is infinite, or a setting means nothing. When computing: if
            an asset of the bars has no event, unless `missing` stands for it.
        """
        from backtester.signals.features.events import Events, Settings

        return Events(events, name, Settings(delay, available, symbols, period, max_age, missing, tz))

    @property
    def by_position(self) -> bool:
        """Whether its rows are those of the bars in order, without times of their own."""
        return self.timestamps is None

    @property
    def concurrent(self) -> bool:
        """True: it looks up rows of an array of its own."""
        return True

    def compute(self, view: View) -> npt.ArrayLike:
        """Return the rows of the bars of `view`.

        Raises
        ------
        FeatureError
            If a bar has no row.
        """
        if self.timestamps is None:
            found = self.values
        else:
            clock = view.bars.timestamps
            at = np.searchsorted(self.timestamps, clock)
            known = np.minimum(at, len(self.timestamps) - 1)
            missing = np.flatnonzero(self.timestamps[known] != clock)
            if missing.size:
                raise FeatureError(
                    f"feature {self.columns[0]!r}: it has no row for bar {missing[0]} "
                    f"({time_text(int(clock[missing[0]]))}), nor for {missing.size - 1:,} others; its rows are from "
                    f"{time_text(int(self.timestamps[0]))} to {time_text(int(self.timestamps[-1]))}"
                )
            found = self.values[known]
        return found[:, :, 0] if found.ndim == 3 and len(self.columns) == 1 else found

    def first_rows(self, n: int) -> External:
        """Return the element as it would be if the data ended after `n` bars."""
        if self.timestamps is not None:
            return self
        return External(self.values[:n], self.columns if self.values.ndim == 3 else self.columns[0])

    def spec(self) -> dict[str, Any]:
        """Return its names, as values that JSON can hold; the values themselves are data, and passed in again."""
        return {"kind": self.kind, "names": list(self.columns)}


def _read_clock(name: str, timestamps: npt.ArrayLike, n_rows: int) -> npt.NDArray[np.int64]:
    clock = np.asarray(timestamps)
    if clock.dtype.kind == "M":
        clock = clock.astype("M8[ns]").astype(np.int64)
    if clock.dtype.kind not in "iu" or clock.shape != (n_rows,):
        raise FeatureError(
            f"feature {name!r}: timestamps are int64 ns UTC, one for each of {n_rows} rows, found {clock.dtype} of "
            f"shape {clock.shape}"
        )
    clock = clock.astype(np.int64)
    back = np.flatnonzero(np.diff(clock) <= 0)
    if back.size or not n_rows:
        where = f"; row {back[0] + 1} does not" if back.size else ""
        raise FeatureError(f"feature {name!r}: timestamps must increase, and there must be one at least{where}")
    clock.flags.writeable = False
    return clock
