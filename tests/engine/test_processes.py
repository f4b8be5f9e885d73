"""What needs a process of its own: Ctrl-C, the progress bar, and where a strategy may be defined."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from backtester import Bars, Strategy, run

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}


def source(text: str) -> str:
    return textwrap.dedent(text).lstrip()


def python(*arguments: str, text: str | None = None, cwd: Path | None = None) -> str:
    """Run Python and return what it prints."""
    command = [sys.executable, *arguments]
    done = subprocess.run(command, env=ENVIRONMENT, input=text, capture_output=True, text=True, check=False, cwd=cwd)
    assert done.returncode == 0, done.stderr
    return done.stdout


# ---- Ctrl-C

SLOW = source("""
    import signal, sys, warnings
    from backtester import Bars, Strategy, run

    class Slow(Strategy):
        def prepare(self, bars):
            self.total, self.calls = 0.0, 0

        def on_bar(self, ctx):
            self.calls += 1
            if ctx.t % 10 == 0:
                ctx.order(0, 1.0 if ctx.position(0) == 0.0 else -1.0)
            for k in range(WORK):
                self.total += k * 0.5

    signal.signal(signal.SIGINT, signal.default_int_handler)  # which a job in the background ignores
    bars = Bars.simulate("gbm", n_bars=50_000, seed=1)
    mode = sys.argv[1]
    run(Slow, bars[:30], mode=mode)
    strategy = Slow()
    print("running", flush=True)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        result = run(strategy, bars, mode=mode)
    n = len(result.equity)
    fills = result.fills["bar"].max()
    print(n, result.manifest["interrupted"], strategy.calls, fills < n, warned[0].message, sep="|")
    print(abs(result.equity.iloc[-1] - run(Slow, bars[:n], mode=mode).equity.iloc[-1]))
    print(len(run(Slow, bars[:30], mode=mode).equity))
""")


@pytest.mark.parametrize(("mode", "work"), [("compiled", 1_000_000), ("interpreted", 3_000)])
def test_ctrl_c_stops_between_two_bars_and_hands_back_what_ran(mode, work, tmp_path):
    # 50,000 bars of about half a millisecond each: half a minute, if it did not stop.
    script = tmp_path / "slow.py"
    script.write_text(SLOW.replace("WORK", str(work)))
    command = [sys.executable, str(script), mode]
    process = subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "running\n"
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 0, err
    first, difference, after = out.splitlines()
    n, interrupted, calls, before_end, message = first.split("|")
    assert 30 < int(n) < 50_000
    assert interrupted == before_end == "True"
    assert int(calls) == int(n) - 1  # every bar from 1 on is whole, state included
    assert message == f"interrupted after {n} of 50000 bars; the result is of these alone"
    assert float(difference) == 0.0
    assert after == "30"


def test_somebody_else_s_handler_of_ctrl_c_is_left_alone():
    seen = []

    class Signals(Strategy):
        def on_bar(self, ctx):
            if ctx.t == 5:
                [].append(signal.raise_signal(signal.SIGINT))

    old = signal.signal(signal.SIGINT, lambda number, frame: seen.append(number))
    try:
        result = run(Signals, Bars.simulate("gbm", n_bars=20, seed=1), mode="interpreted")
        assert signal.getsignal(signal.SIGINT) is not signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, old)
    assert seen == [signal.SIGINT]
    assert len(result.equity) == 20


def test_the_handler_of_ctrl_c_is_put_back_and_a_second_one_is_raised_at_once():
    class Signals(Strategy):
        times: int = 1

        def on_bar(self, ctx):
            if ctx.t == 5:
                for _ in range(self.times):
                    [].append(signal.raise_signal(signal.SIGINT))

    bars = Bars.simulate("gbm", n_bars=20_000, seed=1)
    old = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        for times in (1, 2):
            with pytest.warns(UserWarning, match="interrupted after .* of 20000 bars"):
                result = run(Signals(times=times), bars, mode="interpreted", benchmark=bars.close[:, 0])
            assert result.manifest["interrupted"] is True
            assert len(result.benchmark) == len(result.equity) < 20_000
            assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, old)


# ---- the progress bar

LONG = source("""
    import sys, time
    from backtester import Bars, Strategy, run

    class Long(Strategy):
        def on_bar(self, ctx):
            time.sleep(0.015)

    run(Long, Bars.simulate("gbm", n_bars=100, seed=1), mode="interpreted", progress=eval(sys.argv[1]))
""")


def test_the_progress_bar_is_silent_where_there_is_no_terminal():
    done = subprocess.run(
        [sys.executable, "-c", LONG, "None"], env=ENVIRONMENT, capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("", "")


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
@pytest.mark.parametrize(("progress", "shown"), [("None", True), ("False", False)])
def test_the_progress_bar_shows_on_a_terminal_and_can_be_turned_off(progress, shown):
    import pty

    ours, theirs = pty.openpty()
    environment = {**ENVIRONMENT, "TERM": "xterm", "COLUMNS": "100"}
    process = subprocess.Popen([sys.executable, "-c", LONG, progress], env=environment, stderr=theirs)
    os.close(theirs)
    written = b""
    while True:
        try:
            part = os.read(ours, 4096)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        written += part
    os.close(ours)
    assert process.wait() == 0
    assert (b"bars" in written) == shown
    assert (b"/100" in written) == shown


# ---- where a strategy is defined

STRATEGY = source("""
    from backtester import Bars, Strategy, run

    SIZE = 2.0

    def double(x):
        return 2.0 * x

    class Buys(Strategy):
        size: float = SIZE

        def on_bar(self, ctx):
            if ctx.t == 1:
                ctx.order(0, double(self.size) + SIZE)

    result = run(Buys, Bars.simulate("gbm", n_bars=20, seed=1), mode="compiled")
    print(result.fills["quantity"].tolist(), result.manifest["mode"], result.manifest["module"])
""")
PRINTED = "[6.0] compiled __main__\n"


def test_a_strategy_may_stand_in_a_script_a_command_or_the_repl(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(STRATEGY)
    assert python(str(script)) == PRINTED
    assert python("-c", STRATEGY) == PRINTED
    # the REPL reads block by block; an empty line ends one
    lines = STRATEGY.replace("\n\n", "\n").replace("\ndef ", "\n\ndef ").replace("\nclass ", "\n\nclass ")
    assert python("-i", "-q", text=lines.replace("\nresult", "\n\nresult")) == PRINTED


def test_cells_without_source_follow_what_is_redefined():
    space = {"__name__": "__main__"}

    def cell(number, text):
        exec(compile(source(text), f"<ipython-input-{number}>", "exec"), space)

    cell(1, "from backtester import Bars, Strategy, run\nSIZE = 2.0\ndef double(x):\n    return 2.0 * x\n")
    cell(
        2,
        """
        class Buys(Strategy):
            def on_bar(self, ctx):
                if ctx.t == 1:
                    ctx.order(0, double(SIZE))
        """,
    )
    ask = 'bought = run(Buys, Bars.simulate("gbm", n_bars=9, seed=1), mode="compiled").fills["quantity"].tolist()'
    bought = []
    for number, text in enumerate(("", "SIZE = 3.0", "def double(x):\n    return 5.0 * x", "SIZE = 2.0")):
        cell(3 + number, f"{text}\n{ask}")
        bought += space["bought"]
    assert bought == [4, 6, 15, 10]


def test_a_module_edited_between_two_processes_is_never_stale(tmp_path):
    package = tmp_path / "ideas"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "sizes.py").write_text("SIZE = 2.0\n\ndef scale(x):\n    return x * 3.0\n")
    (package / "buys.py").write_text(
        source("""
        from backtester import Strategy
        from ideas import sizes
        from ideas.sizes import scale

        class Buys(Strategy):
            def on_bar(self, ctx):
                if ctx.t == 1:
                    ctx.order(0, scale(sizes.SIZE))
        """)
    )
    command = source("""
        from backtester import Bars, run
        from backtester.engine import prepare_run
        from ideas.buys import Buys
        bars = Bars.simulate("gbm", n_bars=9, seed=1)
        steps = prepare_run(Buys, bars, mode="compiled")
        steps.prepare()
        steps.advance()
        print(steps.finish().fills["quantity"].tolist(), steps.hooks.from_cache)
    """)
    first = python("-c", command, cwd=tmp_path)
    assert first.startswith("[6.0]")
    assert python("-c", command, cwd=tmp_path) == "[6.0] True\n"
    (package / "sizes.py").write_text("SIZE = 2.0\n\ndef scale(x):\n    return x * 4.0\n")
    assert python("-c", command, cwd=tmp_path).startswith("[8.0]")
    (package / "sizes.py").write_text("# moved down\nSIZE = 5.0\n\ndef scale(x):\n    return x * 4.0\n")
    assert python("-c", command, cwd=tmp_path).startswith("[20.0]")
