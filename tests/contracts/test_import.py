"""`import backtester` is light: it loads no library that a script may not need."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = (
    "pandas",
    "pyarrow",
    "plotly",
    "torch",
    "gymnasium",
    "sklearn",
    "skorch",
    "scipy",
    "typer",
    "rich",
    "matplotlib",
)
PROBE = """
import json, sys, time
began = time.perf_counter()
{code}
took = time.perf_counter() - began
print(json.dumps([took, sorted({{name.partition(".")[0] for name in sys.modules}})]))
"""


def loaded_by(code: str) -> set[str]:
    """Return the top-level modules in a fresh process after some code; the time it took is printed, not judged."""
    command = [sys.executable, "-W", "error", "-c", PROBE.format(code=code)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    took, names = json.loads(done.stdout.splitlines()[-1])
    print(f"{code}: {took:.3f} s")
    return set(names)


def test_import_backtester_loads_no_library_at_all():
    assert loaded_by("import backtester") & {*HEAVY, "numpy", "numba", "llvmlite"} == set()


def test_the_names_a_script_imports_load_numba_and_numpy_alone():
    code = (
        "from backtester import Account, Bars, Costs, Execution, Result, Strategy, run; "
        "from backtester.indicators import crossed_above, sma"
    )
    loaded = loaded_by(code)
    assert "numba" in loaded
    assert loaded & set(HEAVY) - {"scipy"} == set()  # numba loads SciPy where there is one


def test_features_load_numba_and_numpy_alone():
    loaded = loaded_by("from backtester.signals import Features, Scaler; Features.default()")
    assert "numba" in loaded
    assert loaded & set(HEAVY) - {"scipy"} == set()


def test_labels_and_splits_load_numba_and_numpy_alone():
    code = (
        "from backtester import Bars; from backtester.signals import PurgedKFold, triple_barrier; "
        "label = triple_barrier(Bars.sample('sp500')[:300], 0.02, 0.02, 5); "
        "list(PurgedKFold(3).split(label.spans(), groups=label.spans()))"
    )
    assert loaded_by(code) & set(HEAVY) - {"scipy"} == set()


def test_overfitting_statistics_load_numba_and_numpy_alone():
    assert "numba" not in loaded_by("import backtester.research")
    loaded = loaded_by("from backtester.research.overfitting import bootstrap_intervals, deflated_sharpe, pbo")
    assert loaded & set(HEAVY) - {"scipy"} == set()


def test_strategies_are_loaded_one_by_one():
    assert "numba" not in loaded_by("import strategies")


def test_data_can_be_loaded_without_a_compiler():
    assert loaded_by("from backtester import Bars; Bars.sample('sp500')") & {*HEAVY, "numba"} == set()


def test_importing_changes_nothing_for_others():
    """No warning filter, no random state, no floating-point setting is touched."""
    code = (
        "import random, warnings, numpy as np; np.random.seed(3); random.seed(3); "
        "before = (list(warnings.filters), np.random.get_state()[1].tolist(), random.getstate(), np.geterr()); "
        "import backtester.engine, backtester.indicators, backtester.metrics, backtester.result; "
        "after = (list(warnings.filters), np.random.get_state()[1].tolist(), random.getstate(), np.geterr()); "
        "assert before[1:] == after[1:]; "
        "ours = [f for f in after[0] if f not in before[0] and 'numba' not in str(f)]; assert not ours, ours"
    )
    loaded_by(code)


@pytest.mark.parametrize("name", ["Bar", "Runs", "strategy_"])
def test_a_name_that_is_not_there_says_what_was_meant(name):
    import backtester

    with pytest.raises(AttributeError, match=f"module 'backtester' has no attribute '{name}'"):
        getattr(backtester, name)


def test_the_names_are_listed():
    import backtester

    assert set(backtester.__all__) <= set(dir(backtester))
