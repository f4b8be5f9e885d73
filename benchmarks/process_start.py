"""W4: what a user waits for, from the start of the process to the metrics; and what `import` alone takes.

Each start is a process of its own on 100,000 bars, with every compiler cache in a temporary folder: empty, then warm,
then warm with the strategy's file edited (a constant in `on_bar`, another one each time).
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.launch import Answer, call, environment, missing
from benchmarks.workloads import START_BARS

EDITED = "1.0 / ctx.n_assets"

SCRIPT = """\
import json

from backtester import Bars, Costs, Strategy, run
from backtester.indicators import crossed_above, crossed_below, sma
from benchmarks.workloads import CASH, COMMISSION, FAST, SLOW, START_BARS, simulate


class SmaCross(Strategy):
    def prepare(self, bars):
        self.fast_ma = sma(bars.close, FAST)
        self.slow_ma = sma(bars.close, SLOW)

    def on_bar(self, ctx):
        for a in range(ctx.n_assets):
            if crossed_above(self.fast_ma, self.slow_ma, a):
                ctx.order_target_percent(a, 1.0 / ctx.n_assets)
            elif crossed_below(self.fast_ma, self.slow_ma, a):
                ctx.order_target_percent(a, 0.0)


market = simulate(START_BARS)
prices = {name: getattr(market, name)[:, None] for name in ("open", "high", "low", "close", "volume")}
bars = Bars.from_arrays(market.timestamps, **prices, symbols=("SIM",))
result = run(SmaCross(), bars, cash=CASH, costs=Costs(commission=COMMISSION))
final_equity = CASH * (1.0 + float(result.metrics["total_return"]))
print(json.dumps({"final_equity": final_equity}))
"""

IMPORT = """\
import json, time
started = time.perf_counter()
try:
    {statement}
    print(json.dumps({{"seconds": time.perf_counter() - started}}))
except ImportError as error:
    print(json.dumps({{"absent": str(error)}}))
"""

Times = dict[str, list[float]]


def _collect(start: Callable[[], Answer], times: list[float]) -> Answer:
    """One start; its time is kept if it succeeded."""
    answer = start()
    if missing(answer) is None:
        times.append(answer["process_seconds"])
    elif answer.get("failed", "").startswith(("ImportError: ", "ModuleNotFoundError: ")):
        return {"absent": answer["failed"].partition(": ")[2]}
    return answer


def measure_ours(repeats: int) -> tuple[Answer, Times]:
    """Our starts: empty cache once, warm and edited `repeats` times each."""
    times: Times = {"empty": [], "warm": [], "edited": []}
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        script = here / "strategy.py"
        script.write_text(SCRIPT)
        variables = environment(here / "cache")

        def start() -> Answer:
            return call([script.name], sys.executable, variables, here)

        answer = _collect(start, times["empty"])
        if missing(answer) is not None:
            return answer, times
        for _ in range(repeats):
            _collect(start, times["warm"])
        for i in range(repeats):
            script.write_text(SCRIPT.replace(EDITED, f"0.99{i + 1} / ctx.n_assets"))
            _collect(start, times["edited"])
    return answer, times


def measure_peer(python: str, module: str, variant: str, repeats: int) -> tuple[Answer, Times]:
    """A peer's starts: empty cache once, warm `repeats` times."""
    times: Times = {"empty": [], "warm": []}
    command = ["-m", module, "--variant", variant, "--once", "--bars", str(START_BARS)]
    with tempfile.TemporaryDirectory() as folder:
        variables = environment(Path(folder))

        def start() -> Answer:
            return call(command, python, variables)

        answer = _collect(start, times["empty"])
        if missing(answer) is not None:
            return answer, times
        for _ in range(repeats):
            _collect(start, times["warm"])
    return answer, times


def measure_imports(statements: list[tuple[str, str]], repeats: int) -> dict[str, tuple[Answer, list[float]]]:
    """Seconds of import statements, each in a new process, taking turns; one turn before them warms the disk's cache.

    Parameters
    ----------
    statements : list of (statement, python)
    repeats : int
    """
    seconds: dict[str, tuple[Answer, list[float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        variables = environment(Path(folder))
        for turn in range(repeats + 1):
            for statement, python in statements:
                answer = call(["-c", IMPORT.format(statement=statement)], python, variables)
                _, kept = seconds.setdefault(statement, (answer, []))
                if turn > 0 and missing(answer) is None:
                    kept.append(answer["seconds"])
    return seconds
