"""Estimators of scikit-learn as skops files: which types may be in one, and which may not.

A skops file names the types it is made of, and skops makes objects of those it is told to trust. What is trusted here
is what cannot run code of a file: estimators and kernels of scikit-learn, arrays, the model's own class and other
estimators of its package, and trees, which are checked after. Functions, methods and classes of other packages are
refused by name, before any of them is imported.
"""

from __future__ import annotations

import inspect
import zipfile
from importlib import import_module
from typing import Any

from backtester.errors import ModelError
from backtester.signals.bundle.trees import PREDICTOR, TREE, check_trees

FITTED, UNFITTED = "fitted", "unfitted"

_KNOWN = {
    TREE,
    PREDICTOR,
    "collections.OrderedDict",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
}
_BASES = ("sklearn.base.BaseEstimator", "sklearn.gaussian_process.kernels.Kernel")
_REMEDIES = {
    "sklearn.neighbors._kd_tree.KDTree": "; take algorithm='brute', whose numbers can be checked",
    "sklearn.neighbors._ball_tree.BallTree": "; take algorithm='brute', whose numbers can be checked",
}


def to_bytes(fitted: Any, unfitted: Any) -> bytes:
    """Return a fitted estimator, and the one it is a copy of, as a skops file.

    Raises
    ------
    ModelError
        If skops is not installed, or the estimator holds what could not be read again.
    """
    skops = _skops()
    try:
        data: bytes = skops.dumps({FITTED: fitted, UNFITTED: unfitted}, compression=zipfile.ZIP_DEFLATED)
    except Exception as error:
        raise ModelError(
            f"{type(fitted).__name__} holds what cannot be written without pickle ({type(error).__name__}: {error}); a "
            "model may also have state() and load_state(arrays), see docs/bundles.md"
        ) from error
    trusted_types(data, type(fitted))
    check_trees(fitted)
    return data


def from_bytes(data: bytes, kind: type) -> tuple[Any, Any]:
    """Return the fitted and the unfitted estimator of a skops file.

    Parameters
    ----------
    data : bytes
    kind : type
        The class that both must be of.

    Raises
    ------
    ModelError
        If it is no skops file (nothing is unpickled), holds a type that is not trusted, objects of other classes, or
        trees that are none.
    """
    skops = _skops()
    trusted = trusted_types(data, kind)
    try:
        found = skops.loads(data, trusted=trusted)
    except Exception as error:
        raise ModelError(
            f"the estimator cannot be put together ({type(error).__name__}: {error}); scikit-learn may be another "
            "version than the manifest says, or the file was altered"
        ) from error
    parts = [found.get(name) for name in (FITTED, UNFITTED)] if isinstance(found, dict) else [found]
    for part in parts:
        if type(part) is not kind:
            raise ModelError(f"the file holds {type(part).__name__!r}, and must hold {kind.__name__!r}")
    check_trees(found)
    return parts[0], parts[1]


def trusted_types(data: bytes, kind: type) -> list[str]:
    """Return the types of a skops file that are to be trusted beside those that skops trusts.

    Raises
    ------
    ModelError
        That names a type which is not, or says that this is no skops file.
    """
    try:
        names = _skops().get_untrusted_types(data=data)
    except Exception as error:
        reason = " ".join([f"{type(error).__name__}:", *str(error).splitlines()[:1]])
        raise ModelError(f"it is no skops file ({reason}); nothing was unpickled") from None
    refused = [name for name in names if not _is_trusted(name, kind)]
    if refused:
        told = f"{refused[0]!r}" + (f" and {len(refused) - 1} others" if refused[1:] else "")
        remedy = next((_REMEDIES[name] for name in refused if name in _REMEDIES), "")
        raise ModelError(
            f"the skops file of the model holds {told}{remedy}; only estimators of scikit-learn "
            "and of the model's own package, and numbers, are read"
        )
    return list(names)


def _is_trusted(name: str, kind: type) -> bool:
    if name in _KNOWN or name == f"{kind.__module__}.{kind.__qualname__}":
        return True
    module, _, title = name.rpartition(".")
    package = module.partition(".")[0]
    if package not in ("sklearn", kind.__module__.partition(".")[0]) or not title.isidentifier():
        return False
    try:
        found = getattr(import_module(module), title, None)
    except Exception:  # whatever an import of an installed package runs into
        return False
    if not inspect.isclass(found) or f"{found.__module__}.{found.__qualname__}" != name:
        return False
    return any(f"{base.__module__}.{base.__qualname__}" in _BASES for base in found.__mro__)


def _skops() -> Any:
    try:
        import skops.io
    except ModuleNotFoundError as error:
        raise ModelError(
            "an estimator of scikit-learn is stored by skops, which is not installed; pip install 'backtester[models]'"
        ) from error
    return skops.io
