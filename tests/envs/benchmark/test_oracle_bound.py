"""The hindsight oracle: its orders give its equity in the engine, no enumeration beats it, and no strategy does."""

from __future__ import annotations

import numpy as np
import pytest

from backtester import Account, Bars, Costs, Execution, Strategy, run
from backtester.errors import BacktesterError
from envs.benchmark.draws import uniforms
from envs.benchmark.oracle import hindsight
from strategies.buy_and_hold import BuyAndHold
from strategies.sma_cross import SmaCross

DAY = 86_400 * 10**9
CASH = 1_000.0


def bars_of(opens, closes, volume=1e6):
    opens, closes = np.asarray(opens, float), np.asarray(closes, float)
    return Bars.from_arrays(
        timestamps=(np.arange(len(opens)) + 18_000) * DAY,
        open=opens,
        high=np.maximum(opens, closes) * 1.001,
        low=np.minimum(opens, closes) * 0.999,
        close=closes,
        volume=np.full(len(opens), volume) if np.isscalar(volume) else volume,
        symbols=["A"],
    )


def random_bars(seed, n, volatility=0.03):
    moves = (uniforms(seed, 2 * n) - 0.5) * 2 * volatility * np.sqrt(3)
    path = 100.0 * np.exp(np.cumsum(moves))
    return bars_of(path[0::2], path[1::2])


COSTS = {
    "none": Costs(),
    "commission": Costs(commission=0.002),
    "spread": Costs(commission=0.001, spread=0.004, slippage=0.0005),
    "per unit": Costs(commission=0.001, commission_per_unit=0.05),
    "carry": Costs(commission=0.001, borrow_rate=0.5, cash_rate=0.3, debit_rate=0.3),
}
ACCOUNTS = {"cash": Account(), "leverage": Account(leverage=3.0), "long only": Account(allow_short=False)}


@pytest.mark.parametrize("costs", COSTS)
@pytest.mark.parametrize("account", ACCOUNTS)
@pytest.mark.parametrize("late", [1, 2])
def test_its_orders_make_its_equity_in_the_engine(costs, account, late):
    # The first decision of a strategy is at bar 1 (rule 4), so the oracle begins there, with a day's interest earned.
    settings = {
        "costs": COSTS[costs],
        "account": ACCOUNTS[account],
        "execution": Execution(latency_bars=late - 1),
    }
    bars = random_bars(3, 120)
    oracle = hindsight(bars, cash=CASH * (1.0 + COSTS[costs].cash_rate / 365.0), start=1, **settings)
    assert len(np.flatnonzero(oracle.quantities)) > 10
    shifted = np.concatenate([[0.0], oracle.quantities])
    result = replay_of(shifted, bars, late, settings)
    np.testing.assert_allclose(result.equity.to_numpy()[1:], oracle.equity, rtol=1e-9)
    assert set(result.orders["status"]) == {"filled"}


def replay_of(quantities, bars, late, settings):
    class Given(Strategy):
        warmup = 0

        def prepare(self, bars):
            ahead = np.zeros((bars.n_bars, 1))
            ahead[: bars.n_bars - late, 0] = quantities[late:]
            self.ahead = ahead

        def on_bar(self, ctx):
            if self.ahead[-1, 0] != 0.0:
                ctx.order(0, self.ahead[-1, 0])

    return run(Given(), bars, cash=CASH, mode="interpreted", **settings)


def test_the_close_phase_too():
    bars = random_bars(4, 80)
    settings = {"costs": COSTS["spread"], "account": Account(), "execution": Execution(fill_at="close")}
    oracle = hindsight(bars, cash=CASH, start=1, **settings)

    class Given(Strategy):
        warmup = 0

        def prepare(self, bars):
            self.now = np.concatenate([[0.0], oracle.quantities])[:, None]

        def on_bar(self, ctx):
            if self.now[-1, 0] != 0.0:
                ctx.order(0, self.now[-1, 0])

    result = run(Given(), bars, cash=CASH, mode="interpreted", **settings)
    np.testing.assert_allclose(result.equity.to_numpy()[1:], oracle.equity, rtol=1e-9)


def enumerate_best(bars, commission, half, leverage, fractions):
    """Return the most final equity over all ways to hold, or to go to a fraction of what rule 11 allows."""
    cash, x = np.array([CASH]), np.array([0.0])  # [n_paths], six times as many after each open
    for p in bars.open[1:, 0]:
        equity = cash + x * p
        after = [(cash, x)]
        for fraction in fractions:
            # |x'|·p = |fraction|·L·E', E' = E − cost of the trade: solved by stepping, as the cost is a few per mille
            wanted = np.zeros(len(x))
            for _ in range(60):
                q = wanted - x
                paid = abs(q) * p * (half + commission * (1.0 + half * np.sign(q)))
                wanted = fraction * leverage * (equity - paid) / p
            q = wanted - x
            paid = abs(q) * p * (half + commission * (1.0 + half * np.sign(q)))
            after.append((cash - q * p - paid, wanted))
        cash, x = (np.concatenate(part) for part in zip(*after, strict=True))
    return (cash + x * bars.close[-1, 0]).max()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("commission", "half"), [(0.0, 0.0), (0.004, 0.003), (0.02, 0.0)])
@pytest.mark.parametrize("leverage", [1.0, 2.0])
def test_no_enumeration_of_paths_beats_it_and_one_reaches_it(seed, commission, half, leverage):
    bars = random_bars(20 + seed, 6)  # five opens
    costs = Costs(commission=commission, slippage=half)
    oracle = hindsight(bars, cash=CASH, costs=costs, account=Account(leverage=leverage))
    best = enumerate_best(bars, commission, half, leverage, (0.0, 1.0, -1.0, 0.5, -0.5))
    assert oracle.equity[-1] >= best * (1.0 - 1e-9)
    assert oracle.equity[-1] == pytest.approx(best, rel=1e-9)


def test_by_hand():
    # Opens 100, 100, 110, 88, 88; closes beside them. All in at 100 with 1000 and 1 % commission: 1000/101 units,
    # sold at 110 for 110·0.99: 1000/101·108.9 = 1078.2178; short there to the limit: u = 1.1, q = E/(110 + 1.1)
    # = 9.70493, cash E + q·108.9; bought back at 88 for 88·1.01 = 88.88: E + q·(108.9 − 88.88) = 1272.5107.
    bars = bars_of([100, 100, 110, 88, 88], [100, 100, 110, 88, 88])
    oracle = hindsight(bars, cash=1_000.0, costs=Costs(commission=0.01))
    first = 1_000 / 101 * 108.9
    # the last leg is held to the end, where it is marked without a commission: 88 instead of 88.88
    assert oracle.equity[-1] == pytest.approx(first + first / 111.1 * (108.9 - 88.0), rel=1e-12)
    assert oracle.position.tolist() == pytest.approx([0, 1_000 / 101, -first / 111.1, -first / 111.1, -first / 111.1])
    assert oracle.log_growth == pytest.approx(np.log(oracle.equity[-1] / 1_000))


def test_a_short_that_drifts_may_stay():
    # Down 20 %, up 1 %, down 20 %, with 5 % commission: nothing is worth a trade in between but to stay short. Kept at
    # an exposure of −1 by trades that cost nothing, it would earn other amounts than the one short that was sold.
    closes = [100.0, 100.0, 80.0, 80.8, 64.64]
    oracle = hindsight(bars_of(closes, closes), cash=CASH, costs=Costs(commission=0.05))
    units = CASH / (100.0 + 5.0)  # u = 5 a unit, at the first open (100)
    topped = oracle.position[-1]
    assert oracle.position[1] == pytest.approx(-units)
    assert topped <= -units  # it may have filled up, never bought back
    assert oracle.equity[-1] >= CASH - 5.0 * units + units * (100.0 - 64.64) - 1e-9


@pytest.mark.parametrize("sample", ["sp500", "googl"])
@pytest.mark.parametrize("costs", ["none", "spread"])
@pytest.mark.parametrize("strategy", [BuyAndHold(), SmaCross(), SmaCross(fast=2, slow=5)])
def test_no_strategy_beats_it_on_real_data(sample, costs, strategy):
    bars = Bars.sample(sample)[:1500]
    if bars.n_assets > 1:
        bars = bars.select(bars.symbols[0])
    bound = hindsight(bars, cash=CASH, costs=COSTS[costs])
    result = run(strategy, bars, cash=CASH, costs=COSTS[costs])
    assert result.equity.iloc[-1] <= bound.equity[-1]


class Coin(Strategy):
    """Target an exposure at random, as a discrete environment does: an order where it changes."""

    warmup = 0
    late: int = 0

    def prepare(self, bars):
        self.last = 9.0

    def on_bar(self, ctx):
        draw = ctx.random()
        wanted = -1.0 if draw < 0.1 else 0.0 if draw < 0.2 else 1.0 if draw < 0.3 else self.last
        if wanted != self.last and wanted != 9.0:
            ctx.order_target_percent(0, wanted)
            self.last = wanted


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("costs", ["none", "commission", "carry"])
def test_no_random_policy_beats_it_on_short_stretches(seed, costs):
    # Short and calm, so that luck comes near the bound; every start of the range is a bound of its own.
    bars = random_bars(50 + seed, 14, volatility=0.01)
    cash = CASH * (1.0 + COSTS[costs].cash_rate / 365.0)
    bound = hindsight(bars, cash=cash, costs=COSTS[costs], start=1).equity[-1]
    finals = [
        run(Coin(), bars, cash=CASH, costs=COSTS[costs], seed=s, mode="interpreted").equity.iloc[-1] for s in range(40)
    ]
    assert max(finals) <= bound * (1.0 + 1e-9)


def test_gaps_and_bars_without_volume_take_no_trade():
    closes = np.array([100.0, 100.0, 120.0, 90.0, 130.0])
    volume = np.array([1.0, 0.0, 1.0, 1.0, 1.0])
    without = hindsight(bars_of(closes, closes, volume), cash=CASH)
    # nothing fills at bar 1: short from bar 2 (120) to bar 3 (90), long from there (90) to 130
    assert without.equity[-1] == pytest.approx(CASH * (1 + 30 / 120) * 130 / 90)
    assert without.position[1] == 0.0


def test_no_short_sales_where_none_are_allowed():
    closes = [100.0, 100.0, 80.0, 60.0]
    bars = bars_of(closes, closes)
    assert hindsight(bars, cash=CASH, short=False).equity.tolist() == [CASH] * 4
    assert hindsight(bars, cash=CASH, account=Account(allow_short=False), short=True).equity[-1] == CASH
    assert hindsight(bars, cash=CASH).equity[-1] > CASH


def test_more_costs_and_more_delay_never_help():
    bars = Bars.sample("sp500")[:400]
    growth = [
        hindsight(bars, costs=Costs(commission=c), execution=Execution(latency_bars=late)).log_growth
        for c, late in ((0.0, 0), (0.001, 0), (0.002, 0), (0.01, 0), (0.01, 1))
    ]
    assert growth == sorted(growth, reverse=True)
    assert growth[-1] > 0.0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"costs": Costs(commission=lambda price, quantity: 1.0)}, "is a function"),
        ({"start": 3, "end": 3}, "there must be two or more"),
        ({"end": 99}, "bars 0 to 99 of 14"),
        ({"cash": 0.0}, "must be above 0"),
    ],
)
def test_what_it_cannot_do_is_said(change, said):
    with pytest.raises(BacktesterError, match=said):
        hindsight(random_bars(1, 14), **change)


def test_several_assets_and_events_are_refused():
    stocks = Bars.sample("stocks")
    with pytest.raises(BacktesterError, match=r"bars\.select"):
        hindsight(stocks)
    with pytest.raises(BacktesterError, match="events"):
        hindsight(stocks.select("AAPL"))
