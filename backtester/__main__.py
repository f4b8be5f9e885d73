"""`python -m backtester` is the `backtester` command."""

from backtester.cli import main

if __name__ == "__main__":
    main()
