"""Optimal policies and values of the tasks, in closed form or to rounding; plain NumPy, one problem per file."""
