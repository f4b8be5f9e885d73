"""Other engines, each behind an adaptor that runs as a process of its own and prints one line of JSON.

An adaptor needs numpy, its engine, and nothing of ours but `benchmarks`, so it can run in another virtual environment.
"""
