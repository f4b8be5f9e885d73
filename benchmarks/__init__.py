"""Speed against a hand-written floor and against other engines. `python -m benchmarks.engine` prints the table."""
