"""The episode of a recording environment as a `Result`, so that it can be read, compared and reported like a run."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

from backtester.engine.settings import Settings
from backtester.errors import ResultError
from backtester.instruments import currencies_of

if TYPE_CHECKING:
    from backtester.result import Result
    from envs.trading.core import TradingCore


class Agent:
    """Stands in the manifest where a run has its strategy: whoever chose the actions."""

    parameters: dict[str, object] = {}  # noqa: RUF012


def result_of(core: TradingCore) -> Result:
    """Return the running or last episode of a core with `record=True`."""
    from backtester.result import Result

    if core.accounts is not None:
        raise ResultError("Trading: result() needs the tables of the account; make the environment with record=True")
    memory = core.memory
    if memory["present"] == 0:
        raise ResultError("Trading: there is no episode yet; call reset first")
    made = core.trading
    t = int(memory["t"])
    memory.view("equity_curve")[t] = memory["equity"]
    run = SimpleNamespace(
        strategy=Agent(),
        bars=core.bars,
        settings=Settings(cash=made.cash, costs=made.costs, account=made.account, execution=made.execution),
        memory=memory,
        n_done=t + 1,
        hooks=None,
        interpreter=None,
        benchmark=None,
        compiled=True,
        reason="",
        interrupted=False,
        seconds={},
        currencies=currencies_of(made.account, core.bars.symbols).names,
    )
    return Result.from_run(run)  # type: ignore[arg-type]
