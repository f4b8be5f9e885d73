"""Rules: from a model's signal to target exposures. One file is one rule; `ModelStrategy` trades them.

>>> from strategies.rules import Threshold
>>> Threshold(enter=0.01, size=0.5)
Threshold(enter=0.01, leave=None, size=0.5)
"""

from strategies.rules.cross_section import CrossSectionalRank
from strategies.rules.kelly import Kelly
from strategies.rules.named import RULES, rule_named
from strategies.rules.own import Own
from strategies.rules.rule import Prepared, Rule
from strategies.rules.sign import Sign
from strategies.rules.threshold import Threshold
from strategies.rules.volatility import VolatilityScaled

__all__ = [
    "RULES",
    "CrossSectionalRank",
    "Kelly",
    "Own",
    "Prepared",
    "Rule",
    "Sign",
    "Threshold",
    "VolatilityScaled",
    "rule_named",
]
