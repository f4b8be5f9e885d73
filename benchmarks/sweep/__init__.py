"""Sweeps: many sets of parameters on one market, against a parallel hand-written loop and vectorbt."""
