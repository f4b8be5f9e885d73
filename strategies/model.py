"""A model as a strategy: its signal, turned into exposures by a rule, traded by the engine.

What the model says of a bar is known at its close; the orders are sent there and fill from the next bar on. Signal and
rule are machine code in the run, so that a million bars take seconds.

Source: Richard C. Grinold and Ronald N. Kahn, "Active Portfolio Management", 2nd edition, McGraw-Hill, 2000, chapters
10 to 14: forecasts are one thing, and what is held because of them another.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from backtester import Bars, Strategy, constant
from backtester.errors import ModelError, ParameterError, SettingsError, did_you_mean
from backtester.research.walk_forward import Trained
from backtester.signals import fit
from strategies.rules.named import as_rule
from strategies.rules.source import aligned, check_history, signal_of

if TYPE_CHECKING:
    from backtester.engine.settings import Settings
    from backtester.signals.labels import Label

_OF_FIT = ("clean", "scaler", "select", "search", "weights")
_OF_STRATEGY = ("rule", "centre", "long_only", "max_exposure", "rebalance", "band", "missing")


class ModelStrategy(Strategy):
    """Targets at the close of every bar what a rule makes of a model's signal; orders fill from the next bar on.

    Parameters
    ----------
    signal : Signal, FittedModel or path
        What to trade. A fitted model, or the directory of its bundle, says its signal for the bars of the run when the
        run is prepared: bars that it was fitted on are not traded.
    rule : Rule, function or str
        From signal to exposures: one of `strategies.rules`, a function f(ctx, a, value, state) as in `Own`, or text
        such as `"threshold(enter=0.5)"`.
    centre : float, optional
        The neutral signal, subtracted from it. Default: 0.5 of a classifier of 0 and 1, whose signal is the probability
        of 1; else 0.
    long_only : bool
        Whether targets below 0 become 0.
    max_exposure : float
        Gross exposure that all assets may have together, in equities, above 0. Where targets are more, all are scaled
        down by one factor; what is left alone counts with what it has. More than 1 needs an account with leverage.
    rebalance : int
        Every how many bars it looks, 1 or more; in between it does nothing at all.
    band : float
        An asset is left alone while its exposure is within this fraction of its target, 0 or more and below 1: with 0.1
        a target of 0.5 lets it drift from 0.45 to 0.55. What is to be opened, closed or turned round never is.
    missing : {"flat", "hold"}
        What to do with an asset that has a bar but no signal: close it, and let the rule forget what it remembers of
        it; or leave both alone. One without a bar is always left alone, for nothing of it can be traded.
    history : Bars, optional
        What a fitted model speaks on, where the bars of the run do not do: they begin earlier, so that its features are
        known from the first bar of the run on. They hold the bars of the run.
    allow_future : bool
        Trade a signal although its model was fitted on bars at or after those it speaks of. Such a result says nothing
        of what the model can earn; the manifest and the report of the run say so.

    Notes
    -----
    Signal and bars are joined by time and symbol; the bars may be a part of those of the signal, or go on where it
    ends. Every target is a fraction of the equity at the close, marked there: `ctx.rebalance`.

    Raises
    ------
    ParameterError, StrategyError
        When it is prepared: the signal knows the future, is of other bars or symbols, or has no value in these bars.

    Examples
    --------
    >>> run(ModelStrategy(signal=signal, rule=Sign()), bars)        # doctest: +SKIP
    """

    signal: Any
    rule: Any = "sign"
    centre: float | None = None
    long_only: bool = False
    max_exposure: float = 1.0
    rebalance: int = 1
    band: float = 0.0
    missing: Literal["flat", "hold"] = "flat"
    history: Any = None
    allow_future: bool = False

    _about: dict[str, Any] = {}  # noqa: RUF012  replaced, never changed
    _late: str = ""

    def prepare(self, bars: Bars) -> None:
        self._check()
        rule = as_rule(self.rule)
        if self.history is not None:
            check_history(self.history, bars)
        source = signal_of(self.signal, bars if self.history is None else self.history, self.allow_future)
        values, self._late = aligned(source.signal, bars, self.allow_future)
        self._about = {**source.about, "rule": rule.described()}
        neutral = self.centre
        if neutral is None:
            neutral = 0.5 if tuple(source.signal.classes) == (0, 1) else 0.0
        self.values = values - neutral
        made = rule.prepare(bars, source)
        self.decide = made.decide
        self.panel = made.panel
        self.numbers = constant(made.numbers)
        self.state = constant(made.state)
        self.targets = constant(np.full(bars.n_assets, math.nan))
        self.flat = self.missing == "flat"
        self.warmup = max(1, int(np.argmax(np.isfinite(values).any(axis=1))))

    def on_bar(self, ctx: Any) -> None:
        if (ctx.t - self.warmup) % self.rebalance != 0:
            return
        self.decide(ctx, self.values, self.panel, self.numbers, self.state, self.targets)
        self.limit(ctx)
        moves = False
        for a in range(ctx.n_assets):
            target = self.targets[a]
            if math.isfinite(target):
                has = ctx.exposure(a)
                if ctx.open_orders(a) > 0 or abs(target - has) > self.band * abs(target):
                    moves = True
                else:
                    self.targets[a] = math.nan
        if moves:
            ctx.rebalance(self.targets)

    def limit(self, ctx: Any) -> None:
        """Settle what has no signal or no price, and scale the targets to `max_exposure`."""
        wanted, kept = 0.0, 0.0
        for a in range(ctx.n_assets):
            if not math.isfinite(ctx.close[-1, a] * ctx.mark(a) * ctx.multiplier(a)):
                self.targets[a] = math.nan  # nothing of it can be traded, or valued
            elif not math.isfinite(self.values[-1, a]):
                self.targets[a] = math.nan
                if self.flat:
                    self.targets[a] = 0.0
                    self.state[a, :] = 0.0
            elif self.long_only and self.targets[a] < 0.0:
                self.targets[a] = 0.0
            if math.isfinite(self.targets[a]):
                wanted += abs(self.targets[a])
            else:
                self.targets[a] = math.nan
                kept += abs(ctx.exposure(a)) if ctx.position(a) != 0.0 else 0.0
        if wanted > 0.0 and wanted + kept > self.max_exposure * (1.0 + 1e-12):
            scale = max(self.max_exposure - kept, 0.0) / wanted
            for a in range(ctx.n_assets):
                self.targets[a] *= scale

    def manifest_facts(self) -> dict[str, Any]:
        """Return what the manifest of a run says of signal, model and rule, and what its reader must be warned of."""
        return {**self._about, "warnings": [self._late] if self._late else []} if self._about else {}

    def _check(self) -> None:
        for name, holds, what in (
            ("max_exposure", self.max_exposure > 0.0, "above 0"),
            ("rebalance", self.rebalance >= 1, "1 or more, in bars"),
            ("band", 0.0 <= self.band < 1.0, "0 or more, and below 1: a fraction of the target"),
            ("centre", self.centre is None or math.isfinite(self.centre), "a number, or None"),
        ):
            if not holds:
                raise ParameterError(f"ModelStrategy: {name} is {getattr(self, name)}; it must be {what}")


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
