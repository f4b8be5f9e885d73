"""Every public object says what it is, and every parameter of a public function is explained by name."""

from __future__ import annotations

import ast
import contextlib
import importlib
import inspect
import re

import pytest
from source_tree import sources

import backtester

PACKAGES = ("backtester", "strategies", "envs")
HOOKS = {"prepare", "on_bar", "on_fill", "on_reject"}  # documented once, on Strategy
FRONTS = (
    "backtester",
    "backtester.bars",
    "backtester.indicators",
    "backtester.metrics",
    "backtester.research",
    "backtester.research.overfitting",
    "backtester.signals",
    "strategies",
    "envs",
)
MODULES = sources(*PACKAGES)


def undocumented(name: str, text: str) -> list[str]:
    """Return the public classes, functions and methods of a module that have no docstring."""
    tree = ast.parse(text)
    missing = [] if ast.get_docstring(tree) or not tree.body else [f"{name}: the module"]
    for node in tree.body:
        if not isinstance(node, ast.ClassDef | ast.FunctionDef) or node.name.startswith("_"):
            continue
        if name.startswith("backtester.kernel.") and isinstance(node, ast.FunctionDef):  # not public; comments serve
            continue
        if not ast.get_docstring(node):
            missing.append(f"{name}.{node.name}")
        if isinstance(node, ast.ClassDef):
            overrides = HOOKS if name.startswith("strategies") else set()
            missing += [
                f"{name}.{node.name}.{method.name}"
                for method in node.body
                if isinstance(method, ast.FunctionDef)
                if not method.name.startswith("_") and method.name not in overrides
                if not ast.get_docstring(method)
            ]
    return missing


@pytest.mark.parametrize("name", MODULES)
def test_every_public_object_has_a_docstring(name):
    assert undocumented(name, MODULES[name]) == []


def public_functions():
    """Yield every function that the front doors hand out, and the public methods of every class."""
    for front in FRONTS:
        module = importlib.import_module(front)
        for name in module.__all__:
            value = getattr(module, name)
            value = getattr(value, "py_func", value)
            if inspect.isclass(value):
                yield f"{front}.{name}", value, inspect.getdoc(value) or ""
                for method, function in inspect.getmembers(value, callable):
                    if not method.startswith("_") and str(getattr(function, "__module__", "")).startswith(
                        ("backtester", "envs")
                    ):
                        yield f"{front}.{name}.{method}", function, inspect.getdoc(function) or ""
            elif inspect.isroutine(value):
                yield f"{front}.{name}", value, inspect.getdoc(value) or ""


def with_what_it_names(function, text: str) -> str:
    """Return a docstring, with its module's, and those of ours that it sends the reader to."""
    text += inspect.getdoc(inspect.getmodule(function)) or ""
    for path in re.findall(r"`((?:backtester|envs)[\w.]+)`", text):
        module, _, name = path.rpartition(".")
        with contextlib.suppress(ImportError, AttributeError):
            text += inspect.getdoc(getattr(importlib.import_module(module), name)) or ""
    return text


def unexplained(function, text: str) -> list[str]:
    """Return the parameters that a docstring does not mention by name."""
    found = inspect.signature(function).parameters.values()
    names = [p.name for p in found if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    return [name for name in names if name not in ("self", "cls") and not re.search(rf"\b{name}\b", text)]


FUNCTIONS = {name: (function, text) for name, function, text in public_functions()}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_parameter_is_explained(name):
    function, text = FUNCTIONS[name]
    assert text, f"{name} has no docstring"
    if not inspect.isclass(function):
        missing = unexplained(function, with_what_it_names(function, text))
    elif issubclass(function, backtester.Strategy):
        missing = [p for p in function.parameter_types() if not re.search(rf"\b{p}\b", text)]
    else:  # made by its constructor only where it is a dataclass
        missing = [f for f in getattr(function, "__dataclass_fields__", ()) if not re.search(rf"\b{f}\b", text)]
    assert missing == []


def test_the_tests_can_fail():
    assert undocumented("m", "class A:\n    def b(self): ...\n    def _c(self): ...\n") == [
        "m: the module",
        "m.A",
        "m.A.b",
    ]
    assert unexplained(lambda price, size: None, "Something of a price.") == ["size"]
