"""Rules: from a model's signal to target exposures. One file is one rule; `ModelStrategy` trades them.

>>> from strategies.rules import Sign
>>> Sign(size=0.5)
Sign(size=0.5)
"""

from strategies.rules.own import Own
from strategies.rules.rule import Prepared, Rule
from strategies.rules.sign import Sign

__all__ = ["Own", "Prepared", "Rule", "Sign"]
