"""How fast agents are trained, and what part of it the environment is; see `benchmarks.training.__main__`."""
