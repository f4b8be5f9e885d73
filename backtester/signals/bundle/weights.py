"""From a fitted model to a file and words, and back: the four ways in which models are stored.

| way | of | file |
|---|---|---|
| `arrays` | a model with `state()` and `load_state(arrays)` | safetensors |
| `booster` | a model with `booster_text()` and `load_booster_text(text)`, where LightGBM grew the trees | text |
| `lightgbm` | `LGBMRegressor`, `LGBMClassifier` and their like | text |
| `skops` | an estimator of scikit-learn | skops |

Settings are in the manifest, as plain values; a model of the first three is made of its class and them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from backtester.archive import Kind, Part
from backtester.errors import ModelError
from backtester.signals.bundle import boosters, estimators
from backtester.signals.bundle.addresses import address_of, class_at


def store(fitted: Any, unfitted: Any) -> tuple[dict[str, Any], Part]:
    """Return what the manifest says of a model, and its file.

    Parameters
    ----------
    fitted : object
    unfitted : object
        The one of the recipe, before search and seed.

    Raises
    ------
    ModelError
        If it cannot be stored; the message says what it lacks.
    """
    title = type(fitted).__name__
    if type(fitted) is not type(unfitted):
        raise ModelError(
            f"{type(unfitted).__name__}.fit returned {title}, another class; a model that is stored returns itself"
        )
    words: dict[str, Any] = {**address_of(fitted), "stored": way_of(fitted)}
    words["settings"] = settings = _plain_settings(fitted)
    words["declared"] = declared = _plain_settings(unfitted)
    if words["stored"] == "skops":  # settings of any kind are in the file
        words["settings"], words["declared"] = shown(settings), shown(declared)
        return words, Part("skops", estimators.to_bytes(fitted, unfitted))
    for name, given in (("settings", settings), ("declared", declared)):
        _refuse_objects(title, given)
        words[name] = {key: packed(value) for key, value in given.items()}
    if words["stored"] == "arrays":
        return words, Part.of_arrays(_checked_arrays(title, fitted.state()))
    classes = getattr(fitted, "classes_", None) if hasattr(fitted, "predict_proba") else None
    words["classes"] = None if classes is None else np.asarray(classes).astype(int).tolist()
    text = fitted.booster_text() if words["stored"] == "booster" else boosters.text_of(fitted)
    return words, Part("txt", text.encode("utf-8"))


def restore(words: Mapping[str, Any], part: Part, kind: Kind) -> tuple[Any, Any]:
    """Return the fitted and the unfitted model that `store` gave words and file of.

    Raises
    ------
    ModelError
        If the class is gone, the file is another kind than the words say, or does not fit the class.
    """
    way = words.get("stored")
    suffix = {"arrays": "safetensors", "skops": "skops", "booster": "txt", "lightgbm": "txt"}.get(str(way))
    if suffix is None:
        raise ModelError(f"the model is stored as {way!r}, which this version does not know")
    if part.suffix != suffix:
        raise ModelError(f"{part.path.name} is no {suffix} file, which a model that is stored as {way!r} has")
    found = class_at(words)
    if way == "skops":
        return estimators.from_bytes(part.data, found)
    unfitted, model = _made(found, words.get("declared")), _made(found, words.get("settings"))
    if way_of(model, fitted=False) != way:
        raise ModelError(f"{found.__name__} is no longer stored as {way!r}; install the version that wrote the bundle")
    if way == "arrays":
        arrays = part.arrays(kind)
        return _loaded(found, lambda: model.load_state(arrays), model), unfitted
    try:
        text = part.data.decode("utf-8")
    except UnicodeDecodeError:
        raise ModelError(f"{part.path.name} is no text, so it is no model of LightGBM; nothing was unpickled") from None
    classes = words.get("classes")
    if way == "lightgbm":
        return boosters.from_text(model, text, classes), unfitted
    named = {} if classes is None else {"classes": np.array(classes)}
    return _loaded(found, lambda: model.load_booster_text(text, **named), model), unfitted


def way_of(model: Any, fitted: bool = True) -> str:
    """Return how a model is stored.

    Raises
    ------
    ModelError
        If in none of the ways.
    """
    if callable(getattr(model, "state", None)) and callable(getattr(model, "load_state", None)):
        return "arrays"
    if callable(getattr(model, "booster_text", None)) and callable(getattr(model, "load_booster_text", None)):
        if not fitted or getattr(model, "library_", "lightgbm") == "lightgbm":
            return "booster"
    if boosters.is_ours(model):
        return "lightgbm"
    if hasattr(model, "__sklearn_tags__"):
        return "skops"
    raise ModelError(
        f"{type(model).__name__} cannot be stored: it is no estimator of scikit-learn, and has no state() that returns "
        "arrays with load_state(arrays) that takes them; it is never pickled. docs/bundles.md says what to add"
    )


def shown(value: Any) -> Any:
    """Return a value as JSON can hold it; what it cannot hold as text."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else repr(float(value))
    if isinstance(value, Mapping):
        return {str(key): shown(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [shown(item) for item in value]
    if isinstance(value, np.ndarray) and value.size <= 100:
        return shown(value.tolist())
    return type(value).__name__


def _plain_settings(model: Any) -> dict[str, Any]:
    if hasattr(model, "get_params"):
        return {str(name): _plain(value) for name, value in model.get_params(deep=False).items()}
    settings = getattr(model, "settings", None)
    if isinstance(settings, Mapping):
        return {str(name): _plain(value) for name, value in settings.items()}
    raise ModelError(
        f"{type(model).__name__} cannot be stored: it does not say its settings. Derive it from scikit-learn's "
        "BaseEstimator, or give it an attribute settings, a dict of the arguments of its class"
    )


def _plain(value: Any) -> Any:
    """Return a number of NumPy as Python's, and a tuple as it is."""
    return value.item() if isinstance(value, np.generic) else value


def _refuse_objects(title: str, settings: Mapping[str, Any]) -> None:
    """Refuse settings that JSON would lose or change."""
    for name, value in settings.items():
        if not is_plain(value):
            raise ModelError(
                f"{title} cannot be stored: its setting {name} is {value!r} ({type(value).__name__}); a setting is "
                "text, a finite number, True, False, None, or a list or tuple of those"
            )


def is_plain(value: Any) -> bool:
    """Whether JSON holds a value without loss: text, a finite number, True, False, None, a list or tuple of those."""
    if isinstance(value, list | tuple):
        return all(is_plain(one) for one in value)
    if isinstance(value, float):
        return math.isfinite(value)
    return value is None or isinstance(value, str | bool | int)


def packed(value: Any) -> Any:
    """Return a plain value for JSON, which would make lists of tuples."""
    if isinstance(value, tuple):
        return {"tuple": [packed(one) for one in value]}
    return [packed(one) for one in value] if isinstance(value, list) else value


def unpacked(value: Any) -> Any:
    """Return the plain value that `packed` gave, by way of JSON."""
    if isinstance(value, Mapping) and set(value) == {"tuple"}:
        return tuple(unpacked(one) for one in value["tuple"])
    return [unpacked(one) for one in value] if isinstance(value, list) else value


def _made(kind: type, settings: Any) -> Any:
    if not isinstance(settings, Mapping):
        raise ModelError("the manifest does not say with which settings the model was made")
    try:
        return kind(**{name: unpacked(value) for name, value in settings.items()})
    except TypeError as error:
        raise ModelError(
            f"{kind.__name__} no longer takes these settings ({error}); install the version that wrote the bundle"
        ) from None


def _loaded(kind: type, load: Callable[[], Any], model: Any) -> Any:
    try:
        found = load()
    except ModelError:
        raise
    except Exception as error:
        raise ModelError(
            f"{kind.__name__} does not take what it learnt ({type(error).__name__}: {error}); the file was altered, or "
            "the class has changed"
        ) from error
    return model if found is None else found


def _checked_arrays(title: str, state: Any) -> dict[str, np.ndarray]:
    if not isinstance(state, Mapping) or not state:
        raise ModelError(f"{title}.state() returned {state!r:.80}; it is a dict of arrays, with one at least")
    arrays = {str(name): np.asarray(value) for name, value in state.items()}
    for name, array in arrays.items():
        if array.dtype.kind not in "fiub":
            raise ModelError(f"{title}.state(): {name!r} is {array.dtype}; arrays hold numbers alone")
    return arrays
