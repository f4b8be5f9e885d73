"""Where the trial ledger of this project lies, and whether there is one."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path

VARIABLE = "BACKTESTER_TRIALS"
FOLDER, FILE = ".backtester", "trials.db"
_ROOT_SIGNS = (FOLDER, ".git", "pyproject.toml")
_OFF_WORDS = ("off", "0", "no", "false", "none")
_SWITCHED_OFF: ContextVar[bool] = ContextVar("backtester_trials_off", default=False)


def ledger_path() -> Path | None:
    """Return the file of the ledger, which need not exist yet; None where nothing is to be counted.

    `$BACKTESTER_TRIALS` is a file, or "off". Without it, the file is `.backtester/trials.db` in the nearest folder,
    from the working directory upwards, that holds `.backtester`, `.git` or `pyproject.toml`; in the working directory
    where none does. Where the working directory is gone, a file whose place depends on it is none.
    """
    if _SWITCHED_OFF.get():
        return None
    said = os.environ.get(VARIABLE, "").strip()
    if said.lower() in _OFF_WORDS:
        return None
    try:
        if said:
            return Path(os.path.expanduser(said)).absolute()
        here = Path.cwd()
    except FileNotFoundError:
        return None
    for folder in (here, *here.parents):
        if any(os.path.exists(folder / sign) for sign in _ROOT_SIGNS):
            return folder / FOLDER / FILE
    return here / FOLDER / FILE


@contextlib.contextmanager
def off() -> Iterator[None]:
    """Write nothing to the ledger inside, as `$BACKTESTER_TRIALS=off` does for a whole process."""
    token = _SWITCHED_OFF.set(True)
    try:
        yield
    finally:
        _SWITCHED_OFF.reset(token)
