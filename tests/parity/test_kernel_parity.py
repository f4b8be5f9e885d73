"""The kernel against the oracle, which was written from the rules and not from the kernel, on random streams.

`PARITY_SEEDS=0:3000 pytest tests/parity/test_kernel_parity.py` runs other streams than the ones of CI.

Float ties. Exact streams have settings that are exact in binary, so that a touch or a cap that is met exactly is met
exactly by both. Three things are still rounded by floats and not by fractions: levels placed by a fraction of a price,
P after division (σ, √), and carry. Where such a number meets a price on the grid, or a cap, to the last bit, the two
may decide differently, and both are right. Such a stream is excused only if the oracle itself, run in floats, agrees
with the kernel on everything; and of the streams of a batch at most one in fifty may need the excuse. Seed 1555 does:
its stop, 3.125 % under 51.870967…, lies 2e-17 above or 7e-15 below a low of 50.25.

Decimal streams (0.001, 0.1) are rounded from the start, so there the oracle runs in floats alone.
"""

import math
import os
from fractions import Fraction

import compare
import numpy as np
import pytest
from compare import close, first_difference
from kernel_run import KernelResult, run_kernel
from oracle import Oracle, OracleResult
from streams import Stream, make_stream

_FIRST, _LAST = map(int, os.environ.get("PARITY_SEEDS", "0:320").split(":"))
_BATCH = 40
BATCHES = [range(first, min(first + _BATCH, _LAST)) for first in range(_FIRST, _LAST, _BATCH)]
DECIMAL_BATCHES = [range(40), range(40, 80)]


class Reader:
    """A script that also writes down what `ctx` tells it in every bar."""

    def __init__(self, stream: Stream) -> None:
        self.script = stream.script()
        self.reads: list[tuple] = []

    def __call__(self, ctx, t: int) -> None:
        assert (ctx.t, ctx.timestamp) == (t, self.script.market.timestamps[t])
        for a in range(ctx.n_assets):
            exposure = ctx.exposure(a) if ctx.equity else math.nan
            self.note(t, a, "cash", ctx.cash)
            self.note(t, a, "equity", ctx.equity)
            self.note(t, a, "exposure", exposure)
            for name in ("position", "entry_price", "unrealized_pnl", "open_orders"):
                self.note(t, a, name, getattr(ctx, name)(a))
        self.script(ctx, t)

    def note(self, t: int, a: int, name: str, value) -> None:
        self.reads.append((t, a, name, value))


def play(stream: Stream, number: type) -> tuple[OracleResult, list[tuple]]:
    reader = Reader(stream)
    return Oracle(stream.market, stream.settings, reader, number=number).run(), reader.reads


def difference(oracle: tuple[OracleResult, list[tuple]], kernel: tuple[KernelResult, list[tuple]]) -> str:
    """Return the first difference between two runs, their tables before their reads, or an empty string."""
    found = first_difference(oracle[0], kernel[0])
    if found:
        return found
    for (t, a, name, x), (*_, y) in zip(oracle[1], kernel[1], strict=True):
        if not close(x, y):
            return f"bar {t}, asset {a}: ctx.{name} is {float(x)!r}, the kernel says {float(y)!r}"
    return ""


def check(stream: Stream, number: type) -> bool:
    """Fail where kernel and oracle disagree; return whether a float tie had to be excused."""
    reader = Reader(stream)
    kernel = run_kernel(stream.market, stream.settings, reader), reader.reads
    found = difference(play(stream, number), kernel)
    if found and number is not float and not difference(play(stream, float), kernel):
        return True
    if found:
        settings = "\n".join(f"    {name} = {value!r}" for name, value in vars(stream.settings).items())
        pytest.fail(f"seed {stream.seed}, at {found}\n{settings}", pytrace=False)
    return False


def seeds_of(batch: range) -> str:
    return f"{batch.start}-{batch.stop - 1}"


@pytest.mark.parametrize("batch", BATCHES, ids=seeds_of)
def test_kernel_equals_the_oracle_in_fractions(batch):
    excused = [seed for seed in batch if check(make_stream(seed), Fraction)]
    assert len(excused) <= max(1, len(batch) // 50), excused


@pytest.mark.parametrize("batch", DECIMAL_BATCHES, ids=seeds_of)
def test_kernel_equals_the_oracle_in_floats_on_decimal_settings(batch):
    for seed in batch:
        check(make_stream(seed, decimal=True), float)


def test_the_known_tie_is_excused_and_nothing_else_is():
    assert check(make_stream(1555), Fraction)


def test_a_wrong_number_anywhere_is_found():
    # What is compared is compared: change one number of each column the kernel wrote, and it is named.
    stream = make_stream(7)
    oracle, _ = play(stream, float)
    kernel = run_kernel(stream.market, stream.settings, stream.script())
    assert first_difference(oracle, kernel) == ""
    columns = {
        "orders": (*compare.ORDER_CODES, *compare.ORDER_NUMBERS, *compare.ORDER_PRICES, "parent"),
        "fills": compare.FILL_CODES + compare.FILL_NUMBERS,
        "cash_flows": (*compare.FLOW_CODES, *compare.FLOW_NUMBERS),
        "changes": compare.CHANGE_CODES,
    }
    for table, names in columns.items():
        rows = getattr(kernel, table)
        for name in names:
            known = np.flatnonzero(np.isfinite(rows[name]))
            if known.size:
                held = rows[name][known[0]]
                rows[name][known[0]] = held + 1
                assert f"{name} is " in first_difference(oracle, kernel), (table, name)
                rows[name][known[0]] = held
    kernel.equity[3] += 1.0
    assert "equity" in first_difference(oracle, kernel)
