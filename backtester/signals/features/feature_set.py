"""`Features`: a declared, named, ordered set of features, which computes a panel of them from bars."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from backtester.bars.panel import Bars
from backtester.errors import FeatureError, SettingsError
from backtester.signals.features.causality import check_causal
from backtester.signals.features.element import Feature, View
from backtester.signals.features.external import External
from backtester.signals.features.filling import fill
from backtester.signals.features.reading import element_of
from backtester.signals.features.rebuild import FORMAT, elements_from
from backtester.signals.specification import digest_of

Floats = npt.NDArray[np.float64]
Element = str | Feature | Callable[..., Any]

DEFAULT = (
    "log_return(1)",
    "log_return(5)",
    "log_return(20)",
    "realised_volatility(20)",
    "zscore(20)",
    "rsi(14)",
    "macd(12, 26, 9)",
    "atr(14)",
)


class Features:
    """A set of features over bars, in an order, each with a name.

    Parameters
    ----------
    elements : iterable
        Each a shipped feature, by name or call (`"rsi"`, `"rsi(7)"`) or as `Shipped`; a function `f(bars)`; a
        `Function`, an `Indicator`, an `External`; or what is made of one of those: a `Rank`, `CrossSectional`, `Lag` or
        `On`, or as text `"rank(rsi(7))"`, `"lag(rsi(7), 2)"`, `"rsi(7)@1W"`.
    hold : int or None
        For how many bars the last value stands in where an asset has none: in gaps, or NaN after the warm-up. 0 leaves
        gaps NaN; None is no limit. Nothing is ever filled backwards.

    Attributes
    ----------
    elements : tuple of Feature
    names : tuple of str
        Of the columns of the panel, each once.
    hold : int or None

    Raises
    ------
    FeatureError
        If there are none, one is unknown, or two columns have one name.
    SettingsError
        If a setting is out of range.

    Examples
    --------
    >>> features = Features(["log_return", "rsi(7)"])
    >>> features.names
    ('log_return(1)', 'rsi(7)')
    """

    __slots__ = ("elements", "hold", "names")

    elements: tuple[Feature, ...]
    names: tuple[str, ...]
    hold: int | None

    def __init__(self, elements: Iterable[Element], *, hold: int | None = 0):
        if isinstance(elements, str | Feature) or callable(elements):
            raise FeatureError(f"Features takes a list, found {elements!r}; write Features([…])")
        if hold is not None and (isinstance(hold, bool) or not isinstance(hold, int | np.integer) or hold < 0):
            raise SettingsError(f"Features: hold is {hold!r}; it is a number of bars, 0 or more, or None for no limit")
        self.elements = tuple(element_of(one) for one in elements)
        self.names = tuple(name for one in self.elements for name in one.columns)
        self.hold = None if hold is None else int(hold)
        if not self.names:
            raise FeatureError("Features: the list is empty; name one feature at least")
        twice = [name for n, name in enumerate(self.names) if name in self.names[:n]]
        if twice:
            raise FeatureError(f"Features: {twice[0]!r} is there twice; leave one out, or give it another name=")

    @classmethod
    def default(cls) -> Features:
        """Return the eight features that environments observe if nothing else is said.

        Log returns over 1, 5 and 20 bars, volatility, z-score, RSI, MACD and the average true range; volume is not
        needed.
        """
        return cls(DEFAULT)

    def __len__(self) -> int:
        return len(self.names)

    def __repr__(self) -> str:
        more = "" if self.hold == 0 else f", hold={self.hold}"
        return f"Features([{', '.join(map(repr, self.names))}]{more})"

    def __eq__(self, other: object) -> bool:
        """Whether both are made of the same elements; functions and arrays must be the same objects."""
        if not isinstance(other, Features):
            return NotImplemented
        mine, theirs = (
            [
                (part.spec(), getattr(part, "function", None), id(getattr(part, "values", None)))
                for element in s.elements
                for part in element.parts()
            ]
            for s in (self, other)
        )
        return self.hold == other.hold and mine == theirs

    def __hash__(self) -> int:
        return hash((self.names, self.hold))

    # ---------------------------------------------------------------- computing

    def compute(self, bars: Bars, *, workers: int | None = None) -> Floats:
        """Return all features of the bars.

        Parameters
        ----------
        bars : Bars
            Any number of bars, fewer than the warm-up too.
        workers : int, optional
            Threads at most, for features of this package; functions of your own are called by this thread alone. The
            panel is the same for any number. Default: one for each processor.

        Returns
        -------
        ndarray of float64, shape (n_bars, n_assets, n_features)
            C-contiguous. Row t is known at the close of bar t. NaN before the warm-up of a feature and asset is over,
            and where the asset has no bar, beyond what `hold` fills; finite else.

        Raises
        ------
        FeatureError
            If a feature has the wrong shape, is infinite, or NaN at a bar after its warm-up: it names the feature, the
            symbol and the time.
        DataError
            If the bars lack a column.
        SettingsError
            If `workers` is no number of threads.
        """
        if workers is not None and (isinstance(workers, bool) or not isinstance(workers, int) or workers < 1):
            raise SettingsError(f"compute: workers is {workers!r}; it is a number of threads, 1 or more, or None")
        panel = np.empty((bars.n_bars, bars.n_assets, len(self.names)))
        fill(panel, self.elements, View(bars), self.hold, workers)
        return panel

    def warmup(self, source: Bars | npt.ArrayLike) -> int:
        """Return the first bar at which every feature of every asset is finite.

        Parameters
        ----------
        source : Bars or ndarray, shape (n_bars, n_assets, n_features)
            The bars, or the panel that `compute` made of them, which saves computing it again.

        Returns
        -------
        int
            A position. In later gaps features are NaN, unless `hold` fills them.

        Raises
        ------
        FeatureError
            If there is no such bar: it names a feature and an asset that are never finite, or that end too early.
        """
        symbols: tuple[str, ...] = ()
        if isinstance(source, Bars):
            symbols = source.symbols
        panel = self.compute(source) if isinstance(source, Bars) else np.asarray(source)
        if panel.ndim != 3 or panel.shape[2] != len(self.names) or not panel.size:
            raise FeatureError(
                f"warmup: shape {panel.shape} is not a panel of these features, (n_bars, n_assets, {len(self.names)})"
            )
        finite = np.isfinite(panel)
        whole = finite.all(axis=(1, 2))
        if whole.any():
            return int(np.argmax(whole))
        counts = finite.sum(axis=0)
        a, j = np.unravel_index(int(np.argmin(counts)), counts.shape)
        symbol = symbols[a] if symbols else f"asset {a}"
        raise FeatureError(
            f"there is no bar at which all features of all assets are finite, in {len(panel):,} bars: "
            f"{self.names[j]!r} of {symbol} is finite at {counts[a, j]:,} of them. Give more bars, shorter windows, or "
            "assets that traded at the same time; a feature of volume needs a known volume"
        )

    def check_causal(self, bars: Bars, *, cuts: int = 8, seed: int = 0, rtol: float = 0.0) -> None:
        """Try whether a feature looks ahead: cut the data at random bars, and compare what was known before.

        Parameters
        ----------
        bars : Bars
            Data on which the features are past their warm-up.
        cuts : int
            Number of places; one more is just before the last bar.
        seed : int
            Of the generator that chooses them.
        rtol : float
            Relative difference to let pass. 0 wants the same bits; sums over the whole array may round differently.

        Raises
        ------
        FeatureError
            If a value changes: it names the feature, the symbol, the time and both values. The values of `External`
            cannot be tried: when they were known is what their source says.
        SettingsError
            If a setting is out of range, or there is one bar alone.
        """
        check_causal(self, bars, cuts, seed, rtol)

    def _first_rows(self, n: int) -> Features:
        """Return the features as they would be if the data ended after `n` bars."""
        part = copy.copy(self)
        part.elements = tuple(element.first_rows(n) for element in self.elements)
        return part

    # ---------------------------------------------------------------- writing down

    def spec(self) -> dict[str, Any]:
        """Return the declaration as values that JSON can hold; `from_spec` rebuilds it.

        Shipped features are there by name and settings, functions by their address (`package.module:name`) and the
        SHA-256 of their source; one that no address leads to, and an array, by name alone.
        """
        return {"format": FORMAT, "hold": self.hold, "features": [element.spec() for element in self.elements]}

    @property
    def digest(self) -> str:
        """SHA-256 of the specification, 64 hex digits."""
        return digest_of(self.spec())

    @classmethod
    def from_spec(
        cls,
        spec: Mapping[str, Any],
        *,
        functions: Mapping[str, Callable[..., Any]] | None = None,
        external: Mapping[str, External] | None = None,
        allow_changed: bool = False,
    ) -> Features:
        """Return the features that a specification describes.

        Parameters
        ----------
        spec : mapping
            As `spec()` gave it, by way of JSON or not. Modules it names are imported, files and pickles are not read.
        functions : mapping of str to callable, optional
            Functions by the name of their feature: those without an address must be there, others may.
        external : mapping of str to External, optional
            Arrays by the name of their first column; all must be there.
        allow_changed : bool
            Take a function although its source is not what it was.

        Raises
        ------
        FeatureError
            If it is no specification, or of another format; a function or array is missing, and is named; or a
            function has changed.
        """
        elements, held = elements_from(spec, dict(functions or {}), dict(external or {}), allow_changed)
        return cls(elements, hold=held)
