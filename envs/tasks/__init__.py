"""Tasks with a known optimum: one file each, with the dynamics, the optimal policy and its value."""
