"""What a page says of a signal: scores in parts, calibration, information coefficient, importance, its values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from backtester.report.sections import Section, bars, facts, frame_table, line, lines, scatter, text
from backtester.signals.scores.measures import reliability
from backtester.signals.scores.plots import importances_of
from backtester.signals.scores.report import metrics_of
from backtester.signals.scores.scored import scored
from backtester.signals.scores.text import number_text
from backtester.summary_text import clean

if TYPE_CHECKING:
    from backtester.signals.scores.report import ModelMetrics
    from backtester.signals.scores.scored import Scored
    from backtester.signals.signal import Signal

ASSETS = 8  # with a line of their values
FEATURES = 30
_GROUPS = 10  # of the signal, whose means are drawn over the cloud


def sections_of(signal: Signal) -> list[Section]:
    """Return the sections of a signal's page; without a label it has its values alone."""
    sections = []
    if signal.label is None:
        sections.append(Section("Scores", [text("It is not known what the signal is to agree with: it has no label.")]))
    else:
        samples, metrics = scored(signal), metrics_of(signal)
        sections += [_scores(metrics), _agreement(samples), _information(metrics), _parts(metrics)]
        if samples.p.probabilities is not None:
            sections.insert(2, _calibration(samples))
    sections.append(_importance(signal))
    sections.append(_values(signal))
    return sections


def _scores(metrics: ModelMetrics) -> Section:
    rows = [(str(name).replace("_", " "), number_text(value)) for name, value in metrics.overall.items()]
    rows += [
        ("samples", f"{metrics.n_samples:,}"),
        ("worth, as labels overlap", f"{metrics.n_effective:,.0f}"),
        ("coverage", f"{100.0 * metrics.coverage:.1f} %"),
        ("known in time", "yes" if metrics.known_in_time else "no"),
    ]
    notes = [text(note[:1].upper() + note[1:]) for note in metrics.notes]
    return Section(
        "Scores out of sample", [facts(rows), *notes], f"Against {metrics.label}, on rows no model was fitted on."
    )


def _agreement(samples: Scored) -> Section:
    said, happened = samples.p.values, samples.p.actual
    groups = [one for one in np.array_split(np.argsort(said, kind="stable"), _GROUPS) if one.size]
    means = [(float(said[one].mean()), float(happened[one].mean())) for one in groups]
    item = scatter(
        "What happened against what was said",
        said,
        happened,
        x_title="signal",
        y_title=samples.label.name,
        diagonal=not samples.p.classes,
        means=means,
    )
    note = "The line joins the means of ten equal groups of the signal; dashed is what was said itself."
    return Section("Agreement", [item], note)


def _calibration(samples: Scored) -> Section:
    classes = samples.p.classes
    drawn = []
    for k in [1] if len(classes) == 2 else range(len(classes)):
        said, happened, _ = reliability(samples.p, k)
        drawn.append(line(f"class {classes[k]:g}", happened, said))
    drawn.append(line("calibrated", [0.0, 1.0], [0.0, 1.0], "quiet"))
    item = lines("Frequency against probability", drawn, unit="percent", x_title="probability that was given")
    return Section("Calibration", [item], "How often a class happened, in ten equal parts of its probability.")


def _information(metrics: ModelMetrics) -> Section:
    series = metrics.ic_series
    known = series[np.isfinite(series["rank_ic"].to_numpy())]
    times = known.index.tz_localize(None).to_numpy()
    total = line("sum of rank IC", known["rank_ic"].cumsum().to_numpy(), times, "accent")
    each = line("rank IC", known["rank_ic"].to_numpy(), times, "quiet")
    of_bars = metrics.period == "bar"
    title = "Rank IC of each bar" if of_bars else f"What each {metrics.period} adds to the rank IC"
    items = [
        lines("Rank IC, added up", [total], x="time", zero=True),
        lines(title, [each], x="time", zero=True, levels=[(0.0, "")]),
        frame_table("", metrics.ic_statistics),
    ]
    note = "The information coefficient: correlation of the signal with what happened; t with errors of Newey and West."
    if not of_bars:
        note += f" Of a {metrics.period} it is what it adds to the correlation over all, which may exceed 1."
    return Section("Information coefficient", items, note)


def _parts(metrics: ModelMetrics) -> Section:
    items = [frame_table("By year", metrics.by_year)]
    if len(metrics.by_fold):
        items.append(frame_table("By fold", metrics.by_fold))
    for title, table in (("By regime of volatility", metrics.by_regime), ("By path", metrics.by_path)):
        if table is not None:
            items.append(frame_table(title, table))
    return Section("Scores in parts", items)


def _importance(signal: Signal) -> Section:
    names, table = importances_of(signal)
    known = np.isfinite(table)
    if not known.any():
        told = "No fold has an importance; predict_out_of_sample(…, importance=True) measures it."
        return Section("Importance", [text(told)])
    count = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, table, 0.0).sum(axis=0) / count
    mean = np.where(known.any(axis=0), mean, -np.inf)
    order = np.argsort(-mean, kind="stable")[:FEATURES]
    order = order[np.isfinite(mean[order])]
    item = bars("Mean importance over the folds", [clean(names[j]) for j in order], {"Importance": mean[order]})
    few = f"The first {FEATURES} of {len(names):,} features." if len(names) > FEATURES else ""
    return Section("Importance", [item], few)


def _values(signal: Signal) -> Section:
    times: npt.NDArray[Any] = signal.timestamps.view("M8[ns]")
    shown = range(min(signal.n_assets, ASSETS))
    drawn = [line(clean(signal.symbols[a]), signal.values[:, a], times) for a in shown]
    begins = np.flatnonzero((signal.fold[1:] != signal.fold[:-1]) & (signal.fold[1:] >= 0)) + 1
    marks = [(times[t], "") for t in begins.tolist()] if len(begins) <= 60 else []
    few = f"The first {ASSETS} of {signal.n_assets:,} assets." if signal.n_assets > ASSETS else ""
    return Section(
        "The signal", [lines("Signal", drawn, x="time", marks=marks)], f"{few} A line stands where a fold begins."
    )
