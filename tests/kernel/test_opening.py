"""Accounts that open in the middle of the data, in memory used before, and forget what is over.

The comparison is with what `AccountMemory` lays out and with accounts that keep everything: neither knows `opening`.
"""

import numpy as np
import pytest
from numba import int64

from backtester.bars import Bars
from backtester.costs import Account, Costs, Execution, resolve
from backtester.kernel.accounts import OWN, Accounts, outlook
from backtester.kernel.jit import kernel_jit
from backtester.kernel.layout import STATE
from backtester.kernel.loop import begin_bar, close_phase, end_bar
from backtester.kernel.memory import AccountMemory
from backtester.kernel.opening import forget, open_account, step_flat
from backtester.kernel.struct import as_struct, call_pointer
from backtester.kernel.submission import submit, submit_bracket, submit_target

N_BARS = 400
RULES = {
    "costs": Costs(commission=0.001, spread=0.002, borrow_rate=0.05, debit_rate=0.04),
    "account": Account(leverage=2.0, maintenance=0.2, lot_size=1.0),
    "execution": Execution(max_participation=0.2, latency_bars=1),
}


def bars_of_two():
    return Bars.simulate("gbm", n_bars=N_BARS, n_assets=2, seed=4)


def rules_of(bars, **changed):
    made = {**RULES, **changed}
    return resolve(
        10_000.0, *(made[k] for k in ("costs", "account", "execution")), bars.symbols, negative_prices=False
    )[0]


@kernel_jit
def opened(address, t, cash, marks, rates, delisted_from):
    open_account(as_struct(address, STATE), t, cash, marks, rates, delisted_from)


@kernel_jit(int64(int64, int64, int64, int64))
def play(address, seed, until, forgets):
    """Send orders drawn from a seed, bar by bar; return a hash of every fill."""
    s = as_struct(address, STATE)
    x = np.uint64(seed * 2 + 1)
    digest = 0
    while s.t + 1 < until:
        if forgets:
            forget(s)
        fills = s.n_fills
        for a in range(s.n_assets):
            x = x * np.uint64(6364136223846793005) + np.uint64(1442695040888963407)
            kind = int64(x >> np.uint64(33)) % 7
            if kind == 0:
                submit_target(s, a, 2, 0.4, 0, 0, 0, 0)
            elif kind == 1:
                submit_target(s, a, 2, -0.4, 0, 0, 0, 0)
            elif kind == 2:
                submit(s, a, 1, 0, 5.0, s.marks[a] * 0.97, np.nan, np.nan, np.nan, 0, 0, 0)
            elif kind == 3:
                submit_bracket(s, a, 7.0, np.nan, np.nan, 0.02, 0.03, np.nan, np.nan, 0, 0, 0)
            elif kind == 4:
                call_pointer(s.fn_change, int64, s, 1, 0, a, np.nan, 0.0)  # cancel_all
        if forgets:
            close_phase(s, s.t)
            s.next_bar = s.t + 1
        else:
            end_bar(s, s.t)
        begin_bar(s, s.t + 1)
        for n in range(0 if forgets else fills, s.n_fills):
            f = s.fills[n]
            digest = digest * 1000003 + f.order_id * 31 + int64(f.price * 1e6) + int64(f.quantity * 7)
    return digest


def words_of(memory):
    """Return every scalar and array of an account that is no address and no row of a table."""
    tables = {"orders", "fills", "flows", "changes", "actions", "records", "equity_curve", "shelf"}
    scratch = {"active", "hand", "book_keys", "book_ids", "keys", "key_prices", "ranks", "rejects", "free"}
    scratch |= {"woken", "woken_prices", "woken_up"}
    scalars = {
        name: memory[name]
        for name, (field, _) in memory.buffer.type.map.items()
        if field.kind == "scalar" and not name.startswith("fn_") and name not in ("order_mask", "random_state")
    }
    arrays = {name: memory.view(name).tobytes() for name in OWN if name not in tables | scratch}
    return scalars | arrays


def test_an_account_used_before_opens_as_a_fresh_one():
    """Every word that a run may change is set: a field that `open_account` forgot would keep what was there."""
    bars = bars_of_two()
    rules = rules_of(bars)
    seen = outlook(bars.market, rules)
    used, fresh = (Accounts(bars.market, rules, 1, 16) for _ in range(2))
    for accounts in (used, fresh):
        opened(accounts.address, 30, 10_000.0, *seen)
    play(used.address, 7, 300, 1)
    assert used.account(0)["n_orders"] > 50
    opened(used.address, 30, 10_000.0, *seen)
    assert words_of(used.account(0)) == words_of(fresh.account(0))


def test_an_account_opened_at_the_first_bar_is_that_of_a_backtest():
    """A backtest that has done nothing until bar t has these words too, the carry of its idle cash aside."""
    bars = bars_of_two()
    rules = rules_of(bars)
    memory = AccountMemory(bars.market, rules)
    for _ in range(31):
        step_flat(memory.address)
    accounts = Accounts(bars.market, rules, 1, 16)
    opened(accounts.address, 30, 10_000.0, *outlook(bars.market, rules))
    ours, theirs = words_of(accounts.account(0)), words_of(memory)
    differ = {name for name in ours if ours[name] != theirs[name]}
    assert differ == set()


@pytest.mark.parametrize("seed", range(12))
def test_forgetting_changes_no_fill(seed):
    """With and without latency, participation and brackets: rows are used again only where nobody looks any more."""
    bars = bars_of_two()
    execution = Execution(latency_bars=seed % 3, max_participation=[0.0001, 0.5][seed % 2], fill_at="next_open")
    rules = rules_of(bars, execution=execution)
    seen = outlook(bars.market, rules)
    keeping = AccountMemory(bars.market, rules)
    forgetting = Accounts(bars.market, rules, 1, 8)
    opened(keeping.address, 10, 10_000.0, *seen)
    opened(forgetting.address, 10, 10_000.0, *seen)
    kept = play(keeping.address, seed, N_BARS, 0)
    assert play(forgetting.address, seed, N_BARS, 1) == kept
    account = forgetting.account(0)
    assert account["n_orders"] == keeping["n_orders"] > 100
    assert account["equity"] == keeping["equity"]
    assert len(account.view("orders")) < keeping["n_orders"]


def test_a_batch_is_as_many_single_accounts():
    bars = bars_of_two()
    rules = rules_of(bars)
    seen = outlook(bars.market, rules)
    batch = Accounts(bars.market, rules, 5, 8)
    for e in range(5):
        opened(batch.address + e * batch.stride, 20 + e, 10_000.0, *seen)
    hashes = [play(batch.address + e * batch.stride, e, 300, 1) for e in range(5)]
    for e in range(5):
        alone = Accounts(bars.market, rules, 1, 8)
        opened(alone.address, 20 + e, 10_000.0, *seen)
        assert play(alone.address, e, 300, 1) == hashes[e]
        assert batch.view("equity")[e] == alone.view("equity")[0]


def test_a_state_goes_on_in_other_memory_even_after_tables_grew():
    bars = bars_of_two()
    rules = rules_of(bars, execution=Execution(max_participation=0.0001))
    seen = outlook(bars.market, rules)
    whole, first, second = (Accounts(bars.market, rules, 2, 8) for _ in range(3))
    for accounts in (whole, first, second):
        for e in range(2):
            opened(accounts.address + e * accounts.stride, 10, 10_000.0, *seen)
    for accounts in (whole, first):
        play(accounts.address + accounts.stride, 3, 200, 1)
    assert first._grown, "the case should have a table that grew"
    second.set_state(first.get_state())
    for accounts in (whole, second):
        play(accounts.address + accounts.stride, 5, 390, 1)
    assert second.view("equity").tolist() == whole.view("equity").tolist()
    assert second.view("n_orders").tolist() == whole.view("n_orders").tolist()


def test_marks_where_bars_are_missing_are_the_last_known():
    closes = np.array([[10.0, np.nan], [np.nan, 5.0], [12.0, np.nan]])
    frame = {
        "A": _frame(closes[:, 0]),
        "B": _frame(closes[:, 1]),
    }
    bars = Bars.from_frame(frame)
    marks, rates, delisted = outlook(bars.market, rules_of(bars))
    np.testing.assert_array_equal(marks, [[10.0, np.nan], [10.0, 5.0], [12.0, 5.0]])
    assert rates.shape == (0, 0)
    assert (delisted == np.iinfo(np.int64).max).all()


def _frame(closes):
    import pandas as pd

    days = pd.date_range("2024-01-02", periods=len(closes), freq="B")
    rows = dict.fromkeys(("open", "high", "low", "close"), closes)
    return pd.DataFrame({**rows, "volume": np.where(np.isnan(closes), np.nan, 1000.0)}, index=days).dropna()
