"""What the worlds add to the plain streams: columns of events, limits, margins, currencies, and the verbs for them.

Numbers are powers of two where they can be. A split of 3 for 2 and the inverse of a price cannot.
"""

import math
import random
from dataclasses import replace

from oracle import Market, Settings

NAN, INF = math.nan, math.inf
COLUMNS = ("open", "high", "low", "close", "volume")
EVENTS = ("split", "dividend", "funding", "delisting")

RATIOS = (2.0, 2.0, 0.5, 0.5, 4.0, 1.5, 1.0)
DECIMAL_RATIOS = (2.0, 0.5, 1.5, 0.1, 10.0, 1.0)


def add_events(rng: random.Random, market: Market, decimal: bool) -> None:
    """Columns of events; mostly the prices after a split follow it."""
    often = {"split": rng.choice((0.02, 0.06)), "dividend": rng.choice((0.0, 0.05)), "funding": rng.choice((0.0, 0.1))}
    values = {
        "split": DECIMAL_RATIOS if decimal else RATIOS,
        "dividend": (0.25, 0.5, 1.0, 0.0),
        "funding": (1 / 128, -1 / 64, 1 / 32, 0.0),
    }
    for name in EVENTS:
        setattr(market, name, [[NAN] * market.n_assets for _ in range(market.n_bars)])
    for t in range(market.n_bars):
        for a in range(market.n_assets):
            for name, chance in often.items():
                if rng.random() < chance:
                    getattr(market, name)[t][a] = rng.choice(values[name])
    for a in range(market.n_assets):
        for t in range(1, market.n_bars):
            r = market.split[t][a]
            if not math.isnan(r) and rng.random() < 0.8:
                rescale(market, t, a, r)
        if rng.random() < 0.4:
            delist(rng, market, a)


def rescale(market: Market, t: int, a: int, r: float) -> None:
    """Prices of asset a from row t on, in the units after a split, on a grid of eighths."""
    for i in range(t, market.n_bars):
        for name in COLUMNS[:4]:
            row = getattr(market, name)[i]
            row[a] = row[a] if math.isnan(row[a]) else max(round(8 * row[a] / r) / 8, 0.125)


def delist(rng: random.Random, market: Market, a: int) -> None:
    """Once or twice, in a row of the second half; its bars end there, or do not."""
    t = rng.randrange(market.n_bars // 3, market.n_bars)
    market.delisting[t][a] = rng.choice((0.0, 5.0, 10.0, 20.0))
    if rng.random() < 0.2:
        market.delisting[min(t + 3, market.n_bars - 1)][a] = 1.0
    if rng.random() < 0.5:
        for i in range(t, market.n_bars):
            for name in COLUMNS:
                getattr(market, name)[i][a] = NAN


def limited(rng: random.Random, settings: Settings, n_assets: int) -> Settings:
    exposure = (64.0, 0.25, 0.5, 1.0)  # one number may be infinite, one of several may not
    each = rng.choice((INF, *exposure)) if rng.random() < 0.6 else [rng.choice(exposure) for _ in range(n_assets)]
    return replace(
        settings,
        max_gross=rng.choice((INF, 0.5, 0.75, 1.0, 1.5)),
        max_exposure=each,
        max_order=rng.choice((INF, INF, 0.5, 1.0, 2.0)),
        max_drawdown=rng.choice((INF, INF, 0.125, 0.25, 0.5)),
    )


def margined(rng: random.Random, settings: Settings, n_assets: int) -> Settings:
    return replace(settings, margin=[rng.choice((None, 0.25, 0.5, 0.125, 1.0)) for _ in range(n_assets)])


# ---- currencies


def add_currencies(rng: random.Random, market: Market, settings: Settings) -> Settings:
    """One or two pairs behind the assets, which are in their currencies or in the account's."""
    n, n_pairs = market.n_assets, rng.choice((1, 1, 2))
    inverse = [rng.random() < 0.4 for _ in range(n_pairs)]
    for upside_down in inverse:
        add_pair(rng, market, upside_down)
    named = [rng.randint(0, n_pairs) for _ in range(n)]
    named[rng.randrange(n)] = rng.randint(1, n_pairs)
    named += [rng.choice((0, 0, c + 1)) for c in range(n_pairs)]
    order = list(dict.fromkeys(c for c in named if c))  # numbered as the assets name them
    for name, value in vars(settings).items():
        if isinstance(value, list) and name not in ("fx", "currency"):
            setattr(settings, name, value + [rng.choice(value) for _ in range(n_pairs)])
    return replace(
        settings,
        currency=[order.index(c) + 1 if c else 0 for c in named],
        fx=[(n + c - 1, inverse[c - 1]) for c in order],
        settlement=rng.choice(("convert", "keep")),
    )


def add_pair(rng: random.Random, market: Market, upside_down: bool) -> None:
    """An asset whose price is a rate: of the powers of two where its inverse is meant."""
    levels = (0.5, 1.0, 2.0, 4.0) if upside_down else (0.5, 0.75, 1.0, 1.25, 1.5, 2.0)
    at, gaps, late = rng.randrange(len(levels)), rng.choice((0.0, 0.1)), rng.choice((0, 0, 0, 5, 12))

    def step() -> int:
        return min(max(at + rng.choice((-1, 0, 0, 0, 0, 1)), 0), len(levels) - 1)

    for t in range(market.n_bars):
        bar = (NAN,) * 5
        if t >= late and rng.random() >= gaps:
            start = at = step()
            at = step()
            low, high = sorted((levels[start], levels[at]))
            bar = (levels[start], high, low, levels[at], rng.choice((100.0, 333.0, 0.0, NAN)))
        for name, value in zip(COLUMNS, bar, strict=True):
            getattr(market, name)[t].append(value)
