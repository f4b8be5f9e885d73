"""What a rule is: from a model's signal to target exposures.

A rule is a declaration, checked when it is made. `prepare` turns it into numbers, arrays and one function, which the
strategy compiles into its `on_bar`: `decide(ctx, values, panel, numbers, state, targets)` writes to `targets`
[n_assets] the exposure that each asset should have, as a signed fraction of equity, or NaN to leave it alone. `values`
[…, n_assets] and `panel` […, n_assets, k] end at the present bar; where a value is NaN, the strategy decides, and what
the rule writes there does not matter.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from backtester.errors import ParameterError

if TYPE_CHECKING:
    from backtester.bars import Bars
    from strategies.rules.source import Source

Floats = npt.NDArray[np.float64]
Decide = Callable[[Any, Floats, Floats, Floats, Floats, Floats], None]


@dataclass(frozen=True, eq=False)
class Prepared:
    """A rule for bars of its own.

    Attributes
    ----------
    decide : function
        Compiled into the strategy; see the module's first paragraph.
    numbers : ndarray of float64, [k]
        What `decide` needs to know of the settings.
    panel : ndarray of float64, [n_bars, n_assets, m]
        What it needs to know of the market; row t known at close t.
    state : ndarray of float64, [n_assets, s]
        What it remembers, as it is before the first bar.
    """

    decide: Decide
    numbers: Floats
    panel: Floats
    state: Floats


class Rule(ABC):
    """Base class of the rules."""

    @abstractmethod
    def prepare(self, bars: Bars, source: Source) -> Prepared:
        """Return what the strategy runs over these bars.

        Parameters
        ----------
        bars : Bars
        source : Source
            The signal, and what it predicts.
        """

    def described(self) -> str:
        """Return name and settings of the rule, as they are in the manifest of a run."""
        settings = []
        for one in dataclasses.fields(self):  # type: ignore[arg-type]
            value = getattr(self, one.name)
            if isinstance(value, Rule):
                text = value.described()
            elif callable(value):
                text = f"{getattr(value, '__module__', '?')}.{getattr(value, '__qualname__', type(value).__name__)}"
            else:
                text = repr(value)
            settings.append(f"{one.name}={text}")
        return f"{type(self).__name__}({', '.join(settings)})"

    def _check(self, name: str, holds: bool, what: str) -> None:
        """Raise `ParameterError` unless a setting holds to its rule."""
        if not holds:
            raise ParameterError(f"{type(self).__name__}: {name} is {getattr(self, name)!r}; it must be {what}")

    def _check_number(self, name: str, *, above: float | None = None, least: float | None = None) -> None:
        """Raise unless a setting is a finite number above or at least some other."""
        value = getattr(self, name)
        holds = is_number(value)
        if above is not None:
            self._check(name, holds and value > above, f"a number above {above:g}")
        elif least is not None:
            self._check(name, holds and value >= least, f"a number of {least:g} or more")
        else:
            self._check(name, holds, "a number")

    def _check_count(self, name: str, least: int) -> None:
        """Raise unless a setting is an int of some size."""
        value = getattr(self, name)
        is_int = isinstance(value, int | np.integer) and not isinstance(value, bool)
        self._check(name, is_int and value >= least, f"an int, {least} or more")


def is_number(value: Any) -> bool:
    """Whether a value is a finite number."""
    kinds = (int, float, np.integer, np.floating)
    return isinstance(value, kinds) and not isinstance(value, bool) and bool(np.isfinite(value))


def prepared(
    decide: Decide, bars: Bars, numbers: Sequence[float], *, panel: Floats | None = None, n_state: int = 0
) -> Prepared:
    """Return a `Prepared` with arrays as the strategy holds them."""
    shape = (bars.n_bars, bars.n_assets)
    return Prepared(
        decide=decide,
        numbers=np.array(numbers, np.float64),
        panel=np.empty((*shape, 0)) if panel is None else np.ascontiguousarray(panel, np.float64),
        state=np.zeros((bars.n_assets, n_state)),
    )
