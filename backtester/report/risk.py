"""What a page says of risk: rolling ratios, the distribution of returns, exposure and leverage over time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from backtester.metrics import ratios, simple_returns
from backtester.report.sampling import series
from backtester.report.sections import Section, facts, histogram, text
from backtester.summary_text import step_words, written

if TYPE_CHECKING:
    from backtester.result import Result

Floats = npt.NDArray[np.float64]

POINTS = 8_000  # of a line
SHORTEST = 20  # bars of a rolling window
_LEVELS = (0.05, 0.01)


def risk_sections(result: Result, compared: tuple[str, np.ndarray] | None) -> dict[str, dict[str, Any]]:
    """Return the sections `rolling`, `distribution` and `exposure` of a page, as JSON."""
    return {
        "rolling": rolling_section(result, compared).as_json(),
        "distribution": distribution_section(result).as_json(),
        "exposure": exposure_section(result).as_json(),
    }


def panel(
    title: str, unit: str, drawn: list[tuple[str, Floats, str]], *, zero: bool = False, levels: tuple[float, ...] = ()
) -> dict[str, Any]:
    """Return an item of lines over the bars of the page, which move with its other charts: (name, values, colour)."""
    listed = [{"name": name, "colour": colour, **series(values, POINTS)} for name, values, colour in drawn]
    return {"kind": "panel", "title": title, "unit": unit, "zero": zero, "levels": list(levels), "lines": listed}


# --- rolling ---------------------------------------------------------------------------------------------------------


def window_of(n_returns: int, periods_per_year: float) -> int:
    """Return the bars of the rolling window: half a year, or a quarter of a shorter history; 0 of too short a one."""
    window = min(round(periods_per_year / 2.0), n_returns // 4)
    return window if window >= SHORTEST else max(0, min(SHORTEST, n_returns // 2)) if n_returns >= SHORTEST else 0


def rolling(
    returns: Floats, window: int, periods_per_year: float, risk_free: float = 0.0, other: Floats | None = None
) -> dict[str, Floats]:
    """Return ratios of the last `window` returns.

    Parameters
    ----------
    returns : float64 [n]
    window : int
    periods_per_year : float
    risk_free : float
        A fraction per year.
    other : float64 [n], optional
        Returns of the comparison, for `beta`.

    Returns
    -------
    dict of str to float64 [n]
        `sharpe` and `volatility` per year, as `backtester.metrics.ratios` has them, and `beta`. NaN in the first
        window − 1 places, after ruin, and where there is no variance.
    """
    n = len(returns)
    moves = ~_flat(returns, window)
    variance = np.where(moves, np.maximum(_moving_covariance(returns, returns, window), 0.0), 0.0)
    deviation = np.where(np.isnan(_moving_sum(returns, window)), np.nan, np.sqrt(variance))
    excess = _moving_sum(returns, window) / window - risk_free / periods_per_year
    sharpe = np.full(n, np.nan)
    np.divide(excess, deviation, out=sharpe, where=deviation > 0.0)
    found = {"sharpe": sharpe * np.sqrt(periods_per_year), "volatility": deviation * np.sqrt(periods_per_year)}
    if other is not None:
        found["beta"] = np.full(n, np.nan)
        spread = np.where(_flat(other, window), 0.0, _moving_covariance(other, other, window))
        np.divide(_moving_covariance(returns, other, window), spread, out=found["beta"], where=spread > 0.0)
    return found


def rolling_section(result: Result, compared: tuple[str, np.ndarray] | None) -> Section:
    """Return rolling Sharpe ratio, volatility and beta."""
    settings, bars = result.manifest["settings"], result.bars
    returns = _returns(result)
    periods = settings["periods_per_year"] or bars.periods_per_year
    window = window_of(len(returns), periods) if np.isfinite(periods) else 0
    if window == 0:
        return Section("Rolling risk", [text(f"{len(returns):,} returns are too few for a rolling window.")])
    other = simple_returns(compared[1]) if compared else None
    risk_free = settings["risk_free"]
    mine = rolling(returns, window, periods, risk_free, other)
    theirs = rolling(other, window, periods, risk_free) if other is not None else None
    name = compared[0].capitalize() if compared else ""
    items = []
    for key, title, unit in (("sharpe", "Sharpe ratio", "number"), ("volatility", "Volatility per year", "percent")):
        drawn = [("Strategy", _from_bar_0(mine[key]), "accent")]
        if theirs is not None:
            drawn.append((name, _from_bar_0(theirs[key]), "quiet"))
        items.append(panel(title, unit, drawn, zero=key == "volatility", levels=(0.0,) if key == "sharpe" else ()))
    if "beta" in mine:
        drawn = [(f"Beta to {compared[0]}" if compared else "", _from_bar_0(mine["beta"]), "accent")]
        items.append(panel("Beta", "number", drawn, levels=(0.0, 1.0)))
    span = f"Each value is of the {window:,} returns before it"
    return Section("Rolling risk", items, f"{span}, at {step_words(bars)} a bar." if bars.n_bars > 1 else f"{span}.")


def _moving_sum(values: Floats, window: int) -> Floats:
    """Return Σ of the last `window` values; NaN before there are as many, and where one of them is NaN."""
    found = np.full(len(values), np.nan)
    if window > len(values):
        return found
    known = np.isfinite(values)
    total = np.cumsum(np.append(0.0, np.where(known, values, 0.0)))
    count = np.cumsum(np.append(0, known))
    sums = total[window:] - total[:-window]
    found[window - 1 :] = np.where(count[window:] - count[:-window] == window, sums, np.nan)
    return found


def _flat(values: Floats, window: int) -> npt.NDArray[np.bool_]:
    """Return where the last `window` values are all the same: there sums of floats leave a variance that is none."""
    changes = np.cumsum(np.append(0, np.diff(values) != 0.0))
    found = np.zeros(len(values), np.bool_)
    found[window - 1 :] = changes[window - 1 :] == changes[: len(values) - window + 1]
    return found


def _moving_covariance(x: Floats, y: Floats, window: int) -> Floats:
    """Return the covariance of the last `window` pairs, window − 1 in the denominator.

    Values are taken from their means over all, which keeps what is left of the subtraction exact enough.
    """
    a, b = x - np.nanmean(x), y - np.nanmean(y)
    products, sums = _moving_sum(a * b, window), _moving_sum(a, window) * _moving_sum(b, window)
    return (products - sums / window) / (window - 1)


def _returns(result: Result) -> Floats:
    deposits = result.deposits if result._has_deposits else None
    return np.asarray(simple_returns(result.tables.equity, deposits), np.float64)


def _from_bar_0(values: Floats) -> Floats:
    """Return a value per bar: returns begin with the second."""
    return np.append(np.nan, values)


# --- distribution ----------------------------------------------------------------------------------------------------


def distribution_section(result: Result) -> Section:
    """Return the distribution of the returns per bar, with value at risk and expected shortfall at 5 % and 1 %."""
    returns = _returns(result)
    living = returns[np.isfinite(returns)]
    step = step_words(result.bars)
    if len(living) < 2:
        return Section("Distribution of returns", [text(f"{len(living)} returns have no distribution.")])
    rows, marks = [], []
    for level in _LEVELS:
        at_risk = ratios.value_at_risk(living, level)
        shortfall = ratios.conditional_value_at_risk(living, level)
        name = f"{100 * level:g} %"
        rows += [(f"value at risk, {name}", told(at_risk)), (f"expected shortfall, {name}", told(shortfall))]
        if level == _LEVELS[0]:
            marks = [(-at_risk, f"VaR {name}"), (-shortfall, f"CVaR {name}")]
    moved = living[living != 0.0]
    still = 1.0 - len(moved) / len(living)
    rows += [("skew", told(ratios.skew(living), "number")), ("kurtosis", told(ratios.kurtosis(living), "number"))]
    rows += [("bars above 0", told(float((living > 0.0).mean()))), ("bars at 0", told(still))]
    rows += [("worst bar", told(float(living.min()))), ("best bar", told(float(living.max())))]
    note = (
        "VaR: the loss that was exceeded in 5 % of the bars. CVaR: the mean loss in these. Both, and all numbers, are "
        "of all bars. The curve is normal, of the same mean and deviation as what is drawn."
    )
    of = f" of {step}" if step else ""
    title = f"Returns per bar{of}" + (f", without the {told(still)} at 0" if still > 0.0 else "")
    items = [histogram(title, moved, unit="percent", marks=marks, normal=True), facts(rows)]
    return Section("Distribution of returns", items, note)


def told(value: float, kind: str = "percent") -> str:
    """Return a number as the page writes it."""
    return written(value, kind).replace("-", "−") if np.isfinite(value) else "–"


# --- exposure --------------------------------------------------------------------------------------------------------


def exposure_section(result: Result) -> Section:
    """Return gross and net exposure, and how many assets are held."""
    found = exposures(result)
    held = np.flatnonzero(found["gross"] > 0.0)
    if len(held) == 0:
        return Section("Exposure and leverage", [text("No position was held at the end of any bar.")])
    drawn = [("Gross (leverage)", found["gross"], "accent"), ("Net", found["net"], "quiet")]
    items = [panel("Exposure, as a multiple of equity", "number", drawn, levels=(0.0, 1.0))]
    if result.bars.n_assets > 1:
        items.append(panel("Positions held", "count", [("Positions", found["positions"], "accent")], zero=True))
    gross = found["gross"][np.isfinite(found["gross"])]
    rows = [
        ("mean leverage", told(float(gross.mean()), "number")),
        ("highest leverage", told(float(gross.max()), "number")),
        ("mean net exposure", told(float(np.nanmean(found["net"])), "number")),
        ("bars with a position", told(float((found["positions"] > 0).mean()))),
    ]
    note = (
        "Gross is Σ|x|·m·mark/E, net Σx·m·mark/E, both at the end of each bar; undefined where equity is not above 0."
    )
    return Section("Exposure and leverage", [*items, facts(rows)], note)


def exposures(result: Result) -> dict[str, Floats]:
    """Return `gross` and `net` exposure and the number of `positions` at the end of each bar, float64 [n_bars]."""
    from backtester.frames import marks_of, positions_of

    bars, tables = result.bars, result.tables
    held = positions_of(tables.fills, tables.actions, bars.n_bars, bars.n_assets)
    traded = np.flatnonzero(np.bincount(tables.fills["asset"], minlength=bars.n_assets))
    held = held[:, traded]
    scale = tables.multipliers[traded]
    if not result._rates.are_one:
        scale = scale * result._rates.at_closes()[:, traded]
    worth = np.where(held == 0.0, 0.0, held * scale * marks_of(bars)[:, traded])
    solvent = np.where(tables.equity > 0.0, tables.equity, np.nan)
    return {
        "gross": np.abs(worth).sum(axis=1) / solvent,
        "net": worth.sum(axis=1) / solvent,
        "positions": (held != 0.0).sum(axis=1).astype(np.float64),
    }
