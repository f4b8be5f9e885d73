"""What a run hands back: `Result`, whose tables and metrics are built when they are asked for."""

from __future__ import annotations

import dataclasses
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from backtester import frames
from backtester.errors import ResultError

if TYPE_CHECKING:
    from os import PathLike

    import pandas as pd

    from backtester.bars import Bars
    from backtester.costs import Account
    from backtester.diff import Diff
    from backtester.engine.session import Run
    from backtester.engine.settings import Settings
    from backtester.exchange import Rates
    from backtester.metrics.sharpe_error import SharpeEstimate
    from backtester.strategy import Strategy
    from backtester.verdict import Verdict

TABLES = ("orders", "fills", "flows", "changes", "actions", "records")


@dataclasses.dataclass(frozen=True)
class Tables:
    """The rows of a run as the kernel wrote them; see `backtester.kernel.tables` for the fields."""

    orders: np.ndarray
    fills: np.ndarray
    flows: np.ndarray
    changes: np.ndarray
    actions: np.ndarray
    records: np.ndarray
    equity: np.ndarray
    multipliers: np.ndarray  # of the contracts, per asset
    last_fx: np.ndarray  # exchange rate of each asset's currency at the end
    margined: np.ndarray  # 1 for assets whose value is not paid


class Origin(NamedTuple):
    """What a run was made of, beside its bars, so that it can be made again."""

    strategy: Strategy | None  # as it was before `prepare`; None where it cannot be copied
    settings: Settings


def tables_of(run: Run) -> Tables:
    """Return the rows of a finished run, as they lie in its memory."""
    memory = run.memory
    rows = {name: memory.table(name) for name in TABLES}
    last_fx, margined = memory.view("rates")[memory.view("currencies")], memory.view("margined").copy()
    equity, multipliers = memory.view("equity_curve")[: run.n_done], memory.view("contracts").copy()
    return Tables(**rows, equity=equity, multipliers=multipliers, last_fx=last_fx, margined=margined)


def trades_of(bars: Bars, tables: Tables) -> np.ndarray:
    """Return the trade table of a run, dtype `backtester.trades.TRADE`."""
    from backtester.round_trips import trade_rows

    prices = (bars.open, bars.high, bars.low, bars.close)
    return trade_rows(tables.fills, tables.actions, prices, tables.multipliers, tables.last_fx, tables.margined)


def metrics_of(
    bars: Bars,
    tables: Tables,
    trades: np.ndarray,
    *,
    periods_per_year: float | None,
    risk_free: float,
    benchmark: np.ndarray | None,
    ambiguous_bars: int,
) -> dict[str, float]:
    """Return every metric of a run from its rows; see `backtester.metrics.summary`."""
    from backtester.metrics import fill_totals, net_deposits, summary

    return summary(
        tables.equity,
        bars.timestamps,
        periods_per_year=periods_per_year,
        risk_free=risk_free,
        benchmark=benchmark,
        deposits=net_deposits(tables.flows, bars.n_bars) if has_deposits(tables) else None,
        trades=trades,
        n_orders=len(tables.orders),
        ambiguous_bars=ambiguous_bars,
        **fill_totals(tables.fills, tables.flows, tables.multipliers),
    )


def has_deposits(tables: Tables) -> bool:
    """Return whether money was paid in or out."""
    from backtester.metrics.flows import is_external

    return bool(len(tables.flows)) and bool(is_external(tables.flows).any())


def wealth_of(tables: Tables, n_bars: int) -> np.ndarray:
    """Return what the starting equity alone would have become: equity without deposits, money, float64 [n_bars]."""
    from backtester.metrics import net_deposits, wealth_index

    if not has_deposits(tables):
        return tables.equity
    return wealth_index(tables.equity, net_deposits(tables.flows, n_bars))


class Result:
    """The outcome of a run. Read-only; every table is a DataFrame built at the first look.

    Attributes
    ----------
    bars : Bars
        The bars that ran.
    tables : Tables
        Raw rows, for code that wants no pandas.
    manifest : dict
        Strategy, parameters, data hash, settings, seed, versions, mode: what it takes to repeat the run.
    ambiguous_bars : int
        In how many bars both legs of a bracket or an `oco` pair could have filled.
    """

    def __init__(
        self,
        bars: Bars,
        tables: Tables,
        facts: dict[str, Any],
        record_names: dict[int, str],
        ambiguous_bars: int,
        benchmark: np.ndarray | None = None,
    ):
        put = object.__setattr__
        put(self, "bars", bars)
        put(self, "tables", tables)
        put(self, "_facts", facts)
        put(self, "_record_names", record_names)
        put(self, "ambiguous_bars", ambiguous_bars)
        put(self, "benchmark", benchmark)

    bars: Bars
    tables: Tables
    ambiguous_bars: int
    benchmark: np.ndarray | None
    _facts: dict[str, Any]
    _record_names: dict[int, str]
    _origin: Origin | None = None  # of a run of this process: it is neither saved nor pickled

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_origin"}

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"a Result is read-only; cannot assign {name!r}")

    @classmethod
    def from_run(cls, run: Run, origin: Origin | None = None) -> Result:
        """Return the result of a finished run; `origin` is what it takes to make the run again."""
        from backtester.manifest import facts_of

        n = run.n_done
        if n == 0:
            raise ResultError("the run was interrupted before its first bar; there is nothing to report")
        bars = run.bars if n == run.bars.n_bars else run.bars[:n]
        tables = tables_of(run)
        for array in vars(tables).values():
            array.flags.writeable = False
        names = run.hooks.record_names if run.hooks is not None else {}
        if run.interpreter is not None:
            names = names | run.interpreter.ctx.record_names
        benchmark = None if run.benchmark is None else run.benchmark[:n]
        if benchmark is not None:
            benchmark.flags.writeable = False
        found = cls(bars, tables, facts_of(run), names, int(run.memory["ambiguous_bars"]), benchmark)
        object.__setattr__(found, "_origin", origin)
        return found

    # --- tables ------------------------------------------------------------------------------------------------------

    @cached_property
    def equity(self) -> pd.Series:
        """Equity at the end of each bar, in money."""
        import pandas as pd

        return pd.Series(self.tables.equity, index=self.bars.index, name="equity")

    @cached_property
    def returns(self) -> pd.Series:
        """Simple returns per bar, from the second bar on, without what was paid in or out; NaN after ruin."""
        import pandas as pd

        from backtester.metrics import simple_returns

        deposits = self.deposits if self._has_deposits else None
        return pd.Series(simple_returns(self.tables.equity, deposits), index=self.bars.index[1:], name="returns")

    @cached_property
    def _has_deposits(self) -> bool:
        return has_deposits(self.tables)

    @cached_property
    def deposits(self) -> np.ndarray:
        """Deposits less withdrawals at the start of each bar, money, float64 [n_bars]."""
        from backtester.metrics import net_deposits

        return net_deposits(self.tables.flows, self.bars.n_bars)

    @cached_property
    def wealth(self) -> np.ndarray:
        """What the starting equity alone would have become: equity without deposits, money, float64 [n_bars]."""
        return wealth_of(self.tables, self.bars.n_bars)

    @cached_property
    def daily_returns(self) -> pd.Series:
        """Simple returns per session, by its date (without a zone), for libraries that take a row for a day.

        The `returns` of a session's bars compounded, so that both come to the same total. The first session has a row
        where it has a second bar. NaN after ruin.
        """
        return frames.daily_returns_series(self.returns.to_numpy(), self.bars)

    @cached_property
    def orders(self) -> pd.DataFrame:
        """Every order by id, with its status, reason and times."""
        return frames.orders_frame(self.tables.orders, self.bars)

    @cached_property
    def fills(self) -> pd.DataFrame:
        """Every execution, with its costs in money, each in its own column."""
        return frames.fills_frame(self.tables.fills, self.bars)

    @cached_property
    def trades(self) -> pd.DataFrame:
        """Round trips, matched first in, first out; open ones are last, marked at the end."""
        return frames.trades_frame(self._trade_rows, self.bars)

    @cached_property
    def positions(self) -> pd.DataFrame:
        """Signed quantity held at the end of each bar, one column per symbol."""
        return frames.positions_frame(self.tables.fills, self.tables.actions, self.bars)

    @cached_property
    def actions(self) -> pd.DataFrame:
        """Every change of a position that is not a fill: splits and delistings."""
        return frames.actions_frame(self.tables.actions, self.bars)

    @cached_property
    def cash_flows(self) -> pd.DataFrame:
        """Every change of cash that is not a fill: carry, dividends, funding, deposits, payouts, write-off."""
        return frames.cash_flows_frame(self.tables.flows, self.bars, self.currencies)

    @property
    def currencies(self) -> tuple[str, ...]:
        """The names of the currencies, the account's first; "" where it has none."""
        return tuple(self._facts.get("currencies", [""]))

    @cached_property
    def changes(self) -> pd.DataFrame:
        """Every change that was asked for, and what became of it; and what splits did to orders."""
        return frames.changes_frame(self.tables.changes, self.bars)

    @cached_property
    def records(self) -> pd.DataFrame:
        """What the strategy recorded with `ctx.record`, one column per name; NaN where it did not."""
        return frames.records_frame(self.tables.records, self._record_names, self.bars)

    def to_frame(self) -> pd.DataFrame:
        """Return the account bar by bar: one row per bar, index the closes in UTC.

        Columns: `equity`, `cash` (money); `returns` (NaN in the first bar); `drawdown` (fraction by which they have
        fallen from their highest, 0 or more); `gross_exposure` and `net_exposure` (Σ|x|·m·mark/E and Σx·m·mark/E, NaN
        at zero equity); and one `position_SYMBOL` per asset, the signed quantity, in the units of that bar. All at the
        end of the bar, and money in the currency of the account: m is times the exchange rate of the bar's close, the
        last one known where the pair has no bar. Cash holds the balances in all currencies.
        """
        held, returns, multipliers = self.positions.to_numpy(), self.returns.to_numpy(), self.tables.multipliers
        if not self._rates.are_one:
            multipliers = multipliers * self._rates.at_closes()
        return frames.account_frame(self.tables.equity, returns, held, multipliers, self.bars)

    @cached_property
    def _account(self) -> Account:
        from backtester.exchange import account_of

        return account_of(self._facts["settings"])

    @cached_property
    def _rates(self) -> Rates:
        from backtester.exchange import Rates

        return Rates(self.bars, self._account)

    @cached_property
    def _trade_rows(self) -> np.ndarray:
        return trades_of(self.bars, self.tables)

    # --- numbers -----------------------------------------------------------------------------------------------------

    @cached_property
    def metrics(self) -> pd.Series:
        """Every metric by its snake_case name; fractions, never percents; NaN where undefined."""
        import pandas as pd

        return pd.Series(self.summary(), name="metrics")

    def summary(self) -> dict[str, float]:
        """Return the metrics as a dict, without pandas."""
        settings = self._facts["settings"]
        return metrics_of(
            self.bars,
            self.tables,
            self._trade_rows,
            periods_per_year=settings["periods_per_year"],
            risk_free=settings["risk_free"],
            benchmark=self.benchmark,
            ambiguous_bars=self.ambiguous_bars,
        )

    @cached_property
    def periods_per_year(self) -> float:
        """Bars per year that every annual number uses; NaN for one bar."""
        from backtester.metrics import bars_per_year

        said = self._facts["settings"]["periods_per_year"]
        return bars_per_year(self.bars.timestamps) if said is None else float(said)

    @cached_property
    def sharpe_estimate(self) -> SharpeEstimate:
        """The Sharpe ratio per bar, the number of returns behind it, their skew and Pearson kurtosis."""
        from backtester.metrics.sharpe_error import sharpe_of_wealth

        return sharpe_of_wealth(self.wealth, float(self._facts["settings"]["risk_free"]) / self.periods_per_year)

    @cached_property
    def verdict(self) -> Verdict:
        """Whether to believe it: the Sharpe ratio with its interval, the trials so far, and what is left of it."""
        from backtester.verdict import verdict_of

        return verdict_of(self)

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """Strategy, parameters, data, settings, seed, versions and mode, as plain JSON values."""
        from backtester.manifest import manifest_of

        return manifest_of(self._facts, self.bars)

    # --- words and files ---------------------------------------------------------------------------------------------

    def explain(self, order_id: int) -> str:
        """Return in words what happened to the order `order_id`, bar by bar."""
        from backtester.explain import explain

        return explain(self, order_id)

    def diff(self, other: Result, *, rtol: float = 0.0) -> Diff:
        """Return the first bar, order, fill or cash flow in which the run `other` differs from this one, and why.

        This run is A and `other` is B. Numbers no further apart than the fraction `rtol` count as equal:
        see `backtester.diff.diff`.
        """
        from backtester.diff import diff

        return diff(self, other, rtol=rtol)

    def report(self, path: str | PathLike[str]) -> None:
        """Write one self-contained HTML page to `path`."""
        from backtester.report import write_report

        write_report(self, path)

    def plot(self, backend: str = "plotly", width: str | float = "single") -> Any:
        """Return a figure: of Plotly for a screen, or of Matplotlib for a paper.

        Parameters
        ----------
        backend : {"plotly", "matplotlib"}
            Equity, drawdown, and the trades on the price; or equity and drawdown, see `backtester.report.paper`.
        width : {"single", "double"} or float
            Of Matplotlib's: one column of a page, two, or inches.

        Raises
        ------
        SettingsError
            If there is no such backend or width, or Matplotlib is not installed.
        """
        if backend == "plotly":
            from backtester.report import figure

            return figure(self)
        from backtester.errors import SettingsError, did_you_mean

        if backend != "matplotlib":
            hint = did_you_mean(str(backend), ("plotly", "matplotlib"))
            raise SettingsError(f"plot: backend is {backend!r}{hint}; it is 'plotly' or 'matplotlib'")
        from backtester.report.paper import figure as paper_figure

        return paper_figure(self, width)

    def to_parquet(self, directory: str | PathLike[str]) -> None:
        """Write everything to a directory that `Result.load` reads back."""
        from backtester.store import save

        save(self, directory)

    @classmethod
    def load(cls, directory: str | PathLike[str]) -> Result:
        """Read a result that `to_parquet` wrote to `directory`."""
        from backtester.store import load

        return load(directory)

    def __repr__(self) -> str:
        return f"<Result of {self._facts['strategy']}: {len(self.bars):,} bars, {len(self.tables.fills):,} fills>"

    def __str__(self) -> str:
        from backtester.summary_text import text_of

        return text_of(self)

    def _repr_html_(self) -> str:
        from backtester.report.cards import html_of_result

        return html_of_result(self)
