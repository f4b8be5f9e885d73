"""Simulated bars follow their process; tolerances are five standard errors, from the formulas beside them."""

import math
import subprocess
import sys

import numpy as np
import pytest

from backtester.bars import Bars
from backtester.bars.panel import YEAR_NS
from backtester.bars.processes import PROCESSES
from backtester.errors import DataError

DAY = 86_400_000_000_000
WEEKDAY = DAY * 7 / 5 / YEAR_NS  #: a weekday bar in years
N = 20_000


def log_returns(bars, price=100.0):
    """Return close-to-close log returns, the first one from the starting price."""
    return np.diff(np.log(np.vstack([np.full((1, bars.n_assets), price), bars.close])), axis=0)


def within(value, expected, error):
    """Assert that a statistic is within five standard errors (one failure in 1.7 million runs)."""
    assert abs(value - expected) < 5 * error, f"{value} is not {expected} ± {5 * error}"


@pytest.mark.parametrize("process", PROCESSES)
class TestEveryProcess:
    def test_bars_keep_every_rule_and_are_positive(self, process):
        bars = Bars.simulate(process, n_bars=3000, n_assets=2, seed=5)
        assert (bars.low <= np.minimum(bars.open, bars.close)).all()
        assert (bars.high >= np.maximum(bars.open, bars.close)).all()
        assert (bars.low > 0).all()
        assert (bars.volume >= 1).all()
        assert (bars.volume == np.rint(bars.volume)).all()
        assert (bars.high > bars.low).all()

    def test_the_same_arguments_give_the_same_bars_and_other_seeds_others(self, process):
        a, b, c = (Bars.simulate(process, n_bars=300, n_assets=2, seed=s).content_hash for s in (1, 1, 2))
        assert a == b != c

    def test_bars_gap_between_close_and_open(self, process):
        bars = Bars.simulate(process, n_bars=500, seed=3)
        assert (bars.open[1:] != bars.close[:-1]).all()
        flat = Bars.simulate(process, n_bars=500, seed=3, gap=0.0)
        np.testing.assert_allclose(flat.open[1:], flat.close[:-1], rtol=1e-12)

    def test_no_global_state_is_read_or_changed(self, process):
        np.random.seed(7)  # noqa: NPY002
        before = np.random.get_state()[1].copy()  # noqa: NPY002
        first = Bars.simulate(process, n_bars=100, seed=1)
        assert (np.random.get_state()[1] == before).all()  # noqa: NPY002
        np.random.seed(8)  # noqa: NPY002
        assert Bars.simulate(process, n_bars=100, seed=1) == first


def test_another_process_gives_the_same_bytes():
    code = (
        "from backtester.bars import Bars; print(Bars.simulate('heston', n_bars=200, seed=1, n_assets=2).content_hash)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert out == Bars.simulate("heston", n_bars=200, seed=1, n_assets=2).content_hash


def test_gbm_returns_have_the_mean_and_deviation_of_the_formula():
    mu, sigma = 0.3, 0.4
    r = log_returns(Bars.simulate("gbm", n_bars=N, seed=1, mu=mu, sigma=sigma))[:, 0]
    sd = sigma * math.sqrt(WEEKDAY)
    within(r.mean(), (mu - sigma**2 / 2) * WEEKDAY, sd / math.sqrt(N))
    within(r.std(), sd, sd / math.sqrt(2 * N))  # of a normal sample
    within(np.corrcoef(r[1:], r[:-1])[0, 1], 0.0, 1 / math.sqrt(N))


def test_the_gap_has_its_share_of_the_variance():
    bars = Bars.simulate("gbm", n_bars=N, seed=1, gap=0.3, sigma=0.4)
    gaps = np.log(bars.open[1:, 0] / bars.close[:-1, 0])
    inside = np.log(bars.close[:, 0] / bars.open[:, 0])
    variance = 0.4**2 * WEEKDAY
    within(gaps.var(), 0.3 * variance, 0.3 * variance * math.sqrt(2 / N))
    within(inside.var(), 0.7 * variance, 0.7 * variance * math.sqrt(2 / N))
    within(np.corrcoef(gaps, inside[1:])[0, 1], 0.0, 1 / math.sqrt(N))


def test_the_range_approaches_that_of_a_brownian_path():
    # E[range of Brownian motion over T] = √(8T/π) (Feller 1951); observed at n steps each end is short by
    # 0.5826·√(T/n) (Broadie, Glasserman and Kou 1997)
    steps, sigma = 64, 0.4
    bars = Bars.simulate("gbm", n_bars=N, seed=1, gap=0.0, sigma=sigma, steps_per_bar=steps)
    scale = sigma * math.sqrt(WEEKDAY)
    ranges = np.log(bars.high / bars.low)[:, 0] / scale
    expected = math.sqrt(8 / math.pi) - 2 * 0.5826 / math.sqrt(steps)
    within(ranges.mean(), expected, ranges.std() / math.sqrt(N) + 0.001)


@pytest.mark.parametrize("phi", [-0.4, 0.0, 0.3, 0.9])
def test_ar1_returns_have_the_autocorrelation_and_deviation_asked_for(phi):
    sigma = 0.2
    r = log_returns(Bars.simulate("ar1", n_bars=N, seed=2, phi=phi, sigma=sigma, mu=sigma**2 / 2))[:, 0]
    # Bartlett: the first sample autocorrelation of an AR(1) has variance (1 − φ²)/n
    within(np.corrcoef(r[1:], r[:-1])[0, 1], phi, math.sqrt((1 - phi**2) / N) + 1 / N)
    # the sample variance of an AR(1) has relative variance 2/n·(1 + φ²)/(1 − φ²)
    within(r.var() / (sigma**2 * WEEKDAY), 1.0, math.sqrt(2 / N * (1 + phi**2) / (1 - phi**2)) + 1e-3)


def test_ou_prices_have_the_stationary_law_and_decay():
    kappa, sigma, theta = 20.0, 30.0, 100.0
    x = Bars.simulate("ou", n_bars=N, seed=3, kappa=kappa, sigma=sigma, theta=theta).close[:, 0]
    decay = math.exp(-kappa * WEEKDAY)
    variance = sigma**2 / (2 * kappa)
    within(x.mean(), theta, math.sqrt(variance / N * (1 + decay) / (1 - decay)))
    within(x.var() / variance, 1.0, math.sqrt(2 / N * (1 + decay**2) / (1 - decay**2)))
    within(np.corrcoef(x[1:], x[:-1])[0, 1], decay, math.sqrt((1 - decay**2) / N) + 3 / N)


def test_ou_starts_where_asked_and_returns_to_its_mean():
    x = Bars.simulate("ou", n_bars=400, n_assets=500, seed=4, price=110.0, theta=100.0, kappa=10.0, sigma=5.0).close
    for t in (0, 20, 100):
        expected = 100 + 10 * math.exp(-10 * WEEKDAY * (t + 1))
        within(x[t].mean(), expected, x[t].std() / math.sqrt(500))


def test_prices_at_or_below_zero_are_refused_unless_asked_for():
    wild = {"n_bars": 500, "seed": 1, "sigma": 400.0}
    with pytest.raises(DataError, match=r"ou: bar \d+ of asset 0 has low = -?\d.*allow_negative=True"):
        Bars.simulate("ou", **wild)
    bars = Bars.simulate("ou", **wild, allow_negative=True)
    assert bars.allow_negative
    assert bars.low.min() < 0


def test_heston_variance_has_the_stationary_law_and_the_leverage_effect():
    kappa, theta, xi, rho = 6.0, 0.05, 0.4, -0.8
    bars = Bars.simulate(
        "heston", n_bars=N, n_assets=20, seed=5, kappa=kappa, theta=theta, xi=xi, rho=rho, mu=0.0, state=True
    )
    v = bars["variance"][500:]
    own = v.mean(axis=0)
    within(own.mean(), theta, own.std() / math.sqrt(20))
    # Var[v] = ξ²·θ/(2κ) in continuous time (CIR); the Euler step 1/(1 − κΔ/2) larger
    spread = v.var(axis=0)
    within(spread.mean(), xi**2 * theta / (2 * kappa) / (1 - kappa * WEEKDAY / 2), spread.std() / math.sqrt(20))
    r = log_returns(bars)
    shocks = (r - (0.0 - bars["variance"] / 2) * WEEKDAY)[:-1]
    change = np.diff(bars["variance"], axis=0)
    scaled = np.sqrt(bars["variance"][:-1] * WEEKDAY)
    pull = kappa * (theta - bars["variance"][:-1]) * WEEKDAY
    inside = (bars["variance"][1:] > 0) & (scaled > 0)
    e1, e2 = (shocks[inside] / scaled[inside]), ((change - pull)[inside] / (xi * scaled[inside]))
    within(np.corrcoef(e1, e2)[0, 1], rho, (1 - rho**2) / math.sqrt(e1.size) + 2e-3)


def test_jump_returns_have_the_moments_of_merton():
    lam, m, s, sigma, mu = 40.0, -0.03, 0.05, 0.15, 0.1
    bars = Bars.simulate("jump", n_bars=60_000, seed=6, intensity=lam, jump_mean=m, jump_sd=s, sigma=sigma, mu=mu)
    r, n = log_returns(bars)[:, 0], 60_000
    k = math.exp(m + s * s / 2) - 1
    rate = lam * WEEKDAY
    mean = (mu - sigma**2 / 2 - lam * k) * WEEKDAY + rate * m
    variance = sigma**2 * WEEKDAY + rate * (m * m + s * s)
    # cumulants of a compound Poisson sum: λ·E[J^k]
    third = rate * (m**3 + 3 * m * s * s)
    fourth = rate * (m**4 + 6 * m * m * s * s + 3 * s**4)
    within(r.mean(), mean, math.sqrt(variance / n))
    within(r.var(), variance, math.sqrt((fourth + 2 * variance**2) / n))
    assert ((r - r.mean()) ** 3).mean() == pytest.approx(third, rel=0.15)


def test_a_jump_happens_at_one_moment():
    compensation = 5000.0 * math.expm1(0.05**2 / 2)  # λ·k, so that there is no drift against the jumps
    bars = Bars.simulate(
        "jump",
        n_bars=5000,
        seed=6,
        sigma=1e-6,
        intensity=5000.0,
        jump_mean=0.0,
        jump_sd=0.05,
        gap=0.25,
        mu=compensation,
    )
    before = np.append(100.0, bars.close[:-1, 0])
    move, gap = np.log(bars.close[:, 0] / before), np.log(bars.open[:, 0] / before)
    jumped = np.abs(move) > 1e-3
    share = np.abs(gap[jumped]) / np.abs(move[jumped])
    assert ((share < 0.05) | (share > 0.95)).all()  # all of it before the open, or none
    within((share > 0.5).mean(), 0.25, math.sqrt(0.25 * 0.75 / jumped.sum()))
    # with a path that is flat but for the jump, the range is the jump
    np.testing.assert_allclose(
        np.log(bars.high / bars.low)[jumped, 0][share < 0.5], np.abs(move[jumped][share < 0.5]), rtol=0.05
    )


def test_regimes_have_their_law_and_their_volatility():
    stay = (0.98, 0.94)
    bars = Bars.simulate(
        "regime",
        n_bars=60_000,
        n_assets=2,
        seed=7,
        mu=(0.0, 0.0),
        sigma=(0.1, 0.4),
        transition=((stay[0], 1 - stay[0]), (1 - stay[1], stay[1])),
        state=True,
    )
    state = bars["regime"][:, 0]
    assert (bars["regime"][:, 1] == state).all()
    # π₁ = (1 − p₀₀)/((1 − p₀₀) + (1 − p₁₁)) = 0.02/0.08; autocorrelation of the state λ = p₀₀ + p₁₁ − 1
    pi, lam = 0.25, sum(stay) - 1
    within(state.mean(), pi, math.sqrt(pi * (1 - pi) / 60_000 * (1 + lam) / (1 - lam)))
    r = log_returns(bars)[:, 0]
    for number, sigma in enumerate((0.1, 0.4)):
        part = r[state == number]
        sd = sigma * math.sqrt(WEEKDAY)
        within(part.std(), sd, sd / math.sqrt(2 * part.size))
    after = state[1:][state[:-1] == 0]
    within((after == 0).mean(), stay[0], math.sqrt(stay[0] * (1 - stay[0]) / after.size))


@pytest.mark.parametrize("process", ["gbm", "ar1"])
def test_assets_are_correlated_as_asked(process):
    matrix = np.array([[1.0, 0.8, -0.3], [0.8, 1.0, 0.0], [-0.3, 0.0, 1.0]])
    bars = Bars.simulate(process, n_bars=N, n_assets=3, seed=8, correlation=matrix)
    got = np.corrcoef(log_returns(bars).T)
    for i in range(3):
        for j in range(i):
            rho = matrix[i, j]
            within(got[i, j], rho, (1 - rho**2) / math.sqrt(N))
    gaps = np.log(bars.open[1:] / bars.close[:-1])
    within(np.corrcoef(gaps.T)[1, 0], 0.8, (1 - 0.64) / math.sqrt(N))


def test_the_price_shocks_of_heston_are_correlated_as_asked():
    bars = Bars.simulate("heston", n_bars=N, n_assets=2, seed=8, correlation=0.8, mu=0.05, state=True)
    v = bars["variance"]
    known = (v > 1e-6).all(axis=1)
    shocks = ((log_returns(bars) - (0.05 - v / 2) * WEEKDAY)[known]) / np.sqrt(v[known] * WEEKDAY)
    within(np.corrcoef(shocks.T)[1, 0], 0.8, (1 - 0.64) / math.sqrt(known.sum()))


def test_one_number_correlates_every_pair():
    got = np.corrcoef(log_returns(Bars.simulate("gbm", n_bars=N, n_assets=3, seed=9, correlation=0.5)).T)
    for i, j in ((0, 1), (0, 2), (1, 2)):
        within(got[i, j], 0.5, 0.75 / math.sqrt(N))


def test_parameters_can_differ_by_asset():
    bars = Bars.simulate("gbm", n_bars=N, n_assets=2, seed=1, sigma=[0.1, 0.5], price=[10.0, 1000.0], volume=[1e3, 1e7])
    sd = log_returns(bars, np.array([10.0, 1000.0])).std(axis=0) / math.sqrt(WEEKDAY)
    within(sd[0], 0.1, 0.1 / math.sqrt(2 * N))
    within(sd[1], 0.5, 0.5 / math.sqrt(2 * N))
    # a lognormal with log deviation ½ has relative deviation √(e^¼ − 1)
    for a, mean in enumerate((1e3, 1e7)):
        within(bars.volume[:, a].mean(), mean, mean * math.sqrt(math.exp(0.25) - 1) / math.sqrt(N))


class TestClock:
    def test_daily_bars_are_weekdays_that_close_when_the_day_ends(self):
        bars = Bars.simulate("gbm", n_bars=261, seed=1, start="2000-01-03")
        days = bars.sessions.view("M8[D]")
        assert str(days[0]) == "2000-01-03"
        assert np.is_busday(days).all()
        assert (bars.timestamps == (bars.sessions + 1) * DAY).all()
        assert str(days[5]) == "2000-01-10"
        assert bars.periods_per_year == pytest.approx(365.25 * 5 / 7, rel=0.01)

    def test_minutes_follow_each_other(self):
        bars = Bars.simulate("gbm", n_bars=3000, seed=1, freq="1min", start="2000-01-03 09:30")
        assert str(bars.index[0]) == "2000-01-03 09:31:00+00:00"
        assert (np.diff(bars.timestamps) == 60_000_000_000).all()
        r = log_returns(bars)[:, 0]
        sd = 0.2 * math.sqrt(60_000_000_000 / YEAR_NS)
        within(r.std(), sd, sd / math.sqrt(2 * 3000))

    def test_other_lengths(self):
        week = Bars.simulate("gbm", n_bars=5, seed=1, freq="1W")
        assert (np.diff(week.timestamps) == 7 * DAY).all()
        daily = Bars.simulate("gbm", n_bars=10, seed=1, calendar="continuous")
        assert (np.diff(daily.timestamps) == DAY).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"process": "gmb"}, "no process 'gmb'; did you mean 'gbm'"),
        ({"sgma": 0.2}, "gbm has no parameter 'sgma'; did you mean 'sigma'"),
        ({"n_bars": 1}, "n_bars = 1"),
        ({"n_bars": 2.5}, "n_bars = 2.5"),
        ({"n_assets": 0}, "n_assets = 0"),
        ({"seed": None}, "seed = None"),
        ({"gap": 1.0}, "gap = 1.0"),
        ({"steps_per_bar": 0}, "steps_per_bar"),
        ({"sigma": 0.0}, "sigma = 0.0 must be finite and above 0"),
        ({"sigma": float("nan")}, "sigma = nan"),
        ({"mu": float("inf")}, "mu = inf must be finite"),
        ({"sigma": [0.1, 0.2]}, "sigma has shape"),
        ({"sigma": "high"}, "sigma = 'high'"),
        ({"price": -1.0}, "price = -1.0"),
        ({"volume": 0}, "volume = 0"),
        ({"process": "ar1", "phi": 1.0}, "phi = 1.0 must be finite and above -1 and below 1"),
        ({"process": "jump", "jump_sd": -1.0}, "at least 0"),
        ({"process": "regime", "transition": ((0.5, 0.6), (0.5, 0.5))}, "sum to 1"),
        ({"process": "regime", "mu": (0.1, 0.2, 0.3)}, "2 regimes"),
        ({"process": "regime", "sigma": (0.1, 0.0)}, "every regime"),
        ({"n_assets": 2, "correlation": [[1.0]]}, "correlation has shape"),
        ({"n_assets": 2, "correlation": [[1.0, 0.5], [0.4, 1.0]]}, "symmetric"),
        ({"n_assets": 3, "correlation": -0.9}, "not positive definite"),
        ({"start": "soon"}, "start = 'soon'"),
        ({"freq": "1ME"}, "one length"),
        ({"freq": "1h", "calendar": "weekdays"}, "for freq = '1D'"),
        ({"calendar": "nyse"}, "calendar = 'nyse'"),
        ({"freq": "1W", "n_bars": 20_000}, "2261"),
    ],
)
def test_what_cannot_be_simulated_is_refused(options, message):
    with pytest.raises(DataError, match=message):
        Bars.simulate(**{"process": "gbm", "n_bars": 10, "seed": 1, **options})
