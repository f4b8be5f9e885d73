"""`backtester new strategy`: a working strategy to change, with a test that is one."""

from __future__ import annotations

import builtins
import importlib.util
import keyword
import os
import re
import secrets
import shlex
import sys
from importlib import resources
from pathlib import Path
from typing import Annotated

import typer

from backtester.cli import options as o
from backtester.cli.help import Group, add
from backtester.cli.output import say, say_json
from backtester.errors import StrategyError

app = typer.Typer(cls=Group, help="Write files to begin with.", rich_markup_mode="rich")

_OURS = ("backtester", "strategies", "envs", "conftest")
_ON_WINDOWS = ("con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10)))
_USED = ("Bars", "Context", "Costs", "ParameterError", "Strategy")  # names that the two files import
_LONGEST = 60
_CLASS, _MODULE = "MyStrategy", "my_strategy"  # as the templates have them


@app.callback()
def new() -> None:
    """Write files to begin with."""


def strategy(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            show_default=False,
            help="What to call it, as a class (SmaCross) or as a module (sma_cross); the other follows.",
        ),
    ],
    directory: Annotated[
        Path, typer.Option("--directory", "-o", metavar="DIR", help="The folder to write to; made if it is not there.")
    ] = Path(),
    force: o.Force = False,
    as_json: o.AsJson = False,
    quiet: o.Quiet = False,
) -> None:
    """Write a working strategy and its test.

    Both are commented, and the commands that run them are printed. MeanReversion becomes mean_reversion.py and
    test_mean_reversion.py.

    Example: `backtester new strategy MeanReversion`
    """
    class_name, module = names_of(name)
    _check_free(name, class_name, module, directory)
    files = {
        directory / f"{module}.py": _template("strategy", class_name, module, module),
        directory / f"test_{module}.py": _template("test_strategy", class_name, module, _importable(directory, module)),
    }
    write_all(files, force)
    commands = _commands(*files)
    if as_json:
        say_json({"class": class_name, "files": [str(path) for path in files], "next": list(commands.values())})
    if as_json or quiet:
        return
    say(f"Wrote {' and '.join(str(path) for path in files)}\n\nNext:")
    for what, command in commands.items():
        say(f"  {command}\n      {what}")


add(app, strategy)


def names_of(name: str) -> tuple[str, str]:
    """Return the name of the class and of the module, from either of them.

    Raises
    ------
    StrategyError
        If it cannot be a name in Python; the message says which could.
    """
    if "/" in name or "\\" in name:
        folder, _, last = name.replace("\\", "/").rpartition("/")
        raise StrategyError(f"{name}: is a path; write {last.removesuffix('.py')} --directory {folder}")
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name):
        plain = re.sub(r"[^A-Za-z0-9]+", "_", name.removesuffix(".py")).strip("_").lstrip("0123456789_")
        meant = f"; did you mean {plain}?" if plain else ""
        raise StrategyError(f"{name!r} is no name: letters, digits and _, beginning with a letter{meant}")
    if len(name) > _LONGEST:
        raise StrategyError(f"{name}: has {len(name)} characters; at most {_LONGEST}")
    edges = r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])"
    words = [word for part in name.split("_") for word in re.split(edges, part) if word]
    module = "_".join(words).lower()
    if "_" in name.strip("_"):
        return "".join(word[0].upper() + word[1:].lower() for word in words), module
    return name.strip("_")[0].upper() + name.strip("_")[1:], module


def write_all(files: dict[Path, str], force: bool) -> None:
    """Write every file, or none: the folder is afterwards as it was if one cannot be written.

    Parameters
    ----------
    files : dict of Path to str
        All in one folder, which is made where its parent is there.
    force : bool
        Replace files that are there.

    Raises
    ------
    StrategyError
        If a file is there and `force` is not given, or the folder cannot be.
    OSError
        If the system refuses.
    """
    folder = next(iter(files)).parent
    made = _make_folder(folder)
    there = [path for path in files if os.path.lexists(path)]
    for path in there:
        if path.is_dir():
            raise StrategyError(f"{path}: is a folder; choose another name")
        if not force:
            raise StrategyError(f"{path}: is there already; choose another name, or replace it with --force")
    mark = secrets.token_hex(4)
    beside = {path: path.with_name(f".{path.name}.{mark}.new") for path in files}
    aside = {path: path.with_name(f".{path.name}.{mark}.old") for path in there}
    placed: list[Path] = []
    try:
        for path, text in files.items():
            beside[path].write_text(text, encoding="utf-8", newline="\n")
        for path in files:
            if path in aside:
                os.replace(path, aside[path])
            os.replace(beside[path], path)
            placed.append(path)
    except BaseException:
        for path in placed:
            path.unlink(missing_ok=True)
        for path, old in aside.items():
            if old.exists():
                os.replace(old, path)
        for path in beside.values():
            path.unlink(missing_ok=True)
        if made:
            folder.rmdir()
        raise
    for old in aside.values():
        old.unlink(missing_ok=True)


# --- the name --------------------------------------------------------------------------------------------------------


def _check_free(name: str, class_name: str, module: str, directory: Path) -> None:
    """Refuse a name that Python, the files themselves or another module would take for something else."""
    remedy = f"; choose another name, such as {class_name}Rule"
    if keyword.iskeyword(class_name) or keyword.iskeyword(module):
        raise StrategyError(f"{name}: is a word of Python itself{remedy}")
    if hasattr(builtins, class_name):
        raise StrategyError(f"{name}: a class {class_name} would hide Python's own{remedy}")
    if class_name in _USED:
        raise StrategyError(f"{name}: a class {class_name} would hide the one of backtester{remedy}")
    if module.startswith("test_"):
        raise StrategyError(f"{name}: pytest would take {module}.py for a test; leave out test_")
    if module in _ON_WINDOWS:
        raise StrategyError(f"{name}: Windows has a device of this name{remedy}")
    for imported in (module, f"test_{module}"):
        where = _taken(imported, directory)
        if where:
            raise StrategyError(f"{name}: a file {imported}.py would hide {where}{remedy}")


def _taken(module: str, directory: Path) -> str:
    """Return which other module of this name there is, or an empty string."""
    if module in _OURS:
        return f"the module {module} that backtester or its tests need"
    if module in sys.stdlib_module_names:
        return f"the module {module} of Python itself"
    if (directory / module / "__init__.py").exists():
        return f"the package {directory / module}"
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        return ""
    if spec is None or spec.origin is None:
        return ""
    home = Path(spec.origin).resolve().parent
    home = home.parent if spec.submodule_search_locations else home
    if home in (directory.resolve(), Path.cwd()):
        return ""
    return f"the installed module {module} ({spec.origin})"


# --- the files -------------------------------------------------------------------------------------------------------


def _template(which: str, class_name: str, module: str, importable: str) -> str:
    text = resources.files("backtester.cli").joinpath("templates", f"{which}.py.txt").read_text(encoding="utf-8")
    text = text.replace(f"from {_MODULE} import", f"from {importable} import")
    return text.replace(_CLASS, class_name).replace(_MODULE, module)


def _importable(directory: Path, module: str) -> str:
    """Return how pytest imports the module: with the packages that the folder is in."""
    parts, folder = [module], directory.resolve()
    while (folder / "__init__.py").exists() and folder.name.isidentifier():
        parts.insert(0, folder.name)
        folder = folder.parent
    return ".".join(parts)


def _make_folder(folder: Path) -> bool:
    """Return whether the folder had to be made."""
    if folder.is_dir():
        return False
    if os.path.lexists(folder):
        raise StrategyError(f"{folder}: is a file; --directory takes a folder")
    if not folder.resolve().parent.is_dir():
        raise StrategyError(f"{folder}: there is no folder {folder.resolve().parent}; make it first")
    folder.mkdir()
    return True


def _commands(strategy_file: Path, test_file: Path) -> dict[str, str]:
    """Return what to do next: what it is for, and the command."""
    file, report = shlex.quote(str(strategy_file)), shlex.quote(str(strategy_file.with_suffix(".html")))
    test = f"python -m pytest {shlex.quote(str(test_file))}"
    if importlib.util.find_spec("pytest") is None:
        test = f"pip install pytest && {test}"
    return {
        "run it on a bundled sample, and write its report": (
            f"backtester run {file} --data sample:sp500 --commission 0.001 --report {report}"
        ),
        "run its test": test,
        "run it on your own data, with another parameter": f"backtester run {file} --data prices.csv --set n=100",
    }
