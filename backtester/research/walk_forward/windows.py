"""The windows of a walk: bars to choose on, then bars to trade, moving on through the data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from backtester.errors import SettingsError


@dataclass(frozen=True)
class Window:
    """One fold's bars, by position: from the first to before the last.

    Attributes
    ----------
    number : int
        From 0.
    train : slice
    test : slice
    """

    number: int
    train: slice
    test: slice


@dataclass(frozen=True)
class Walk:
    """How the windows lie; the words and units of `signals.WalkForward`.

    Attributes
    ----------
    train : int
        Bars of the training window, the first one if `anchored`.
    test : int
        Bars of a test; the last may be shorter.
    step : int or None
        Bars from one test to the next, `test` or more; None is `test`.
    anchored : bool
        Whether every training window begins at the first bar.
    purge : int
        Bars left out between training and test.
    """

    train: int
    test: int
    step: int | None = None
    anchored: bool = False
    purge: int = 0

    def __post_init__(self) -> None:
        for name, value, least in (
            ("train", self.train, 2),
            ("test", self.test, 1),
            ("step", self.step, 1),
            ("purge", self.purge, 0),
        ):
            if value is None and name == "step":
                continue
            if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
                raise SettingsError(f"walk_forward: {name} is {value!r}; it is a number of bars, {least} or more")
        if not isinstance(self.anchored, bool):
            raise SettingsError(f"walk_forward: anchored is {self.anchored!r}; it is True or False")
        if self.step is not None and self.step < self.test:
            raise SettingsError(
                f"walk_forward: step is {self.step} and test {self.test}, so that tests overlap, and one account "
                f"cannot trade two of them at once; for a new choice every {self.step} bars write test={self.step}"
            )
        if self.purge > self.train - 2:
            raise SettingsError(
                f"walk_forward: purge={self.purge} leaves {max(self.train - self.purge, 0)} of {self.train} training "
                "bars; it takes 2 at least"
            )

    def windows(self, bars: Any) -> list[Window]:
        """Return the windows in `bars`, in their order.

        Raises
        ------
        SettingsError
            There are too few bars for one.
        """
        n, step = bars.n_bars, self.step or self.test
        if self.train + self.test > n:
            raise SettingsError(
                f"walk_forward: train={self.train} and test={self.test} take {self.train + self.test:,} bars, and "
                f"there are {n:,}; give more data or shorter windows"
            )
        found = []
        for number, at in enumerate(range(self.train, n, step)):
            begin = 0 if self.anchored else at - self.train
            found.append(Window(number, slice(begin, at - self.purge), slice(at, min(at + self.test, n))))
        return found

    def described(self) -> str:
        """Return the windows in words."""
        kind = "anchored" if self.anchored else "rolling"
        words = f"{kind}: {self.train:,} bars to choose on, {self.test:,} to trade"
        if self.purge:
            words += f", {self.purge:,} left out between"
        if self.step is not None and self.step != self.test:
            words += f", every {self.step:,}"
        return words
