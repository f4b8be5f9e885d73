"""What the Tab key offers: samples and files, strategies with their classes and parameters, models, metrics, settings.

Strategies are read, not imported: a file's classes and annotations are in its syntax tree. Whatever goes wrong here
offers nothing, because a shell that waits for an answer is no place for an error.

bash takes ":" and "=" for ends of words. `in_bash` puts such words together again, and cuts off of the answers what
bash has already.
"""

from __future__ import annotations

import ast
import contextlib
import importlib.util
import io
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from importlib import metadata
from pathlib import Path

from backtester.cli.failures import OF_MODELS

_DATA = (".csv", ".csv.gz", ".txt", ".tsv", ".parquet", ".pq")
_HIDDEN = (".", "_")
_BREAKS = (":", "=")


def of(*words: str) -> Callable[[str], list[str]]:
    """Return a completer that offers some words."""

    def complete(incomplete: str) -> list[str]:
        return [word for word in words if word.startswith(incomplete)]

    return complete


def data(incomplete: str) -> list[str]:
    """Offer bundled samples, and files and folders that may hold bars."""
    with contextlib.suppress(Exception):
        from backtester.bars.samples import names

        offered = [f"sample:{name}" for name in names()]
        return [*_beginning(offered, incomplete), *_paths(incomplete, _DATA)]
    return []


def samples(incomplete: str) -> list[str]:
    """Offer the names of bundled samples."""
    with contextlib.suppress(Exception):
        from backtester.bars.samples import names

        return _beginning(names(), incomplete)
    return []


def strategies(incomplete: str) -> list[str]:
    """Offer Python files, shipped strategies, and after ":" the classes of a file or module."""
    with contextlib.suppress(Exception):
        where, colon, _ = incomplete.partition(":")
        if colon:
            return _beginning((f"{where}:{name}" for name in _classes(where)), incomplete)
        return [*_paths(incomplete, (".py",)), *_beginning(_shipped(), incomplete)]
    return []


def parameters(incomplete: str) -> list[str]:
    """Offer the parameters of the strategy that the command line names.

    It is the first word that is a file or module with a strategy in it. The words are read where the shell puts them:
    the parser gives up at an option without its value, which is what is being completed.
    """
    words = (os.environ.get("COMP_WORDS") or os.environ.get("_TYPER_COMPLETE_ARGS") or "").split()
    for word in words[2:]:
        where, _, name = word.partition(":")
        try:
            classes = _classes(where)
        except Exception:
            continue
        chosen = [classes[name]] if name in classes else list(classes.values())
        if classes:
            return _beginning(dict.fromkeys(f"{one}=" for names in chosen for one in names), incomplete)
    return []


def models(incomplete: str) -> list[str]:
    """Offer the models that installed packages have."""
    with contextlib.suppress(Exception):
        return _beginning(sorted({one.name for one in metadata.entry_points(group="backtester.models")}), incomplete)
    return []


def metrics(incomplete: str) -> list[str]:
    """Offer the names of metrics."""
    with contextlib.suppress(Exception):
        from backtester.summary_text import GROUPS

        return _beginning((metric.name for _, group in GROUPS for metric in group), incomplete)
    return []


# --- where things are ------------------------------------------------------------------------------------------------


def _beginning(words: Iterable[str], incomplete: str) -> list[str]:
    return [word for word in words if word.startswith(incomplete)]


def _paths(incomplete: str, suffixes: tuple[str, ...]) -> list[str]:
    """Return files of some suffixes, and folders with "/" behind them."""
    head, _, tail = incomplete.rpartition("/")
    folder = Path(head or ("/" if incomplete.startswith("/") else "."))
    found = []
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if not path.name.startswith(tail) or (path.name.startswith(_HIDDEN) and not tail):
            continue
        name = f"{head}/{path.name}" if "/" in incomplete else path.name
        if path.is_dir():
            found.append(f"{name}/")
        elif path.name.lower().endswith(suffixes):
            found.append(name)
    return found


def _shipped() -> Iterator[str]:
    """Yield the modules of our package of strategies that hold one."""
    spec = importlib.util.find_spec("strategies")
    for folder in (spec and spec.submodule_search_locations) or ():
        for file in sorted(Path(folder).glob("*.py")):
            if not file.name.startswith(_HIDDEN) and file.name not in OF_MODELS and _classes(str(file)):
                yield f"strategies.{file.stem}"


def _classes(where: str) -> dict[str, list[str]]:
    """Return the strategies of a file or module by name, each with the parameters it declares itself."""
    file = Path(where)
    if not where.endswith(".py"):
        spec = importlib.util.find_spec(where)
        file = Path((spec and spec.origin) or where)
    found: dict[str, list[str]] = {}
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if not isinstance(node, ast.ClassDef):
            continue
        bases = [ast.unparse(base).rpartition(".")[2] for base in node.bases]
        if any(base.endswith("Strategy") or base in found for base in bases):
            inherited = [name for base in bases for name in found.get(base, [])]
            found[node.name] = [*inherited, *_annotated(node)]
    return found


def _annotated(node: ast.ClassDef) -> list[str]:
    return [
        one.target.id
        for one in node.body
        if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name)
        if not one.target.id.startswith("_") and "ClassVar" not in ast.unparse(one.annotation)
    ]


# --- bash ------------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def in_bash(prog_name: str = "backtester") -> Iterator[None]:
    """Answer bash about whole words, where it asks about parts of them.

    Around the call that completes; elsewhere, nothing happens.
    """
    if os.environ.get(f"_{prog_name.upper()}_COMPLETE") != "complete_bash":
        yield
        return
    words, position = os.environ.get("COMP_WORDS", "").split("\n"), int(os.environ.get("COMP_CWORD", "0"))
    whole, at, known = joined(words, position)
    os.environ["COMP_WORDS"], os.environ["COMP_CWORD"] = "\n".join(whole), str(at)
    answers = io.StringIO()
    try:
        with contextlib.redirect_stdout(answers):
            yield
    finally:
        for line in answers.getvalue().splitlines():
            sys.stdout.write(f"{line.removeprefix(known)}\n")


def joined(words: list[str], position: int) -> tuple[list[str], int, str]:
    """Return words with those that ":" and "=" parted together again.

    Parameters
    ----------
    words : list of str
        As bash has them: `["run", "--data", "sample", ":", "sp"]`.
    position : int
        Of the word that is completed.

    Returns
    -------
    words : list of str
    position : int
    known : str
        What of the completed word stands before its last part, and is left out of answers: "sample:".
    """
    whole: list[str] = []
    at, known, glued = 0, "", False
    words = words + [""] * (position + 1 - len(words))  # a word that is not begun may be left out
    for number, word in enumerate(words[: position + 1]):
        is_break = word in _BREAKS
        if is_break and whole and whole[-1].startswith("-"):  # of "--data=": what follows is the value
            word, is_break = "", False
            if number < position:
                continue
        if whole and (is_break or glued):
            known = whole[-1] + (word if is_break else "")
            whole[-1] += word
        else:
            known = ""
            whole.append(word)
        glued = is_break
        at = len(whole) - 1
        if number == position and not is_break and known:
            known = whole[-1].removesuffix(word)
    return [*whole, *words[position + 1 :]], at, known
