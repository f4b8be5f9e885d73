"""The market environment: accounts of the engine, stepped by an agent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from envs.faces.single import SingleEnv
from envs.faces.vector import VectorEnv
from envs.trading.core import TradingCore

if TYPE_CHECKING:
    from backtester.bars import Bars

__all__ = ["Trading", "TradingCore", "TradingVector"]


class Trading(SingleEnv):
    """An account of the engine in the market of some bars: id `backtester/Trading-v0`.

    **Time** (rule 24). The agent observes at the close of bar t and orders there. The engine's own kernel fills what
    can be filled in bar t+1, charges costs and carry, liquidates, and marks the account at close t+1: that is one
    step, and its reward is for equity t to t+1. So no action is ever filled at a price that was in its observation;
    under `Execution(fill_at="close")` market orders fill at close t itself, as in the engine.

    **Observation**, float32, inside ±`clip`: the last `window` rows of the scaled features, oldest first, a row asset
    by asset and feature by feature; then the `account_features` in the order of this page.

    **Action**, by `actions`:

    - `"discrete"`: the number of one of the `exposures`, per asset. Orders when the number changes.
    - `"units"`: the same, where the numbers of `exposures` are quantities in units, whatever equity is.
    - `"continuous"`: per asset a number in [-1, 1], which stands for the range of `exposures`, linearly. Re-targets in
      every step in which the exposure is further than `band` from it.
    - `"weights"`: the same numbers are the weights of a portfolio, scaled down together where the sum of their sizes
      exceeds the larger bound of `exposures`; what is left is cash. `exposures=(0, 1)` is long only.
    - `"orders"`: per asset 0 wait, 1 buy, 2 sell (both at the market), 3 buy and 4 sell with a limit, `limit_offset`
      away from the close, 5 close. Entries are worth `order_fraction` of equity and carry a bracket of `stop_loss` and
      `take_profit`; they need an asset that is flat, with no order working.

    Exposures of several assets are shares of equity: each gets 1/n_assets of what its number says (not so weights).
    `action_masks()` says which discrete actions are possible; an impossible one does nothing, or what the engine's
    rules make of it.

    **Reward**, from equity E to E' (E₀ at the start of the episode; peak: the highest so far), times `reward_scale`:

    - `"log_wealth"`: log(max(E', floor·E₀)/E); their sum is log(E_end/E₀)
    - `"pnl"`: (E' - E)/E₀
    - `"differential_sharpe"`: Moody, Wu, Liao, Saffell (1998), decay `sharpe_decay` (0.01); 0 in the first step
    - `"mean_variance"`: r - `risk_aversion`/2·r², r = E'/E - 1
    - `"drawdown"`: log wealth less `drawdown_penalty` times how much deeper the drawdown became
    - a function f(before, after, peak, costs, turnover) -> float that numba can compile

    **Episode**: begins flat, with `cash`, at the close of a bar; carry starts there. With an `episode_length` it begins
    at a random bar of the range (`random_start`) and is truncated after so many steps; without, it runs through the
    range. The end truncates, without a forced sale. E ≤ `ruin`·E₀, and bankruptcy, terminate. `reset(options={"start":
    …, "end": …})` chooses the first and the last bar of one episode, as positions, dates or times; a date without a bar
    means the next one for the start, the one before for the end. An account that `max_drawdown` stops acts no more.

    **Info**: `equity`, `position` (units; an array for several assets), `costs` (commission, spread, slippage, impact,
    rounding, borrow, debit interest) and `turnover` (traded value / equity) of the step.

    Parameters
    ----------
    bars : Bars
        The market; shared by all copies.
    features : Features, list or ndarray, optional
        What is observed of it; `Features.default()` where missing. An array [n_bars, k] or [n_bars, n_assets, k] is
        taken as known at each close: check it with `check_trading_env`.
    window : int
        Rows of features in an observation.
    account_features : sequence of str
        From "exposure", "unrealized_pnl", "open_orders" and "position" (units), one number per asset each, and "cash"
        and "drawdown", one each.
    scaler : Scaler or "none", optional
        Where missing, one is fitted on the rows of this environment's range, `start` to `end`: for an environment that
        evaluates, pass that of the training environment, `train_env.unwrapped.core.observer.scaler`.
    clip : float
        Bound of every observed number.
    actions, exposures, band, order_fraction, limit_offset, stop_loss, take_profit
        See above. For Box actions the smallest and the largest of `exposures` are the range.
    reward, sharpe_decay, risk_aversion, drawdown_penalty, reward_scale, floor
        See above.
    ruin : float
        Fraction of E₀ at which the episode terminates.
    start, end : int, date or time, optional
        The range: rows `bars[start:end]`. Windows reach before it, episodes do not.
    episode_length : int, optional
        Steps.
    random_start : bool
        See above.
    stagger : bool
        Let the first episode of each copy end earlier, by chance, so that their ends are spread.
    cash, costs, account, execution
        As in `run`.
    record : bool
        Keep the tables, for `result()`. For one copy.

    Examples
    --------
    >>> import gymnasium, envs
    >>> from backtester import Bars, Costs
    >>> env = gymnasium.make("backtester/Trading-v0", bars=Bars.sample("sp500"), costs=Costs(commission=0.001))
    >>> observation, info = env.reset(seed=1)
    >>> observation.shape, info["equity"]
    ((66,), 100000.0)
    """

    core_class = TradingCore
    core: TradingCore

    def with_bars(self, bars: Bars, **changes: Any) -> Trading:
        """Return the same environment on other bars, with the scaler of this one.

        Parameters
        ----------
        bars : Bars
        **changes
            Settings that are to be others, such as `episode_length`.
        """
        return Trading(**{**self.core.keywords(), "bars": bars, **changes})

    def result(self) -> Any:
        """Return the running or last episode as a `Result`, with its tables, metrics and report; needs `record=True`.

        It holds the bars up to the one seen last. Bars before the episode count as idle: equity is `cash`.
        """
        from envs.trading.record import result_of

        return result_of(self.core)


class TradingVector(VectorEnv):
    """N copies of `Trading`, stepped by one call of the kernel over one shared market; see there."""

    core_class = TradingCore
    core: TradingCore
