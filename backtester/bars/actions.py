"""Corporate actions of `Bars`: declaring them, and prices without their jumps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from backtester.bars.panel import Bars

Floats = npt.NDArray[np.float64]


class Actions:
    """The part of `Bars` that knows splits, dividends, funding and delistings."""

    __slots__ = ()

    def with_events(
        self: Any,
        *,
        split: Mapping[str, Mapping[Any, float]] | None = None,
        dividend: Mapping[str, Mapping[Any, float]] | None = None,
        funding: Mapping[str, Mapping[Any, float]] | None = None,
        delisting: Mapping[str, tuple[Any, float]] | None = None,
        warn_splits: bool = True,
    ) -> Bars:
        """Return the bars with these events declared; they act before the open of their row (rules 28-31).

        Parameters
        ----------
        split : mapping of symbol to {date: ratio}, optional
            Units after for each unit before: 2 for a 2-for-1 split. Above 0.
        dividend : mapping of symbol to {date: money}, optional
            Money per unit, in the units that trade in that row (after a split of that row). The date is the ex-date.
        funding : mapping of symbol to {date: rate}, optional
            Fraction of the value held; positive: longs pay.
        delisting : mapping of symbol to (date, price), optional
            The price at which holders are paid out; 0 or more. The asset has no bar from then on.
        warn_splits : bool
            Warn of splits that prices do not show.

        Returns
        -------
        Bars
            A column that was there already keeps its other rows; one that is made is NaN where nothing was declared.
            A date is a session, and acts in its first row, or the first after it; a time acts in the first row that
            closes after it. Where two dates of an asset mean one row, they are combined as `resample` does.

        Raises
        ------
        DataError
            If a symbol is unknown, a date is not in the range of the bars, or a value breaks a rule of its column.

        Warns
        -----
        DataWarning
            If prices do not show a split that is declared: they look adjusted for it already.

        Examples
        --------
        >>> days = Bars.sample("sp500")["2008-09"]
        >>> split = days.with_events(split={"SP500": {"2008-09-13": 2.0}}, warn_splits=False)
        >>> str(split.index[split["split"][:, 0] == 2.0][0])
        '2008-09-15 20:00:00+00:00'
        """
        from backtester.bars.declare import with_events

        given = {"split": split, "dividend": dividend, "funding": funding, "delisting": delisting}
        return with_events(self, given, warn_splits)

    @property
    def adjusted_close(self: Any) -> Floats:
        """The close without jumps from splits and dividends, as known at each bar, shape (n_bars, n_assets); read-only.

        The ratios of its values up to bar t are those of closes adjusted back from bar t; nothing after t takes part.
        The level is anchored at the asset's first bar, and is no price that could be traded: `adjustment` turns it
        into one. Made of the extras `split` and `dividend`, where one of them is there; else of the ratios of
        `adj_close`, the source's own; else it is `close`. NaN where a bar is missing.

        Raises
        ------
        DataError
            If it is made of `adj_close`, and that is not above zero in a bar.
        """
        from backtester.bars.adjust import adjusted_close

        return self._cached("adjusted_close", lambda: adjusted_close(self))

    @property
    def adjustment(self: Any) -> Floats:
        """What turns a level of `adjusted_close` into a price quoted at bar t: close / adjusted_close; read-only.

        Shape (n_bars, n_assets). Where a bar is missing it is that of the events so far; NaN before the first bar.
        """
        from backtester.bars.adjust import adjustment

        return self._cached("adjustment", lambda: adjustment(self))

    def adjusted_as_of(self: Any, t: int) -> Floats:
        """Return the closes up to bar `t`, adjusted back from it, in the units of bar `t`, shape (t + 1, n_assets).

        Parameters
        ----------
        t : int
            A position; negative ones count from the end. The last row is the close of bar t itself.

        Raises
        ------
        DataError
            If there is no such bar.
        """
        from backtester.bars.adjust import as_of

        return as_of(self, t)

    def adjusted(self: Any, by: str | None = None) -> Bars:
        """Return the bars with open, high, low and close scaled by `bars[by] / close`, and volume divided by it.

        Splits and dividends then leave no jumps, and traded value keeps its size. A source adjusts with what happened
        afterwards: levels of adjusted prices are not what was quoted on the day, their ratios are.

        Parameters
        ----------
        by : str, optional
            The extra that holds the adjusted close, or `"adjusted_close"` for that of `Bars.adjusted_close`. Default:
            `"adj_close"`, the source's, where there is one; else `"adjusted_close"`.

        Returns
        -------
        Bars
            Without `by`, `adj_close`, `split` and `dividend`, which the prices now hold; a delisting price is scaled
            as the last bar before it.

        Raises
        ------
        DataError
            If there is no such extra, it is not above zero in a bar, or there is nothing to adjust by.
        """
        from backtester.bars.adjust import adjusted

        return adjusted(self, by)
