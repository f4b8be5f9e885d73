"""One step of every account: act, fill, mark, pay the reward, observe, and begin anew what has ended (rule 24).

The accounts are those of the engine, and so are `close_phase` and `begin_bar`: an environment adds no market of its
own. Copies are independent, so that any number of them, on any number of threads, gives the same bits.
"""

from __future__ import annotations

import math

import numba
from numba import float64, int64

from backtester.compiler.ctx_type import make_ctx_type
from backtester.kernel import act, observe
from backtester.kernel.codes import CashFlowKind
from backtester.kernel.jit import inner_jit, kernel_jit
from backtester.kernel.layout import STATE
from backtester.kernel.loop import begin_bar, close_phase, end_bar
from backtester.kernel.opening import forget, open_account
from backtester.kernel.struct import as_struct, call_pointer
from envs.batch import BATCH, ENDED, GOES_ON, SAME_STEP, TERMINATED, TRUNCATED, clear, count, first_refusal
from envs.random import integer
from envs.trading.ahead import fetch_next
from envs.trading.layout import TRADING, RewardKind

CTX = make_ctx_type(STATE)
EXHAUSTED = 1 << 40  # `step` returns at least this where a table could not be grown

_DISCRETE, _CONTINUOUS, _WEIGHTS = int(act.Scheme.DISCRETE), int(act.Scheme.CONTINUOUS), int(act.Scheme.WEIGHTS)
_PNL, _SHARPE = int(RewardKind.PNL), int(RewardKind.DIFFERENTIAL_SHARPE)
_MEAN_VARIANCE, _DRAWDOWN, _USER = int(RewardKind.MEAN_VARIANCE), int(RewardKind.DRAWDOWN), int(RewardKind.USER)
_BORROW, _DEBIT = int(CashFlowKind.BORROW), int(CashFlowKind.DEBIT_INTEREST)

_act_discrete = inner_jit(act.act_discrete)
_act_continuous = inner_jit(act.act_continuous)
_act_weights = inner_jit(act.act_weights)
_act_orders = inner_jit(act.act_orders)
_observe_market = inner_jit(observe.observe_market)
_observe_account = inner_jit(observe.observe_account)


@inner_jit
def begin_episode(b, m, s, e, start, end):
    """Open the account of a copy; -1 for `start` draws the bar or takes the first, -1 for `end` takes the last."""
    if start < 0:
        start = m.first
        if m.random_start and b.length > 0:
            start += integer(b.random[e : e + 1], m.last - b.length - m.first + 1)
    open_account(s, start, m.cash, m.marks, m.rates, m.delisted_from)
    m.end[e] = end if end >= 0 else m.last
    m.opening_equity[e] = s.equity
    m.equity[e] = s.equity
    m.peak[e] = s.equity
    m.costs[e] = 0.0
    m.turnover[e] = 0.0
    m.sharpe_mean[e] = 0.0
    m.sharpe_square[e] = 0.0
    for a in range(m.n_assets):
        m.chosen[e, a] = -1
    if m.records:
        for t in range(start + 1):
            s.equity_curve[t] = m.cash


@inner_jit
def observe_copy(m, s, e, out):
    """Write the observation of a copy."""
    at = _observe_market(m.panel, s.t, m.window, out)
    _observe_account(as_struct(s, CTX), m.account_features, m.peak[e], m.clip, out, at)


@inner_jit
def act_copy(b, m, s, e):
    """Order what the action of a copy means."""
    ctx = as_struct(s, CTX)
    action = b.actions[e]
    if m.scheme == _CONTINUOUS:
        _act_continuous(ctx, action, m.low, m.high, m.band)
        return
    if m.scheme == _WEIGHTS:
        _act_weights(ctx, action, m.low, m.high, m.band, m.weights[e])
        return
    choices = m.choices[e]
    for a in range(m.n_assets):
        choices[a] = int64(action[a])
    if m.scheme == _DISCRETE:
        _act_discrete(ctx, choices, m.exposures, m.chosen[e])
    else:
        _act_orders(ctx, choices, m.fraction, m.limit_offset, m.stop_loss, m.take_profit)


@inner_jit
def account_for(m, s, e, fills, flows, before):
    """Add up what the step has cost and turned over, from the rows it has written."""
    costs = 0.0
    traded = 0.0
    for n in range(fills, s.n_fills):
        f = s.fills[n]
        costs += f.commission + f.spread + f.slippage + f.impact + f.rounding
        traded += abs(f.quantity * f.price) * s.multipliers[f.asset]
    for n in range(flows, s.n_flows):
        f = s.flows[n]
        if f.kind == _BORROW or f.kind == _DEBIT:
            costs -= f.amount * f.fx
    m.costs[e] = costs
    m.turnover[e] = traded / before


@inner_jit
def reward_of(m, s, e, before, peak):
    """Return the reward of a step from equity `before` to the present one; `peak` is the highest equity before."""
    now = s.equity
    if m.reward_kind == _PNL:
        return (now - before) / m.opening_equity[e]
    if m.reward_kind == _USER:
        return call_pointer(m.fn_reward, float64, before, now, max(peak, now), m.costs[e], m.turnover[e])
    simple = now / before - 1.0
    if m.reward_kind == _SHARPE:
        return differential_sharpe(m, e, simple)
    if m.reward_kind == _MEAN_VARIANCE:
        return simple - 0.5 * m.reward_parameter * simple * simple
    log_return = math.log(max(now, m.floor * m.opening_equity[e]) / before)
    if m.reward_kind == _DRAWDOWN:
        deeper = (1.0 - now / max(peak, now)) - (1.0 - before / peak)
        return log_return - m.reward_parameter * max(deeper, 0.0)
    return log_return


@inner_jit
def differential_sharpe(m, e, simple):
    """Return how much one return changes an exponentially weighted Sharpe ratio (Moody, Wu, Liao, Saffell 1998)."""
    mean, square = m.sharpe_mean[e], m.sharpe_square[e]
    variance = square - mean * mean
    more_mean = simple - mean
    more_square = simple * simple - square
    reward = 0.0
    if variance > 1e-18:
        reward = (square * more_mean - 0.5 * mean * more_square) / (variance * math.sqrt(variance))
    m.sharpe_mean[e] = mean + m.reward_parameter * more_mean
    m.sharpe_square[e] = square + m.reward_parameter * more_square
    return reward


@inner_jit
def trade(b, m, s, e):
    """Act, go to the close of the next bar, and return the reward and what it does to the episode."""
    before = m.equity[e]
    if m.records:
        fills, flows = s.n_fills, s.n_flows
        act_copy(b, m, s, e)
        end_bar(s, s.t)
    else:
        forget(s)
        fills, flows = 0, 0
        act_copy(b, m, s, e)
        close_phase(s, s.t)
        s.next_bar = s.t + 1
    begin_bar(s, s.t + 1)
    account_for(m, s, e, fills, flows, before)
    peak = m.peak[e]
    reward = m.reward_scale * reward_of(m, s, e, before, peak)
    m.equity[e] = s.equity
    m.peak[e] = max(peak, s.equity)
    if s.equity <= m.ruin * m.opening_equity[e] or s.bankrupt:
        return reward, TERMINATED
    return reward, TRUNCATED if s.t >= m.end[e] else GOES_ON


@inner_jit
def step_copy(b, m, e):
    """Step one copy; return 1 where its episode ended, else 0, and more where a table could not be grown."""
    s = as_struct(m.accounts + e * m.stride, STATE)
    out = b.observation[e]
    if b.phase[e] == ENDED:  # under NEXT_STEP: the action is ignored
        clear(b, e)
        b.limit[e] = b.length
        begin_episode(b, m, s, e, -1, -1)
        observe_copy(m, s, e, out)
        return 0
    reward, outcome = trade(b, m, s, e)
    ended = count(b, e, reward, outcome)
    if not ended:
        observe_copy(m, s, e, out)
        return EXHAUSTED if s.exhausted else 0
    m.final_equity[e] = s.equity
    m.final_costs[e] = m.costs[e]
    m.final_turnover[e] = m.turnover[e]
    for a in range(m.n_assets):
        m.final_positions[e, a] = s.positions[a]
    if b.autoreset == SAME_STEP:
        observe_copy(m, s, e, b.final_observation[e])
        terminated, truncated = b.terminated[e], b.truncated[e]
        clear(b, e)
        b.reward[e], b.terminated[e], b.truncated[e] = reward, terminated, truncated
        b.limit[e] = b.length
        begin_episode(b, m, s, e, -1, -1)
    observe_copy(m, s, e, out)
    return 1


@kernel_jit(int64(int64, int64))
def step(batch, trading):
    """Step all copies, on this thread; return how many ended, or a refusal of `envs.batch`."""
    refusal = first_refusal(batch)
    if refusal < 0:
        return refusal
    b, m = as_struct(batch, BATCH), as_struct(trading, TRADING)
    ends = 0
    for e in range(b.n):
        fetch_next(trading, e, b.n)
        ends += step_copy(b, m, e)
    return ends


@kernel_jit(parallel=True)
def step_with_threads(batch, trading):
    """Step all copies, on all threads."""
    refusal = first_refusal(batch)
    if refusal < 0:
        return refusal
    b, m = as_struct(batch, BATCH), as_struct(trading, TRADING)
    ends = 0
    for e in numba.prange(b.n):
        fetch_next(trading, e, b.n)
        ends += step_copy(b, m, e)
    return ends


@kernel_jit(int64(int64, int64))
def restart(batch, trading):
    """Begin an episode of every copy in the mask, as the reset asked for."""
    b, m = as_struct(batch, BATCH), as_struct(trading, TRADING)
    for e in range(b.n):
        if b.mask[e]:
            s = as_struct(m.accounts + e * m.stride, STATE)
            clear(b, e)
            begin_episode(b, m, s, e, m.asked_start, m.asked_end)
            observe_copy(m, s, e, b.observation[e])
    return 0
