"""Rules by name: `"sign"`, `"threshold(enter=0.5)"`."""

from __future__ import annotations

import ast
from typing import Any

from backtester.errors import ParameterError, did_you_mean
from strategies.rules.own import Own
from strategies.rules.rule import Rule
from strategies.rules.sign import Sign

RULES: dict[str, type[Rule]] = {"sign": Sign}


def as_rule(given: Any) -> Rule:
    """Return a rule, the rule of a function, or the one that text such as `"sign(size=0.5)"` names.

    Raises
    ------
    ParameterError
        If it is none, or a setting is unknown or out of range.
    """
    if isinstance(given, Rule):
        return given
    if isinstance(given, str):
        return rule_named(given)
    if isinstance(given, type) and issubclass(given, Rule):
        raise ParameterError(f"rule is the class {given.__name__}; give an object of it: {given.__name__}(…)")
    if callable(given):
        return Own(given)
    raise ParameterError(
        f"rule is {given!r} ({type(given).__name__}); it is a Rule, a function f(ctx, a, value, state) or one of "
        f"{', '.join(RULES)}"
    )


def rule_named(text: str) -> Rule:
    """Return the rule that a name or a call with plain values stands for; nothing in the text is run.

    Raises
    ------
    ParameterError
        If there is no such rule, or a setting is unknown or out of range.
    """
    wrong = ParameterError(f"{text!r} is no rule; write a name or a call with plain values, such as 'sign(size=0.5)'")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
        call = tree if isinstance(tree, ast.Call) else ast.Call(tree, [], [])
        if not isinstance(call.func, ast.Name) or any(word.arg is None for word in call.keywords):
            raise wrong
        given = [_value(one) for one in call.args]
        named = {str(word.arg): _value(word.value) for word in call.keywords}
    except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError):
        raise wrong from None
    kind = RULES.get(call.func.id)
    if kind is None:
        raise ParameterError(
            f"there is no rule {call.func.id!r}{did_you_mean(call.func.id, RULES)} (rules: {', '.join(RULES)})"
        )
    known = list(getattr(kind, "__dataclass_fields__", {}))
    for name in named:
        if name not in known:
            raise ParameterError(
                f"{kind.__name__} has no setting {name!r}{did_you_mean(name, known)} ({', '.join(known)})"
            )
    if len(given) > len(known):
        raise ParameterError(f"{kind.__name__} has {len(known)} settings, found {len(given)} ({', '.join(known)})")
    return kind(*given, **named)


def _value(node: ast.expr) -> Any:
    """Return a literal, or the text of a rule inside a rule."""
    if isinstance(node, ast.Call | ast.Name):
        return ast.unparse(node)
    return ast.literal_eval(node)
