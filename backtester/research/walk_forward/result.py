"""What a walk hands back: `WalkForwardResult`: the folds, the stitched run, and how much of the promise was kept."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from backtester.research.sweep.values import are_numbers, column_of, free_name, word_of
from backtester.research.walk_forward.fold import Fold
from backtester.research.walk_forward.windows import Walk
from backtester.result import Result

if TYPE_CHECKING:
    from os import PathLike

    import pandas as pd

    from backtester.report.sections import Section

_COLUMNS = (
    *("train_first", "train_last", "test_first", "test_last", "in_sample", "out_of_sample", "in_sample_return"),
    *("out_of_sample_return", "traded_return", "trials", "failed", "why_not"),
)


@dataclass(frozen=True)
class Decay:
    """What is left of the scores in sample.

    Attributes
    ----------
    folds : int
        With a score in both windows; the numbers below are of these.
    in_sample, out_of_sample : float
        The mean scores.
    slope : float
        Of the score out of sample against that in sample, by least squares: 1 where a better training window is as much
        better a test. NaN with fewer than three folds, or where the scores in sample do not differ.
    rank_correlation : float
        Spearman's; NaN likewise, or where the scores out of sample do not differ.
    """

    folds: int
    in_sample: float
    out_of_sample: float
    slope: float
    rank_correlation: float


@dataclass(frozen=True, eq=False)
class WalkForwardResult:
    """The outcome of `walk_forward`.

    Attributes
    ----------
    strategy : str
        The name of its class, or of the trainer's.
    walk : Walk
        How the windows lie.
    records : tuple of Fold
        What was chosen in each fold, and all metrics of both windows.
    result : Result
        The run of all tests on one account: tables, metrics, report. Its first bar is the one before the first test, at
        whose close the account is opened.
    objective : str
    maximize : bool
    between : {"carry", "flat"}
    how : str
        The search in words.
    interrupted : bool
        Whether Ctrl-C ended it early.
    not_keyed : str
        As of `Sweep`: what has no words, so that no later start can continue. Empty as a rule.
    """

    strategy: str
    walk: Walk
    records: tuple[Fold, ...]
    result: Result
    objective: str
    maximize: bool
    between: str
    how: str
    interrupted: bool
    not_keyed: str

    # --- tables ------------------------------------------------------------------------------------------------------

    @cached_property
    def folds(self) -> pd.DataFrame:
        """One row per fold.

        Columns: `train_first`, `train_last`, `test_first`, `test_last` (closes); the parameters, as `parameter_NAME`
        where a column or the index is called so; `in_sample` and `out_of_sample`, the objective in both windows, each
        traded from cash by itself; `in_sample_return` and `out_of_sample_return`, the mean return per year of these
        runs, and `traded_return`, what the stitched account made in the test, all fractions; `trials`, `failed`;
        `why_not`: why nobody traded the test, "" where somebody did. NaN where there is nothing.
        """
        import pandas as pd

        heads = self._heads()
        rows = []
        for one, made in zip(self.records, self._made(), strict=True):
            row = dict(zip(_COLUMNS[:4], one.times, strict=True))
            row |= {"in_sample": one.choice.score, "out_of_sample": one.score}
            row |= {"in_sample_return": one.choice.metrics.get("annual_return", math.nan)}
            row |= {"out_of_sample_return": one.metrics.get("annual_return", math.nan), "traded_return": made}
            row |= {"trials": one.choice.trials, "failed": one.choice.failed, "why_not": one.choice.why_not}
            rows.append(row)
        found = pd.DataFrame(rows, index=pd.RangeIndex(len(rows), name="fold"))
        for place, (name, head) in enumerate(heads.items(), start=4):
            found.insert(place, head, self.parameters[name])
        return found

    def _heads(self) -> dict[str, str]:
        """Return what the parameters are called in the table of folds."""
        found: dict[str, str] = {}
        for name in self.parameters.columns:
            found[name] = free_name(name, {*_COLUMNS, "fold", *found.values()}, "parameter")
        return found

    @cached_property
    def parameters(self) -> pd.DataFrame:
        """The chosen parameters, one row per fold; NaN where nothing was chosen.

        They are the very values, as objects where not all are ints, floats, bools or strings.
        """
        import pandas as pd

        names = dict.fromkeys(name for one in self.records for name in one.choice.parameters or {})
        rows = [one.choice.parameters or {} for one in self.records]
        columns = {name: column_of([row.get(name, math.nan) for row in rows]) for name in names}
        return pd.DataFrame(columns, index=pd.RangeIndex(len(rows), name="fold"))

    def _made(self) -> list[float]:
        """Return what the stitched account made in each test, NaN where it did not get there."""
        wealth, first = self.result.wealth, self.records[0].window.test.start - 1
        found = []
        for one in self.records:
            begin, end = one.window.test.start - 1 - first, one.window.test.stop - 1 - first
            found.append(float(wealth[end] / wealth[begin] - 1.0) if end < len(wealth) and wealth[begin] else math.nan)
        return found

    @property
    def equity(self) -> pd.Series:
        """Equity of the stitched account at the end of each bar, from the close before the first test."""
        return self.result.equity

    @property
    def returns(self) -> pd.Series:
        """Simple returns per bar of the stitched account: of all tests, and of the bars between them."""
        return self.result.returns

    @property
    def trials(self) -> int:
        """How many sets of parameters were tried, in all folds together."""
        return sum(one.choice.trials for one in self.records)

    @property
    def failed(self) -> int:
        """How many of these raised."""
        return sum(one.choice.failed for one in self.records)

    # --- what is left ------------------------------------------------------------------------------------------------

    @cached_property
    def efficiency(self) -> float:
        """Walk-forward efficiency: mean return per year of the stitched account over that of the chosen runs in sample.

        The latter is the mean over the folds; NaN where it is not above 0, and where the account lost everything. Pardo
        (2008), chapter 11.
        """
        return self._kept("annual_return")

    @cached_property
    def sharpe_efficiency(self) -> float:
        """The same of the Sharpe ratio."""
        return self._kept("sharpe")

    def _kept(self, name: str) -> float:
        if self.result.wealth[-1] <= 0.0:
            return math.nan
        promised = [one.choice.metrics.get(name, math.nan) for one in self.records if one.trades]
        promised = [one for one in promised if math.isfinite(one)]
        mean = sum(promised) / len(promised) if promised else math.nan
        return float(self.result.metrics[name] / mean) if mean > 0.0 else math.nan

    @cached_property
    def decay(self) -> Decay:
        """How scores in sample and out of sample go together, over the folds that have both."""
        pairs = np.array([(one.choice.score, one.score) for one in self.records], np.float64).reshape(-1, 2)
        inside, outside = pairs[np.isfinite(pairs).all(axis=1)].T
        if not len(inside):
            return Decay(0, math.nan, math.nan, math.nan, math.nan)
        slope = rank = math.nan
        if len(inside) >= 3 and np.ptp(inside) > 0.0:
            apart = inside - inside.mean()
            slope = float(apart @ (outside - outside.mean()) / (apart @ apart))
            if np.ptp(outside) > 0.0:
                rank = float(np.corrcoef(_ranks(inside), _ranks(outside))[0, 1])
        return Decay(len(inside), float(inside.mean()), float(outside.mean()), slope, rank)

    @cached_property
    def parameter_stability(self) -> pd.DataFrame:
        """How much the chosen parameters move, one row per parameter.

        Columns: `values`, how many different ones were chosen; `changed`, the fraction of borders between two folds at
        which it changed; `mean_step`, by how much on average, as a fraction of the dimension from its lowest value to
        its highest (about 1/3 where the choice is by chance), NaN where it is no number.
        """
        import pandas as pd

        rows = {}
        chosen = [one.choice for one in self.records if one.trades]
        for name in self.parameters.columns:
            values: list[Any] = [(one.parameters or {}).get(name) for one in chosen]
            places = np.array([one.places.get(name, math.nan) for one in chosen], np.float64)
            steps = np.abs(np.diff(places))
            changed = [not np.array_equal(one, other) for one, other in pairwise(values)]
            rows[name] = {
                "values": len({repr(value) for value in values}),
                "changed": float(np.mean(changed)) if changed else math.nan,
                "mean_step": float(steps.mean()) if len(steps) else math.nan,
            }
        table = pd.DataFrame.from_dict(rows, orient="index", columns=["values", "changed", "mean_step"])
        return table.rename_axis("parameter")

    # --- pictures and words ------------------------------------------------------------------------------------------

    def plot(self) -> Any:
        """Return a Plotly figure: stitched equity with the borders of the folds, both scores and parameters by fold."""
        from backtester.research.walk_forward.plots import figure

        return figure(self)

    def __repr__(self) -> str:
        return f"<WalkForwardResult of {self.strategy}: {len(self.records)} folds, {self.trials:,} trials>"

    def __str__(self) -> str:
        from backtester.research.walk_forward.words import text_of

        return text_of(self)

    @property
    def report_title(self) -> str:
        """What its page is called."""
        return f"Walk-forward of {self.strategy}"

    @property
    def report_facts(self) -> list[str]:
        """What stands below the title: the data from the first test on, and how much was tried."""
        from backtester.summary_text import data_facts

        return [*data_facts(self.result.bars), f"{len(self.records):,} folds", f"{self.trials:,} trials"]

    def report_sections(self) -> list[Section]:
        """Return the parts of its page: the scores of both windows by fold, the parameters, the table of folds."""
        from backtester.report.studies import fold_sections
        from backtester.summary_text import is_daily

        parameters = self.parameters.apply(_drawn)
        folds = self.folds.assign(**{head: parameters[name] for name, head in self._heads().items()})
        if is_daily(self.result.bars):
            folds = folds.assign(**{name: folds[name].dt.strftime("%Y-%m-%d") for name in _COLUMNS[:4]})
        return fold_sections(
            folds,
            in_sample="in_sample",
            out_of_sample="out_of_sample",
            parameters=parameters,
            objective=self.objective,
            said=self.result.verdict.sentence,
        )

    def report(self, path: str | PathLike[str]) -> None:
        """Write one self-contained HTML page to `path`: the folds, and the stitched run with all its tables."""
        from backtester.report import write_report

        write_report({"folds": self, "out of sample": self.result}, path)

    def _repr_html_(self) -> str:
        """Return the walk as a card for a notebook."""
        from backtester.research.walk_forward.card import html_of

        return html_of(self)


def _drawn(values: pd.Series) -> pd.Series:
    """Return objects as a page has them: numbers where all are or are missing, else words."""
    if values.dtype != object:
        return values
    missing = [isinstance(value, float) and math.isnan(value) for value in values]
    if are_numbers([value for value, gone in zip(values, missing, strict=True) if not gone]):
        return values.astype(np.float64)
    words = ["" if gone else word_of(value) for value, gone in zip(values, missing, strict=True)]
    return column_of(words).set_axis(values.index)


def _ranks(values: np.ndarray) -> np.ndarray:
    """Return ranks from 0, the mean of them where values are equal."""
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return np.asarray((ends - (counts + 1) / 2.0)[places])
