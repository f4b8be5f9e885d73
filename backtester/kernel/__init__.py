"""Order matching and the ledger, compiled by numba: the one kernel behind backtest, sweep and environments."""
