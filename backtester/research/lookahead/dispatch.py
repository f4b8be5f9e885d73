"""From what a user has, a strategy, a model, features, a label, a function, an environment, to what can be searched."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from backtester.engine.settings import Settings
from backtester.errors import SettingsError, did_you_mean
from backtester.research.lookahead.environments import BarOf, EnvironmentSubject, TaskSubject, close
from backtester.research.lookahead.functions import FeatureSubject, FittedSubject, FunctionSubject
from backtester.research.lookahead.models import ModelSubject
from backtester.research.lookahead.strategies import StrategySubject
from backtester.signals.features import Feature, Features
from backtester.signals.fitting.fitted import FittedModel
from backtester.signals.labels.label import Label
from backtester.signals.signal import Signal
from backtester.strategy import Strategy

if TYPE_CHECKING:
    from backtester.bars import Bars
    from backtester.research.lookahead.subject import Subject

_OF_MODELS = ("clean", "scaler", "select", "search", "weights")


def subject_of(
    what: Any,
    bars: Bars | None,
    *,
    features: Any,
    label: Any,
    scheme: Any,
    known: int | None,
    bar: BarOf | None,
    steps: int,
    seed: int,
    settings: dict[str, Any],
) -> Subject:
    """Return what is to be searched; see `check_lookahead`."""
    pipeline = features is not None or label is not None or scheme is not None
    if pipeline:
        missing = [name for name, one in (("features", features), ("label", label), ("scheme", scheme)) if one is None]
        if missing:
            raise SettingsError(f"check_lookahead: a model needs {missing[0]}= too, as predict_out_of_sample does")
        _only(settings, _OF_MODELS, "a model")
        return ModelSubject(what, features, label, scheme, _needed(bars), seed, settings)
    if is_environment(what):
        _only(settings, (), "an environment")
        return _environment(what, bars, bar, seed, steps)
    bars = _needed(bars)
    if (isinstance(what, type) and issubclass(what, Strategy)) or isinstance(what, Strategy):
        _only(settings, tuple(Settings.__dataclass_fields__), "a strategy")
        made = what() if isinstance(what, type) else what
        return StrategySubject(made, {**settings, "seed": seed}, repr(made) if len(repr(made)) < 80 else _name(made))
    found = _finished(what)
    if found is not None:
        _only(settings, (), found.sort)
        return found
    if not callable(what):
        raise SettingsError(
            f"check_lookahead: {what!r} ({type(what).__name__}) cannot be checked; give it a Strategy, Features, a "
            "Label, a FittedModel, a model with features=, label= and scheme=, or a function of bars that returns one "
            "of those, a Signal, an environment, or an array with one row per bar"
        )
    return _of_function(what, bars, known, bar, seed, steps, settings)


def _finished(what: Any) -> FunctionSubject | None:
    """Return the subject for features, labels and fitted models; None for anything else."""
    if isinstance(what, Features):
        return FeatureSubject(what, f"Features of {len(what)} columns")
    if isinstance(what, Feature) or (isinstance(what, list | tuple) and what) or isinstance(what, str):
        features = Features([what] if isinstance(what, Feature | str) else what)
        return FeatureSubject(features, f"Features of {len(features)} columns")
    if isinstance(what, Label):
        from backtester.signals.checks.label_ends import label_for

        return FunctionSubject(lambda bars: label_for(what, bars), f"label {what.name}", "label")
    if isinstance(what, FittedModel):
        return FittedSubject(what, what.described())
    if isinstance(what, Signal):
        raise SettingsError(
            f"check_lookahead: {what!r} is numbers that were made beforehand, and no other bars change them; check the "
            "function that makes it: check_lookahead(lambda bars: predict_out_of_sample(…), bars)"
        )
    return None


def _of_function(
    function: Callable[[Any], Any],
    bars: Bars,
    known: int | None,
    bar: BarOf | None,
    seed: int,
    steps: int,
    settings: dict[str, Any],
) -> Subject:
    """Return the subject for a function of bars, by what it returns."""
    title = _name(function)
    value = function(bars)
    if isinstance(value, Strategy) or (isinstance(value, type) and issubclass(value, Strategy)):
        _only(settings, tuple(Settings.__dataclass_fields__), "a strategy")
        return StrategySubject(function, {**settings, "seed": seed}, title)
    if is_environment(value):
        _only(settings, (), "an environment")
        close(value)
        return EnvironmentSubject(function, title, bar, seed, steps)
    _only(settings, (), "a function of bars")
    if isinstance(value, Features | list) and not _is_numbers(value):
        return FeatureSubject(value if isinstance(value, Features) else Features(value), title)
    sort = {Label: "label", Signal: "signal", FittedModel: "model"}.get(type(value), "function")
    subject = FunctionSubject(function, title, sort, known)
    subject.made(value, bars)  # whether it can be compared at all
    return subject


def _environment(env: Any, bars: Bars | None, bar: BarOf | None, seed: int, steps: int) -> Subject:
    bare = getattr(env, "unwrapped", env)
    title = str(getattr(getattr(bare, "spec", None), "id", None) or type(bare).__name__)
    if hasattr(bare, "with_bars"):
        features = getattr(getattr(bare.core, "trading", None), "features", None)
        notes = FeatureSubject(features, title).notes() if isinstance(features, Features) else []
        if getattr(getattr(bare.core, "observer", None), "scaler", None) is not None:
            notes.append(
                "its scaler was fitted beforehand and is kept in every world: what it knew is not tried; give a "
                "function that makes the environment: check_lookahead(lambda bars: "
                f"gymnasium.make({title!r}, bars=bars, …), bars)"
            )
        make = functools.partial(bare.with_bars, random_start=False, episode_length=None)
        return EnvironmentSubject(make, title, bar, seed, steps, notes, keeps_scaler=True)
    if hasattr(bare, "core"):
        return TaskSubject(env, title, seed, steps)
    raise SettingsError(
        f"check_lookahead: {title} has to be made on other bars; give a function that makes it: "
        "check_lookahead(lambda bars: MyEnv(bars), bars)"
    )


def is_environment(what: Any) -> bool:
    """Return whether something has the methods and spaces of gymnasium's Env."""
    names = ("reset", "step", "action_space", "observation_space")
    return not isinstance(what, type) and all(hasattr(what, name) for name in names)


def _needed(bars: Bars | None) -> Bars:
    from backtester.engine.settings import as_bars

    return as_bars(bars)


def _only(settings: dict[str, Any], known: tuple[str, ...], what: str) -> None:
    for name in settings:
        if name not in known:
            listed = ", ".join(known) or "none"
            raise SettingsError(
                f"check_lookahead: {what} has no setting {name!r}{did_you_mean(name, known)} (settings: {listed})"
            )


def _is_numbers(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, int | float) for one in value)


def _name(what: Any) -> str:
    found = getattr(what, "__name__", None) or type(what).__name__
    return "function of bars" if found == "<lambda>" else str(found)
