"""From `-p fast=5:50` and `--where 'fast < slow'` to what `sweep` and `walk_forward` take.

| written | means |
|---|---|
| `fast=10,20,50` | these values |
| `fast=5:50` | in a grid every whole number between both; elsewhere any number; both ends included |
| `fast=5:50:5`, `x=0.1:1.0:0.1` | from the first to the last by steps, counted in decimals |
| `x=0.1:10:log` | any number between both, on a log scale; not in a grid |
| `fast=20` | this value |

A value is typed by the strategy's annotation. Text with "," or ":" in it is set with `--set`, which takes it as it is.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from backtester.cli.locate import typed
from backtester.errors import ParameterError, SettingsError, did_you_mean

if TYPE_CHECKING:
    from backtester.strategy import Strategy

MOST = 1_000_000  # values of one dimension
_ALLOWED = (
    *(ast.Expression, ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, ast.Not, ast.USub, ast.UAdd),
    *(ast.BinOp, ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod),
    *(ast.Compare, ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.In, ast.NotIn, ast.Is, ast.IsNot),
    *(ast.Name, ast.Load, ast.Constant, ast.Tuple, ast.List),
)


def space_of(
    kind: type[Strategy], varied: Sequence[str] | None, fixed: Sequence[str] | None, method: str
) -> dict[str, Any]:
    """Return the space of a search, by parameter, in the order in which it was written.

    Parameters
    ----------
    kind : type
        The strategy; its annotations type the values.
    varied, fixed : sequence of str
        Of `-p` and of `--set`.
    method : {"grid", "random", "latin", "tpe"}

    Raises
    ------
    ParameterError
        If a text is none of those above, names a parameter twice or one that does not exist, or a value is not of the
        annotated type.
    """
    from backtester.strategy import unannotated

    known = kind.parameter_types()
    space: dict[str, Any] = {}
    for option, texts in (("-p", varied or ()), ("--set", fixed or ())):
        for text in texts:
            name, equals, value = (part.strip() for part in text.partition("="))
            listed = ", ".join(known) or "none"
            if not equals or not name:
                raise ParameterError(f"{option} {text}: write {option} NAME=… (parameters: {listed})")
            if name not in known:
                hint = unannotated(kind, name) or did_you_mean(name, known)
                raise ParameterError(
                    f"{option} {text}: {kind.__name__} has no parameter {name!r}{hint} (parameters: {listed})"
                )
            if name in space:
                raise ParameterError(f"{option} {text}: {name} is given twice")
            annotated = known[name][0]
            if option == "-p":
                space[name] = _dimension(kind.__name__, name, annotated, value, method)
            else:
                space[name] = typed(kind.__name__, name, annotated, value)
    return space


def _dimension(owner: str, name: str, kind: Any, text: str, method: str) -> Any:
    """Return the values of one dimension, or its one value."""
    if ":" in text:
        return _between(owner, name, kind, text, method)
    values = [typed(owner, name, kind, part, "-p") for part in text.split(",")]
    return values if "," in text else values[0]


def _between(owner: str, name: str, kind: Any, text: str, method: str) -> Any:
    """Return all values between two ends, or the ends themselves."""
    low, high, *rest = (part.strip() for part in text.split(":"))
    if len(rest) > 1 or not (low and high) or rest == [""]:
        raise ParameterError(f"-p {name}={text}: a range is written FROM:TO, FROM:TO:STEP or FROM:TO:log")
    ends = tuple(typed(owner, name, kind, part, "-p") for part in (low, high))
    if not all(isinstance(end, int | float) and not isinstance(end, bool) for end in ends):
        raise ParameterError(f"-p {name}={text}: a range is between two numbers; other values are listed: {name}=a,b")
    if rest == ["log"]:
        if method == "grid":
            raise ParameterError(f"-p {name}={text}: a log scale has no steps, and a grid needs them; try --method tpe")
        return (*ends, "log")
    if rest:
        return [typed(owner, name, kind, part, "-p") for part in _steps(name, text, low, high, rest[0])]
    if method != "grid":
        return ends
    if not all(isinstance(end, int) for end in ends):
        raise ParameterError(
            f"-p {name}={text}: a grid needs steps between numbers that are not whole: {name}={low}:{high}:STEP; or "
            "--method random"
        )
    return [typed(owner, name, kind, part, "-p") for part in _steps(name, text, low, high, "1")]


def _steps(name: str, text: str, low: str, high: str, step: str) -> list[str]:
    """Return the decimals from `low` to `high`, both ends included where steps meet them."""
    try:
        first, last, width = Decimal(low), Decimal(high), Decimal(step)
    except InvalidOperation:
        raise ParameterError(
            f"-p {name}={text}: {step!r} is no step; write a number, or log{did_you_mean(step, ['log'])}"
        ) from None
    if not all(one.is_finite() for one in (first, last, width)) or width <= 0 or first > last:
        raise ParameterError(f"-p {name}={text}: a range goes up from the first number to the last, by a step above 0")
    count = int((last - first) / width) + 1
    if count > MOST:
        raise ParameterError(
            f"-p {name}={text}: has {count:,} values, and at most {MOST:,} are tried; take larger steps"
        )
    return [_plain(first + width * n) for n in range(count)]


def _plain(value: Decimal) -> str:
    """Return a decimal without an exponent, and whole where it is."""
    return f"{value:f}" if value != value.to_integral_value() else str(int(value))


@dataclass(frozen=True)
class Where:
    """Says which sets of parameters are tried: an expression such as `fast < slow`, and nothing but that.

    Attributes
    ----------
    text : str
        Comparisons, arithmetic, `and`, `or`, `not` and `in`, over names of parameters and plain values.
    """

    text: str

    def __call__(self, point: Any) -> bool:
        """Return whether a set of parameters is tried.

        Raises
        ------
        SettingsError
            If the values cannot be compared or computed with.
        """
        try:  # the text holds names and operators alone: see `where_of`
            return bool(eval(self.text, {"__builtins__": {}}, vars(point)))
        except (TypeError, ArithmeticError) as error:
            raise SettingsError(f"--where {self.text!r}: {error}, with {vars(point)}") from None


def where_of(text: str | None, kind: type[Strategy]) -> Where | None:
    """Return the condition of `--where`.

    Raises
    ------
    SettingsError
        If it is no expression, holds anything but names of parameters, plain values and operators, or names no
        parameter.
    """
    if text is None:
        return None
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except SyntaxError as error:
        raise SettingsError(f"--where {text!r}: {error.msg}; write a condition such as 'fast < slow'") from None
    known = kind.parameter_types()
    for node in ast.walk(tree):
        if not isinstance(node, _ALLOWED):
            part = ast.unparse(node) if isinstance(node, ast.expr) else type(node).__name__
            raise SettingsError(
                f"--where {text!r}: {part} is not allowed; a condition has names, numbers, text, comparisons, "
                "+ - * / // %, and, or, not and in"
            )
        if isinstance(node, ast.Name) and node.id not in known:
            hint = did_you_mean(node.id, known)
            raise SettingsError(
                f"--where {text!r}: {kind.__name__} has no parameter {node.id!r}{hint} "
                f"(parameters: {', '.join(known) or 'none'})"
            )
    return Where(text.strip())
