"""`backtester strategies list`: the strategies that are shipped, or those of files, found by looking."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import types
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from backtester.cli import options as o
from backtester.cli.failures import PACKAGE
from backtester.cli.help import Group, add
from backtester.cli.locate import module_of, strategies_in
from backtester.cli.output import clean, line, say_json, say_prose, stdout_kept
from backtester.errors import StrategyError

if TYPE_CHECKING:
    from backtester.strategy import Strategy

app = typer.Typer(cls=Group, help="Look at strategies.", rich_markup_mode="rich")
_SHIPPED = "strategies"
_NO_STRATEGIES = ("_", "test_", "conftest")  # files that are not looked into begin so
_MODELS = "strategies.models"  # of another kind, and in need of other libraries: `backtester models list`


@app.callback()
def strategies() -> None:
    """Look at strategies."""


def list_(
    targets: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[FILE|FOLDER|MODULE]...",
            show_default=False,
            help="Where to look: Python files, folders of them, modules or packages. Without it: what is shipped.",
        ),
    ] = None,
    as_json: o.AsJson = False,
    quiet: o.Quiet = False,
) -> None:
    """List strategies with parameters and source.

    The name after the arrow is what `backtester run` takes.

    Example: `backtester strategies list`

    Example, of your own: `backtester strategies list my_strategy.py ideas/`
    """
    with stdout_kept(as_json):
        modules = [module for target in targets for module in _modules(target)] if targets else _shipped()
        found = [entry for where, module in modules for entry in _entries(where, module)]
    if as_json:
        say_json({"strategies": found})
        return
    if not found:
        places = ", ".join(targets or [_SHIPPED])
        raise StrategyError(f"{places}: no subclass of backtester.Strategy is defined there")
    if not quiet:
        say_prose("\n\n".join(_shown(entry) for entry in found))


add(app, list_, "list")


def _modules(target: str) -> list[tuple[str, types.ModuleType]]:
    """Return the modules of a target, each with what `backtester run` calls it."""
    folder = Path(target)
    is_package = target.isidentifier() and (folder / "__init__.py").exists()
    if folder.is_dir() and not is_package:
        files = [file for file in sorted(folder.glob("*.py")) if not file.name.startswith(_NO_STRATEGIES)]
        if not files:
            raise StrategyError(f"{target}: there is no Python file in this folder")
        return [(str(file), module_of(str(file))) for file in files]
    return _with_parts(target, module_of(target))


def _shipped() -> list[tuple[str, types.ModuleType]]:
    """Return the modules of our own package of strategies."""
    package = importlib.import_module(_SHIPPED)
    where = Path(next(iter(package.__path__))).resolve()
    if where.parent != PACKAGE.parent:
        raise StrategyError(
            f"another package called `{_SHIPPED}` ({where}) hides the one of backtester; run from elsewhere"
        )
    return _with_parts(_SHIPPED, package)


def _with_parts(target: str, module: types.ModuleType) -> list[tuple[str, types.ModuleType]]:
    """Return a module, and those inside it where it is a package."""
    if not hasattr(module, "__path__"):
        return [(target, module)]
    inside = pkgutil.walk_packages(module.__path__, f"{module.__name__}.", onerror=lambda _: None)
    return [(module.__name__, module), *_imported(info.name for info in inside)]


def _imported(names: Any) -> list[tuple[str, types.ModuleType]]:
    """Import modules of a package; one that needs a library which is not installed is left out, with a warning."""
    found = []
    for name in names:
        if any(part.startswith(_NO_STRATEGIES) for part in name.split(".")) or f"{name}.".startswith(f"{_MODELS}."):
            continue
        try:
            found.append((name, module_of(name)))
        except ModuleNotFoundError as error:
            line("warning", f"{name} is left out: it needs {error.name}, which is not installed")
    return found


def _entries(where: str, module: types.ModuleType) -> list[dict[str, Any]]:
    own = strategies_in(module)
    is_file = where.endswith(".py")
    return [_entry(kind, f"{where}:{name}" if is_file or len(own) > 1 else where, module) for name, kind in own.items()]


def _entry(kind: type[Strategy], target: str, module: types.ModuleType) -> dict[str, Any]:
    """Return what there is to say of a strategy, as plain values."""
    try:
        number: int | None = inspect.getsourcelines(kind)[1]
    except (OSError, TypeError):
        number = None
    doc = inspect.cleandoc(vars(kind).get("__doc__") or module.__doc__ or "")
    return {
        "name": kind.__name__,
        "module": module.__name__,
        "run": target,
        "summary": doc.partition("\n\n")[0].replace("\n", " "),
        "parameters": [
            {
                "name": name,
                "type": type_text(annotation),
                "default": None if default is inspect.Parameter.empty else default,
                "required": default is inspect.Parameter.empty,
            }
            for name, (annotation, default) in kind.parameter_types().items()
        ],
        "source": _source(module),
        "file": getattr(module, "__file__", None),
        "line": number,
    }


def type_text(annotation: Any) -> str:
    """Return an annotation as it is written."""
    return annotation.__name__ if type(annotation) is type else str(annotation).replace("typing.", "")


def _source(module: types.ModuleType) -> str:
    """Return where an idea is from: the paragraph of the module's docstring that begins with "Source:"."""
    found = re.search(r"^Source: (.+?)(?:\n\n|\Z)", inspect.cleandoc(module.__doc__ or ""), re.MULTILINE | re.DOTALL)
    return " ".join(found[1].split()) if found else ""


def _shown(entry: dict[str, Any]) -> str:
    """Return a strategy as lines of text."""
    parameters = ", ".join(
        f"{one['name']}: {one['type']}" + ("" if one["required"] else f" = {one['default']!r}")
        for one in entry["parameters"]
    )
    place = f"{entry['file']}:{entry['line']}" if entry["line"] else str(entry["file"])
    lines = [f"{entry['name']} -> {entry['run']}", f"  {entry['summary'] or '(no docstring)'}"]
    lines.append(f"  parameters  {parameters or 'none'}")
    if entry["source"]:
        lines.append(f"  source      {entry['source']}")
    return "\n".join([*map(clean, lines), f"  file        {clean(place)}"])
