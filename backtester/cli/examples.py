"""`backtester examples`: the numbered scripts and the notebooks that come along, copied out to be run and changed.

They lie in `examples/` of the repository; a wheel has them beside this file.
"""

from __future__ import annotations

import ast
import json
import os
import shlex
import shutil
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from backtester.cli import options as o
from backtester.cli.output import say, say_json, say_table
from backtester.errors import BacktesterError, SettingsError

_HERE = Path(__file__).resolve().parent
_PLACES = (_HERE / "shipped_examples", _HERE.parents[1] / "examples")  # of a wheel, of a clone


def examples(
    directory: Annotated[
        Path, typer.Argument(metavar="[DIR]", help="The folder to copy them to; made if it is not there.")
    ] = Path("examples"),
    force: o.Force = False,
    as_json: o.AsJson = False,
    quiet: o.Quiet = False,
) -> None:
    """Copy the examples out, to read and to run.

    They are numbered scripts, notebooks, and five mistakes with what catches each.

    Example: `backtester examples first_steps`
    """
    source = shipped()
    names = listed(source)
    copy_all(source, names, directory, force)
    said = {name: first_line(source / name) for name in names}
    if as_json:
        say_json({"directory": str(directory), "examples": [{"file": name, "is": said[name]} for name in names]})
        return
    if quiet:
        return
    say_table(("file", "what it shows"), said.items())
    scripts = [name for name in names if name.endswith(".py")]
    say(f"\nCopied to {directory}. Next:\n  python {shlex.quote(str(directory / scripts[0]))}")


def shipped() -> Path:
    """Return the folder that the examples are shipped in.

    Raises
    ------
    BacktesterError
        If this installation has none.
    """
    for place in _PLACES:
        if (place / "01_first_backtest.py").is_file():
            return place
    raise BacktesterError("this installation has no examples; they are in the folder examples/ of the repository")


def listed(source: Path) -> list[str]:
    """Return the files, relative to their folder: scripts in their order, then notebooks."""
    found = (*sorted(source.glob("*.py")), *sorted(source.glob("notebooks/*.ipynb")))
    return [path.relative_to(source).as_posix() for path in found]


def first_line(path: Path) -> str:
    """Return what an example says it is: the first paragraph of a script, the title of a notebook."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        said = ast.get_docstring(ast.parse(text)) or ""
        return said.partition("\n\n")[0].replace("\n", " ")
    return "".join(json.loads(text)["cells"][0]["source"]).partition("\n")[0].lstrip("# ")


def copy_all(source: Path, names: list[str], directory: Path, force: bool) -> None:
    """Copy every file, or none where one is in the way.

    Parameters
    ----------
    source : Path
        The folder they are in.
    names : list of str
        The files, relative to it.
    directory : Path
        The folder they go to; its parent must be there.
    force : bool
        Replace files that are there.

    Raises
    ------
    SettingsError
        If a file is there and `force` is not given, or the folder cannot be.
    OSError
        If the system refuses.
    """
    if os.path.lexists(directory) and not directory.is_dir():
        raise SettingsError(f"{directory}: is a file; the examples need a folder")
    above = directory.resolve().parent
    if not above.is_dir():
        raise SettingsError(f"{directory}: there is no folder {above}; make it first")
    if directory.resolve() == source:
        raise SettingsError(f"{directory}: is where the examples come from; name another folder")
    there = [name for name in names if os.path.lexists(directory / name)]
    if there and not force:
        raise SettingsError(
            f"{directory / there[0]}: is there already{f', as {len(there) - 1} more are' if there[1:] else ''}; "
            "name another folder, or replace them with --force"
        )
    with tempfile.TemporaryDirectory(prefix=".examples-", dir=above) as scratch:
        for name in names:
            (Path(scratch) / name).parent.mkdir(exist_ok=True)
            shutil.copyfile(source / name, Path(scratch) / name)
        for name in names:
            (directory / name).parent.mkdir(parents=True, exist_ok=True)
            os.replace(Path(scratch) / name, directory / name)
