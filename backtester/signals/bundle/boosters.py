"""Models of LightGBM's own interface for scikit-learn, by LightGBM's text format."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from backtester.errors import ModelError


def is_ours(model: Any) -> bool:
    """Whether a model is LightGBM's `LGBMModel`; the library is not loaded for it."""
    module = sys.modules.get("lightgbm")
    return module is not None and isinstance(model, getattr(module, "LGBMModel", ()))


def text_of(model: Any) -> str:
    """Return the fitted trees in LightGBM's text format."""
    return str(model.booster_.model_to_string())


def from_text(model: Any, text: str, classes: Any) -> Any:
    """Give an unfitted model the trees of a text, and return it.

    Parameters
    ----------
    model : lightgbm.LGBMModel
    text : str
        As `text_of` gave it.
    classes : list of int or None
        Of a classifier.

    Raises
    ------
    ModelError
        If the text is no model, or its outputs do not fit the classes.
    """
    import lightgbm

    if not text.startswith("tree\n") or "\nend of trees\n" not in text:  # LightGBM itself takes half a file
        raise ModelError(f"this is no text of LightGBM, or a part of one: {text[:40]!r}; nothing was unpickled")
    try:
        booster = lightgbm.Booster(model_str=text)
    except lightgbm.basic.LightGBMError as error:
        raise ModelError(f"this is no model of LightGBM: {error}; nothing was unpickled") from None
    is_classifier = hasattr(model, "predict_proba")
    if is_classifier != (classes is not None):
        raise ModelError(
            f"{type(model).__name__}: classes are {classes!r}; a classifier has them, and nothing else does"
        )
    if classes is not None:
        from lightgbm.compat import _LGBMLabelEncoder

        outputs = 1 if len(classes) == 2 else len(classes)
        if booster.num_model_per_iteration() != outputs:
            raise ModelError(
                f"the trees are of {booster.num_model_per_iteration()} outputs, for {len(classes)} classes"
            )
        model._le = _LGBMLabelEncoder().fit(np.array(classes))
        model._classes, model._n_classes = model._le.classes_, len(classes)
    model._objective = model.objective or booster.params.get("objective")
    model._Booster = booster
    model._n_features = model._n_features_in = booster.num_feature()
    model._best_iteration = booster.best_iteration
    model.fitted_ = True
    return model
