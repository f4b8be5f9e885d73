"""The command as a process: entry points, streams, signals, start-up."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

COMMAND = Path(sys.executable).with_name("backtester.exe" if os.name == "nt" else "backtester")
MODULE = [sys.executable, "-m", "backtester"]


def call(*arguments, cwd, command=MODULE, **options):
    return subprocess.run(
        [*command, *arguments], cwd=cwd, capture_output=True, encoding="utf-8", timeout=120, check=False, **options
    )


@pytest.mark.parametrize("command", [MODULE, [str(COMMAND)]], ids=["module", "entry point"])
def test_both_entry_points_answer(cli, command):
    if command != MODULE and not COMMAND.exists():
        pytest.skip("backtester is not installed beside this Python")
    done = call("--version", cwd=cli.folder, command=command)
    assert done.returncode == 0
    assert done.stdout.startswith("backtester ")
    assert done.stderr == ""


def test_json_alone_is_on_stdout(cli):
    done = call("run", "hold.py", "--data", "prices.csv", "--json", cwd=cli.folder)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["metrics"]["final_equity"] == 100_175.0
    assert done.stderr == ""


def test_an_error_is_one_line_and_has_no_colour_in_a_pipe(cli):
    done = call("run", "hold.py", "--data", "nothing.csv", cwd=cli.folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: nothing.csv: no such file")
    assert done.stderr.count("\n") == 1


def test_a_terminal_without_unicode_is_no_error(cli):
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = call("data", "check", "prices.csv", cwd=cli.folder, env=environment)
    assert done.returncode == 0, done.stderr
    assert "no findings" in done.stdout


def test_a_reader_that_stops_reading_is_no_traceback(cli):
    with subprocess.Popen(
        [*MODULE, "run", "--help"], cwd=cli.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.close()
        _, errors = process.communicate(timeout=60)
    assert b"Traceback" not in errors


@pytest.mark.skipif(os.name == "nt", reason="signals to one process")
def test_ctrl_c_in_a_long_run_ends_with_130_and_what_ran(cli):
    cli.write(
        "slow.py",
        """
        import time
        from pathlib import Path

        from backtester import Strategy

        class Slow(Strategy):
            def on_bar(self, ctx):
                if ctx.t == 2:
                    Path("started").touch()
                time.sleep(0.002)
        """,
    )
    # whoever runs the tests in the background may have had SIGINT ignored, which a process inherits
    listening = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    code = f"{listening}; from backtester.cli import main; main()"
    arguments = [sys.executable, "-c", code, "run", "slow.py", "--data", "sample:sp500"]
    arguments += ["--mode", "interpreted", "--json"]
    with subprocess.Popen(arguments, cwd=cli.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        deadline = time.monotonic() + 60
        while not (cli.folder / "started").exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        printed, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors.decode()
    assert json.loads(printed)["manifest"]["interrupted"] is True
    assert b"interrupted after" in errors


def test_help_loads_nothing_heavy(cli):
    code = (
        "import sys; sys.argv = ['backtester', '--help']\n"
        "try:\n    from backtester.cli import main; main()\n"
        "except SystemExit:\n    pass\n"
        "print(sorted({'numba', 'numpy', 'pandas', 'plotly', 'pyarrow'} & set(sys.modules)))"
    )
    done = call("-c", code, cwd=cli.folder, command=[sys.executable])
    assert done.stdout.splitlines()[-1] == "[]"
