"""What the manifest of a bundle says beside the model itself, and how a fitted model is put together from it again."""

from __future__ import annotations

import math
import platform
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from importlib import metadata
from typing import TYPE_CHECKING, Any

import numpy as np

from backtester.bars.check import time_text
from backtester.errors import FeatureError, ModelError
from backtester.signals.bundle.weights import is_plain, packed, shown, unpacked
from backtester.signals.fitting.fitted import FittedModel
from backtester.signals.fitting.problem import QUANTILES, Learnt
from backtester.signals.fitting.protocol import lookback_of
from backtester.signals.fitting.recipe import Recipe
from backtester.signals.fitting.search import Search
from backtester.signals.fitting.selection import Select
from backtester.signals.scaler import Scaler
from backtester.signals.specification import digest_of

if TYPE_CHECKING:
    from backtester.signals.features import Features

_LIBRARIES = {
    "skops": ("scikit-learn", "skops"),
    "arrays": ("safetensors",),
    "booster": ("lightgbm",),
    "lightgbm": ("lightgbm",),
}


def describe(fitted: FittedModel) -> dict[str, Any]:
    """Return what is said of a fitted model, but its class, settings and weights."""
    recipe, learnt = fitted.recipe, fitted.learnt
    return {
        "name": fitted.name,
        "features": {
            "names": list(recipe.features.names),
            "digest": recipe.features.digest,
            "spec": recipe.features.spec(),
        },
        "columns": list(fitted.columns),
        "label": {
            "name": recipe.label_name,
            "kind": recipe.label_kind,
            "classes": list(recipe.classes),
            "spec": recipe.label_spec,
        },
        "schema": schema_of(fitted),
        "cleaning": None if recipe.clean is None else recipe.clean.spec(),
        "scaler": recipe.scaler,
        "select": None if recipe.select is None else recipe.select.spec(),
        "search": None if recipe.search is None else _search_words(recipe.search),
        "chosen": {name: kept(value) for name, value in learnt.settings.items()},
        "tried": tried_words(learnt.tried),
        "weights": recipe.weights,
        "seed": int(fitted.seed),
        "data": {
            "symbols": list(fitted.symbols),
            "n_samples": int(learnt.n_samples),
            "last_row": int(learnt.last_row),
            "trained_from": int(fitted.trained_from),
            "trained_until": int(fitted.trained_until),
            "cutoff": time_text(int(fitted.trained_until)),
        },
    }


def arrays_of(fitted: FittedModel) -> dict[str, np.ndarray]:
    """Return the numbers of a fitted model that are none of the model's own."""
    learnt = fitted.learnt
    arrays = {"columns": np.asarray(learnt.columns, np.int64), "quantiles": np.asarray(learnt.quantiles, np.float64)}
    for name, part in (("scaler", learnt.scaler), ("cleaning", learnt.cleaning)):
        if part is not None:
            arrays |= {f"{name}.{key}": value for key, value in part.to_arrays().items()}
    return arrays


def versions_of(stored: str, model: Any) -> dict[str, str]:
    """Return the versions of what made a model and what reads it."""
    import backtester

    names = [*_LIBRARIES[stored], *(["torch"] if hasattr(model, "module_") else [])]
    found = {"backtester": backtester.__version__, "python": platform.python_version(), "numpy": np.__version__}
    for name in names:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "unknown"
    return found


def schema_of(fitted: FittedModel) -> str:
    """Return the SHA-256 of what goes in and what comes out: features in order, columns, lookback, label, classes."""
    return digest_of(
        {
            "features": list(fitted.recipe.features.names),
            "columns": list(fitted.columns),
            "lookback": lookback_of(fitted.learnt.model),
            "label": fitted.recipe.label_kind,
            "classes": list(fitted.recipe.classes),
        }
    )


def put_together(
    content: Mapping[str, Any], arrays: Mapping[str, np.ndarray], features: Features, model: Any, unfitted: Any
) -> FittedModel:
    """Return the fitted model that `describe` and `arrays_of` told of.

    Raises
    ------
    ModelError
        If the schema is another than that of the features and the model.
    KeyError, TypeError, ValueError, IndexError
        If the parts do not fit together.
    """
    label, data = content["label"], content["data"]
    clean = scaler = cleaning = None
    names = features.names
    if content["cleaning"] is not None:
        from backtester.signals.cleaning import Cleaning, FittedCleaning

        clean = Cleaning.from_spec(content["cleaning"])
        cleaning = FittedCleaning.from_arrays(_part(arrays, "cleaning"), names=names, rules=clean)
    if content["scaler"] is not None:
        scaler = Scaler.from_arrays(_part(arrays, "scaler"), names=names, method=content["scaler"])
    recipe = Recipe(
        model=unfitted,
        features=features,
        label_name=str(label["name"]),
        label_kind=str(label["kind"]),
        label_spec=dict(label["spec"]),
        classes=tuple(int(one) for one in label["classes"]),
        clean=clean,
        scaler=content["scaler"],
        select=None if content["select"] is None else Select(**content["select"]),
        search=None if content["search"] is None else _search(content["search"]),
        weights=content["weights"],
        seed=int(content["seed"]),
    )
    learnt = Learnt(
        model=model,
        scaler=scaler,
        cleaning=cleaning,
        columns=_columns(arrays["columns"], len(names)),
        settings={name: unpacked(value) for name, value in content["chosen"].items()},
        tried=tried_from(content["tried"]),
        n_samples=int(data["n_samples"]),
        last_row=int(data["last_row"]),
        quantiles=_quantiles(arrays["quantiles"], len(names)),
    )
    fitted = FittedModel(
        recipe=recipe,
        learnt=learnt,
        symbols=tuple(str(one) for one in data["symbols"]),
        trained_from=int(data["trained_from"]),
        trained_until=int(data["trained_until"]),
        seed=int(content["seed"]),
    )
    if schema_of(fitted) != content["schema"]:
        raise ModelError(
            "its schema is another: features, columns, lookback, label or classes are not those the model was fitted "
            f"with ({schema_of(fitted)[:12]}…, not {str(content['schema'])[:12]}…); take the bundle from a backup, or "
            "fit again"
        )
    return fitted


def check_features(content: Mapping[str, Any], features: Features) -> None:
    """Check that features are those of the bundle.

    Raises
    ------
    FeatureError
        That names the first feature that is missing, is too many, is in another place, or is made otherwise.
    """
    wanted = content["features"]
    names, digest = list(wanted["names"]), wanted["digest"]
    if features.digest == digest and list(features.names) == names:
        return
    missing = [name for name in names if name not in features.names]
    surplus = [name for name in features.names if name not in names]
    if missing:
        what = f"{', '.join(map(repr, missing[:5]))} {'is' if len(missing) == 1 else 'are'} missing"
    elif surplus:
        what = f"{', '.join(map(repr, surplus[:5]))} {'was' if len(surplus) == 1 else 'were'} not there"
    elif list(features.names) != names:
        at = next(n for n, name in enumerate(names) if features.names[n] != name)
        what = f"the order is another: column {at} was {names[at]!r}, and is {features.names[at]!r}"
    else:
        what = _made_otherwise(wanted["spec"], features.spec())
    raise FeatureError(
        f"the model was fitted on other features: {what}. Give the features of the fit, or none: the bundle has their "
        f"declaration ({len(names)} columns, digest {digest[:12]}…)"
    )


def _made_otherwise(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    for one, other in zip(before["features"], now["features"], strict=False):
        if one != other:
            title = one.get("name") or (one.get("names") or ["?"])[0]
            changed = [key for key in sorted({*one, *other}) if one.get(key) != other.get(key)]
            return f"{title!r} is made otherwise: its {' and '.join(changed)} changed"
    return f"hold was {before.get('hold')!r}, and is {now.get('hold')!r}"


def kept(value: Any) -> Any:
    """Return a setting for JSON: as it is where that is plain, else as text."""
    return packed(value) if is_plain(value) else shown(value)


def tried_words(tried: tuple[tuple[dict[str, Any], float], ...]) -> list[list[Any]]:
    """Return settings with their scores for JSON; a score that is NaN is null."""
    return [
        [{name: kept(value) for name, value in one.items()}, float(score) if math.isfinite(score) else None]
        for one, score in tried
    ]


def tried_from(words: Any) -> tuple[tuple[dict[str, Any], float], ...]:
    """Return what `tried_words` gave, by way of JSON."""
    return tuple(
        ({name: unpacked(value) for name, value in one.items()}, math.nan if score is None else float(score))
        for one, score in words
    )


def _search_words(search: Search) -> dict[str, Any]:
    """Return a search for JSON. `whole` is False where it has values that only Python can hold."""
    inner = search.inner
    scheme: Any = None
    whole = all(is_plain(value) for values in search.space.values() for value in values)
    if inner is not None:
        known = is_dataclass(inner) and type(inner).__module__.startswith("backtester.signals.splits.")
        scheme = {"scheme": type(inner).__name__, "settings": asdict(inner)} if known else repr(inner)  # type: ignore[call-overload]
        whole = whole and known
    space = {
        name: {"range" if isinstance(values, tuple) else "values": [kept(one) for one in values]}
        for name, values in search.space.items()
    }
    return {
        "space": space,
        "method": search.method,
        "n_trials": search.n_trials,
        "metric": search.metric,
        "inner": scheme,
        "whole": whole,
    }


def _search(words: Mapping[str, Any]) -> Search | None:
    if not words["whole"]:
        return None
    from backtester.signals import splits

    inner = words["inner"]
    if inner is not None:
        if inner["scheme"] not in ("WalkForward", "PurgedKFold", "CombinatorialPurgedCV"):
            raise ValueError(f"there is no scheme {inner['scheme']!r}")
        inner = getattr(splits, inner["scheme"])(**inner["settings"])
    space = {
        name: tuple(map(unpacked, one["range"])) if "range" in one else list(map(unpacked, one["values"]))
        for name, one in words["space"].items()
    }
    return Search(space, method=words["method"], n_trials=words["n_trials"], metric=words["metric"], inner=inner)


def _part(arrays: Mapping[str, np.ndarray], name: str) -> dict[str, np.ndarray]:
    start = f"{name}."
    return {key.removeprefix(start): value for key, value in arrays.items() if key.startswith(start)}


def _columns(array: np.ndarray, n_features: int) -> np.ndarray:
    if array.dtype != np.int64 or array.ndim != 1 or not array.size:
        raise ValueError(f"columns are {array.dtype} of shape {array.shape}")
    if array[0] < 0 or array[-1] >= n_features or (np.diff(array) <= 0).any():
        raise ValueError(f"columns are not increasing numbers from 0 to {n_features - 1}")
    return array


def _quantiles(array: np.ndarray, n_features: int) -> np.ndarray:
    if array.dtype != np.float64 or array.shape != (n_features, len(QUANTILES)):
        raise ValueError(f"quantiles are {array.dtype} of shape {array.shape}")
    return array
