"""Exceptions in a strategy reach the user at his own line, with bar, time and symbol, in either mode."""

import datetime as dt
import traceback

import numba
import numpy as np
import pytest

from backtester import Bars, Strategy, run
from backtester.errors import CannotCompile, StrategyError

N_BARS = 60
BARS = Bars.simulate("gbm", n_bars=N_BARS, seed=1, n_assets=2)
MODES = pytest.mark.parametrize("mode", ["compiled", "interpreted"])


def line_of(error: BaseException) -> str:
    """Return the source of the innermost line of the traceback."""
    return traceback.extract_tb(error.__traceback__)[-1].line


def deep(x, n):
    return x[n]  # beyond the data


def shallow(x, n):
    return deep(x, n)


class InBar(Strategy):
    def on_bar(self, ctx):
        if ctx.t == 40:
            raise ValueError("forty")


class InHelper(Strategy):
    def on_bar(self, ctx):
        if ctx.t == 40:
            shallow(ctx.close[:, 0], 41)


class InMethod(Strategy):
    def prepare(self, bars):
        self.limits = np.zeros(3)

    def on_bar(self, ctx):
        for a in range(ctx.n_assets):
            if ctx.t == 40 and a == 1:
                self.look(ctx, a)

    def look(self, ctx, a):
        return self.limits[ctx.t]


class InFill(Strategy):
    def on_bar(self, ctx):
        if ctx.t == 39:
            ctx.order(1, 1.0)

    def on_fill(self, ctx, fill):
        if fill.quantity <= 1.0:
            raise ArithmeticError("too small")


class InReject(Strategy):
    def on_bar(self, ctx):
        if ctx.t == 39:
            ctx.order(1, 0.0)

    def on_reject(self, ctx, order):
        raise RuntimeError("refused")


class OutOfRange(Strategy):
    def on_bar(self, ctx):
        if ctx.t == 40:
            ctx.position(2)


class BeyondThePresent(Strategy):
    def on_bar(self, ctx):
        if ctx.t == 40:
            ctx.order(0, ctx.close[ctx.t + 1, 0])


class BeforeTheData(Strategy):
    def on_bar(self, ctx):
        if ctx.t == 40:
            ctx.order(0, ctx.close[-42, 0])


@MODES
@pytest.mark.parametrize(
    ("strategy", "error", "line"),
    [
        (InBar, ValueError, 'raise ValueError("forty")'),
        (InHelper, IndexError, "return x[n]  # beyond the data"),
        (InMethod, IndexError, "return self.limits[ctx.t]"),
        (InFill, ArithmeticError, 'raise ArithmeticError("too small")'),
        (InReject, RuntimeError, 'raise RuntimeError("refused")'),
        (BeyondThePresent, IndexError, "ctx.order(0, ctx.close[ctx.t + 1, 0])"),
        (BeforeTheData, IndexError, "ctx.order(0, ctx.close[-42, 0])"),
    ],
)
def test_an_exception_has_the_user_s_line_and_a_note_with_bar_time_and_symbols(strategy, error, line, mode):
    with pytest.raises(error) as caught:
        run(strategy, BARS, mode=mode)
    assert line_of(caught.value) == line
    close = dt.datetime.fromtimestamp(int(BARS.timestamps[40]) / 10**9, dt.UTC)
    note = f"{strategy.__name__} raised at bar 40 of {N_BARS}, {close:%Y-%m-%d %H:%M:%S} UTC, "
    who = "asset 1 (SIM1)" if strategy is InMethod else "SIM0, SIM1"
    assert caught.value.__notes__[0] == note + who
    reach = "at bar 40 an array per bar has 41 rows, up to the present, which is [-1]; "
    future = "row 41 is the future"
    beyond = {InHelper: future, BeyondThePresent: future, BeforeTheData: "[-42] is before the first bar"}
    more = [reach + beyond[strategy]] if strategy in beyond else []
    assert caught.value.__notes__[1:] == more
    frames = [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert any(name in frames for name in ("on_bar", "on_fill", "on_reject"))


@MODES
def test_a_read_of_an_unknown_asset_names_the_verb(mode):
    with pytest.raises(
        IndexError, match=r"ctx.position\(a\): asset a is out of range: it must be from 0 to n_assets - 1"
    ):
        run(OutOfRange, BARS, mode=mode)


def test_the_exception_of_compiled_code_leaves_an_instance_that_runs_again():
    strategy = InBar()
    for _ in range(2):
        with pytest.raises(ValueError, match="forty"):
            run(strategy, BARS, mode="compiled")
        assert type(strategy) is InBar
    assert len(run(strategy, BARS[:40], mode="compiled").equity) == 40


@MODES
def test_state_and_series_are_put_back_after_an_exception(mode):
    class Counts(Strategy):
        def prepare(self, bars):
            self.line, self.count = bars.close[:, 0] + 0.0, 0

        def on_bar(self, ctx):
            self.count += 1
            if ctx.t == 40:
                raise ValueError("forty")

    strategy = Counts()
    with pytest.raises(ValueError, match="forty"):
        run(strategy, BARS, mode=mode)
    assert len(strategy.line) == N_BARS
    assert type(strategy.count) is int
    assert type(strategy) is Counts


def test_when_the_second_prepare_differs_the_message_says_so():
    class Moody(Strategy):
        calls = 0

        def prepare(self, bars):
            Moody.calls += 1
            self.bad = 40 if Moody.calls == 1 else -1

        def on_bar(self, ctx):
            if ctx.t == self.bad:
                raise ValueError("never seen")

    with pytest.raises(
        StrategyError, match=r"raised at bar 40 of 60, .* SIM0, SIM1, but .* is prepare deterministic\?"
    ):
        run(Moody, BARS, mode="compiled")


def test_when_the_strategy_cannot_be_copied_the_message_says_how_to_see_the_line():
    class Holds(InBar):
        lock: object = None

    import threading

    with pytest.raises(StrategyError, match=r"raised at bar 40 of 60.* cannot be copied.* mode='interpreted'"):
        run(Holds(lock=threading.Lock()), BARS, mode="compiled")


def test_an_exception_in_prepare_passes_unchanged():
    class Fails(InBar):
        def prepare(self, bars):
            raise KeyError("column")

    with pytest.raises(KeyError, match="column"):
        run(Fails, BARS)


@MODES
def test_division_by_zero_of_what_ctx_and_self_hold_is_ieee(mode):
    class Divides(Strategy):
        ratio: float = 0.0
        LIMIT = 0

        def prepare(self, bars):
            self.n, self.out = 0, np.zeros(6)

        def on_bar(self, ctx):
            self.out[0] = ctx.cash / self.ratio
            self.out[1] = -1.0 / self.n
            self.out[2] = 1 // self.n
            self.out[3] = 5 % self.n
            self.out[4] = ctx.position(0) / ctx.position(0)
            self.out[5] = 1.0 / self.LIMIT

    strategy = Divides()
    run(strategy, BARS, mode=mode)
    np.testing.assert_array_equal(strategy.out, [np.inf, -np.inf, 0, 0, np.nan, np.inf])


# ---- state keeps its type, with the same words in either mode


@MODES
@pytest.mark.parametrize(
    ("name", "value", "found", "remedy"),
    [
        ("count", "0.5", "an int, .* cannot take a float", r"set self.count = 0.0 in prepare, or convert with int\("),
        ("seen", "1", "a bool, .* cannot take an int", r"assign a comparison or bool\("),
        ("pair", "(1.0, 2.0)", r"a tuple \(an int, a float\), .* cannot take a tuple \(a float, a float\)", "give"),
    ],
)
def test_a_field_that_would_change_its_type_is_an_error_not_a_truncation(name, value, found, remedy, mode):
    space = {}
    exec(
        "def prepare(self, bars):\n    self.count, self.seen, self.pair = 0, False, (1, 1.0)\n"
        f"def on_bar(self, ctx):\n    self.{name} = {value}\n",
        space,
    )
    strategy = type("Changes", (Strategy,), {"prepare": space["prepare"], "on_bar": space["on_bar"]})
    with pytest.raises(StrategyError, match=rf"<string>:4 \(in on_bar\): self.{name} is {found}; {remedy}"):
        run(strategy, BARS, mode=mode)


@MODES
def test_the_type_is_kept_where_it_widens_and_read_back_as_python_s(mode):
    class Counts(Strategy):
        level: float = 1.0

        def prepare(self, bars):
            self.count, self.total, self.seen, self.pair = 0, 0.0, False, (0, 0.0)
            self.sums = np.zeros(2)

        def on_bar(self, ctx):
            self.count += 1
            self.total = self.count
            self.seen = ctx.t > 5
            self.pair = (ctx.t, self.count)
            self.sums[0] += ctx.close[-1, 0]

    strategy = Counts()
    run(strategy, BARS, mode=mode)
    state = (strategy.count, strategy.total, strategy.seen, strategy.pair)
    assert state == (N_BARS - 1, float(N_BARS - 1), True, (N_BARS - 1, float(N_BARS - 1)))
    assert [type(value) for value in (*state, *strategy.pair)] == [int, float, bool, tuple, int, float]
    assert strategy.sums[0] == pytest.approx(BARS.close[1:, 0].sum(), rel=1e-12)


@MODES
def test_a_hook_that_could_never_run_is_refused(mode):
    class Yields(Strategy):
        def on_bar(self, ctx):
            yield ctx.t

    class Takes(Strategy):
        def on_fill(self, ctx):
            pass

    class Draws(Strategy):
        def on_bar(self, ctx):
            ctx.order(0, np.random.random())  # noqa: NPY002

    class Assigns(Strategy):
        def on_bar(self, ctx):
            ctx.cash = 5.0

    for strategy, message in (
        (Yields, "on_bar holds `yield`"),
        (Takes, r"on_fill takes \(self, ctx, fill\)"),
        (Draws, r"np.random is not the run's seeded generator.*ctx.random"),
        (Assigns, "ctx.cash is read-only"),
    ):
        with pytest.raises(StrategyError, match=message):
            run(strategy, BARS, mode=mode)


# ---- what cannot be compiled


class WithDict(Strategy):
    def prepare(self, bars):
        self.names = {"a": 1}

    def on_bar(self, ctx):
        if self.names["a"] == 2:
            ctx.order(0, 1.0)


class WithText(Strategy):
    def on_bar(self, ctx):
        print(f"{[ctx.t, 'text']!r:>{3}}") if ctx.t < 0 else None


class WithImport(Strategy):
    def on_bar(self, ctx):
        import math

        ctx.order(0, math.pi)


CANNOT = [
    (WithDict, 'if self.names["a"] == 2:', "self.names is a dict; use arrays, or numba.typed.Dict"),
    (WithText, """print(f"{[ctx.t, 'text']!r:>{3}}") if ctx.t < 0 else None""", "f-string"),
    (WithImport, "import math", "an import inside a function has no compiled form"),
]


@pytest.mark.parametrize(("strategy", "line", "construct"), CANNOT)
def test_compiled_mode_raises_and_auto_warns_once_in_one_line_at_the_user_s_call(strategy, line, construct):
    with open(__file__) as source:
        row = 1 + [text.strip() for text in source].index(line)
    with pytest.raises(CannotCompile, match=construct) as caught:
        run(strategy, BARS, mode="compiled")
    reason = str(caught.value)
    assert "\n" not in reason
    assert reason.startswith(f"{__file__}:{row}")
    with pytest.warns(UserWarning, match="running interpreted") as warned:
        result = run(strategy, BARS, mode="auto")
    assert [str(warning.message) for warning in warned] == [f"running interpreted: {reason}"]
    assert warned[0].filename == __file__
    assert result.manifest["mode"] == "interpreted"
    assert reason.endswith(result.manifest["interpreted_because"])  # which leaves the directory out
    assert run(strategy, BARS, mode="interpreted").tables.orders.tobytes() == result.tables.orders.tobytes()


@numba.njit
def writes(x):
    x.flat[0] = 1.0


def test_a_write_into_market_data_through_a_jitted_helper_is_refused():
    class Helped(Strategy):
        def on_bar(self, ctx):
            writes(ctx.close)

    before = BARS.close.copy()
    with pytest.raises(CannotCompile, match="read-only array"):
        run(Helped, BARS, mode="compiled")
    np.testing.assert_array_equal(BARS.close, before)
