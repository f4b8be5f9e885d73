"""What signals cost and what they find: `python -m benchmarks.signals`. A row of the table is a file of `rows`."""
