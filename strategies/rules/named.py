"""Rules by name: `"sign"`, `"threshold(enter=0.5)"`."""

from __future__ import annotations

from typing import Any

from backtester.errors import ParameterError, SettingsError
from backtester.signals.calls import make, read_call
from strategies.rules.cross_section import CrossSectionalRank
from strategies.rules.kelly import Kelly
from strategies.rules.own import Own
from strategies.rules.rule import Rule
from strategies.rules.sign import Sign
from strategies.rules.threshold import Threshold
from strategies.rules.volatility import VolatilityScaled

#: what a rule is called in text, such as on a command line
RULES: dict[str, type[Rule]] = {
    "sign": Sign,
    "threshold": Threshold,
    "rank": CrossSectionalRank,
    "volatility_scaled": VolatilityScaled,
    "kelly": Kelly,
}


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
        If there is no such rule, or a setting is unknown, missing or out of range.
    """
    try:
        return make("rule", read_call(text), RULES)
    except SettingsError as error:
        raise ParameterError(f"rule: {error}") from None
