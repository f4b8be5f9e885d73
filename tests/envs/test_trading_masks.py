"""Which actions are possible: what the mask forbids does nothing, and what it allows does something."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from trading_cases import COSTS, MARKETS, ORDERS, abroad, events, played, priced, single, vector, walk

from backtester import Account, Instrument

WAIT, BUY, SELL, BUY_LIMIT, SELL_LIMIT, CLOSE = range(6)


def masks(env):
    return env.unwrapped.action_masks()


def exposures_allowed(account, exposures, bars=None, n_assets=1, start=2):
    """Return the mask of an account that has just begun, [n_assets, exposures]."""
    env = single(bars=walk(60, n_assets) if bars is None else bars, account=account, exposures=exposures)
    env.reset(seed=0, options={"start": start})
    return masks(env).reshape(-1, len(exposures)).tolist()


def test_an_exposure_needs_leverage_and_the_right_to_be_short():
    five = (-2.0, -1.0, 0.0, 1.0, 2.0)
    assert exposures_allowed(Account(), five) == [[False, True, True, True, False]]
    assert exposures_allowed(Account(leverage=2.0), five) == [[True] * 5]
    assert exposures_allowed(Account(leverage=2.0, allow_short=False), five) == [[False, False, True, True, True]]


def test_a_share_of_equity_among_several_assets_is_judged_by_itself():
    """Of three assets each gets a third of its number: 3 is all of equity, which one asset may have."""
    assert exposures_allowed(Account(), (0.0, 1.0, 3.0, 3.3), n_assets=3) == [[True, True, True, False]] * 3


def test_limits_of_the_account_count():
    three = (0.0, 0.4, 0.8)
    assert exposures_allowed(Account(max_exposure=0.5), three) == [[True, True, False]]
    assert exposures_allowed(Account(max_gross=0.5), three) == [[True, True, False]]


def test_margin_is_what_leverage_is_measured_by():
    """A margin of 8 % lets an asset be 12.5 times equity; three assets share equity, so that 15 stands for 5."""
    bars, account = abroad()
    assert exposures_allowed(account, (0.0, 15.0, 40.0), bars=bars) == [
        [True, True, False],
        [True, False, False],
        [True, False, False],
    ]
    env = single(bars=bars, account=account, exposures=(0.0, 15.0, 40.0), record=True)
    env.reset(seed=0, options={"start": 5})
    env.step([1, 0, 0])
    future = env.step([1, 0, 0])[4]["position"][0] * 10.0 * bars.close[6, 0] * bars.close[6, 2]
    assert future > 4.5 * 100_000.0


def test_where_no_exposure_is_possible_the_nearest_to_zero_is():
    assert exposures_allowed(Account(allow_short=False), (-2.0, -1.0)) == [[False, True]]
    assert exposures_allowed(Account(), (-3.0, 2.0)) == [[False, True]]


def test_an_asset_without_a_price_or_no_longer_listed_can_only_be_left_alone():
    nan = (np.nan, np.nan)
    rows = [(*nan, 10.0, 10.0)] * 3 + [(20.0, 20.0, 10.0, 10.0)] * 3
    bars = priced(*rows, symbols=("LATE", "ACME"))
    env = single(bars=bars, features=np.zeros((6, 1, 1)).repeat(2, axis=1), window=1)
    env.reset(seed=0, options={"start": 1})
    assert masks(env).reshape(2, 3).tolist() == [[False, True, False], [True] * 3]
    env.step([1, 1]), env.step([1, 1])
    assert masks(env).tolist() == [True] * 6
    gone = single(bars=events())  # the second asset is delisted at bar 180
    for start, listed in ((178, True), (180, False), (200, False)):
        gone.reset(seed=0, options={"start": start})
        assert masks(gone).reshape(2, 3).tolist() == [[True] * 3, [listed, True, listed]]


def test_an_asset_whose_currency_has_no_rate_yet_waits_and_is_bought_when_it_has():
    """The euro is first quoted in bar 3; the exposure chosen in bar 1, and not changed since, is ordered then."""
    nan = (np.nan, np.nan)
    rows = [(100, 100, *nan), (100, 100, *nan), (100, 100, *nan)] + [(100, 100, 1.1, 1.1)] * 4
    bars = priced(*rows, symbols=("SAP", "EURUSD"))
    account = Account(currency="USD", instruments=[Instrument("SAP", currency="EUR")], fx={"EUR": "EURUSD"})
    env = single(bars=bars, account=account, features=np.zeros((7, 2, 1)), window=1, exposures=(0.0, 1.0), record=True)
    env.reset(seed=0, options={"start": 1})
    assert masks(env).reshape(2, 2).tolist() == [[True, False], [True, False]]
    positions = [env.step([1, 0])[4]["position"][0] for _ in range(4)]
    assert positions[:2] == [0.0, 0.0]
    assert positions[2] == pytest.approx(50_000.0 / 110.0)  # half of equity, at 100 · 1.1 dollars
    assert set(env.unwrapped.result().orders.status) == {"filled"}


def test_orders_need_a_flat_asset_and_closing_needs_something_to_close():
    """A bid far away waits with its two legs until it is closed."""
    bars = priced(*[(100, 100)] * 8)
    env = single(bars=bars, actions="orders", limit_offset=0.5, window=1)
    env.reset(seed=0, options={"start": 2})
    free, busy = [True] * 5 + [False], [True] + [False] * 4 + [True]
    found = [masks(env).tolist()]
    for verb in (BUY_LIMIT, WAIT, CLOSE, BUY, CLOSE):
        env.step(verb)
        found.append(masks(env).tolist())
    assert found == [free, busy, busy, free, busy, free]
    env = single(bars=bars, actions="orders", account=Account(allow_short=False), window=1)
    env.reset(seed=0)
    assert masks(env).tolist() == [True, True, False, True, False, False]


@pytest.mark.parametrize("market", [name for name in MARKETS if name != "abroad"])
def test_a_forbidden_verb_makes_no_order(market):
    settings = {"costs": COSTS, **MARKETS[market]()}
    env = single(actions="orders", record=True, **settings, **ORDERS)
    env.reset(seed=1)
    n, rng, forbidden = settings["bars"].n_assets, np.random.default_rng(2), 0
    core = env.unwrapped.core
    while True:
        mask = masks(env).reshape(n, 6)
        before = core.memory["n_orders"]
        action = np.zeros(n, np.int64)
        try_forbidden = rng.random() < 0.5
        for a in range(n):
            action[a] = rng.choice(np.flatnonzero(~mask[a] if try_forbidden else mask[a]))
        env_action = action if n > 1 else action[0]
        delisted = core.memory.view("delisted").any()
        _, _, terminated, truncated, _ = env.step(env_action)
        if try_forbidden and not delisted:  # an order for what is gone is refused, with a row that says so
            assert core.memory["n_orders"] == before
            forbidden += 1
        if terminated or truncated:
            break
    assert forbidden > 30
    assert core.memory["n_orders"] > 30 or market == "limited"


def test_masked_play_is_never_refused():
    """MaskablePPO's convention: choices drawn from the mask alone, asset after asset."""
    settings = {"bars": walk(250, 2), "account": Account(allow_short=False), "actions": "orders"}
    env = single(record=True, **settings, **ORDERS)
    env.reset(seed=3)
    rng, over = np.random.default_rng(4), False
    while not over:
        mask = masks(env)
        assert mask.shape == (12,)
        assert mask.dtype == np.bool_
        action = [rng.choice(np.flatnonzero(mask[6 * a : 6 * a + 6])) for a in range(2)]
        over = env.step(np.array(action))[3]
    orders = env.unwrapped.result().orders
    assert len(orders) > 60
    assert not (orders.status == "rejected").any()


@pytest.mark.parametrize("scheme", ["discrete", "orders"])
def test_masks_of_a_vector_are_those_of_its_copies(scheme):
    settings = {"bars": events(), "actions": scheme, "episode_length": 30, "account": Account(allow_short=False)}
    many, ones = vector(3, **settings), [single(**settings) for _ in range(3)]
    many.reset(seed=8)
    for i, one in enumerate(ones):
        one.reset(seed=8 + i)
    many.action_space.seed(1)
    for _ in range(29):
        assert_array_equal(many.unwrapped.action_masks(), [masks(one) for one in ones])
        actions = many.action_space.sample()
        many.step(actions)
        for one, action in zip(ones, actions, strict=True):
            one.step(action)


@pytest.mark.parametrize("scheme", ["continuous", "weights"])
def test_boxes_have_no_masks(scheme):
    env = single(bars=walk(60), actions=scheme)
    env.reset(seed=0)
    with pytest.raises(AttributeError, match="no action masks"):
        masks(env)
    assert env.unwrapped.core.action_masks() is None


def test_a_mask_is_a_copy():
    env = single(bars=walk(60))
    env.reset(seed=0)
    masks(env)[:] = False
    assert masks(env).all()
    assert len(played(env, 5)[2]) == 5
