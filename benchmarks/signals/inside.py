"""One measurement in this process, as a line of JSON: `python -m benchmarks.signals.inside NAME [--quick]`."""

from __future__ import annotations

import argparse
import json

from benchmarks.signals.rows import names, row


def main() -> None:
    """Read the request, print the answer."""
    parser = argparse.ArgumentParser()
    parser.add_argument("name", choices=names())
    parser.add_argument("--quick", action="store_true")
    asked = parser.parse_args()
    print(json.dumps(row(asked.name).inside(asked.quick)))


if __name__ == "__main__":
    main()
