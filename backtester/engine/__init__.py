"""A strategy meets a market: `run` and, step by step, `prepare_run`.

`settings` checks what `run` was given, `session` holds one run and drives the kernel, `interpreted` is the loop in
plain Python, `replay` finds the user's line after compiled code raised, `progress` draws the bar, `interrupt` answers
Ctrl-C.
"""

import sys

from backtester.errors import StrategyError
from backtester.kernel.jit import is_cold, is_disabled

if is_disabled():
    raise StrategyError(
        "NUMBA_DISABLE_JIT is set, and the kernel that matches orders is machine code; unset it. To step through a "
        "strategy in a debugger, run it with mode='interpreted'"
    )
if is_cold() and sys.stderr.isatty():
    print("backtester: compiling its kernel for this machine, once; this takes about ten seconds …", file=sys.stderr)

from backtester.engine.session import Run, prepare_run, run

__all__ = ["Run", "prepare_run", "run"]
