"""Sections of studies that are tables: walk-forward folds and stress tests.

These take DataFrames, so that the packages which run such studies hand over what they have. Columns that are not there
are left out.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from backtester.report.sections import (
    Section,
    bars,
    facts,
    frame_table,
    label_of,
    line,
    lines,
    scatter,
    text,
    unit_of,
)

if TYPE_CHECKING:
    import pandas as pd

LINES_OF_PARAMETERS = 6
MOST_ROWS = 60  # bars of a kind of stress; more are a histogram
_QUANTILES = ("worst", "median", "best", "5 % quantile", "95 % quantile")  # columns in the unit of the metric


def fold_sections(
    folds: pd.DataFrame,
    *,
    in_sample: str,
    out_of_sample: str,
    parameters: pd.DataFrame | None = None,
    objective: str = "",
    said: str = "",
) -> list[Section]:
    """Return the sections of a walk-forward optimisation.

    Parameters
    ----------
    folds : DataFrame
        A row for each fold.
    in_sample, out_of_sample : str
        The columns with the score in the training and in the test window.
    parameters : DataFrame, optional
        What was chosen, a row for each fold and a column for each parameter.
    objective : str
        The metric that the scores are, which says how they are written.
    said : str
        One sentence on what came of it.
    """
    unit = unit_of(objective)
    before, after = folds[in_sample].to_numpy(np.float64), folds[out_of_sample].to_numpy(np.float64)
    names = [str(name) for name in folds.index]
    items = [text(said)] if said else []
    groups = {"in sample": before, "out of sample": after}
    items.append(bars(f"{objective or 'Score'} of each fold", names, groups, unit=unit, upright=True))
    if len(folds) > 2:
        items.append(
            scatter(
                "Out of sample against in sample",
                before,
                after,
                x_title="in sample",
                y_title="out of sample",
                x_unit=unit,
                y_unit=unit,
                names=[f"fold {name}" for name in names],
                diagonal=True,
            )
        )
    note = "What is below the diagonal did worse on data it was not chosen on."
    sections = [Section("Folds", items, note if len(folds) > 2 else "")]
    if parameters is not None and len(parameters.columns):
        sections.append(_chosen(parameters, names))
    units = dict.fromkeys((in_sample, out_of_sample), unit)
    units |= {name: "percent" for name in map(str, folds.columns) if name.endswith("_return")}
    kept = () if parameters is None else tuple(map(str, parameters.columns))
    sections.append(Section("Table of folds", [_worded("", folds, units, kept)]))
    return sections


def _worded(title: str, frame: pd.DataFrame, units: Mapping[str, str], kept: Collection[str] = ()) -> dict[str, Any]:
    """Return a table with words for heads and truths, without columns in which nothing stands.

    Heads in `kept`, the names of parameters, stay as they are.
    """
    heads = {}
    for name in frame.columns:
        if not (frame[name].isna() | (frame[name].astype(object) == "")).all():
            heads[name] = name if name in kept else label_of(str(name)).replace("_", " ")
    shown = frame[list(heads)].copy()
    for name in heads:
        if shown[name].dtype == bool or str(shown[name].dtype) == "boolean":
            shown[name] = shown[name].astype(object).map({True: "yes", False: "no"}).fillna("")
    return frame_table(
        title, shown.rename(columns=heads), {heads[name]: units[name] for name in units if name in heads}
    )


def _chosen(parameters: pd.DataFrame, names: list[str]) -> Section:
    """Return how the chosen parameters moved from fold to fold."""
    numeric = [name for name in parameters.columns if parameters[name].dtype.kind in "if"]
    items: list[dict[str, Any]] = [
        lines(
            str(name),
            [line(str(name), parameters[name].to_numpy(np.float64))],
            unit="count" if parameters[name].dtype.kind == "i" else "number",
            x_title="fold",
        )
        for name in numeric[:LINES_OF_PARAMETERS]
    ]
    shown = parameters.copy()
    shown.index = shown.index.map(str)
    shown.index.name = "fold"
    assert len(shown) == len(names)
    return Section("Chosen parameters", [*items, frame_table("", shown)])


def stress_sections(
    table: pd.DataFrame,
    *,
    kind: str = "kind",
    scenario: str = "scenario",
    metric: str = "sharpe",
    base: float | None = None,
    summary: pd.DataFrame | None = None,
    said: str = "",
    facts_of: Mapping[str, str] | None = None,
) -> list[Section]:
    """Return the sections of a stress test: where the edge dies, and every scenario.

    Parameters
    ----------
    table : DataFrame
        A row for each scenario.
    kind, scenario : str
        The columns that name the kind of stress, and the scenario.
    metric : str
        The column that is drawn.
    base : float, optional
        Its value without any stress.
    summary : DataFrame, optional
        A row for each kind.
    said : str
        One sentence on what came of it.
    facts_of : mapping of str to str, optional
        Further facts by name.
    """
    unit = unit_of(metric)
    head = [text(said)] if said else []
    if base is not None:
        head.append(facts([(f"{metric} without stress", f"{base:.4g}"), *(facts_of or {}).items()]))
    elif facts_of:
        head.append(facts(facts_of.items()))
    if summary is not None:
        head.append(_worded("By kind of stress", summary, dict.fromkeys(_QUANTILES, unit)))
    drawn = []
    parts = table.groupby(kind, sort=False)[metric]
    rows = [values for _, values in parts if len(values) <= MOST_ROWS and np.isfinite(values).any()]
    span = (min(map(np.nanmin, rows)), max(map(np.nanmax, rows))) if rows else None
    for name, part in table.groupby(kind, sort=False):
        values = part[metric].to_numpy(np.float64)
        if len(values) > MOST_ROWS:
            drawn.append(_spread(str(name), metric, values, unit, base))
        elif np.isfinite(values).any():
            labels = [str(one) for one in part[scenario]]
            drawn.append(bars(f"{name}: {metric}", labels, {metric: values}, unit=unit, span=span))
    units = {str(name): unit_of(str(name)) for name in table.columns if unit_of(str(name)) != "number"}
    return [
        Section("What it survives", head),
        Section("Scenario by scenario", drawn, "All bars have one scale." if len(rows) > 1 else ""),
        Section("All scenarios", [_worded("", table, units)]),
    ]


def _spread(name: str, metric: str, values: np.ndarray, unit: str, base: float | None) -> dict[str, Any]:
    from backtester.report.sections import histogram

    marks = [] if base is None else [(base, "without stress")]
    return histogram(f"{name}: {metric}", values, unit=unit, marks=marks)
