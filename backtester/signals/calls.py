"""Calls with plain values, read from text: `"ridge(alpha=10.0)"`. Only literals are read, and nothing is run."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from backtester.errors import SettingsError, did_you_mean

T = TypeVar("T")


@dataclass(frozen=True)
class Call:
    """A name with settings.

    Attributes
    ----------
    name : str
    given : tuple
        Settings in order.
    named : dict
        Settings by name.
    """

    name: str
    given: tuple[Any, ...] = ()
    named: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        inside = [*map(repr, self.given), *(f"{name}={value!r}" for name, value in self.named.items())]
        return f"{self.name}({', '.join(inside)})" if inside else self.name


def read_call(text: Any, *, nested: bool = True) -> Call:
    """Return what a name, or a call with plain values, says.

    Parameters
    ----------
    text : str
    nested : bool
        Whether there may be a call or a name inside, which stays text.

    Raises
    ------
    SettingsError
        If it is something else.
    """
    wrong = SettingsError(f"{text!r} is neither a name nor a call with plain values, such as 'name(window=20)'")
    if not isinstance(text, str):
        raise wrong
    try:
        tree = ast.parse(text.strip(), mode="eval").body
        call = tree if isinstance(tree, ast.Call) else ast.Call(tree, [], [])
        if not isinstance(call.func, ast.Name) or any(word.arg is None for word in call.keywords):
            raise wrong
        read = _value if nested else ast.literal_eval
        given = tuple(read(one) for one in call.args)
        named = {str(word.arg): read(word.value) for word in call.keywords}
    except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError):
        raise wrong from None
    return Call(call.func.id, given, named)


def read_calls(text: str) -> list[str]:
    """Return the parts of a list such as `"rsi(14), macd(6, 13)"`; commas inside brackets are a call's own.

    Raises
    ------
    SettingsError
        If it is no list of names and calls.
    """
    try:
        tree = ast.parse(f"[{text.strip()}]", mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        tree = None
    if not isinstance(tree, ast.List) or not all(isinstance(one, ast.Call | ast.Name) for one in tree.elts):
        raise SettingsError(f"{text!r} is no list of names and calls, such as 'rsi(14), log_return'")
    return [ast.unparse(one) for one in tree.elts]


def make(what: str, call: Call, known: Mapping[str, Callable[..., T]], *first: Any) -> T:
    """Return what the function or class of a call's name returns for its settings.

    Parameters
    ----------
    what : str
        What it is, in messages: "rule".
    call : Call
    known : mapping of str to callable
    *first
        Arguments before the settings.

    Raises
    ------
    SettingsError
        If there is no such name or setting, or one that is needed is missing; and what the function raises.
    """
    maker = known.get(call.name)
    if maker is None:
        raise SettingsError(
            f"there is no {what} {call.name!r}{did_you_mean(call.name, known)} ({what}s: {', '.join(known)})"
        )
    signature = inspect.signature(maker)
    names = list(signature.parameters)[len(first) :]
    for name in call.named:
        if name not in names:
            raise SettingsError(f"{call.name} has no setting {name!r}{did_you_mean(name, names)} ({', '.join(names)})")
    try:
        signature.bind(*first, *call.given, **call.named)
    except TypeError as error:
        raise SettingsError(f"{call}: {error} (settings: {', '.join(names)})") from None
    return maker(*first, *call.given, **call.named)


def _value(node: ast.expr) -> Any:
    """Return a literal, or the text of a call or a name."""
    if isinstance(node, ast.Call | ast.Name):
        return ast.unparse(node)
    return ast.literal_eval(node)
