"""What every adaptor does: read a request from the command line, run the engine, print one line of JSON.

The order is the same for every engine: import it, run 2,000 bars (the cold call, which compiles what compiles), run the
market once while memory is watched, then run it `--repeats` times against the clock.
"""

from __future__ import annotations

import argparse
import gc
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.memory import peak_above
from benchmarks.workloads import WARM_UP_BARS, Market, simulate


@dataclass(frozen=True)
class Adaptor:
    """One engine on one workload.

    Attributes
    ----------
    engine, version, note : str
        Name, version, and in what its trades differ from the floor's.
    run : callable
        Market -> the engine's own result. Indicators and simulation; what comes before (the shape the engine wants its
        data in) is done by `load`.
    load : callable
        Market -> the data as the engine wants it. Not timed: the floor is not timed loading either.
    metrics : callable or None
        Result -> its statistics. None: `run` computes them too and cannot be asked not to.
    final_equity, n_fills : callable
        Result -> float, int.
    """

    engine: str
    version: str
    note: str
    load: Callable[[Market], Any]
    run: Callable[[Any], Any]
    metrics: Callable[[Any], Any] | None
    final_equity: Callable[[Any], float]
    n_fills: Callable[[Any], int]


def timed(call: Callable[[], Any]) -> tuple[Any, float]:
    """What `call` returns, and the seconds it took; earlier garbage is collected before the clock starts."""
    gc.collect()
    started = time.perf_counter()
    returned = call()
    return returned, time.perf_counter() - started


def _complete(adaptor: Adaptor, data: Any) -> tuple[Any, float, float]:
    """One run: its result, seconds of `run`, seconds of `run` and `metrics`."""
    result, seconds = timed(lambda: adaptor.run(data))
    if adaptor.metrics is None:
        return result, seconds, seconds
    _, metrics_seconds = timed(lambda: adaptor.metrics(result))
    return result, seconds, seconds + metrics_seconds


def measure(adaptor: Adaptor, warm_up: Any, market: Any, repeats: int) -> dict[str, Any]:
    """The adaptor's times, memory and result on a market, after a cold call on a small one of the same kind."""
    _, cold, _ = _complete(adaptor, adaptor.load(warm_up))
    data = adaptor.load(market)
    (result, first, first_whole), peak_mb = peak_above(lambda: _complete(adaptor, data))
    answer = {
        "engine": adaptor.engine,
        "version": adaptor.version,
        "note": adaptor.note,
        "bars": len(market),
        "final_equity": float(adaptor.final_equity(result)),
        "n_fills": int(adaptor.n_fills(result)),
        "separable": adaptor.metrics is not None,
        "cold_seconds": cold,
        "peak_mb": peak_mb,
    }
    del result
    kernel, whole = [], []
    for _ in range(repeats):
        _, seconds, whole_seconds = _complete(adaptor, data)
        kernel.append(seconds)
        whole.append(whole_seconds)
    return {**answer, "kernel_seconds": kernel or [first], "whole_seconds": whole or [first_whole]}


def once(adaptor: Adaptor, bars: int) -> dict[str, Any]:
    """One run with its metrics and nothing else, for the clock outside that times the process."""
    result, _, _ = _complete(adaptor, adaptor.load(simulate(bars)))
    return {"engine": adaptor.engine, "version": adaptor.version, "final_equity": float(adaptor.final_equity(result))}


def time_import(module: str) -> float:
    """Seconds that the first import of `module` takes in this process."""
    _, seconds = timed(lambda: __import__(module))
    return seconds


def one_asset(bars: int, head: int) -> tuple[Market, Market]:
    """The market of a cold call, and the first `head` of `bars` bars; 0: all."""
    return simulate(WARM_UP_BARS), simulate(bars).head(head or bars)


def main(
    module: str,
    build: Callable[[str, str], Adaptor],
    argv: Sequence[str] | None = None,
    markets: Callable[[int, int], tuple[Any, Any]] = one_asset,
) -> None:
    """Entry point of an adaptor: `build(workload, variant)` imports the engine. An import that fails is an answer.

    `markets(bars, head)` gives the market of the cold call and the one that is measured.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("--workload", default="W1")
    parser.add_argument("--variant", default="")
    parser.add_argument("--bars", type=int, default=WARM_UP_BARS)
    parser.add_argument("--head", type=int, default=0)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--once", action="store_true")
    request = parser.parse_args(argv)
    try:
        import_seconds = time_import(module)
        adaptor = build(request.workload, request.variant)
    except ImportError as error:
        print(json.dumps({"absent": str(error)}))
        return
    if request.once:
        answer = once(adaptor, request.bars)
    else:
        answer = measure(adaptor, *markets(request.bars, request.head), request.repeats)
    print(json.dumps({**answer, "import_seconds": import_seconds}))
