"""A model in a walk: fitted anew in every training window, its signal traded in the test that follows.

Source: Richard C. Grinold and Ronald N. Kahn, "Active Portfolio Management", 2nd edition, McGraw-Hill, 2000, chapters
10 to 14, as of `strategies.model`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from backtester.errors import ModelError, SettingsError, did_you_mean
from backtester.research.walk_forward import Trained
from backtester.signals import fit
from strategies.model import ModelStrategy

if TYPE_CHECKING:
    from backtester.bars import Bars
    from backtester.engine.settings import Settings
    from backtester.signals.labels import Label

_OF_FIT = ("clean", "scaler", "select", "search", "weights")
_OF_STRATEGY = ("rule", "centre", "long_only", "max_exposure", "rebalance", "band", "missing")


@dataclass(frozen=True)
class ModelTrainer:
    """Fits a model on the bars of a training window, and trades what it says of the bars after them.

    It is handed to `walk_forward` in the place of a strategy. Cleaning, scaler, selection and search are inside the
    window, and no label is used that reads a bar behind it.

    Parameters
    ----------
    model : object or str
        As of `backtester.signals.fit`: anything with scikit-learn's `fit` and `predict`, or the name of a plug-in.
    features : Features or list
    label : callable
        From bars to their Label, `lambda bars: forward_return(bars, 5)`: every window has its own.
    fitting : mapping
        Further keywords of `fit`: `clean`, `scaler`, `select`, `search`, `weights`.
    trading : mapping
        Further keywords of `ModelStrategy`: `rule`, `centre`, `long_only`, `max_exposure`, `rebalance`, `band`,
        `missing`.

    Raises
    ------
    SettingsError
        The label is no function, or a keyword is none of these.

    Examples
    --------
    >>> trainer = ModelTrainer("ridge", features, label, trading={"rule": "sign"})    # doctest: +SKIP
    >>> walk_forward(trainer, bars, train=1_000, test=250)                            # doctest: +SKIP
    """

    model: Any
    features: Any
    label: Callable[[Bars], Label]
    fitting: Mapping[str, Any] = field(default_factory=dict)
    trading: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not callable(self.label):
            raise SettingsError(
                f"ModelTrainer: label is {self.label!r}; it is a function of bars, such as lambda bars: "
                "forward_return(bars, 5), because the labels of a training window must not know what comes after it"
            )
        for name, given, known in (("fitting", self.fitting, _OF_FIT), ("trading", self.trading, _OF_STRATEGY)):
            for one in given:
                if one not in known:
                    raise SettingsError(
                        f"ModelTrainer: {name} has {one!r}{did_you_mean(str(one), known)}; it takes {', '.join(known)}"
                    )

    def train_fold(self, bars: Bars, settings: Settings, seed: int) -> Trained:
        """Return what the model learnt from `bars` with `seed`; it fits labels, so that `settings` are not asked.

        Raises
        ------
        ModelError, FeatureError, LabelError
            As `fit` does.
        """
        label = self.label(bars)
        if not hasattr(label, "end"):
            raise ModelError(
                f"ModelTrainer: label(bars) returned {label!r}; it returns a Label, as forward_return does"
            )
        fitted = fit(self.model, self.features, label, bars, **self.fitting, seed=seed)
        tried = fitted.learnt.tried
        return Trained(
            strategy=ModelStrategy(signal=fitted, **self.trading),
            in_sample=ModelStrategy(signal=fitted, allow_future=True, **self.trading),
            parameters=dict(fitted.learnt.settings) if tried else {},
            trials=max(1, len(tried)),
        )
