"""Fitting: from a panel of features and a label to a model that knows the training rows alone.

`samples` picks the bars and assets that can be learnt from, `protocol` talks to models, `recipe` is the declaration of
what is fitted and how, `fitted` the result, `selection` and `search` choose columns and settings inside the training
rows, `workers` spreads folds over processes.
"""

from backtester.signals.fitting.fitted import FittedModel, fit
from backtester.signals.fitting.recipe import Recipe
from backtester.signals.fitting.search import Search
from backtester.signals.fitting.selection import Select

__all__ = ["FittedModel", "Recipe", "Search", "Select", "fit"]
