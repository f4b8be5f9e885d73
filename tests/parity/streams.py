"""Seeded random markets, settings and scripts, on which the oracle and the kernel are compared.

A stream is a pure function of its seed. A script decides by `(seed, t)`, by closes up to t and by the ids that its
own verbs have returned, never by other reads, so two implementations that disagree by a rounding error still see the
same orders. Prices lie on coarse grids, so that touches and ties are common; sizes are of the order of what the
account can afford, so that every kind of shortfall is.
"""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass

import worlds
from oracle import Market, Settings

from backtester.kernel.codes import Tif

NAN, INF = math.nan, math.inf
HOUR = 3_600 * 10**9
START = 1_600_000_000 * 10**9


@dataclass
class Stream:
    """One experiment. `script()` makes a fresh script: it remembers ids, so every run needs its own."""

    seed: int
    market: Market
    settings: Settings
    theme: dict[str, int]
    world: str = "plain"

    def script(self) -> Callable:
        return Script(self)


#: What each world adds to the plain streams.
WORLDS = {
    "plain": (),
    "events": ("events", "transfers"),
    "limits": ("limits", "margin", "transfers"),
    "currencies": ("currencies", "margin", "transfers"),
    "all": ("currencies", "events", "limits", "margin", "transfers"),
}


def stream(seed: int, world: str = "plain", *, decimal: bool = False) -> Stream:
    """The stream of a seed in a world; that of the plain world is `make_stream`'s."""
    found = make_stream(seed, decimal=decimal)
    added, found.world = WORLDS[world], world
    if not added:
        return found
    rng = random.Random(f"{world} {seed}")
    market, settings = found.market, found.settings
    if "currencies" in added:
        settings = worlds.add_currencies(rng, market, settings)
    if "events" in added:
        worlds.add_events(rng, market, decimal)
        settings.delisting = rng.choice(("final_price", "last_mark", "worthless"))
    if "limits" in added:
        settings = worlds.limited(rng, settings, market.n_assets)
    if "margin" in added and rng.random() < 0.5:
        settings = worlds.margined(rng, settings, market.n_assets)
    for verb in ("deposit", "withdraw", "scale_out", *(("convert",) if "currencies" in added else ())):
        found.theme[verb] = rng.choice((0, 1, 2, 3))
    found.settings = settings
    return found


def make_stream(seed: int, *, decimal: bool = False) -> Stream:
    """The stream of a seed. With `decimal` its settings are decimal fractions, which floats round."""
    rng = random.Random(f"stream {seed}")
    market = make_market(rng)
    settings = make_settings(rng, market, DECIMAL if decimal else EXACT)
    if random.Random(f"commission {seed}").random() < 0.15:
        settings.commission = tiered
    theme = {verb: rng.choice((0, 1, 1, 2, 6)) for verb in Script.VERBS}
    theme["order"] += 1
    theme["order_target_percent"] += 1
    theme["bracket"] += rng.choice((1, 2, 8))
    return Stream(seed, market, settings, theme)


# ---- markets


def make_market(rng: random.Random) -> Market:
    n_bars, n_assets = rng.randint(20, 60), rng.randint(1, 3)
    timestamps, sessions = make_clock(rng, n_bars)
    market = Market(timestamps, sessions, [], [], [], [], [])
    grid = rng.choice((0.25, 0.5, 1.0, 1.0))
    wild, reach = rng.choice((0.0, 0.0, 0.02, 0.06)), rng.choice((1, 1, 2))
    volumes = rng.choice(((10, 40, 80, 100, 200, 333), (10, 40, 80, 100, 200, 333), (100,)))
    gaps, late = rng.choice((0.0, 0.05, 0.15)), rng.random() < 0.4
    last = [float(rng.randint(15, 40)) for _ in range(n_assets)]
    for t in range(n_bars):
        rows = [make_bar(rng, last[a], grid, wild, reach, volumes) for a in range(n_assets)]
        sure = rng.randrange(max(n_assets - 1, 1))  # a row of the common clock has a bar of at least one asset
        for a in range(n_assets):
            gone = rng.random() < gaps or (late and a == n_assets - 1 and t < 12)
            if gone and a != sure:
                rows[a] = (NAN,) * 5
            else:
                last[a] = rows[a][3]
        for column, values in zip(("open", "high", "low", "close", "volume"), zip(*rows, strict=True), strict=True):
            getattr(market, column).append(list(values))
    return market


def make_clock(rng: random.Random, n_bars: int) -> tuple[list[int], list[int]]:
    """Closes some hours or days apart, in sessions of one to five bars."""
    timestamps, sessions = [], []
    now, session, left = START, 0, rng.randint(1, 4)
    size = rng.choice((1, 1, 3, 5))
    for _ in range(n_bars):
        now += rng.choice((1, 1, 1, 24, 72)) * HOUR
        timestamps.append(now)
        sessions.append(session)
        left -= 1
        if left <= 0:
            session, left = session + rng.choice((1, 1, 3)), rng.randint(1, size)
    return timestamps, sessions


def make_bar(
    rng: random.Random, last: float, grid: float, wild: float, reach: int, volumes: tuple
) -> tuple[float, ...]:
    """Open, high, low, close and volume around the last close, on the grid, sometimes after a large jump."""
    steps = (-2, -1, -1, 0, 0, 0, 1, 1, 2)
    start = last + grid * rng.choice(steps)
    if rng.random() < wild:
        start = grid * round(start * rng.choice((0.4, 0.6, 1.5, 2.0)) / grid)
    if start > 80:
        start = grid * round(start / 2 / grid)
    start = max(start, 4 * grid)
    close = max(start + grid * rng.choice(steps), 2 * grid)
    high = max(start, close) + grid * reach * rng.choice((0, 0, 1, 1, 2, 4))
    low = max(min(start, close) - grid * reach * rng.choice((0, 0, 1, 1, 2, 4)), grid)
    kind = rng.random()
    volume = 0.0 if kind < 0.05 else NAN if kind < 0.1 else float(rng.choice(volumes))
    return start, high, low, close, volume


# ---- settings


#: Choices whose sums and products are exact in binary floating point, so that a tie is a tie for everybody.
EXACT = {
    "commission": (0.0, 0.0, 1 / 1024, 1 / 128),
    "per_unit": (0.0, 0.0, 1 / 64, 0.25),
    "spread": (0.0, 0.0, 1 / 512, 1 / 16),
    "slippage": (0.0, 0.0, 1 / 1024, 1 / 128),
    "lot": (0.0, 0.0, 1.0, 5.0, 0.25),
    "tick": (0.0, 0.0, 1 / 64, 0.25, 0.125),
    "participation": (None, None, 1 / 16, 1 / 8, 1 / 2),
}
#: What people really use.
DECIMAL = {
    "commission": (0.0, 0.001, 0.01),
    "per_unit": (0.0, 0.005, 0.3),
    "spread": (0.0, 0.002, 0.05),
    "slippage": (0.0, 0.0005, 0.01),
    "lot": (0.0, 0.1, 0.01),
    "tick": (0.0, 0.01, 0.1),
    "participation": (None, 0.05, 0.1, 0.3),
}


def make_settings(rng: random.Random, market: Market, choices: dict[str, tuple]) -> Settings:
    def pick(*values: float) -> float | list[float]:
        """One value for all, or one per asset."""
        if rng.random() < 0.7:
            return rng.choice(values)
        return [rng.choice(values) for _ in range(market.n_assets)]

    leverage = rng.choice((1.0, 1.0, 1.0, 2.0, 3.0, 1.5))
    maintenance = rng.choice((0.0, 0.0, 0.5, 0.9, 0.99)) / leverage * 0.99
    return Settings(
        cash=rng.choice((500.0, 1_000.0, 2_000.0, 5_000.0)),
        commission=pick(*choices["commission"]),
        commission_per_unit=pick(*choices["per_unit"]),
        commission_per_order=pick(0.0, 0.0, 1.0, 3.5),
        commission_min=pick(0.0, 0.0, 2.0, 5.0),
        spread=pick(*choices["spread"]),
        slippage=pick(*choices["slippage"]),
        impact=pick(0.0, 0.0, 0.125, 1.0),
        borrow_rate=pick(0.0, 0.02, 0.5),
        cash_rate=rng.choice((0.0, 0.03)),
        debit_rate=rng.choice((0.0, 0.08)),
        leverage=leverage,
        maintenance=maintenance,
        allow_short=rng.random() < 0.75,
        on_shortfall=rng.choice(("reduce", "reject")),
        lot_size=pick(*choices["lot"]),
        tick_size=pick(*choices["tick"]),
        multiplier=pick(1.0, 1.0, 1.0, 2.0, 0.5),
        fill_at=rng.choice(("next_open", "next_open", "close")),
        same_bar=rng.choice(("stop_first", "target_first", "ohlc", "olhc", "nearest")),
        limit_fill=rng.choice(("touch", "through")),
        max_participation=rng.choice(choices["participation"]),
        latency_bars=rng.choice((0, 0, 0, 1, 2)),
        close_at_end=rng.random() < 0.4,
        start=rng.randint(1, 4),
    )


def tiered(price, quantity):
    """A commission function: dearer by the unit up to ten units, with a charge of its own; exact in fractions too."""
    if quantity > 10:
        return quantity * price / 512
    return (quantity * price + 32) / 128


# ---- scripts


class Script:
    """Random verbs with random arguments; `VERBS` names the methods below."""

    VERBS = (
        "order", "limit", "stop", "stop_limit", "trailing_stop", "bracket", "bracket_and_trail", "oco_pair", "oco_any",
        "order_target", "order_target_value", "order_target_percent", "rebalance", "close_position",
        "modify", "modify_new", "bracket_modified", "cancel", "cancel_all", "trickle",
    )  # fmt: skip

    def __init__(self, stream: Stream) -> None:
        self.stream, self.market = stream, stream.market
        self.ids: list[int] = []
        self.rng = random.Random()
        self.t = 0
        self.trickling = (0, 0, 0)  # id, asset and sign of the order that `trickle` sent

    def __call__(self, ctx, t: int) -> None:
        self.rng, self.t = random.Random(f"{self.stream.seed} bar {t}"), t
        self.shrink(ctx)
        verbs, weights = list(self.stream.theme), list(self.stream.theme.values())
        for _ in range(self.rng.choice((0, 0, 1, 1, 2, 3))):
            verb = self.rng.choices(verbs, weights)[0]
            getattr(self, verb)(ctx, self.asset())

    # ---- arguments, and the verbs of other worlds

    def deposit(self, ctx, a: int) -> None:
        ctx.deposit(self.amount(100.0, 250.0, 500.0, 1000.0))

    def withdraw(self, ctx, a: int) -> None:
        ctx.withdraw(self.amount(50.0, 100.0, 500.0, 1e6))

    def convert(self, ctx, a: int) -> None:
        n = self.market.n_assets
        ends = [self.rng.choice((-1, *range(n))) for _ in range(2)]
        if self.rng.random() < 0.03:
            ends[self.rng.randrange(2)] = self.rng.choice((n, 99, -2))
        ctx.convert(self.amount(8.0, 40.0, 100.0, 400.0), *ends)

    def amount(self, *amounts: float) -> float:
        odd = self.odd(NAN, INF, 0.0, -5.0)
        return self.rng.choice(amounts) if odd is None else odd

    def scale_out(self, ctx, a: int) -> None:
        a = a if 0 <= a < self.market.n_assets else 0
        n, side = self.rng.randint(1, 4), self.rng.choice((-1, 1, 1))
        prices = [self.price(a, *(side * step for step in (0.5, 1, 1.5, 2, 3))) for _ in range(n)]
        fractions = [self.rng.choice((0.125, 0.25, 0.5)) for _ in range(n)]
        if self.rng.random() < 0.5:
            fractions[-1] = 1 - sum(fractions[:-1]) if sum(fractions[:-1]) < 1 else 0.0
        self.keep(ctx.scale_out(a, prices, self.rng.choice((fractions, None)), **self.terms()))

    def asset(self) -> int:
        if self.rng.random() < 0.01:
            return self.rng.choice((-1, self.market.n_assets, 99))
        return self.rng.randrange(self.market.n_assets)

    def odd(self, *values: float) -> float | None:
        """Now and then an argument that must be refused."""
        return self.rng.choice(values) if self.rng.random() < 0.03 else None

    def last(self, a: int) -> float:
        """The last close of the asset, 20 if there is none."""
        if not 0 <= a < self.market.n_assets:
            return 20.0
        closes = [self.market.close[i][a] for i in range(self.t + 1) if self.market.has_bar(i, a)]
        return closes[-1] if closes else 20.0

    def price(self, a: int, *steps: float) -> float:
        odd = self.odd(NAN, INF, 0.0, -3.0)
        level = self.last(a) + self.rng.choice(steps or (-3, -2, -1, -0.5, 0, 0.5, 1, 2, 3))
        return max(level, 0.5) if odd is None else odd

    def quantity(self, sign: int = 0) -> float:
        odd = self.odd(NAN, INF, -INF, 0.0, 1e19, 0.01)
        sign = sign or self.rng.choice((-1, 1, 1))
        size = sign * self.rng.choice((1.0, 2.0, 5.0, 5.0, 10.0, 10.0, 20.0, 50.0, 100.0, 2.5, 7.3, 12.0, 400.0))
        return size if odd is None else odd

    def terms(self, plain: float = 0.5) -> dict[str, int]:
        """tif=, expire= and tag=."""
        tif = 0 if self.rng.random() < plain else self.rng.choice((Tif.DAY, Tif.IOC, Tif.FOK, Tif.GTD))
        tif = self.rng.choice((5, -1)) if self.rng.random() < 0.01 else int(tif)
        expire = self.market.timestamps[min(self.t + self.rng.randint(0, 5), self.market.n_bars - 1)]
        expire += self.rng.choice((0, 0, -1, 1, 5 * HOUR))
        expire = 0 if self.rng.random() < 0.05 else expire
        return {"tif": tif, "expire": expire if tif == Tif.GTD else 0, "tag": self.rng.randint(0, 9)}

    def some_id(self) -> int:
        """Mostly one of the latest orders or one of their bracket children."""
        kind = self.rng.random()
        if kind < 0.04 or not self.ids:
            return self.rng.choice((0, -1, 10_000))
        recent = self.ids[-3:] if kind < 0.6 else self.ids[-8:] if kind < 0.9 else self.ids
        return self.rng.choice(recent) + self.rng.choice((0, 0, 1, 2))

    def keep(self, order_id: int) -> int:
        if order_id:
            self.ids.append(order_id)
        return order_id

    # ---- verbs

    def order(self, ctx, a: int) -> None:
        self.keep(ctx.order(a, self.quantity(), **self.terms()))

    def limit(self, ctx, a: int) -> None:
        self.keep(ctx.limit(a, self.quantity(), self.price(a), **self.terms()))

    def stop(self, ctx, a: int) -> None:
        self.keep(ctx.stop(a, self.quantity(), self.price(a), **self.terms()))

    def stop_limit(self, ctx, a: int) -> None:
        self.keep(ctx.stop_limit(a, self.quantity(), self.price(a), self.price(a), **self.terms()))

    def trailing_stop(self, ctx, a: int) -> None:
        sign = self.rng.choice((-1, -1, 1))
        if self.rng.random() < 0.5:
            distance = self.odd(NAN, 0.0, -1.0, INF)
            distance = self.rng.choice((0.25, 0.5, 1.0, 2.0, 3.0)) if distance is None else distance
            self.keep(ctx.trailing_stop(a, self.quantity(sign), distance=distance, **self.terms()))
        else:
            frac = self.odd(NAN, 0.0, -0.1, 1.5)
            frac = self.rng.choice((0.01, 0.03125, 0.0625, 0.125)) if frac is None else frac
            self.keep(ctx.trailing_stop(a, self.quantity(sign), distance_frac=frac, **self.terms()))

    def bracket(self, ctx, a: int) -> int:
        sign = self.rng.choice((-1, 1, 1))
        legs: dict[str, float] = {}
        entry = self.rng.choice(("market", "market", "limit", "stop", "stop_limit"))
        reference = self.last(a)
        if "stop" in entry:
            legs["entry_stop"] = reference = self.price(a, -0.5, 0, 0.5, sign, sign)
        if "limit" in entry:
            legs["entry_limit"] = reference = self.price(a, -0.5, 0, 0.5, -sign, -sign)
        for name, side in (("stop_loss", -sign), ("take_profit", sign)):
            how = self.rng.random()
            if how < 0.5:
                step = self.rng.choice((0.5, 0.5, 1.0, 1.0, 2.0, 3.0))
                legs[name] = reference + side * (step if self.rng.random() < 0.95 else -step * self.rng.choice((0, 1)))
            elif how < 0.9:
                odd = self.odd(0.0, -0.1, 1.0, INF)
                if odd == INF and self.rng.random() < 0.5:
                    legs[name], odd = reference + side, 0.0625  # both a price and a fraction: refused
                legs[f"{name}_frac"] = self.rng.choice((0.005, 0.03125, 0.0625, 0.125)) if odd is None else odd
        return self.keep(ctx.bracket(a, self.quantity(sign), **legs, **self.terms(0.8)))

    def bracket_and_trail(self, ctx, a: int) -> None:
        """A trailing stop that sleeps until the entry fills."""
        sign, size = self.rng.choice((-1, 1)), self.rng.choice((5.0, 10.0, 20.0))
        self.keep(ctx.trailing_stop(a, -sign * size, distance=self.rng.choice((0.5, 1.0, 2.0)), tag=1))
        if self.rng.random() < 0.5:
            self.keep(ctx.stop(a, sign * size, self.last(a) + sign * self.rng.choice((0.5, 1.0)), **self.terms()))
        else:
            self.keep(ctx.limit(a, sign * size, self.last(a) - sign * self.rng.choice((0.0, 0.5, 1.0)), **self.terms()))

    def oco_pair(self, ctx, a: int) -> None:
        """Two orders around the price, paired at once."""
        sign, size = self.rng.choice((-1, 1)), self.rng.choice((5.0, 10.0, 30.0))
        near = self.rng.choice((0.5, 1.0, 2.0))
        if self.rng.random() < 0.6:
            first = ctx.limit(a, -sign * size, self.last(a) + sign * near, tag=2)
            second = ctx.stop(a, -sign * self.rng.choice((size, size, 5.0)), self.last(a) - sign * near, tag=3)
        else:
            first = ctx.stop(a, size, self.last(a) + near, tag=2)
            second = ctx.stop(self.asset(), -size, self.last(a) - near, tag=3)
        if self.rng.random() < 0.5:
            first, second = second, first
        ctx.oco(self.keep(first), self.keep(second))

    def oco_any(self, ctx, a: int) -> None:
        ctx.oco(self.some_id(), self.some_id())

    def order_target(self, ctx, a: int) -> None:
        odd = self.odd(NAN, INF, 1e19)
        target = self.rng.choice((0.0, 0.0, 5.0, 10.0, -10.0, 20.0, 40.0, -30.0, 3.7)) if odd is None else odd
        self.keep(ctx.order_target(a, target, **self.terms()))

    def order_target_value(self, ctx, a: int) -> None:
        odd = self.odd(NAN, -INF)
        value = self.rng.choice((0.0, 300.0, 900.0, -600.0, 5000.0)) if odd is None else odd
        self.keep(ctx.order_target_value(a, value, **self.terms()))

    def order_target_percent(self, ctx, a: int) -> None:
        odd = self.odd(NAN, INF)
        fraction = self.rng.choice((0.0, 0.25, 0.5, 1.0, 1.0, -0.5, -1.0, 2.0)) if odd is None else odd
        self.keep(ctx.order_target_percent(a, fraction, **self.terms()))

    def rebalance(self, ctx, a: int) -> None:
        scale = self.rng.choice((0.5, 1.0, 1.0, 2.0))
        weights = [self.rng.choice((NAN, 0.0, 0.25, 0.5, 0.75, 1.0, -0.5)) * scale for _ in range(ctx.n_assets)]
        if self.rng.random() < 0.02:
            weights[0] = INF
        ctx.rebalance(weights, **self.terms())

    def close_position(self, ctx, a: int) -> None:
        self.keep(ctx.close_position(a))

    def changes(self, a: int, sign: int = 0) -> dict[str, float]:
        changes = {}
        if self.rng.random() < 0.6:
            changes["price"] = self.price(a)
        if self.rng.random() < 0.5:
            changes["quantity"] = self.quantity(sign)
        return changes

    def modify(self, ctx, a: int) -> None:
        ctx.modify(self.some_id(), **self.changes(a))

    def modify_new(self, ctx, a: int) -> None:
        """Change, later too, what has just been sent; small quantities may meet what is already filled."""
        sign, kind = self.rng.choice((-1, 1)), self.rng.choice(("limit", "stop", "stop_limit", "order", "order_target"))
        levels = {"limit": 1, "stop": 1, "stop_limit": 2}.get(kind, 0)
        prices = [self.price(a, -1, -0.5, 0, 0.5, 1) for _ in range(levels)]
        if self.ids and self.rng.random() < 0.5:
            ctx.modify(self.ids[-1], quantity=sign * self.rng.choice((5.0, 10.0, 15.0)))
        new = self.keep(getattr(ctx, kind)(a, sign * 20.0, *prices))
        if self.rng.random() < 0.5:
            ctx.modify(new, **self.changes(a, sign))

    def trickle(self, ctx, a: int) -> None:
        """An order for many bars, where the volume is capped."""
        sign = self.rng.choice((-1, 1))
        self.trickling = (self.keep(ctx.order(a, sign * 100.0)), a, sign)

    def shrink(self, ctx) -> None:
        """Perhaps modify that order to a few times what a bar lets through, which may be what is filled already."""
        order_id, a, sign = self.trickling
        part = self.stream.settings.max_participation
        if order_id and part and 0 <= a < self.market.n_assets and self.rng.random() < 0.3:
            lot = self.stream.settings.of("lot_size", a)
            per_bar = part * 100 if lot == 0 else part * 100 // lot * lot
            ctx.modify(order_id, quantity=sign * per_bar * self.rng.choice((1, 2, 2, 3)))

    def bracket_modified(self, ctx, a: int) -> None:
        """Move or pair the children, of this bracket or of an earlier one."""
        old = self.some_id()
        new = self.bracket(ctx, a)
        child = self.rng.choice((new, old)) + self.rng.choice((0, 1, 2))
        what = self.rng.random()
        if what < 0.7:
            ctx.modify(child, **self.changes(a))
        elif what < 0.85:
            ctx.oco(new, old)
        else:
            ctx.cancel(child)

    def cancel(self, ctx, a: int) -> None:
        ctx.cancel(self.some_id())

    def cancel_all(self, ctx, a: int) -> None:
        ctx.cancel_all(a)
