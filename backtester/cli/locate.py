"""From `FILE`, `FILE:Class`, `module:Class` or `module.Class` to a strategy with its parameters."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import types
import typing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backtester.errors import ParameterError, StrategyError, did_you_mean

if TYPE_CHECKING:
    from backtester.strategy import Strategy

_TRUE, _FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


def find_strategy(target: str) -> type[Strategy]:
    """Return the class a target names; the class may be left out where its module defines one strategy.

    Raises
    ------
    StrategyError
        If there is no such file, module or class, or there are several to choose from; all are named.
    """
    where, _, name = target.rpartition(":")
    if not (where and name.isidentifier()):
        where, name = target, ""
    if _is_file(where):
        return _class_in(_module_of_file(Path(where)), name, where)
    return _class_in(*_module_by_name(where, name), where)


def find_rule(text: str) -> Any:
    """Return a rule of a model's signal: the function that `my.py:function` names, or the text itself, `"sign"`.

    Raises
    ------
    StrategyError
        If there is no such file, module or function.
    """
    where, _, name = text.rpartition(":")
    if not (where and name.isidentifier()):
        return text
    module = module_of(where)
    found = getattr(module, name, None)
    if not callable(found) or isinstance(found, type):
        own = [key for key, value in vars(module).items() if isinstance(value, types.FunctionType)]
        raise StrategyError(
            f"{where}: has no function {name!r}{did_you_mean(name, own)}; a rule is f(ctx, a, value, state) "
            f"(functions there: {_listed(own)})"
        )
    return found


def make_strategy(kind: type[Strategy], settings: list[str], **fixed: Any) -> Strategy:
    """Return a strategy with its parameters set from texts such as `"fast=10"`, typed by its annotations.

    Parameters
    ----------
    kind : type
    settings : list of str
    **fixed
        Parameters that are no text, and cannot be set by one.

    Raises
    ------
    ParameterError
        If a text has no "=", names a parameter twice or one that does not exist, or cannot be of the annotated type.
    """
    known = kind.parameter_types()
    given: dict[str, Any] = dict(fixed)
    for text in settings:
        name, equals, value = text.partition("=")
        name = name.strip()
        if not equals or not name:
            raise ParameterError(f"--set {text}: write --set NAME=VALUE (parameters: {_listed(known)})")
        if name in fixed:
            raise ParameterError(f"--set {text}: {name} is not set here; see the other options")
        if name in given:
            raise ParameterError(f"--set {text}: {name} is set twice")
        given[name] = typed(kind.__name__, name, known[name][0], value) if name in known else value
    return kind(**given)


# --- modules -------------------------------------------------------------------------------------------------------


def _module_of_file(file: Path) -> types.ModuleType:
    """Import a file: as part of its package where it is in one, else by its own name, its folder importable."""
    if not file.is_file():
        what = "is a folder, not a strategy file" if file.is_dir() else f"no such file{_near(file)}"
        raise StrategyError(f"{file}: {what}")
    if file.suffix != ".py":
        raise StrategyError(f"{file}: a strategy is in a Python file (.py)")
    file = file.resolve()
    root, parts = file.parent, [file.stem]
    while (root / "__init__.py").exists() and root.name.isidentifier():
        parts.insert(0, root.name)
        root = root.parent
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    name = ".".join(parts)
    if len(parts) > 1:
        module = _imported(name)
        if getattr(module, "__file__", None) == str(file):
            return module
    return _executed(file, name if name not in sys.modules else f"strategy_file_{file.stem}")


def _near(file: Path) -> str:
    """Return which Python file of the same folder was probably meant."""
    stems = [path.stem for path in file.parent.glob("*.py")] if file.parent.is_dir() else []
    meant = did_you_mean(file.stem, stems)
    return f"{meant[:-2]}.py'?" if meant else ""


def _executed(file: Path, name: str) -> types.ModuleType:
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise StrategyError(f"{file}: Python cannot load this file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except SyntaxError as error:
        raise _bad_syntax(error) from error
    return module


def _module_by_name(where: str, name: str) -> tuple[types.ModuleType, str]:
    """Return a module and the class wanted of it; `package.module.Class` names both."""
    if not all(part.isidentifier() for part in where.split(".")):
        raise StrategyError(f"{where}: no such file, and no name of a module; write FILE.py:Class or module:Class")
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    if not name and "." in where and not _exists(where):
        where, _, name = where.rpartition(".")
    if not _exists(where):
        near = _near(Path(f"{where}.py"))
        raise StrategyError(f"{where}: no module or file of this name{near}; write FILE.py:Class or module:Class")
    return _imported(where), name


def _exists(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def _imported(name: str) -> types.ModuleType:
    try:
        return importlib.import_module(name)
    except SyntaxError as error:
        raise _bad_syntax(error) from error


def _bad_syntax(error: SyntaxError) -> StrategyError:
    text = (error.text or "").strip()
    shown = f", in `{text}`" if text else ""
    return StrategyError(f"{error.filename}:{error.lineno}: {type(error).__name__}: {error.msg}{shown}")


# --- classes -------------------------------------------------------------------------------------------------------


def _class_in(module: types.ModuleType, name: str, where: str) -> type[Strategy]:
    from backtester.strategy import Strategy

    own = strategies_in(module)
    if name:
        found = getattr(module, name, None)
        if isinstance(found, type) and issubclass(found, Strategy):
            return found
        what = f"has no class {name!r}" if found is None else f"{name!r} is not a subclass of backtester.Strategy"
        raise StrategyError(f"{where}: {what}{did_you_mean(name, own)} (strategies there: {_listed(own)})")
    if len(own) != 1:
        what = (
            f"{len(own)} strategies there; name one" if own else "no subclass of backtester.Strategy is defined there"
        )
        remedy = (
            f": {', '.join(f'{where}:{key}' for key in own)}" if own else "; write FILE.py:Class for another's class"
        )
        raise StrategyError(f"{where}: {what}{remedy}")
    return next(iter(own.values()))


def strategies_in(module: types.ModuleType) -> dict[str, type[Strategy]]:
    """Return the strategies that a module defines itself, by name, in the order of the file."""
    from backtester.strategy import Strategy

    return {
        key: value
        for key, value in vars(module).items()
        if isinstance(value, type) and issubclass(value, Strategy) and value.__module__ == module.__name__
    }


def module_of(target: str) -> types.ModuleType:
    """Return the module that a file or a dotted name stands for.

    Raises
    ------
    StrategyError
        If there is none.
    """
    if _is_file(target):
        return _module_of_file(Path(target))
    return _module_by_name(target, "module")[0]


def _is_file(where: str) -> bool:
    return where.endswith(".py") or "/" in where or "\\" in where or Path(where).is_file()


# --- parameters ----------------------------------------------------------------------------------------------------


def typed(owner: str, name: str, kind: Any, text: str, option: str = "--set") -> Any:
    """Return a text as the annotated type of a parameter.

    Parameters
    ----------
    owner, name : str
        The class and its parameter.
    kind : type
        The annotation.
    text : str
    option : str
        That gave it, for the message.

    Raises
    ------
    ParameterError
        If it cannot be of that type.
    """
    text = text.strip()
    for one in _options(kind):
        found = _as(one, text)
        if found is not _NO:
            return found
    wanted = getattr(kind, "__name__", None) if isinstance(kind, type) else str(kind).replace("typing.", "")
    raise ParameterError(f"{option} {name}={text}: {owner}.{name} is {wanted}, and {text!r} is not")


_NO = object()


def _options(kind: Any) -> list[Any]:
    """Return the types a text is tried as, in order: text itself last."""
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        options = [option for part in typing.get_args(kind) for option in _options(part)]
        return sorted(options, key=lambda option: option is str)
    if kind is Any or isinstance(kind, str):
        return [types.NoneType, int, float, bool, str]
    return [kind]


def _as(kind: Any, text: str) -> Any:
    """Return a text as one type, or `_NO`."""
    if typing.get_origin(kind) is typing.Literal:
        return next((choice for choice in typing.get_args(kind) if str(choice) == text), _NO)
    if kind in (None, types.NoneType):
        return None if text.lower() == "none" else _NO
    if kind is bool:
        return True if text.lower() in _TRUE else False if text.lower() in _FALSE else _NO
    if kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            return _NO
    return text if kind is str else _NO


def _listed(names: Any) -> str:
    return ", ".join(names) or "none"
