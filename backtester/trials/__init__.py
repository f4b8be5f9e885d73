"""The trial ledger: how many trials were made on a market, by whatever door, and what they came to.

Every run, sweep, walk-forward, fitted model and training of a project is written to one file, `.backtester/trials.db`
(`where`). `mark` says what of it is no search for an edge and does not count, `identity` what makes two trials and two
markets the same, `sketch` keeps returns in few numbers, `ledger` is the file, `record` writes to it, and `count` says
how many trials there were, and how many independent ones.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from backtester.trials.count import TrialCount as TrialCount
    from backtester.trials.count import count_trials as count_trials
    from backtester.trials.ledger import Ledger as Ledger
    from backtester.trials.mark import LOOK_AHEAD as LOOK_AHEAD
    from backtester.trials.mark import STRESS as STRESS
    from backtester.trials.mark import TEST as TEST
    from backtester.trials.mark import marked as marked
    from backtester.trials.record import record_run as record_run
    from backtester.trials.where import ledger_path as ledger_path
    from backtester.trials.where import off as off

_HOMES = {
    "LOOK_AHEAD": "mark",
    "Ledger": "ledger",
    "STRESS": "mark",
    "TEST": "mark",
    "TrialCount": "count",
    "count_trials": "count",
    "ledger_path": "where",
    "marked": "mark",
    "off": "where",
    "record_run": "record",
}

__all__ = [*_HOMES]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'backtester.trials' has no attribute {name!r}")
    value = getattr(import_module(f"backtester.trials.{home}"), name)
    globals()[name] = value
    return value
