"""The solvers of the tasks against arithmetic, against other methods, and against the figures they were set with."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import minimize_scalar

from envs.tasks.solvers.almgren_chriss import Market, objective, optimal_schedule, twap_schedule, urgency
from envs.tasks.solvers.kelly import contextual_growth, growth, kelly_fraction
from envs.tasks.solvers.linear_quadratic import greedy_quadratic_cost, solve_quadratic_cost, value_of_linear
from envs.tasks.solvers.switching import greedy_switching, solve_switching, value_of_threshold

QUADRATIC = {"persistence": 0.9, "variance": 0.19, "risk": 0.5, "cost": 6.0}
OU = {"persistence": 0.9, "sd": 1.0, "edge": -0.1, "cost": 0.5}
AR1 = {"persistence": 0.2, "sd": math.sqrt(1.0 - 0.2**2), "edge": 0.2, "cost": 0.1}
#: table 1 of Almgren and Chriss: a million shares at $50 in five days, 30 % a year, λ = 10⁻⁶
PAPER = Market(
    quantity=1e6,
    periods=5,
    horizon=5.0,
    volatility=0.95,
    permanent=2.5e-7,
    temporary=2.5e-6,
    spread=0.0625,
    risk_aversion=1e-6,
)


class TestQuadraticCost:
    def test_the_optimum_is_that_of_the_arithmetic(self):
        """a² + a = 12 gives a = 3, S = 1 + 12 + 3 = 16, m = 12/16, b = (3/4)/(1 − 27/40) = 30/13, 1 + 0.9 b = 40/13.

        So k = (40/13)/16 = 5/26, c = (40/13)²/(16 · 0.19), and ½ c · 0.19 = 1600/(169 · 32) = 50/169.
        """
        best = solve_quadratic_cost(**QUADRATIC)
        assert best.keep == pytest.approx(3 / 4, rel=1e-14)
        assert best.tilt == pytest.approx(5 / 26, rel=1e-14)
        assert best.value == pytest.approx(50 / 169, rel=1e-14)

    def test_greedy_earns_73_percent_of_it(self):
        """max over x of x p − ½ x² − 6 (x − y)² is at x = (p + 12 y)/13."""
        greedy = greedy_quadratic_cost(**QUADRATIC)
        assert (greedy.keep, greedy.tilt) == pytest.approx((12 / 13, 1 / 13), rel=1e-14)
        assert greedy.value / (50 / 169) == pytest.approx(0.73, abs=0.005)

    def test_value_iteration_on_matrices_finds_the_same_policy(self):
        """V(y, p) = (y, p) M (y, p)ᵀ; the step maximises over x, then averages over the next signal."""
        rho, variance, risk, cost = QUADRATIC.values()
        m = np.zeros((2, 2))
        for _ in range(2000):
            # the value of (x, y, p): x p − λx² − ψ(x − y)² + V(x, ρp + noise)
            xx, xy = -risk - cost + m[0, 0], cost
            xp, yy, pp = 0.5 + rho * m[0, 1], -cost, rho * rho * m[1, 1]
            gain = variance * m[1, 1]
            keep, tilt = -xy / xx, -xp / xx
            m = np.array([[yy - xy * xy / xx, -xy * xp / xx], [-xy * xp / xx, pp - xp * xp / xx]])
        best = solve_quadratic_cost(**QUADRATIC)
        assert (keep, tilt, gain) == pytest.approx((best.keep, best.tilt, best.value), rel=1e-12)

    @pytest.mark.parametrize("settings", [QUADRATIC, {**QUADRATIC, "persistence": -0.5, "cost": 0.3, "risk": 2.0}])
    def test_no_linear_policy_nearby_earns_more(self, settings):
        best = solve_quadratic_cost(**settings)
        assert value_of_linear(best.keep, best.tilt, **settings) == pytest.approx(best.value, rel=1e-12)
        for keep, tilt in ((0.01, 0), (-0.01, 0), (0, 0.01), (0, -0.01), (0.01, 0.01), (0.01, -0.01)):
            assert value_of_linear(best.keep + keep, best.tilt + tilt, **settings) < best.value

    def test_without_a_cost_of_trading_it_is_the_markowitz_position(self):
        """max of x p − λx² is p²/(4λ), and E[p²] = 0.19/(1 − 0.81) = 1."""
        best = solve_quadratic_cost(**{**QUADRATIC, "cost": 0.0})
        assert best == pytest.approx((0.0, 1.0, 0.5), rel=1e-14)


def grid_solution(persistence, sd, edge, cost, step, policy=None):
    """Return gain and first signal at which long turns short or short long, by value iteration over three positions.

    The signal is put on a grid with the Gaussian density as weights. `policy` gives actions [signal, held] to follow.
    """
    reach = 8.0 * sd / math.sqrt(1.0 - persistence**2)
    x = np.arange(-round(reach / step), round(reach / step) + 1) * step
    chain = np.exp(-0.5 * ((x[None, :] - persistence * x[:, None]) / sd) ** 2)
    chain /= chain.sum(axis=1, keepdims=True)
    positions = np.array([-1.0, 0.0, 1.0])
    reward = edge * x[:, None, None] * positions - cost * np.abs(positions - positions[:, None])
    value = np.zeros((len(x), 3))
    for _ in range(1000):
        action_value = reward + (chain @ value)[:, None, :]
        if policy is None:
            new = action_value.max(axis=2)
        else:
            new = np.take_along_axis(action_value, policy(x)[:, :, None], axis=2)[:, :, 0]
        change = new - value
        value = new - new[len(x) // 2, 1]
        if change.max() - change.min() < 1e-10:
            break
    else:
        raise AssertionError("value iteration has not converged")
    flips = action_value.argmax(axis=2)[:, 2 if edge < 0 else 0]
    positive = np.flatnonzero((x > 0) & (flips == (0 if edge < 0 else 2)))
    return change.mean(), x[positive[0]]


class TestSwitching:
    def test_the_figures_of_the_tasks(self):
        """0.12223 and 0.09012 per step are known from value iteration on a grid."""
        assert solve_switching(**OU).value == pytest.approx(0.12223, abs=1e-5)
        assert solve_switching(**AR1).value == pytest.approx(0.09012, abs=1e-5)
        assert greedy_switching(**OU).value == pytest.approx(0.0406, abs=2e-4)

    @pytest.mark.parametrize(("settings", "step"), [(OU, 0.025), (AR1, 0.01)])
    def test_value_iteration_over_three_positions_agrees(self, settings, step):
        """A grid finds the flip to one step, and the value to the square of it: the value is flat at the optimum."""
        value, flip = grid_solution(**settings, step=step)
        best = solve_switching(**settings)
        assert flip - step < best.threshold <= flip
        assert value == pytest.approx(best.value, abs=2e-6)

    def test_on_a_grid_of_a_twentieth_the_flip_is_at_1_55(self):
        _, flip = grid_solution(**OU, step=0.05)
        assert flip == pytest.approx(1.55, abs=1e-9)

    @pytest.mark.parametrize("threshold", [0.8, 3.0])
    def test_the_value_of_any_threshold_is_that_of_the_grid(self, threshold):
        """Between two grid points: the grid's chain trades from the next one on, the rule half a step earlier."""

        def policy(x):
            held = np.broadcast_to(np.arange(3), (len(x), 3))
            return np.where(np.abs(x)[:, None] >= threshold, np.where(x > 0, 0, 2)[:, None], held)

        value, _ = grid_solution(**OU, step=0.04, policy=policy)  # 0.8 and 3.0 are multiples: trades from 0.78, 2.98
        assert value_of_threshold(threshold - 0.02, **OU) == pytest.approx(value, abs=2e-4)

    @pytest.mark.parametrize("settings", [OU, AR1, {**OU, "persistence": 0.0, "edge": 1.0}])
    def test_every_other_threshold_earns_less(self, settings):
        best = solve_switching(**settings)
        values = [value_of_threshold(best.threshold * f, **settings) for f in (0.7, 0.9, 0.99, 1.0, 1.01, 1.1, 1.4)]
        assert values[3] == best.value
        assert all(a < b for a, b in pairwise(values[:4]))
        assert all(a > b for a, b in pairwise(values[3:]))

    def test_without_a_cost_it_is_the_mean_absolute_signal(self):
        """E|e X| = e σ √(2/π) for ρ = 0, at every threshold near 0; and trading twice a step is what a cost takes."""
        tiny = solve_switching(0.0, 2.0, 0.3, 1e-9)
        assert tiny.value == pytest.approx(0.6 * math.sqrt(2.0 / math.pi), rel=1e-8)

    def test_a_signal_without_memory_still_makes_the_trader_wait(self):
        """ρ = 0: d(X) = e X + m with m = 0 by symmetry, so the threshold is c/|e| = 0.5, the greedy one."""
        best = solve_switching(0.0, 1.0, 1.0, 0.5)
        assert best.threshold == pytest.approx(0.5, rel=1e-12)
        density = math.exp(-0.125) / math.sqrt(2.0 * math.pi)
        beyond = 0.5 * math.erfc(0.5 / math.sqrt(2.0))
        assert best.value == pytest.approx(2.0 * (density - 0.5 * beyond), rel=1e-12)  # 2 ∫ (x − ½) φ from ½


class TestAlmgrenChriss:
    def test_the_urgency_of_the_paper(self):
        """The paper gives κ ≈ 0.61 a day for its table 1 and λ = 10⁻⁶."""
        assert urgency(PAPER) == pytest.approx(0.61, abs=0.005)

    def test_the_closed_forms_of_the_paper_give_the_same_cost(self):
        """Equation (20): shortfall and variance of the optimal schedule, in hyperbolic functions."""
        k, t, tau, x = urgency(PAPER), PAPER.horizon, PAPER.period, PAPER.quantity
        eta = PAPER.temporary - 0.5 * PAPER.permanent * tau
        shortfall = 0.5 * PAPER.permanent * x**2 + PAPER.spread * x
        speed = (tau * math.sinh(2 * k * t) + 2 * t * math.sinh(k * tau)) / (2 * tau**2 * math.sinh(k * t) ** 2)
        shortfall += eta * x**2 * math.tanh(0.5 * k * tau) * speed
        variance = 0.5 * PAPER.volatility**2 * x**2
        variance *= tau * math.sinh(k * t) * math.cosh(k * (t - tau)) - t * math.sinh(k * tau)
        variance /= math.sinh(k * t) ** 2 * math.sinh(k * tau)
        expected = shortfall + PAPER.risk_aversion * variance
        assert objective(PAPER, optimal_schedule(PAPER)) == pytest.approx(expected, rel=1e-12)

    @pytest.mark.parametrize("periods", [1, 2, 5, 20])
    def test_backward_recursion_finds_the_same_schedule(self, periods):
        """What is left costs A_k x². Selling n of x costs E n² + B (x − n)², E = η̃/τ, B = λσ²τ + A_k.

        It is least at n = B x/(E + B), and is E B/(E + B) x² there. The last trade sells all: A = E before it.
        """
        market = Market(**{**PAPER.__dict__, "periods": periods})
        tau = 5.0 / periods
        e = (2.5e-6 - 0.5 * 2.5e-7 * tau) / tau
        fraction, a = [1.0], e
        for _ in range(periods - 1):
            b = 1e-6 * 0.95**2 * tau + a
            fraction.append(b / (e + b))
            a = e * b / (e + b)
        left = 1e6 * np.cumprod([1.0, *(1.0 - f for f in reversed(fraction))])
        assert optimal_schedule(market) == pytest.approx(left, rel=1e-9, abs=1e-6)
        assert objective(market, left) == pytest.approx(0.5 * 2.5e-7 * 1e12 + 62500.0 + a * 1e12, rel=1e-12)

    def test_who_does_not_mind_risk_sells_evenly(self):
        market = Market(**{**PAPER.__dict__, "risk_aversion": 0.0})
        assert optimal_schedule(market) == pytest.approx([1e6, 8e5, 6e5, 4e5, 2e5, 0.0])
        assert twap_schedule(market) == pytest.approx([1e6, 8e5, 6e5, 4e5, 2e5, 0.0])


class TestKelly:
    @pytest.mark.parametrize("probability", [0.6, 0.3, 0.5])
    def test_no_fraction_grows_faster(self, probability):
        found = minimize_scalar(lambda f: -growth(f, probability), bounds=(-0.99, 0.99), options={"xatol": 1e-10})
        assert kelly_fraction(probability) == pytest.approx(found.x, abs=1e-6)

    def test_a_coin_of_sixty_percent(self):
        """0.6 ln 1.2 + 0.4 ln 0.8 = 0.109393 − 0.089257 = 0.020136."""
        assert growth(kelly_fraction(0.6), 0.6) == pytest.approx(0.020136, abs=1e-6)

    @pytest.mark.parametrize("edge", [0.2, 0.6, 0.95])
    def test_the_mean_growth_over_contexts_is_the_integral(self, edge):
        def at(z):
            p = 0.5 * (1.0 + edge * z)
            return growth(kelly_fraction(p), p)

        expected, _ = quad(at, -1.0, 1.0)
        assert contextual_growth(edge) == pytest.approx(0.5 * expected, rel=1e-10)
