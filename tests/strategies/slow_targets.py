"""The strategies that only set targets, in plain Python: see `slow`.

Regressions, covariances and standard deviations are those of the standard library. The risk-parity weights come from
Newton's method, with NumPy, while the strategy goes from coordinate to coordinate.
"""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Callable

import numpy as np
from slow import SlowMarket, mean_of

Decide = Callable[[SlowMarket, int], None]
NAN = math.nan


def set_weight(market: SlowMarket, a: int, weight: float) -> None:
    """Order a fraction of equity, at the asset's mark."""
    if market.mark[a] > 0.0:
        market.waiting[a] = weight * market.equity() / market.mark[a]


# ---- reversion


def rsi_reversion(n: int, entry: float, trend: int, exit: int, short: bool) -> Decide:
    def rsi(closes: list[float]) -> float:
        if len(closes) <= n:
            return NAN
        changes = [after - before for before, after in itertools.pairwise(closes)]
        up, down = ([max(sign * change, 0.0) for change in changes] for sign in (1, -1))
        averages = []
        for moves in (up, down):
            average = sum(moves[:n]) / n
            for move in moves[n:]:
                average += (move - average) / n
            averages.append(average)
        return 100.0 * averages[0] / sum(averages)

    def decide(market: SlowMarket, t: int) -> None:
        for a in range(market.n_assets):
            if not market.has_bar(t, a):
                continue
            own = market.closes(t, a)
            close, average, week, x = own[-1], mean_of(own, trend), mean_of(own, exit), market.position[a]
            if x != 0.0:
                if x * (close - week) > 0.0:
                    market.waiting[a] = 0.0
            elif market.waiting[a] is None:
                if close > average and rsi(own) < entry:
                    set_weight(market, a, 1.0 / market.n_assets)
                elif short and close < average and rsi(own) > 100.0 - entry:
                    set_weight(market, a, -1.0 / market.n_assets)

    return decide


def pairs_trading(window: int, entry: float, exit: float, stop: float) -> Decide:
    sides: dict[int, int] = {}
    stopped: dict[int, int] = {}

    def score(market: SlowMarket, t: int, y: int, x: int) -> tuple[float, float]:
        rows = [row for row in range(t + 1) if market.has_bar(row, y) and market.has_bar(row, x)][-window:]
        if len(rows) < window or rows[-1] != t:
            return NAN, NAN
        ys, xs = ([math.log(market.close[row][a]) for row in rows] for a in (y, x))
        line = statistics.linear_regression(xs, ys)
        residuals = [v - line.intercept - line.slope * u for u, v in zip(xs, ys, strict=True)]
        return line.slope, residuals[-1] / statistics.pstdev(residuals)

    def decide(market: SlowMarket, t: int) -> None:
        pairs = market.n_assets // 2
        for pair in range(pairs):
            slope, z = score(market, t, 2 * pair, 2 * pair + 1)
            side, barred = sides.get(pair, 0), stopped.get(pair, 0)
            back = {1: z >= -exit, -1: z <= exit}
            if math.isnan(z):
                continue
            if barred and back[barred]:
                barred = stopped[pair] = 0
            new = side
            if side and back[side]:
                new = 0
            elif side and (z < -stop if side > 0 else z > stop):
                new, stopped[pair] = 0, side
            elif not side and not barred and slope > 0.0 and entry < abs(z) < stop:
                new = 1 if z < 0.0 else -1
            if new != side:
                sides[pair] = new
                set_weight(market, 2 * pair, new / pairs / (1.0 + slope))
                set_weight(market, 2 * pair + 1, -new * slope / pairs / (1.0 + slope))

    return decide


# ---- once a month


def is_new_month(market: SlowMarket, t: int) -> bool:
    return t > 0 and market.days[t].month != market.days[t - 1].month


def close_of_month(market: SlowMarket, t: int, a: int, ago: int) -> float:
    """Return the asset's last close in the month `ago` months before that of bar t."""
    month = market.days[t].year * 12 + market.days[t].month - 1 - ago
    rows = [r for r in range(t + 1) if market.days[r].year * 12 + market.days[r].month - 1 == month]
    own = [market.close[r][a] for r in rows if market.has_bar(r, a)]
    return own[-1] if own else NAN


def past_return(market: SlowMarket, t: int, a: int, lookback: int, skip: int) -> float:
    if math.isnan(close_of_month(market, t, a, 1)):
        return NAN
    return close_of_month(market, t, a, skip + 1) / close_of_month(market, t, a, lookback + 1) - 1.0


def own_returns(market: SlowMarket, t: int, a: int) -> list[float]:
    own = market.closes(t, a)
    return [after / before - 1.0 for before, after in itertools.pairwise(own)]


def time_series_momentum(
    lookback: int, target: float, center: int, per_year: float, leverage: float, short: bool
) -> Decide:
    def volatility(returns: list[float]) -> float:
        if len(returns) < center:
            return NAN
        delta = center / (1.0 + center)
        weights = [(1.0 - delta) * delta**i for i in range(len(returns))]
        total, latest = sum(weights), returns[::-1]
        mean = sum(w * r for w, r in zip(weights, latest, strict=True)) / total
        return math.sqrt(per_year * sum(w * (r - mean) ** 2 for w, r in zip(weights, latest, strict=True)) / total)

    def decide(market: SlowMarket, t: int) -> None:
        if not is_new_month(market, t):
            return
        goals: dict[int, float] = {}
        for a in range(market.n_assets):
            past, sigma = past_return(market, t, a, lookback, 0), volatility(own_returns(market, t, a))
            if not math.isnan(past) and sigma > 0.0:
                side = (past > 0.0) - (past < 0.0) * short
                goals[a] = side * target / sigma / market.n_assets
        if goals:
            goals = {a: goal * market.n_assets / len(goals) for a, goal in goals.items()}
            gross = sum(abs(goal) for goal in goals.values())
            for a in range(market.n_assets):
                set_weight(market, a, goals.get(a, 0.0) * min(1.0, leverage / gross if gross else 1.0))

    return decide


def cross_sectional_momentum(lookback: int, skip: int, top: int, short: bool) -> Decide:
    def decide(market: SlowMarket, t: int) -> None:
        past = [past_return(market, t, a, lookback, skip) for a in range(market.n_assets)]
        ranked = sorted((a for a in range(market.n_assets) if not math.isnan(past[a])), key=lambda a: -past[a])
        if is_new_month(market, t) and ranked:
            winners = ranked[:top]
            losers = [a for a in ranked[-top:] if a not in winners] if short else []
            for a in range(market.n_assets):
                set_weight(market, a, ((a in winners) - (a in losers)) / top / (2 if short else 1))

    return decide


def equal_risk_weights(matrix: list[list[float]]) -> list[float]:
    """Minimise x'Σx / 2 - Σ ln x by Newton's method: at the minimum x_i·(Σx)_i = 1 for all i."""
    sigma = np.array(matrix) / np.mean(np.diag(matrix))
    x = np.ones(len(sigma))
    for _ in range(100):
        step = np.linalg.solve(sigma + np.diag(1.0 / x**2), sigma @ x - 1.0 / x)
        x -= step * min(1.0, 0.5 / np.max(np.maximum(step / x, 1e-300)))
    return (x / x.sum()).tolist()


def risk_parity(window: int, band: float, equal_risk: bool) -> Decide:
    goals: dict[int, float] = {}

    def moves(market: SlowMarket, t: int) -> list[dict[int, float]]:
        """Return of each bar the returns of the assets that have one, the first bar first."""
        found: list[dict[int, float]] = []
        before: dict[int, float] = {}
        for row in range(t + 1):
            own = {a: market.close[row][a] for a in range(market.n_assets) if market.has_bar(row, a)}
            found.append({a: close / before[a] - 1.0 for a, close in own.items() if a in before})
            before.update(own)
        return found

    def estimate(market: SlowMarket, t: int) -> None:
        rows = moves(market, t)[-2 * window :]
        members = [a for a in range(market.n_assets) if sum(a in row for row in rows) >= window]
        whole = [row for row in rows if all(a in row for a in members)][-window:]
        if not members or len(whole) < 2:
            return
        columns = [[row[a] for row in whole] for a in members]
        matrix = [[statistics.covariance(u, v) for v in columns] for u in columns]
        inverse = [1.0 / math.sqrt(matrix[i][i]) for i in range(len(members))]
        weights = equal_risk_weights(matrix) if equal_risk else [w / sum(inverse) for w in inverse]
        for a in goals:
            goals[a] = 0.0
        goals.update(zip(members, weights, strict=True))

    def decide(market: SlowMarket, t: int) -> None:
        if is_new_month(market, t):
            estimate(market, t)
        exposures = {a: market.position[a] * market.mark[a] / market.equity() for a in goals}
        if any(abs(exposures[a] - goals[a]) > band and market.waiting[a] is None for a in goals):
            for a in goals:
                set_weight(market, a, goals[a])

    return decide
