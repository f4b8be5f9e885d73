"""The figures of `rliable` that `test_statistics_of_seeds` compares with; prints them.

Not run by the tests: rliable 1.2.0 needs arch below 8, which pandas 3.1 breaks. In an environment of its own:

    pip install "rliable==1.2.0" "pandas<3"
    python tests/envs/benchmark/rliable_figures.py
"""

from __future__ import annotations

import numpy as np

#: ten runs of three tasks, made by hand
SCORES = np.array(
    [
        *([0.91, 0.40, 1.02], [0.88, 0.55, 0.97], [0.95, -0.30, 0.99], [0.10, 0.61, 1.00], [0.93, 0.52, 0.55]),
        *([0.97, 0.47, 0.98], [0.85, 0.58, 1.01], [0.90, 0.44, 0.20], [0.92, 0.70, 0.96], [0.89, 0.49, 1.03]),
    ]
)
LEVELS = [0.0, 0.3, 0.5, 0.6, 0.9, 0.95, 1.0]


def main() -> None:
    """Print points and 95 % intervals."""
    from rliable import library, metrics

    np.random.seed(0)  # noqa: NPY002 - its bootstrap draws from NumPy's global generator
    points, intervals = library.get_interval_estimates(
        {"a": SCORES}, lambda x: np.array([metrics.aggregate_iqm(x), metrics.aggregate_mean(x)]), reps=50_000
    )
    for name, column in (("IQM", 0), ("MEAN", 1)):
        print(name, (float(points["a"][column]), *intervals["a"][:, column].tolist()))
    points, intervals = library.create_performance_profile({"a": SCORES}, LEVELS, reps=20_000)
    print("PROFILE", points["a"].tolist(), *intervals["a"].tolist(), sep="\n")


if __name__ == "__main__":
    main()
