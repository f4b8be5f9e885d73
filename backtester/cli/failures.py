"""Every error becomes one line on stderr and an exit code; a traceback is shown where it is the user's own code's."""

from __future__ import annotations

import difflib
import enum
import sys
import sysconfig
import traceback
from pathlib import Path
from typing import Any

import typer

from backtester.cli.output import line
from backtester.errors import BacktesterError, did_you_mean

PACKAGE = Path(__file__).resolve().parents[1]
_SHOWN = 6  # of the user's own frames
OF_MODELS = ("agent.py", "model.py", "models", "rules", "scorecard.py")  # nobody's own idea, but a way to trade one


class ExitCode(enum.IntEnum):
    """How the process ends."""

    OK = 0
    FINDINGS = 1
    USAGE = 2
    STRATEGY = 3
    DEFECT = 70
    INTERRUPTED = 130


EXIT_CODES = (
    "Exit codes: 0 done; 1 something was found (in data, between runs, a leak, by an alarm); 2 wrong usage or bad "
    "input; 3 the strategy's own code raised; 70 a defect of backtester; 130 interrupted."
)


def exit_code_of(error: BaseException, debug: bool) -> int:
    """Tell an error on stderr, and return the exit code it stands for.

    Parameters
    ----------
    error : BaseException
        What a command, or the parser of its options, raised.
    debug : bool
        Show the whole traceback besides.
    """
    if debug and not hasattr(error, "format_message"):
        traceback.print_exception(error)
    if isinstance(error, KeyboardInterrupt | typer.Abort):
        line("error", "interrupted")
        return ExitCode.INTERRUPTED
    if hasattr(error, "format_message"):  # of typer, or of click below older typer
        line("error", _usage(error))
        return ExitCode.USAGE
    frames = user_frames(error)
    own_refusal = isinstance(error, BacktesterError) and frames and _is_innermost(error, frames[-1])
    if frames and not own_refusal:
        _tell_user_error(error, frames)
        return ExitCode.STRATEGY
    if isinstance(error, BacktesterError):
        line("error", str(error))
        return ExitCode.USAGE
    if isinstance(error, OSError):
        line("error", _of_the_system(error))
        return ExitCode.USAGE
    hint = "" if debug else "; run it again with --debug for the traceback"
    line("error", f"{type(error).__name__}: {error} (a defect of backtester{hint})")
    return ExitCode.DEFECT


def user_frames(error: BaseException) -> list[traceback.FrameSummary]:
    """Return the frames of a traceback that are neither ours, nor Python's, nor an installed library's."""
    return [frame for frame in traceback.extract_tb(error.__traceback__) if not _is_library(frame.filename)]


def _is_library(file: str) -> bool:
    if file.startswith("<"):  # frozen modules, and what dataclasses generate
        return True
    path = Path(file).resolve()
    paths = sysconfig.get_paths()
    homes = [PACKAGE, *(Path(paths[name]).resolve() for name in ("stdlib", "platstdlib", "purelib", "platlib"))]
    homes += [PACKAGE.parent / "site-packages", PACKAGE.parent / "envs"]
    homes += [PACKAGE.parent / "strategies" / name for name in OF_MODELS]
    return any(path.is_relative_to(home) for home in homes)


def _is_innermost(error: BaseException, frame: traceback.FrameSummary) -> bool:
    last = traceback.extract_tb(error.__traceback__)[-1]
    return (last.filename, last.lineno) == (frame.filename, frame.lineno)


def _tell_user_error(error: BaseException, frames: list[traceback.FrameSummary]) -> None:
    """Print the user's own lines, the innermost last, and what is noted on the exception (bar, time, symbol)."""
    line("error", f"the strategy raised {type(error).__name__}: {error}")
    left_out = len(frames) - _SHOWN
    if left_out > 0:
        typer.echo(f"  ... {left_out} more of its calls", err=True)
    for text in traceback.format_list(frames[-_SHOWN:]):
        typer.echo(text, err=True, nl=False)
    for note in getattr(error, "__notes__", ()):
        typer.echo(f"  {note}", err=True)


def _usage(error: Any) -> str:
    """Return a usage error as one line, with what was probably meant and where to read on."""
    message = str(error.format_message()).rstrip(".")
    context = getattr(error, "ctx", None)
    wrong = getattr(error, "option_name", None)
    if context is None:
        return message
    if wrong and "No such option" in message:
        known = [name for param in context.command.params for name in (*param.opts, *param.secondary_opts)]
        hint = did_you_mean(wrong, [*known, "--help", "--debug"])
        if "--set" in known and not difflib.get_close_matches(wrong, known, n=1, cutoff=0.75):
            hint = f"; if it is a parameter, write --set {wrong.lstrip('-')}=VALUE"
        message = f"no such option {wrong}{hint}"
    return f"{message} (see {context.command_path} --help)"


def _of_the_system(error: OSError) -> str:
    what = error.strerror or str(error) or type(error).__name__
    return f"{error.filename}: {what}" if error.filename else what


def take_debug(arguments: list[str]) -> tuple[list[str], bool]:
    """Return the arguments without `--debug`, wherever it stood, and whether it was there."""
    kept = [argument for argument in arguments if argument != "--debug"]
    return kept, len(kept) != len(arguments)


def arguments_of(given: Any) -> list[str]:
    """Return the arguments of a call, or those of the process."""
    return list(sys.argv[1:] if given is None else given)
