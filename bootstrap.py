"""Sets the project up in `.venv` and runs a job there; needs Python >= 3.11 and nothing else.

    python3 bootstrap.py demo [...]      the demo backtest: prints the metrics, writes report.html
    python3 bootstrap.py test [...]      the tests; further arguments go to pytest
    python3 bootstrap.py check           lint, format and types
    python3 bootstrap.py docs            the documentation as a site in site/; a link that leads nowhere is an error
    python3 bootstrap.py install         nothing but the set-up, for all of these

Packages are installed when `.venv` is missing, or when pyproject.toml or constraints.txt changed. This file is
written so that an old Python can still read it as far as the sentence that says it is too old.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
STAMP = VENV / "bootstrap.json"
LOG = VENV / "bootstrap.log"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
OLDEST = (3, 11)
OLDEST_PIP = 23
NO_NETWORK = (  # what pip says where nothing answers
    "NewConnectionError",
    "ConnectTimeout",
    "ProxyError",
    "Temporary failure",
    "getaddrinfo",
    "from versions: none",
)
JOBS = {"demo": "", "test": "dev", "check": "dev", "docs": "docs", "install": "dev,docs"}  # job: the extras it needs


class Failed(Exception):
    """Something the user can put right; the message says how."""


def say(text: str) -> None:
    """Print a line of progress on stderr."""
    print("bootstrap: " + text, file=sys.stderr, flush=True)


def check_python() -> None:
    """Refuse a Python that is too old, or that cannot make virtual environments."""
    if sys.version_info[:2] < OLDEST:
        newer = [name for name in ("python3.14", "python3.13", "python3.12", "python3.11") if shutil.which(name)]
        found = "{}.{}".format(*sys.version_info[:2])
        if newer:
            remedy = f"run: {newer[-1]} bootstrap.py " + " ".join(sys.argv[1:])
        else:
            remedy = "install a newer one from python.org or your package manager"
        raise Failed(f"Python {found} is too old, 3.11 is the oldest that works; {remedy}")
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError as error:
        version = "{}.{}".format(*sys.version_info[:2])
        raise Failed(
            f"this Python has no {error.name} module; on Debian and Ubuntu: sudo apt install python{version}-venv"
        ) from error


def environment() -> "dict[str, str]":
    """Return the environment for commands in `.venv`: nothing points to another Python or another place."""
    env = dict(os.environ)
    for name in ("PYTHONHOME", "PIP_TARGET", "PIP_PREFIX", "PIP_USER", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__"):
        env.pop(name, None)
    env["PIP_DISABLE_PIP_VERSION_CHECK"] = "1"
    env["VIRTUAL_ENV"] = str(VENV)
    env["PATH"] = str(PYTHON.parent) + os.pathsep + env.get("PATH", "")
    return env


def output_of(*command: str) -> str:
    """Return what a command in `.venv` prints, or "" where it fails."""
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment(), check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.decode("utf-8", "replace").strip()


def ensure_venv() -> None:
    """Make `.venv`, or make it anew where it does not work."""
    version = "import sys; print(sys.version_info >= (3, 11))"
    if output_of(str(PYTHON), "-c", version) == "True" and output_of(str(PYTHON), "-m", "pip", "--version"):
        return
    say(f"{'making .venv anew, it does not work' if VENV.exists() else 'making .venv'} ({sys.executable})")
    made = subprocess.run([sys.executable, "-m", "venv", "--clear", str(VENV)], env=environment(), check=False)
    if made.returncode != 0:
        raise Failed(f"python -m venv failed (exit code {made.returncode}); is {ROOT} writable, and the disk not full?")


def fingerprint() -> str:
    """Return a hash of everything that decides what is installed."""
    digest = hashlib.sha256()
    for name in ("pyproject.toml", "constraints.txt"):
        digest.update((ROOT / name).read_bytes() + b"\0")
    digest.update(f"{ROOT}\0{output_of(str(PYTHON), '-VV')}".encode())
    return digest.hexdigest()


def ensure_packages(extras: str) -> None:
    """Install the project with extras, and what it needs, unless that was done for these very files."""
    now = fingerprint()
    needed = set(extras.split(",")) - {""}
    try:
        stamp = json.loads(STAMP.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        stamp = {}
    there = set(stamp.get("extras", [])) if stamp.get("fingerprint") == now else set()
    if stamp.get("fingerprint") == now and needed <= there:
        return
    STAMP.unlink(missing_ok=True)
    LOG.write_text("", encoding="utf-8")
    began = time.monotonic()
    wanted = sorted(there | needed)
    pip_version = output_of(str(PYTHON), "-c", "import pip; print(pip.__version__.split('.')[0])")
    if not pip_version.isdigit() or int(pip_version) < OLDEST_PIP:
        pip("a newer pip", "--upgrade", "pip")
    pip("the build tool", "setuptools")
    name = f"backtester[{','.join(wanted)}]" if wanted else "backtester"
    project = f".[{','.join(wanted)}]" if wanted else "."
    pip(f"{name} and what it needs", "--no-build-isolation", "-e", project)
    STAMP.write_text(json.dumps({"fingerprint": now, "extras": wanted}), encoding="utf-8")
    say(f"installed in {time.monotonic() - began:.0f} s")


def pip(what: str, *arguments: str) -> None:
    """Install by pip under the constraints, and show the package it is at."""
    say(f"installing {what}")
    command = [str(PYTHON), "-m", "pip", "install", "--no-input", "--progress-bar", "off", "-c", "constraints.txt"]
    process = subprocess.Popen(
        [*command, *arguments],
        cwd=str(ROOT),
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    )
    with process:
        follow(process.stdout or ())
    if process.returncode != 0:
        raise Failed(explain_pip(process.returncode))


def follow(rows: "Iterable[str]") -> None:
    """Write what pip prints to the log, and show on a terminal the package it is at."""
    live = sys.stderr.isatty()
    with LOG.open("a", encoding="utf-8") as log:
        for row in rows:
            log.write(row)
            if live and row.startswith(("Collecting", "Downloading", "Installing")):
                print("\r\x1b[K  " + row.split(" (from")[0].strip()[:70], end="", file=sys.stderr, flush=True)
    if live:
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def explain_pip(code: int) -> str:
    """Return why pip failed: the usual cause where it shows, else pip's own last words."""
    rows = [row.strip() for row in LOG.read_text(encoding="utf-8").splitlines() if row.strip()]
    text = "\n".join(rows)
    said = []
    if any(sign in text for sign in NO_NETWORK):
        remedy = "no package index could be reached: is there a network, or a proxy to set (https_proxy)?"
    elif "No space left" in text:
        remedy = "the disk is full"
    else:
        remedy = "it said:"
        said = ["    " + row for row in ([row for row in rows if row.startswith("ERROR:")] or rows[-1:])[:3]]
    return "\n".join([f"pip failed (exit code {code}); {remedy}", *said, f"    log: {LOG}"])


def in_venv(*arguments: str) -> int:
    """Run Python in `.venv` and return its exit code."""
    try:
        return subprocess.run([str(PYTHON), *arguments], cwd=None, env=environment(), check=False).returncode
    except KeyboardInterrupt:
        return 130


def check() -> int:
    """Run lint, format and types; all of them, also after a failure."""
    os.chdir(str(ROOT))
    worst = 0
    for tool in (("ruff", "check"), ("ruff", "format", "--check"), ("mypy",)):
        say(" ".join(tool))
        worst = max(worst, in_venv("-m", *tool, *(["."] if tool[0] == "ruff" else [])))
    return worst


def docs(arguments: "list[str]") -> int:
    """Build the site; further arguments go to mkdocs."""
    os.chdir(str(ROOT))
    os.environ["NO_MKDOCS_2_WARNING"] = "1"  # of its theme, about a version that is not used
    return in_venv("-m", "mkdocs", "build", "--strict", *arguments)  # --quiet would count no warnings


def test(arguments: "list[str]") -> int:
    """Run pytest; without arguments, all tests on all cores."""
    os.chdir(str(ROOT))
    return in_venv("-m", "pytest", *(arguments or ["-n", "auto", "--maxprocesses", "8", "--dist", "worksteal"]))


def main(arguments: "list[str]") -> int:
    """Set up, run one job, and return its exit code."""
    job, rest = (arguments[0], arguments[1:]) if arguments else ("", [])
    if job not in JOBS:
        print((__doc__ or "").strip())
        return 0 if job in ("-h", "--help") else 2
    try:
        check_python()
        ensure_venv()
        ensure_packages(JOBS[job])
    except Failed as error:
        say(f"error: {error}")
        return 2
    except KeyboardInterrupt:
        say("interrupted; run the same command again to go on")
        return 130
    if job == "install":
        return 0
    if job == "check":
        return check()
    if job == "docs":
        return docs(rest)
    if job == "test":
        return test(rest)
    return in_venv("-P", "-m", "backtester", "demo", *rest)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
