"""kill -9 and Ctrl-C in the middle: what is finished stays, the rest is run by the next start, and nothing twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest
from swept import Cross, Slow, walk

from backtester import sweep
from backtester.research.sweep.store import Store

HERE = Path(__file__).parent
SCRIPT = """
import sys
sys.path[:0] = [{here!r}, {root!r}]
from swept import Slow, walk
from backtester import sweep
found = sweep(Slow, walk(), fast=range(3, 13), slow=range(20, 32), log={log!r}, store={store!r}, workers={workers},
              executor={executor!r})
print(found.trials, found.interrupted)
"""


def start(tmp_path, workers=2, executor="threads"):
    text = SCRIPT.format(
        here=str(HERE),
        root=str(HERE.parents[1]),
        log=str(tmp_path / "log"),
        store=str(tmp_path / "s.db"),
        workers=workers,
        executor=executor,
    )
    return subprocess.Popen([sys.executable, "-c", text], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for(path, lines, process):
    until = time.monotonic() + 120.0
    while time.monotonic() < until:
        if path.exists() and len(path.read_text().splitlines()) >= lines:
            return
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.01)
    raise AssertionError("the sweep does not begin")


def stored(tmp_path):
    store = Store(tmp_path / "s.db")
    numbers = [one.number for one in store.outcomes(1, 2**62)]
    store.close()
    return numbers


def bytes_of(found):
    return found.table.to_csv(float_format=lambda x: float(x).hex()).encode()


@pytest.mark.parametrize("executor", ["threads", "processes"])
def test_kill_and_go_on(executor, tmp_path):
    process = start(tmp_path, executor=executor)
    wait_for(tmp_path / "log", 40, process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    before = stored(tmp_path)
    assert 0 < len(before) < 120
    time.sleep(0.5)  # workers of a killed parent end by themselves
    ran = len((tmp_path / "log").read_text().splitlines())
    given = {"fast": range(3, 13), "slow": range(20, 32), "log": str(tmp_path / "log"), "workers": 2}
    found = sweep(Slow, walk(), **given, store=tmp_path / "s.db")
    assert found.trials == 120
    assert stored(tmp_path) == list(range(120))
    # what was stored has not run again
    assert len((tmp_path / "log").read_text().splitlines()) - ran == 120 - len(before)
    again = Counter((tmp_path / "log").read_text().splitlines())
    points = [f"{fast} {slow}" for fast in range(3, 13) for slow in range(20, 32)]
    assert all(again[points[number]] == 1 for number in before)
    assert set(again) == set(points)
    whole = sweep(Slow, walk(), fast=range(3, 13), slow=range(20, 32), log=str(tmp_path / "other"), store=None)
    assert bytes_of(found) == bytes_of(whole)


@pytest.mark.skipif(os.name == "nt", reason="sends SIGINT")
@pytest.mark.parametrize(("executor", "workers"), [("threads", 1), ("threads", 2), ("processes", 2)])
def test_ctrl_c_returns_what_is_finished(executor, workers, tmp_path):
    process = start(tmp_path, workers, executor)
    wait_for(tmp_path / "log", 20, process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    trials, interrupted = out.split()
    assert interrupted == "True"
    assert 10 <= int(trials) < 120
    assert len(stored(tmp_path)) == int(trials)
    process = start(tmp_path, workers, executor)
    out, err = process.communicate(timeout=120)
    assert out.split() == ["120", "False"], err


def test_stop_in_a_thread_leaves_a_partial_batch(tmp_path):
    """A sweep in another thread has no Ctrl-C; its store is read while it goes on."""
    found = []
    thread = threading.Thread(
        target=lambda: found.append(
            sweep(Slow, walk(), fast=range(3, 13), slow=[20, 21], store=tmp_path / "s.db", workers=1)
        )
    )
    thread.start()
    seen = []
    while thread.is_alive():
        if (tmp_path / "s.db").exists():
            seen.append(len(stored(tmp_path)))
        time.sleep(0.02)
    thread.join()
    assert seen == sorted(seen)
    assert found[0].trials == 20
    assert Cross in Slow.__mro__
