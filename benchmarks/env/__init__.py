"""How fast environments step; see `benchmarks.env.__main__`."""
