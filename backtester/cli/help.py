"""How commands explain themselves: a summary, the options, the exit codes, and examples to copy.

The text is the function's docstring. A paragraph `Example: ...` or `Example, what it shows: ...`, with the command line
between backquotes, is an example: it is printed last, where the eye is, and long ones are continued with a backslash.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup

from backtester.cli.failures import EXIT_CODES

_EXAMPLE = re.compile(r"^Example(?:, (?P<about>[^:`]+))?: `(?P<line>[^`]+)`$")
_CODE = re.compile(r"`([^`]+)`")
_WORD = re.compile(r"(?:--?[a-z][a-z-]* (?!-))?(?:'[^']*'|[^\s'])+")  # an option keeps its value beside it
_NARROW, _WIDE = 40, 100  # columns


class Example(NamedTuple):
    """A command line to copy, and in a few words what it shows."""

    line: str
    about: str = ""


def examples_of(doc: str | None) -> tuple[str, list[Example]]:
    """Return a docstring without its examples, and these."""
    kept, examples = [], []
    for paragraph in inspect.cleandoc(doc or "").split("\n\n"):
        found = _EXAMPLE.match(" ".join(paragraph.split()))
        if found is None:
            kept.append(paragraph)
        else:
            examples.append(Example(found["line"], found["about"] or ""))
    return "\n\n".join(kept), examples


def continued(line: str, width: int) -> list[str]:
    """Return a command line in lines of at most `width` columns, where words allow, all but the last with a "\\"."""
    lines = [""]
    for word in _WORD.findall(line):
        if lines[-1] and len(lines[-1]) + 1 + len(word) > width - 2:
            lines.append("   ")
        lines[-1] = f"{lines[-1]} {word}" if lines[-1] else word
    return [f"{one} \\" for one in lines[:-1]] + lines[-1:]


class _Plain:
    """Of a command: flags are not said to be "bool", which tells nobody anything."""

    def get_params(self, ctx: Any) -> Any:
        """Return the parameters, the one for help included."""
        found = super().get_params(ctx)  # type: ignore[misc]
        for param in found:
            if getattr(param, "is_flag", False) and param.metavar is None:
                param.metavar = ""
        return found


class Group(_Plain, TyperGroup):
    """A group of commands."""


class Command(_Plain, TyperCommand):
    """A command whose help ends with its examples."""

    @property
    def examples(self) -> list[Example]:
        """Its examples, in the order of the docstring."""
        return examples_of(self.callback.__doc__)[1] if self.callback is not None else []

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """Return the words of the usage line: arguments by their metavar, in brackets where they may be left out."""
        pieces = [self.options_metavar] if self.options_metavar else []
        for param in self.get_params(ctx):
            if param.param_type_name == "argument" and param.metavar:
                bare = param.required or param.metavar.startswith("[")
                pieces.append(param.metavar if bare else f"[{param.metavar}]")
            else:
                pieces += param.get_usage_pieces(ctx)
        return pieces

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Print the help."""
        super().format_help(ctx, formatter)
        if self.examples:
            _print_examples(self.examples)


def _print_examples(examples: list[Example]) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    width = min(max(console.width, _NARROW), _WIDE)
    console.print(Text(" Examples", style="bold"))
    for example in examples:
        if example.about:
            console.print(Text(f"   # {example.about}", style="dim"))
        for line in continued(example.line, width - 6):
            console.print(Text(f"   {line}", style="cyan"), soft_wrap=True)
    console.print()


def add(app: typer.Typer, function: Callable[..., Any], name: str | None = None, panel: str | None = None) -> None:
    """Make a function a command of an app: its docstring is the help, the exit codes stand below it.

    Parameters
    ----------
    app : typer.Typer
    function : callable
        Its parameters are the command's, in typer's way.
    name : str, optional
        Of the command; by default that of the function.
    panel : str, optional
        Under which heading the help of the app lists it.
    """
    text, _ = examples_of(function.__doc__)
    app.command(name, cls=Command, help=_marked(text), epilog=EXIT_CODES, rich_help_panel=panel)(function)


def _marked(text: str) -> str:
    """Return text as rich's markup: a line for a paragraph, and what stands between backquotes coloured."""
    paragraphs = [" ".join(paragraph.split()) for paragraph in text.split("\n\n")]
    return _CODE.sub(r"[cyan]\1[/cyan]", "\n\n".join(paragraphs).replace("[", r"\["))
