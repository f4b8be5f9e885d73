"""What a sweep hands back: `Sweep`, whose table is read from the store when it is asked for."""

from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from backtester.errors import SettingsError, SweepError, did_you_mean
from backtester.research.overfitting.cscv import PBO, pbo_of_sums
from backtester.research.sweep.objective import metric_names
from backtester.research.sweep.space import Choice, Parameters
from backtester.research.sweep.store import Store
from backtester.research.sweep.trials import N_BLOCKS, Outcome, Trials
from backtester.research.sweep.values import column_of, free_name

if TYPE_CHECKING:
    import pandas as pd

    from backtester.report.sections import Section
    from backtester.research.sweep.stability import Stability
    from backtester.result import Result
    from backtester.strategy import Strategy

ALL = 2**62  # above every number of a trial
MOST_IN_PBO = 2000  # trials: a second of work


@dataclass(frozen=True)
class Trial:
    """One set of parameters, and what it came to.

    Attributes
    ----------
    number : int
        In the sweep; index of its row in the table.
    parameters : dict
        Those that vary.
    scores : dict of str to float
        By objective; empty where the run raised.
    metrics : dict of str to float
        As `Result.metrics` has them; empty where the run raised.
    error : str
        What it raised, with bar and line; empty where it did not.
    """

    number: int
    parameters: Parameters
    scores: dict[str, float]
    metrics: dict[str, float]
    error: str = ""


class Sweep:
    """The outcome of `sweep`.

    Attributes
    ----------
    interrupted : bool
        Whether Ctrl-C ended it early.
    not_keyed : str
        What of the strategy or the settings has no words that change when it does; then no later start can continue
        the sweep. Empty as a rule.
    """

    def __init__(
        self,
        trials: Trials,
        store: Store,
        sweep: int,
        last: int,
        method: str,
        interrupted: bool,
        not_keyed: str,
        asked: int | None = None,
    ):
        self._trials = trials
        self._store = store
        self._sweep = sweep
        self._last = last
        self.method = method
        self.interrupted = interrupted
        self.not_keyed = not_keyed
        self._asked = asked  # sets of parameters, where these are all there are or as many as were wanted

    # --- counts ------------------------------------------------------------------------------------------------------

    @cached_property
    def counts(self) -> tuple[int, int, int]:
        """How many sets were tried, how many of these raised, and how many have no score (those that raised too)."""
        return self._store.count(self._sweep, self._last)

    @property
    def trials(self) -> int:
        """How many sets of parameters were tried: all of them, also those that raised."""
        return self.counts[0]

    @property
    def failed(self) -> int:
        """How many runs raised."""
        return self.counts[1]

    @property
    def objectives(self) -> tuple[str, ...]:
        """The names of the objectives; `best` looks at the first."""
        return tuple(one.name for one in self._trials.objectives)

    @property
    def maximize(self) -> tuple[bool, ...]:
        """Of each objective, whether more of it is better."""
        return tuple(one.maximize for one in self._trials.objectives)

    @property
    def strategy(self) -> type[Strategy]:
        """The strategy whose parameters vary."""
        return self._trials.kind

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of the parameters that vary."""
        return self._trials.space.names

    @property
    def has_neighbours(self) -> bool:
        """Whether a parameter that varies has numbers for values, so that there is a `stability` to tell."""
        return self._trials.space.is_ordered

    # --- trials ------------------------------------------------------------------------------------------------------

    @cached_property
    def best(self) -> Trial:
        """The trial with the best score of the first objective; of several the first.

        It is the best of many: `stability` says whether it is more than a peak.

        Raises
        ------
        SweepError
            No trial has a score.
        """
        found = self._store.best(self._sweep, self._last)
        if found is None:
            raise SweepError(
                f"sweep: none of {self.trials:,} trials has a {self.objectives[0]} and is solvent", sweep=self
            )
        return self.trial(found)

    def run_best(self) -> Result:
        """Run the best set of parameters again, and return its whole `Result`; its metrics are those of `best`.

        Its verdict has the probability of overfitting of the sweep (`pbo`), where there is enough to tell.
        """
        found = self._trials.result(self.best.parameters)
        with contextlib.suppress(SweepError):
            found._facts["pbo"] = self.pbo.probability
        return found

    @cached_property
    def pbo(self) -> PBO:
        """The probability of backtest overfitting: of all trials, or of 2,000 spread evenly over them, in 16 blocks.

        See `backtester.research.overfitting.pbo`. It looks at the Sharpe ratio, whatever the objective.

        Raises
        ------
        SweepError
            Not enough data: fewer than 33 bars, or fewer than two trials with returns that vary; or all have the same.
        """
        numbers, sums = self._store.sums(self._sweep, self._last, MOST_IN_PBO)
        n_returns = self._trials.bars.n_bars - 1
        if n_returns < 2 * N_BLOCKS:
            raise SweepError(
                f"sweep: not enough data for the probability of overfitting: {n_returns} returns, and each of "
                f"{N_BLOCKS} blocks needs two",
                sweep=self,
            )
        if len(numbers) < 2:
            raise SweepError(
                f"sweep: not enough data for the probability of overfitting: {len(numbers)} of {self.trials:,} trials "
                "have returns that are kept",
                sweep=self,
            )
        try:
            found = pbo_of_sums(sums, n_returns)
        except SettingsError as error:
            raise SweepError(f"sweep: {error}", sweep=self) from None
        ranked = np.delete(sums, found.left_out, axis=0)
        if (ranked == ranked[0]).all():
            raise SweepError(
                f"sweep: all {len(ranked)} trials have the same returns, so that nothing was chosen that could be "
                "overfitted",
                sweep=self,
            )
        return found

    @property
    def first_failure(self) -> Trial | None:
        """The first trial that raised, or None."""
        found = self._store.first_error(self._sweep, self._last)
        return None if found is None else self.trial(found)

    def trial(self, which: int | Outcome) -> Trial:
        """Return one trial, `which` by its number.

        Raises
        ------
        SettingsError
            `which` is no whole number.
        SweepError
            There is none of that number.
        """
        found = which if isinstance(which, Outcome) else self._numbered(which)
        values = np.frombuffer(found.metrics, np.float64).tolist()
        return Trial(
            found.number,
            self._trials.space.parameters(found.coordinates),
            dict(zip(self.objectives, found.scores, strict=False)),
            dict(zip(metric_names(), values, strict=False)),
            found.error,
        )

    def _numbered(self, number: Any) -> Outcome:
        if isinstance(number, bool) or not isinstance(number, int | np.integer):
            raise SettingsError(
                f"sweep: trial is {number!r} ({type(number).__name__}); it is the number of a trial, as the index of "
                "the table has it"
            )
        found = self._store.get(self._sweep, int(number)) if 0 <= number <= self._last else None
        if found is None:
            first, last = self._store.ends(self._sweep, self._last)
            left_out = " (those that where= refused are left out)" if last - first + 1 > self.trials else ""
            raise SweepError(
                f"sweep: there is no trial {number!r}; the {self.trials:,} there are have numbers from {first:,} to "
                f"{last:,}{left_out}",
                sweep=self,
            )
        return found

    # --- tables ------------------------------------------------------------------------------------------------------

    @property
    def table(self) -> pd.DataFrame:
        """One row per trial, by number: the parameters that vary, own objectives, every metric, the error.

        Parameters have the very values that were tried, as objects where these are not all ints, floats, bools or
        strings. Metrics are fractions, never percents; NaN where a metric is undefined, and everywhere where the run
        raised. `error` is "" where it did not.

        Parameters keep their names. What else would have the name of one gets a word before it: `metric_NAME`,
        `run_error`; an own objective is `NAME_objective`. `column` finds metrics and objectives.
        """
        return self._rows[0]

    @cached_property
    def _rows(self) -> tuple[pd.DataFrame, np.ndarray]:
        """The table, and the coordinates of its rows, float64 [n, d]."""
        import pandas as pd

        outcomes = list(self._store.outcomes(self._sweep, self._last))
        dimensions, metrics = self._trials.space.dimensions, metric_names()
        places = np.array([one.coordinates for one in outcomes], np.float64).reshape(len(outcomes), len(dimensions))
        head = free_name("trial", {*self.parameters, *self._columns.values()}, "run")
        numbers = pd.Index([one.number for one in outcomes], name=head)
        columns: dict[str, Any] = {}
        for place, dimension in enumerate(dimensions):
            if isinstance(dimension, Choice):
                column = column_of(dimension.values).take(places[:, place].astype(np.int64))
            else:
                column = column_of([dimension.value(one.coordinates[place]) for one in outcomes])
            columns[dimension.name] = column.set_axis(numbers)
        for place, name in enumerate(self.objectives):
            if name not in metrics:
                columns[name] = [one.scores[place] if one.scores else math.nan for one in outcomes]
        missing = np.full(len(metrics), np.nan)
        values = [np.frombuffer(one.metrics, np.float64) if one.metrics else missing for one in outcomes]
        matrix = np.array(values).reshape(-1, len(metrics))
        for place, name in enumerate(metrics):
            columns[self._columns[name]] = matrix[:, place]
        columns[self.error_column] = [one.error for one in outcomes]
        return pd.DataFrame(columns, index=numbers), places

    @cached_property
    def _columns(self) -> dict[str, str]:
        """The columns of objectives, metrics and the error, by their names."""
        found = {name: name for name in self.objectives if name not in metric_names()}
        for name in (*metric_names(), "error"):
            taken = {*self.parameters, *found.values()}
            found[name] = free_name(name, taken, "run" if name == "error" else "metric")
        return found

    @property
    def error_column(self) -> str:
        """The column of the table with errors: "error", or "run_error" where a parameter is called so."""
        return self._columns["error"]

    @cached_property
    def front(self) -> pd.DataFrame:
        """The rows of the table that no other beats in every objective (the Pareto front), best first objective first.

        With one objective, the best.
        """
        from backtester.research.sweep.front import undominated

        table = self.table
        signs = [1.0 if one.maximize else -1.0 for one in self._trials.objectives]
        scores = self.scores.to_numpy() * signs
        rows = undominated(scores)
        order = np.argsort(-scores[rows, 0], kind="stable")
        return table.iloc[np.asarray(rows)[order]]

    @cached_property
    def scores(self) -> pd.DataFrame:
        """The objectives alone, one row per trial; NaN where there is none."""
        return self.table[[self.column(name) for name in self.objectives]]

    def column(self, name: str) -> str:
        """Return the column of the table that holds a metric or an objective, by its `name`.

        Raises
        ------
        SettingsError
            There is none.
        """
        columns = {key: column for key, column in self._columns.items() if key != "error"}
        if name in columns:
            return columns[name]
        if name in columns.values():
            return name
        raise SettingsError(f"sweep: the table has no metric {name!r}{did_you_mean(name, columns.values())}")

    # --- how much to believe -----------------------------------------------------------------------------------------

    def stability(self, radius: int = 1, score: Literal["mean", "min"] = "mean") -> Stability:
        """Return how each set scores together with its neighbours; see `backtester.research.sweep.stability.stability`.

        Where no parameter that varies has numbers for values, no set has neighbours, and this is a SweepError.

        Parameters
        ----------
        radius : int
            How many steps of the grid a neighbour may be away, in every dimension.
        score : {"mean", "min"}
            What of the neighbourhood decides.
        """
        from backtester.research.sweep.stability import stability

        return stability(self, radius=radius, score=score)

    # --- plots -------------------------------------------------------------------------------------------------------

    def plot(self, x: str | None = None, y: str | None = None, value: str | None = None) -> Any:
        """Return a Plotly figure of an objective or a metric over the parameters.

        Of one parameter a line, of more a heat map of two, with the mean over the others.

        Parameters
        ----------
        x, y : str, optional
            Names of parameters that vary; by default the first two.
        value : str, optional
            A metric; by default the first objective.

        Raises
        ------
        SettingsError
            No such parameter or metric, or none that varies.
        """
        from backtester.research.sweep.plots import plot

        return plot(self, x, y, value)

    def heatmap(self, x: str, y: str, value: str | None = None, reduce: str = "mean") -> Any:
        """Return a Plotly figure of an objective or a metric over two parameters.

        Parameters
        ----------
        x, y : str
            Names of parameters that vary.
        value : str, optional
            A metric; by default the first objective.
        reduce : {"mean", "median", "min", "max"}
            How the values of the other parameters become one cell. "max" shows the peaks, and so the luck.
        """
        from backtester.research.sweep.plots import heatmap

        return heatmap(self, x, y, value, reduce)

    def parallel_coordinates(self, value: str | None = None, most: int = 2_000) -> Any:
        """Return a Plotly figure with one line per trial through its parameters, coloured by its score.

        Parameters
        ----------
        value : str, optional
            A metric; by default the first objective.
        most : int
            Lines in all; of more trials a share is drawn at equal steps through the ranking, the best and the worst
            among them.
        """
        from backtester.research.sweep.plots import parallel_coordinates

        return parallel_coordinates(self, value, most)

    # --- a page ------------------------------------------------------------------------------------------------------

    @property
    def report_title(self) -> str:
        """What its page is called."""
        return f"Sweep of {self._trials.kind.__name__}"

    @property
    def report_facts(self) -> list[str]:
        """What stands below the title: the data, and how many sets of parameters."""
        from backtester.summary_text import data_facts

        return [*data_facts(self._trials.bars), f"{self.trials:,} sets of parameters"]

    def report_sections(self) -> list[Section]:
        """Return the parts of its page: what was tried, heat maps, neighbourhoods, the table of trials."""
        from backtester.research.sweep.sections import sections_of

        return sections_of(self)

    def report(self, path: str | PathLike[str]) -> None:
        """Write one self-contained HTML page to `path`; see `backtester.report.write_report`."""
        from backtester.report import write_report

        write_report(self, path)

    # --- words -------------------------------------------------------------------------------------------------------

    def __repr__(self) -> str:
        return f"<Sweep of {self._trials.kind.__name__}: {self.trials:,} trials, {', '.join(self.objectives)}>"

    def __str__(self) -> str:
        from backtester.research.sweep.words import text_of

        return text_of(self)

    def _repr_html_(self) -> str:
        from backtester.research.sweep.card import html_of

        return html_of(self)
