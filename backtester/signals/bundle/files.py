"""`save_model` and `load_model`: a fitted model in one directory, and back.

| file | |
|---|---|
| `manifest.json` | what the model is, sees and learnt, and length and SHA-256 of the other two |
| `model-….skops`, `.safetensors` or `.txt` | the weights |
| `fit-….safetensors` | scaler, limits of the cleaning, chosen columns, quantiles of the training range |

`backtester.archive` says why a save is whole or did not happen. Nothing is pickled, and nothing read is unpickled.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backtester import archive
from backtester.archive import Kind, Part
from backtester.errors import BacktesterError, ModelError
from backtester.signals.bundle import contents, weights

if TYPE_CHECKING:
    from backtester.signals.features import External, Features
    from backtester.signals.fitting import FittedModel

KIND = Kind("backtester model", 1, ModelError, "fit again")


def save_model(fitted: FittedModel, directory: str | PathLike[str], *, metrics: Any = None) -> None:
    """Write a fitted model to a directory, in full or not at all.

    Parameters
    ----------
    fitted : FittedModel
    directory : path
        New, empty, or an earlier model, which is replaced.
    metrics : mapping or Series, optional
        Numbers to keep with it, such as those of its walk-forward; `model_manifest` shows them.

    Raises
    ------
    ModelError
        If the model cannot be stored without pickle, its class cannot be found again, or the directory holds anything
        else or cannot be written. What was there is still there.
    """
    from backtester.signals.fitting import FittedModel

    folder = Path(directory)
    if not isinstance(fitted, FittedModel):
        raise ModelError(
            f"save_model: {type(fitted).__name__} is no FittedModel; fit(…) returns one. A Signal has to_parquet(…)"
        )
    try:
        words, part = weights.store(fitted.learnt.model, fitted.recipe.model)
    except ModelError as error:
        raise ModelError(f"{folder}: {error}") from error
    content = {
        **contents.describe(fitted),
        "model": words,
        "metrics": _metrics(metrics),
        "versions": contents.versions_of(words["stored"], fitted.learnt.model),
    }
    archive.write(folder, KIND, content, {"model": part, "fit": Part.of_arrays(contents.arrays_of(fitted))})


def load_model(
    directory: str | PathLike[str],
    *,
    features: Features | None = None,
    functions: Mapping[str, Callable[..., Any]] | None = None,
    external: Mapping[str, External] | None = None,
    allow_changed: bool = False,
) -> FittedModel:
    """Return the model that `save_model` wrote.

    Parameters
    ----------
    directory : path
    features : Features, optional
        Those it was fitted on, to make sure, and where they hold functions or arrays of your own. By default they are
        made from their declaration, which is in the bundle.
    functions, external, allow_changed
        As for `Features.from_spec`: functions that have no address in a package, arrays, and whether to take a function
        whose source has changed.

    Returns
    -------
    FittedModel
        It says what the saved one said, bit for bit where the versions of the libraries are the same. Its
        `recipe.search` is None where a search had values that no manifest can hold.

    Raises
    ------
    ModelError
        If there is no bundle; a file of it is missing, altered, or something else, such as a pickle, which is never
        opened; it is of another format or schema; or the class of the model is gone.
    FeatureError
        If the features are others, which are named, or one of them cannot be made.
    """
    folder = Path(directory)
    content, parts = archive.read(folder, KIND)
    if set(parts) != {"model", "fit"}:
        raise KIND.damaged(
            folder / archive.MANIFEST, f"it lists the files {sorted(parts)}, and must list fit and model"
        )
    try:
        known = _features(content, features, functions, external, allow_changed)
        model, unfitted = weights.restore(content["model"], parts["model"], KIND)
        return contents.put_together(content, parts["fit"].arrays(KIND), known, model, unfitted)
    except BacktesterError as error:
        told = str(error)
        raise type(error)(told if told.startswith(str(folder)) else f"{folder}: {told}") from error
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise KIND.damaged(folder, f"what it holds does not fit together ({type(error).__name__}: {error})") from error


def model_manifest(directory: str | PathLike[str]) -> dict[str, Any]:
    """Return what a bundle says of itself: model, features, label, data cut-off, metrics; nothing else is read.

    Parameters
    ----------
    directory : path

    Returns
    -------
    dict
        Plain values; `data.cutoff` is the close of the last bar behind the model, `versions` those of the libraries.

    Raises
    ------
    ModelError
        If there is no bundle, or its manifest was altered or is of another format.
    """
    return archive.manifest(Path(directory), KIND)


def _features(
    content: Mapping[str, Any],
    features: Features | None,
    functions: Mapping[str, Callable[..., Any]] | None,
    external: Mapping[str, External] | None,
    allow_changed: bool,
) -> Features:
    from backtester.signals.features import Features

    if features is not None:
        if functions or external:
            raise ModelError("give features, or functions and external to make them of, not both")
        if not isinstance(features, Features):
            features = Features(features)
        contents.check_features(content, features)
        return features
    made = Features.from_spec(
        content["features"]["spec"], functions=functions, external=external, allow_changed=allow_changed
    )
    if not allow_changed:
        contents.check_features(content, made)
    return made


def _metrics(metrics: Any) -> dict[str, Any] | None:
    if metrics is None:
        return None
    found = metrics if isinstance(metrics, Mapping) else metrics.to_dict() if hasattr(metrics, "to_dict") else None
    if not isinstance(found, Mapping):
        raise ModelError(f"save_model: metrics is {metrics!r:.80}; it is a dict or a Series of numbers")
    shown: dict[str, Any] = weights.shown(found)
    return shown
