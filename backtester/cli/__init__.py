"""The command line: `backtester demo`, `backtester run`, `backtester data check`; also `python -m backtester`.

One command a file (`demo`, `run`, `data`); `app` puts them together, `options` holds what they take in common, `inputs`
turns words into bars and settings, `locate` finds the strategy in a file, `output` prints, and `failures` turns every
error into one line and an exit code. Nothing heavy is imported before a command needs it.
"""

from __future__ import annotations


def main() -> None:
    """Run the command that `sys.argv` names, and exit with its code: see `backtester.cli.failures.ExitCode`."""
    from backtester.cli.app import app

    app(prog_name="backtester")


__all__ = ["main"]
