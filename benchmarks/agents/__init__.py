"""Agents against baselines and optima: configs of `python -m benchmarks.agents`."""
