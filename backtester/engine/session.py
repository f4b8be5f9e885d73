"""One run: prepare the strategy, lay out the account, drive the kernel, hand over the result."""

from __future__ import annotations

import copy
import sys
import time
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from backtester.compiler import check_strategy, compile_hooks, make_ctx_type
from backtester.context import Context
from backtester.costs import resolve
from backtester.engine.interrupt import Interrupt
from backtester.engine.progress import Progress
from backtester.engine.replay import annotate, explain_read_only, replay
from backtester.engine.settings import Settings, as_bars, as_strategy
from backtester.errors import CannotCompile, DataError, SettingsError, StrategyError, did_you_mean
from backtester.instruments import currencies_of
from backtester.kernel.layout import STATE
from backtester.kernel.loop import FAILED, advance
from backtester.kernel.memory import AccountMemory
from backtester.kernel.ready import first_ready, is_prepared, map_row
from backtester.strategy import Strategy
from backtester.trials.record import record_run

if TYPE_CHECKING:
    from backtester.bars import Bars
    from backtester.compiler import CompiledHooks
    from backtester.engine.interpreted import Interpreted
    from backtester.result import Result

_FIRST_CHUNK = 16  # bars; a chunk is at most four times the one before, so that a slow strategy is noticed early
_CHUNK_SECONDS = 0.03  # between two chunks Ctrl-C is answered


def run(strategy: Strategy | type[Strategy], bars: Bars, **settings: Any) -> Result:
    """Run a strategy over bars and return what happened.

    Parameters
    ----------
    strategy : Strategy
        An instance, or a class (default parameters). It is left prepared, with its state after the last bar.
    bars : Bars
    cash : float
        Money at the start, 100,000 by default.
    costs, account, execution : Costs, Account, Execution
        By default no costs, a cash account that may be short, fills at the next open.
    benchmark : str, Bars, Series or array, optional
        What `alpha`, `beta` and `information_ratio` compare with: "buy_and_hold" (equal parts of all assets), a symbol,
        Bars of one asset, or prices, one per bar.
    risk_free : float
        Annual rate for the ratios.
    periods_per_year : float, optional
        Bars per year; by default (n - 1) / years of the data.
    close_at_end : bool
        Close open positions at the last close.
    mode : {"auto", "compiled", "interpreted"}
        "auto" compiles, and where numba cannot, runs interpreted and says why in one line. Same bits either way.
    seed : int
        Seed of `ctx.random()`.
    progress : bool, optional
        A progress bar; by default on a terminal, for runs that take longer than a second.

    Returns
    -------
    Result
        It is counted in the project's trial ledger (`backtester.trials`), as one trial however often it runs. After
        Ctrl-C, the result of the bars that ran, with `manifest["interrupted"]` true.

    Raises
    ------
    SettingsError, ParameterError, StrategyError, DataError, CannotCompile
        Before the first trade. An exception in a hook is raised as it is, with the bar, time and symbol noted.
    """
    prepared = prepare_run(strategy, bars, **settings)
    prepared.prepare()
    prepared.advance()
    result = prepared.finish()
    record_run(prepared.strategy, result)
    return result


def prepare_run(strategy: Strategy | type[Strategy], bars: Bars, **settings: Any) -> Run:
    """Check everything and return a `Run` whose steps are yours to take: prepare, advance, finish."""
    known = Settings.__dataclass_fields__
    for name in settings:
        if name not in known:
            raise SettingsError(
                f"run has no setting {name!r}{did_you_mean(name, known)} (settings: {', '.join(known)})"
            )
    return Run(as_strategy(strategy), as_bars(bars), Settings(**settings))


class Run:
    """One run in steps.

    Attributes
    ----------
    memory : AccountMemory
        The account; exists after `prepare`.
    compiled : bool
        Whether the hooks run as machine code.
    reason : str
        Why they do not, in one line; empty where they do or were not asked to.
    """

    def __init__(self, strategy: Strategy, bars: Bars, settings: Settings):
        self.strategy = strategy
        self.bars = bars
        self.settings = settings
        self.rules, self._kept = resolve(
            settings.cash,
            settings.costs,
            settings.account,
            settings.execution,
            bars.symbols,
            negative_prices=bars.allow_negative,
        )
        self.currencies = currencies_of(settings.account, bars.symbols).names
        self.pristine = _copied(strategy)
        self.memory: AccountMemory
        self.benchmark: np.ndarray | None = None
        self.hooks: CompiledHooks | None = None
        self.interpreter: Interpreted | None = None
        self.reason = ""
        self.interrupted = False
        self.seconds: dict[str, float] = {}

    def again(self, strategy: Strategy) -> Run:
        """Return a run with the same bars and settings."""
        return Run(strategy, self.bars, self.settings)

    @property
    def compiled(self) -> bool:
        """Whether the hooks run as machine code."""
        return self.interpreter is None

    # --- steps -------------------------------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Call the strategy's `prepare`, lay out the account and compile the hooks."""
        check_strategy(self.strategy)
        _check_extras(self.bars)
        if self.settings.benchmark is not None:
            from backtester.comparison import benchmark_equity

            self.benchmark = benchmark_equity(self.settings.benchmark, self.bars, self.settings.cash)
        began = time.perf_counter()
        try:
            self.strategy.prepare(self.bars)
        except ValueError as error:
            explain_read_only(error)
            raise
        self.seconds["prepare"] = time.perf_counter() - began
        self.lay_out()

    def lay_out(self) -> None:
        """Lay out the account and compile the hooks of a strategy that is prepared."""
        self.open_account()
        began = time.perf_counter()
        self._choose_mode()
        self.seconds["compile"] = time.perf_counter() - began
        try:
            self.find_start()
        except Exception:
            if self.interpreter is not None:
                self.interpreter.restore()
            raise

    def open_account(self) -> None:
        """Make the memory of the account."""
        self.memory = AccountMemory(self.bars.market, self.rules)
        self.memory["close_at_end"] = int(self.settings.close_at_end)
        self.memory["random_state"] = _seed_word(self.settings.seed)

    def _choose_mode(self) -> None:
        if self.settings.mode == "interpreted":
            self.interpret()
            return
        ctx_type = make_ctx_type(STATE, tuple(self.bars.extras))
        try:
            self.hooks = compile_hooks(self.strategy, ctx_type, self.bars.n_bars)
        except CannotCompile as error:
            if self.settings.mode == "compiled":
                raise
            self.reason = error.reason
            warnings.warn(f"running interpreted: {error.reason}", stacklevel=users_level())
            self.interpret()
            return
        self.memory["hooks_rejects"] = int(self.hooks.on_reject != 0)

    def interpret(self) -> None:
        """Go on interpreted from the next bar."""
        from backtester.engine.interpreted import Interpreted

        if self.hooks is not None:
            self.hooks.read_back()
        self.memory["hooks_rejects"] = int(type(self.strategy).on_reject is not Strategy.on_reject)
        self.interpreter = Interpreted(self.strategy, self.memory, self.bars.n_bars)

    def advance(self, until: int | None = None) -> None:
        """Run bars up to `until` (exclusive; default: all). Ctrl-C stops between two bars and keeps what ran."""
        until = self.bars.n_bars if until is None else min(until, self.bars.n_bars)
        began = time.perf_counter()
        progress = Progress(until, self.settings.progress)
        try:
            with Interrupt(raise_second=self.interpreter is not None) as interrupt:
                self._advance(until, progress, interrupt)
                self.interrupted |= interrupt.noted
        except KeyboardInterrupt:
            self.interrupted = True
        finally:
            progress.close()
            self.memory.tidy()
        if self.interrupted:
            done = f"{self.n_done} of {self.bars.n_bars} bars"
            warnings.warn(f"interrupted after {done}; the result is of these alone", stacklevel=users_level())
        self.seconds["advance"] = time.perf_counter() - began

    @property
    def n_done(self) -> int:
        """How many bars are complete."""
        return int(self.memory["next_bar"])

    def finish(self) -> Result:
        """End the run after the last complete bar and return its result."""
        from backtester.result import Origin, Result

        if self.interpreter is not None:
            from backtester.kernel.loop import close_bar

            close_bar(self.memory.address)
            self.interpreter.restore()
        elif self.hooks is not None:
            self.hooks.read_back()
        self.memory.finish()
        if callable(self.settings.costs.commission):
            self.check_commissions()
        return Result.from_run(self, Origin(self.pristine, self.settings))

    # --- inside ------------------------------------------------------------------------------------------------------

    def _advance(self, until: int, progress: Progress, interrupt: Interrupt) -> None:
        chunk = _FIRST_CHUNK if self.interpreter is None else 1
        while self.n_done < until:
            goal = min(self.n_done + chunk, until)
            began = time.perf_counter()
            if self.interpreter is not None:
                self._advance_interpreted(goal)
            else:
                self._advance_compiled(goal)
            self.check_memory()
            spent = max(time.perf_counter() - began, 1e-6)
            chunk = max(1, min(int(chunk * _CHUNK_SECONDS / spent), 4 * chunk))
            progress.update(self.n_done)
            if interrupt.noted:
                return

    def _advance_compiled(self, goal: int) -> None:
        hooks = self.hooks
        if hooks is None:
            raise StrategyError("advance was called before prepare")
        status = advance(
            self.memory.address, hooks.self_buffer.address, hooks.on_bar, hooks.on_fill, hooks.on_reject, goal
        )
        if status == FAILED:
            replay(self, int(self.memory["t"]))

    def _advance_interpreted(self, goal: int) -> None:
        interpreter = self.interpreter
        assert interpreter is not None
        try:
            interpreter.advance(goal)
        except Exception as error:
            interpreter.restore()
            annotate(self, error, int(self.memory["t"]))
            raise

    @property
    def n_kept(self) -> int:
        """How many arrays the run keeps alive for the kernel."""
        return len(self._kept)

    def forget_prepared(self, n: int) -> None:
        """Keep the first `n` of those arrays alone: the prepared ones of another strategy come next."""
        del self._kept[n:]

    def check_memory(self) -> None:
        """Raise `MemoryError` where a table could not grow."""
        if self.memory["exhausted"]:
            raise MemoryError(
                f"no memory for a larger table at bar {self.n_done - 1} of {self.bars.n_bars}; "
                f"{self.memory['n_orders']:,} orders and {self.memory['n_fills']:,} fills so far"
            )

    def check_commissions(self) -> None:
        """Refuse the result where a commission function returned no amount of money for a fill."""
        orders = self.memory.table("orders")
        paid = orders["commission_base"]
        wrong = np.flatnonzero(~(np.isfinite(paid) & (paid >= 0.0)))
        if len(wrong):
            order = orders[wrong[0]]
            raise SettingsError(
                f"Costs: the commission function charged {float(paid[wrong[0]])!r} in all for order {int(order['id'])} "
                f"of {float(order['quantity'])!r} {self.bars.symbols[int(order['asset'])]}, submitted at bar "
                f"{int(order['submitted'])}; what it returns must be finite and not negative"
            )

    def find_start(self) -> None:
        """Set the bar of the first `on_bar` (rule 4), and refuse data that ends before it."""
        n_bars = self.bars.n_bars
        self.memory.set_ready_map(self.ready_rows())
        warmup = self.warmup
        start = int(first_ready(self.memory.address, 1)) if warmup is None else max(1, warmup)
        if start >= n_bars:
            raise DataError(self._too_short(warmup))
        self.memory["start"] = start

    @property
    def warmup(self) -> int | None:
        """The warm-up that the strategy asks for, in bars; None where its prepared arrays tell."""
        warmup = getattr(self.strategy, "warmup", None)
        if warmup is None:
            return None
        if isinstance(warmup, bool) or not isinstance(warmup, (int, np.integer)) or warmup < 0:
            raise StrategyError(
                f"{type(self.strategy).__name__}: warmup must be a whole number of bars, found {warmup!r}"
            )
        return int(warmup)

    def _too_short(self, warmup: int | None) -> str:
        name, n_bars = type(self.strategy).__name__, self.bars.n_bars
        if warmup is not None:
            why = f"its warm-up is {warmup} bars"
        else:
            never = [n for n, a in self._prepared() if not np.isfinite(a[1:]).any()]
            what = ", ".join(f"self.{n}" for n in never[:5]) or "the prepared arrays together"
            why = f"no asset is ever ready: {what} {'is' if len(never) == 1 else 'are'} finite at no bar"
        return (
            f"{name}: {n_bars} bars of {', '.join(self.bars.symbols[:3])} are shorter than the warm-up ({why}); "
            "give it more data or shorter periods"
        )

    def _prepared(self) -> list[tuple[str, np.ndarray]]:
        """Return the arrays of floats on the strategy that have one row per bar."""
        fields = self.interpreter.prepared if self.interpreter is not None else vars(self.strategy)
        return [(name, array) for name, array in fields.items() if is_prepared(array, self.bars.n_bars)]

    def ready_rows(self) -> np.ndarray:
        """Return where the prepared arrays lie: address, items per bar, items per asset (0: all of them)."""
        rows = []
        for _, array in self._prepared():
            if array.dtype != np.float64 or not array.flags.c_contiguous:
                array = np.ascontiguousarray(array, np.float64)
            self._kept.append(array)
            rows.append(map_row(array.ctypes.data, array.shape, self.bars.n_assets))
        return np.array(rows, np.int64).reshape(-1, 3)


def _check_extras(bars: Bars) -> None:
    """Refuse extra columns that `ctx` could not show beside its own names."""
    for name in bars.extras:
        if hasattr(Context, name):
            raise DataError(
                f"the bars have an extra column {name!r}, which is a name of ctx itself; rename it, or leave it out "
                "with extras=[...] where the bars are read"
            )


def _copied(strategy: Strategy) -> Strategy | None:
    """Return a copy for `replay`, or None where the strategy holds something that cannot be copied, as a lock."""
    try:
        return copy.deepcopy(strategy)
    except Exception:
        return None


def users_level() -> int:
    """Return the `stacklevel` with which the caller's `warnings.warn` names the first line outside the package."""
    frame, level = sys._getframe(1), 1
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "backtester":
        frame, level = frame.f_back, level + 1
    return level


def _seed_word(seed: int) -> int:
    """Return a seed as the 64-bit word the generator starts from."""
    word = int(seed) & (2**64 - 1)
    return word - 2**64 if word >= 2**63 else word
