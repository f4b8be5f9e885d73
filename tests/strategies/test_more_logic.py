"""As `test_shipped_logic`, for the strategies that set targets: every fill is that of the rules in plain Python."""

import numpy as np
import pytest
from slow import CASH, SlowMarket
from slow_targets import (
    cross_sectional_momentum,
    equal_risk_weights,
    pairs_trading,
    risk_parity,
    rsi_reversion,
    time_series_momentum,
)
from test_shipped_logic import CREDIT, market

from backtester import Bars, run
from backtester.kernel.codes import Status
from strategies import CrossSectionalMomentum, PairsTrading, RiskParity, RsiReversion, TimeSeriesMomentum
from strategies.risk_parity import choose_members, equal_contributions

#: `exit` is 7: averages of fewer prices in whole cents can be equal to a price, but for rounding
CASES = [
    (RsiReversion(n=2, entry=20.0, trend=20), rsi_reversion, (2, 20.0, 20, 5, True)),
    (RsiReversion(n=3, entry=45.0, trend=25, exit=7, short=False), rsi_reversion, (3, 45.0, 25, 7, False)),
    (PairsTrading(window=15, entry=1.2, stop=2.0), pairs_trading, (15, 1.2, 0.0, 2.0)),
    (PairsTrading(window=30, entry=1.0, exit=0.5, stop=1.8), pairs_trading, (30, 1.0, 0.5, 1.8)),
    (TimeSeriesMomentum(lookback=1, center=15), time_series_momentum, (1, 0.4, 15, 261.0, 1.0, True)),
    (
        TimeSeriesMomentum(lookback=2, target=0.1, center=30, bars_per_year=250.0, leverage=3.0, short=False),
        time_series_momentum,
        (2, 0.1, 30, 250.0, 3.0, False),
    ),
    (CrossSectionalMomentum(lookback=2, skip=1, top=1), cross_sectional_momentum, (2, 1, 1, False)),
    (CrossSectionalMomentum(lookback=1, skip=0, top=2, short=True), cross_sectional_momentum, (1, 0, 2, True)),
    (RiskParity(window=20, band=0.01), risk_parity, (20, 0.01, True)),
    (RiskParity(window=10, band=0.0, equal_risk=False), risk_parity, (10, 0.0, False)),
]


def delisted(bars, a, t):
    """Return the bars without those of asset `a` from bar `t` on."""
    columns = [getattr(bars, name).copy() for name in ("open", "high", "low", "close")]
    for column in columns:
        column[t:, a] = np.nan
    return Bars.from_arrays(bars.timestamps, *columns, symbols=bars.symbols)


@pytest.mark.parametrize("kind", ["whole", "gaps", "delisted", "sample"])
@pytest.mark.parametrize(
    ("strategy", "rules", "settings"), CASES, ids=[f"{case[1].__name__}{case[2]}" for case in CASES]
)
def test_fills_of_a_made_market(strategy, rules, settings, kind):
    made = [market(seed, 300, n_assets, kind == "gaps") for seed, n_assets in ((1, 3), (2, 5))]
    if kind == "delisted":
        made = [delisted(bars, 1, 150) for bars in made]
    for bars in [Bars.sample("stocks").adjusted()[950:1250]] if kind == "sample" else made:  # GOOG begins with bar 1122
        result = run(strategy, bars, cash=CASH, account=CREDIT, mode="compiled")
        expected = SlowMarket(bars).play(rules(*settings))
        found = sorted(result.tables.fills[["bar", "asset", "quantity", "price"]].tolist())
        assert len(found) > 5
        assert [row[:2] for row in found] == [row[:2] for row in expected]
        np.testing.assert_allclose(np.array(found)[:, 2:], np.array(expected)[:, 2:], rtol=1e-7)
        assert not (result.tables.orders["status"] == Status.REJECTED).any()


@pytest.mark.parametrize("n", [1, 2, 5, 40])
def test_the_solver_makes_risk_contributions_equal(n):
    rng = np.random.default_rng(n)
    factors = rng.normal(size=(n, n + 3))
    covariance = np.ascontiguousarray(factors @ factors.T) * 1e-4
    x = 1.0 / np.sqrt(np.diag(covariance))
    equal_contributions(covariance, n, x)
    np.testing.assert_allclose(x * (covariance @ x), 1.0, rtol=1e-8)
    np.testing.assert_allclose(x / x.sum(), equal_risk_weights(covariance.tolist()), rtol=1e-8)


def test_equal_correlations_make_weights_of_inverse_volatility():
    """Maillard, Roncalli and Teïletche (2010), section 2.2: then w_i is in proportion to 1/σ_i."""
    sigma = np.array([0.1, 0.2, 0.4])
    covariance = np.outer(sigma, sigma) * (0.3 + 0.7 * np.eye(3))
    x = np.ones(3)
    equal_contributions(covariance, 3, x)
    np.testing.assert_allclose(x / x.sum(), [4 / 7, 2 / 7, 1 / 7], rtol=1e-9)


def test_a_negative_correlation_has_the_published_weights_of_two_assets():
    """Ibid.: for two assets the weights are (1/σ1, 1/σ2) scaled, whatever the correlation."""
    for correlation in (-0.9, 0.0, 0.9):
        covariance = np.array([[0.04, 0.02 * correlation], [0.02 * correlation, 0.01]])
        x = np.ones(2)
        equal_contributions(covariance, 2, x)
        np.testing.assert_allclose(x / x.sum(), [1 / 3, 2 / 3], rtol=1e-9)


def test_an_asset_takes_part_in_risk_parity_with_a_window_of_returns_that_differ():
    moves = np.full((12, 4), 0.01)
    moves[::2] = -0.01
    moves[:8, 1] = np.nan  # four of the last eight: as many as the window
    moves[:9, 2] = np.nan  # three
    moves[:, 3] = 0.01  # a price that does not move, or does so like clockwork, has no variance to divide by
    members = np.zeros(4, np.int64)
    assert choose_members(moves, 4, members) == 2
    assert members[:2].tolist() == [0, 1]
