"""A strategy meets a market: `run` and, step by step, `prepare_run`.

`settings` checks what `run` was given, `session` holds one run and drives the kernel, `interpreted` is the loop in
plain Python, `replay` finds the user's line after compiled code raised, `progress` draws the bar.
"""

from backtester.engine.session import Run, prepare_run, run

__all__ = ["Run", "prepare_run", "run"]
