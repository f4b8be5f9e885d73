"""`ModelMetrics`: how well a signal agrees with what happened, overall and in parts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from backtester.errors import ModelError
from backtester.signals.scores.information import FEWEST, ic_over_time, ic_statistics, lags_of, period_keys
from backtester.signals.scores.measures import MEASURES, Predictions, measure_all
from backtester.signals.scores.regimes import REGIMES, volatility_regime
from backtester.signals.scores.scored import Scored, scored

if TYPE_CHECKING:
    import pandas as pd

    from backtester.bars import Bars
    from backtester.signals.labels import Label
    from backtester.signals.signal import Signal

Ints = npt.NDArray[np.int64]

_BIAS = 0.02  # of the correlation within a test, above which it is mentioned


@dataclass(frozen=True, eq=False, repr=False)
class ModelMetrics:
    """How well a signal agrees with what happened, on rows that its models were not fitted on. `print` shows a table.

    Every table of parts has the columns `n` (samples), `coverage` (fraction of the tested labels that have a value) and
    one for each measure of `backtester.signals.scores.MEASURES` that fits; NaN where it is not defined.

    Attributes
    ----------
    name, label : str
        Of the model, and of what it is scored against.
    overall : Series
        The measures over all samples together.
    by_fold : DataFrame
        Row by number of the fold; also `first`, `last` (closes of its scored bars) and `trained_until`. Empty for
        signals without folds. Where bars are tested several times, as in combinatorial tests, they count in each fold.
    by_year : DataFrame
        By calendar year, UTC.
    by_regime : DataFrame or None
        By third of the asset's trailing volatility, as known at the bar (`volatility_regime`): low, middle, high. None
        where the bars were not given.
    by_path : DataFrame or None
        Of combinatorial cross-validation: one row for each path.
    ic_series : DataFrame
        `ic`, `rank_ic` and `n` of each period (`ic_over_time`).
    ic_statistics : DataFrame
        Rows `ic` and `rank_ic`: mean over the periods, std, ratio, `t_statistic` with the errors of Newey and West over
        as many lags as labels overlap, lags, fraction positive, number of periods.
    period : str
        Of `ic_series`; "bar" is a correlation across the assets at each bar.
    n_samples : int
    n_effective : float
        What the samples are worth where labels of an asset overlap: the sum of their average uniqueness. Assets count
        as independent, which they are not.
    coverage : float
        Fraction of the tested labels for which there is a value.
    known_in_time : bool
        Whether each value's model knew nothing of its bar and later ones; not so in K-fold and combinatorial tests.
    notes : tuple of str
        What a reader must know beside the numbers.
    """

    name: str
    label: str
    overall: pd.Series
    by_fold: pd.DataFrame
    by_year: pd.DataFrame
    by_regime: pd.DataFrame | None
    by_path: pd.DataFrame | None
    ic_series: pd.DataFrame
    ic_statistics: pd.DataFrame
    period: str
    n_samples: int
    n_effective: float
    coverage: float
    known_in_time: bool
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return the numbers as plain values that JSON can hold; what is not defined is None. No series over time."""
        tables = {"by_fold": self.by_fold, "by_year": self.by_year, "ic_statistics": self.ic_statistics}
        for name in ("by_regime", "by_path"):
            if getattr(self, name) is not None:
                tables[name] = getattr(self, name)
        return {
            "name": self.name,
            "label": self.label,
            "n_samples": self.n_samples,
            "n_effective": plain(self.n_effective),
            "coverage": plain(self.coverage),
            "known_in_time": self.known_in_time,
            "period": self.period,
            "overall": {name: plain(value) for name, value in self.overall.items()},
            **{
                name: {str(row): {k: plain(v) for k, v in values.items()} for row, values in table.iterrows()}
                for name, table in tables.items()
            },
            "notes": list(self.notes),
        }

    def __repr__(self) -> str:
        return f"<ModelMetrics of {self.name} on {self.label}: {self.n_samples:,} samples>"

    def __str__(self) -> str:
        from backtester.signals.scores.text import text_of

        return text_of(self)


def plain(value: Any) -> Any:
    """Return a value of a table as JSON has it: times as text, NaN as None."""
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return float(value) if np.isfinite(value) else None
    return value


def metrics_of(
    signal: Signal, label: Label | None = None, *, bars: Bars | None = None, period: str | None = None
) -> ModelMetrics:
    """Return how well a signal agrees with what happened.

    Parameters
    ----------
    signal : Signal
    label : Label, optional
        What to score against; default what the model learnt.
    bars : Bars, optional
        Those the signal is of: with them also by regime of volatility.
    period : {"bar", "day", "month", "quarter", "year"}, optional
        Of the information coefficient over time; see `ic_over_time`.

    Raises
    ------
    ModelError
        If there is no label, it or the bars are others than the signal's, or nothing is out of sample.
    SettingsError
        If the period is none of these.
    """
    import pandas as pd

    samples = scored(signal, label)
    series, period = ic_over_time(samples, period)
    years = period_keys(signal.timestamps, "year") + 1970
    cells = samples.asked.shape
    regimes = None
    if bars is not None:
        _check_bars(signal, bars)
        found = _parts(samples, volatility_regime(bars), range(len(REGIMES)))
        regimes = found.rename(index=dict(enumerate(REGIMES))).rename_axis("regime")
    paths = [measured(scored(path, samples.label)) for path in signal.paths]
    return ModelMetrics(
        name=signal.name,
        label=samples.label.name,
        overall=pd.Series(measure_all(samples.p), name="overall"),
        by_fold=_by_fold(samples),
        by_year=_parts(samples, np.broadcast_to(years[:, np.newaxis], cells)).rename_axis("year"),
        by_regime=regimes,
        by_path=pd.DataFrame(paths).rename_axis("path") if paths else None,
        ic_series=series,
        ic_statistics=ic_statistics(series, lags_of(samples, series, period)),
        period=period,
        n_samples=len(samples),
        n_effective=samples.n_effective,
        coverage=len(samples) / int(samples.asked.sum()),
        known_in_time=samples.known_in_time,
        notes=notes_of(samples),
    )


def measured(samples: Scored, chosen: Any = slice(None), asked: int | None = None) -> dict[str, Any]:
    """Return number, coverage and all measures of the samples that a mask picks, of `asked` tested labels."""
    return numbers_of(samples.p.part(chosen), int(samples.asked.sum()) if asked is None else asked)


def numbers_of(p: Predictions, asked: int) -> dict[str, Any]:
    """Return number, coverage of `asked` tested labels, and all measures."""
    return {"n": len(p), "coverage": len(p) / asked if asked else np.nan, **measure_all(p)}


def _parts(samples: Scored, group: npt.NDArray[np.int64], wanted: Any = None) -> pd.DataFrame:
    """Return the measures by the group of each cell, [n_bars, n_assets]; groups below 0 are none."""
    import pandas as pd

    mine = group[samples.row, samples.asset]
    asked = group[samples.asked]
    keys = np.unique(asked[asked >= 0]).tolist() if wanted is None else list(wanted)
    rows = {key: measured(samples, mine == key, int((asked == key).sum())) for key in keys}
    return pd.DataFrame.from_dict(rows, orient="index", columns=["n", "coverage", *_names(samples)])


def _by_fold(samples: Scored) -> pd.DataFrame:
    """Return the measures by fold; where bars are tested in several folds each counts in each."""
    import pandas as pd

    signal = samples.signal
    made = [scored(path, samples.label) for path in signal.paths] or [samples]
    numbers = [record.number for record in signal.folds] or list(range(len(signal.trained_until)))
    rows = {}
    for k, number in enumerate(numbers):
        asked, mine = [], []
        for one in made:
            cells = one.asked & (_numbers_of_bars(one.signal) == number)[:, np.newaxis]
            asked.append(cells)
            mine.append(one.p.part(cells[one.row, one.asset]))
        bars = np.flatnonzero(np.logical_or.reduce(asked).any(axis=1))
        if len(bars):
            n_asked = sum(int(cells.sum()) for cells in asked)
            times = (signal.timestamps[bars[0]], signal.timestamps[bars[-1]], signal.trained_until[k])
            rows[number] = {
                **dict(zip(("first", "last", "trained_until"), map(_utc, times), strict=True)),
                **numbers_of(Predictions.joined(mine), n_asked),
            }
    columns = ["first", "last", "trained_until", "n", "coverage", *_names(samples)]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("fold")


def _utc(timestamp: Any) -> pd.Timestamp:
    import pandas as pd

    return pd.Timestamp(int(timestamp), tz="UTC")


def _numbers_of_bars(signal: Signal) -> Ints:
    """Return the number of the fold of each bar, −1 for none; where no model spoke, of the fold whose test it lies in.

    A fold may be on a path several times, once for each group that it tests.
    """
    if not signal.folds:
        return signal.fold.astype(np.int64)
    numbers = np.array([*(record.number for record in signal.folds), -1])
    found = numbers[signal.fold]
    for record in signal.folds:
        mine = slice(record.first, record.last + 1)
        found[mine] = np.where(found[mine] < 0, record.number, found[mine])
    return np.asarray(found, np.int64)


def _names(samples: Scored) -> list[str]:
    return [name for name, measure in MEASURES.items() if measure.fits(samples.p)]


def _check_bars(signal: Signal, bars: Bars) -> None:
    if not np.array_equal(bars.timestamps, signal.timestamps) or tuple(bars.symbols) != tuple(signal.symbols):
        raise ModelError(
            f"the bars are others than those of the signal of {signal.name!r}: {bars.n_bars:,} of {bars.n_assets} "
            f"assets, and it has {signal.n_bars:,} of {signal.n_assets}, or other times or symbols"
        )


def notes_of(samples: Scored) -> tuple[str, ...]:
    """Return what a reader must know beside the numbers."""
    signal, found = samples.signal, []
    if not samples.known_in_time:
        found.append(
            "Not known in time: folds were trained on bars after their tests too, as in K-fold and combinatorial "
            "cross-validation. It says how well the model fits such data, and is no record of what could be traded."
        )
    if signal.paths:
        found.append(
            f"Each bar was tested in several folds; the signal is their mean, and by_path has the {len(signal.paths)} "
            "paths."
        )
    if not len(signal.trained_until):
        found.append("The signal has no folds: that its values were known at their bars is taken on trust.")
    if samples.n_left_out:
        found.append(
            f"{samples.n_left_out:,} values are left out: the model was fitted on their bars, or on later ones."
        )
    if samples.overlap:
        found.append(
            f"Labels overlap: one shares bars with up to {samples.overlap:,} after it, so that {len(samples):,} "
            f"samples are worth {samples.n_effective:,.0f}."
        )
    found += _bias_of_short_folds(samples)
    if not samples.p.classes:
        against = "0" if samples.p.baseline is None else "the mean of the training labels of each fold"
        found.append(f"r2_oos is against {against}.")
    elif len(samples.p.classes) == 2:
        found.append(f"precision, recall, f1 and brier are of class {samples.p.classes[1]:g}.")
    else:
        found.append("precision, recall and f1 are means over the classes (macro).")
    return tuple(found)


def _bias_of_short_folds(samples: Scored) -> list[str]:
    """Say where tests are so short that a correlation within one is biased; see `ic_over_time`."""
    signal, reach = samples.signal, samples.overlap + 1
    spoken = signal.fold[np.unique(samples.row)]
    counts = np.unique(spoken[spoken >= 0], return_counts=True)[1]
    if signal.n_assets >= FEWEST or not len(counts) or reach / np.median(counts) < _BIAS:
        return []
    n = int(np.median(counts))
    return [
        f"Tests are short: within {n:,} bars the moves of a random walk over {reach} bars before and after have the "
        f"correlation {-reach / n:.2f}, so that ic and rank_ic by fold favour signals of reversal; over all, and by "
        "period, they do not."
    ]
