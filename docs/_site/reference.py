"""A hook of the site: the reference, a page for each part of the public names, written by mkdocstrings from docstrings.

What is public is read from `_HOMES` and `__all__` of the packages, without importing them.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Part:
    """A page of the reference.

    Attributes
    ----------
    title, says : str
        Its heading, and what is on it.
    package : str
        Whose public names are on it, as they are imported.
    names : tuple of str
        Only these; all of the package where it is empty.
    at : str
        The module that defines `names`, where the package does not offer them.
    """

    title: str
    says: str
    package: str
    names: tuple[str, ...] = ()
    at: str = ""


RUNNING = ("run", "Costs", "Account", "Execution", "Instrument", "Result", "compare")
PARTS = (
    Part("Running", "`run`, its settings, what it returns.", "backtester", RUNNING),
    Part("Strategies", "The base class, and what its hooks are given.", "backtester", ("Strategy", "constant")),
    Part("ctx", "What a strategy can read and do.", "backtester.context", ("Context",), "backtester.context"),
    Part("Bars", "Market data.", "backtester.bars"),
    Part("Research", "Searching parameters, and whether to believe what was found.", "backtester.research"),
    Part("Overfitting statistics", "How far to believe the best of many.", "backtester.research.overfitting"),
    Part("Trials", "The trial ledger: what was tried, and what counts.", "backtester.trials"),
    Part("Verdict", "What a result says of itself.", "backtester.verdict", ("Verdict",), "backtester.verdict"),
    Part("Executors", "Where independent work is done.", "backtester.executors"),
    Part("Indicators", "Each with its equation and its source.", "backtester.indicators"),
    Part("Metrics", "Of an equity curve.", "backtester.metrics"),
    Part("Signals", "Features, labels, splits, models fitted in folds.", "backtester.signals"),
    Part("Shipped strategies", "One class, one idea, with its source.", "strategies"),
    Part("Rules", "From a signal to exposures.", "strategies.rules"),
    Part("Models", "What can be fitted, with sources.", "strategies.models"),
    Part("Environments", "Gymnasium environments over the engine's own market.", "envs"),
    Part("Agents", "Training, evaluation, storage.", "envs.agents"),
    Part("Errors", "What can be raised.", "backtester.errors", (), "backtester.errors"),
)


def names_of(package: str) -> dict[str, str]:
    """Return the public names of a package, each with the full name of what it is.

    They are what it defines, and what it imports from below itself, for type checkers too; where `__all__` is a plain
    list, it has the last word, and what it names may come from elsewhere.
    """
    path = ROOT / package.replace(".", "/")
    tree = ast.parse((path / "__init__.py" if path.is_dir() else path.with_suffix(".py")).read_text(encoding="utf-8"))
    found: dict[str, str] = {}
    offered: set[str] = set()
    elsewhere: dict[str, str] = {}
    statements = [inner for node in tree.body for inner in (node.body if isinstance(node, ast.If) else [node])]
    for node in statements:
        if isinstance(node, ast.ImportFrom):
            below = (node.module or "").startswith(f"{package}.")
            (found if below else elsewhere).update({one.name: f"{node.module}.{one.name}" for one in node.names})
        elif isinstance(node, ast.ClassDef | ast.FunctionDef):
            found[node.name] = f"{package}.{node.name}"
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.List):
            if getattr(node.targets[0], "id", "") == "__all__":
                offered = {item.value for item in node.value.elts if isinstance(item, ast.Constant)}
    found |= {name: at for name, at in elsewhere.items() if name in offered}
    return {
        name: at
        for name, at in found.items()
        if not name.startswith("_") and (name in offered or not offered - {"__version__"})
    }


def pages() -> list[tuple[str, str]]:
    """Return title and address of every page of the reference."""
    return [("Overview", "reference/index.md"), *((part.title, _uri(part)) for part in PARTS)]


def _uri(part: Part) -> str:
    return f"reference/{part.title.lower().replace(' ', '_')}.md"


def markdown(part: Part) -> str:
    """Return a page: a heading, what is on it, and a directive for each name."""
    known = names_of(part.package)
    wanted = {name: known.get(name, f"{part.at}.{name}") for name in part.names or known}
    lines = [f"# {part.title}", "", part.says, ""]
    lines += [f"```python\nfrom {part.package} import {next(iter(wanted))}\n```", ""]
    for target in wanted.values():
        lines += [f"::: {target}", ""]
    return "\n".join(lines)


def overview() -> str:
    """Return the page that lists all pages of the reference."""
    rows = [
        f"| [{part.title}]({_uri(part).removeprefix('reference/')}) | `{part.package}` | {part.says} |"
        for part in PARTS
    ]
    head = "# Reference\n\nEvery public name, from its docstring.\n\n| page | package | |\n|---|---|---|\n"
    return head + "\n".join(rows) + "\n"


def on_files(files: Any, config: Any) -> Any:
    """Add the pages."""
    from mkdocs.structure.files import File

    files.append(File.generated(config, "reference/index.md", content=overview()))
    for part in PARTS:
        files.append(File.generated(config, _uri(part), content=markdown(part)))
    return files
