"""Many assets, many orders, and other people's examples: `python -m benchmarks.portfolio`."""
