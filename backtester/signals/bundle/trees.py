"""Trees of scikit-learn from a file: each node must lead to nodes and features that exist.

scikit-learn follows the numbers of a tree in machine code without looking whether they are in bounds, so that a forged
file could read any memory, go round in circles, or end the process. skops leaves it to whoever trusts trees to check
them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from backtester.errors import ModelError

TREE = "sklearn.tree._tree.Tree"
PREDICTOR = "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor"

_DEEPEST = 50  # of objects in objects
_LEAF = -1
_ENSEMBLES = {"BaseForest", "BaseGradientBoosting", "BaseHistGradientBoosting"}  # hand on their input as it is


def check_trees(model: Any) -> None:
    """Check every tree inside a model.

    Raises
    ------
    ModelError
        If a node leads out of its tree, back to an earlier node, or to a feature that does not exist; or splits by
        categories, which features never are.
    """
    for tree, width in _trees(model, None, False, 0, set()):
        if f"{type(tree).__module__}.{type(tree).__name__}" == TREE:
            _check_tree(tree, width)
        else:
            _check_predictor(tree, width)


def _trees(
    one: Any, width: int | None, handed_on: bool, depth: int, seen: set[int]
) -> Iterator[tuple[Any, int | None]]:
    """Yield the trees inside an object, each with the number of features that its owner lets in."""
    if id(one) in seen or isinstance(one, str | bytes | int | float | type(None)):
        return
    if depth > _DEEPEST:
        raise ModelError(f"objects lie in each other more than {_DEEPEST} deep; this is no model")
    seen.add(id(one))
    kind = type(one)
    if f"{kind.__module__}.{kind.__name__}" in (TREE, PREDICTOR):
        yield one, width
        return
    if isinstance(one, list | tuple | set):
        inside = list(one)
    elif isinstance(one, np.ndarray):
        inside = list(one.ravel()) if one.dtype == object else []
    else:
        parts = one if isinstance(one, dict) else getattr(one, "__dict__", {})
        inside = list(parts.values())
        if not isinstance(one, dict) and isinstance(own := parts.get("n_features_in_"), int | np.integer):
            width = min(int(own), width) if handed_on and width is not None else int(own)
            handed_on = any(base.__name__ in _ENSEMBLES for base in kind.__mro__)
    for part in inside:
        yield from _trees(part, width, handed_on, depth + 1, seen)


def _check_tree(tree: Any, width: int | None) -> None:
    n = int(tree.node_count)
    if not 1 <= n <= int(tree.capacity):
        raise ModelError(f"a tree says that it has {n} nodes, and there are {tree.capacity}; the file was altered")
    left, right = np.asarray(tree.children_left), np.asarray(tree.children_right)
    most = int(tree.n_features) if width is None else min(width, int(tree.n_features))
    _check_nodes(left == _LEAF, left, right, np.asarray(tree.feature), most)


def _check_predictor(tree: Any, width: int | None) -> None:
    nodes = tree.nodes
    if width is None or nodes.ndim != 1 or not len(nodes):
        raise ModelError("a tree has no nodes, or belongs to no model; the file was altered")
    leaf = nodes["is_leaf"] != 0
    if (nodes["is_categorical"][~leaf] != 0).any():
        raise ModelError("a tree splits by categories; features are numbers, so leave categorical_features out")
    _check_nodes(leaf, nodes["left"].astype(np.int64), nodes["right"].astype(np.int64), nodes["feature_idx"], width)


def _check_nodes(
    leaf: npt.NDArray[np.bool_],
    left: npt.NDArray[Any],
    right: npt.NDArray[Any],
    feature: npt.NDArray[Any],
    width: int,
) -> None:
    """Check nodes: the children of each come after it, in the tree, and its feature is one of `width`."""
    at = np.arange(len(leaf))
    wrong = ~leaf & ((left <= at) | (left >= len(leaf)) | (right <= at) | (right >= len(leaf)))
    if wrong.any():
        node = int(np.argmax(wrong))
        raise ModelError(
            f"node {node} of a tree leads to the nodes {left[node]} and {right[node]}; children come after their node, "
            f"and there are {len(leaf)}. The file was altered"
        )
    strange = ~leaf & ((feature < 0) | (feature >= width))
    if strange.any():
        node = int(np.argmax(strange))
        raise ModelError(
            f"node {node} of a tree asks for feature {feature[node]}, and there are {width}, from 0. The file was "
            "altered"
        )
