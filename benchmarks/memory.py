"""Peak memory of a call, above what the process held before it."""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

Returned = TypeVar("Returned")

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")
_RESET_PEAK = "5"


def _status_mb(field: str) -> float:
    """A field of /proc/self/status in MB (10^6 bytes)."""
    for line in _STATUS.read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024 / 1e6
    raise KeyError(field)


def peak_above(call: Callable[[], Returned]) -> tuple[Returned, float | None]:
    """Run `call`, and measure how far the process's resident memory rose above where it stood.

    Returns
    -------
    returned
        What `call` returned, still alive when the peak is read.
    peak_mb : float or None
        MB. None where the kernel does not let a process reset its high-water mark (other systems than Linux).
    """
    gc.collect()
    try:
        _CLEAR.write_text(_RESET_PEAK)
        before = _status_mb("VmRSS")
    except OSError:
        return call(), None
    returned = call()
    return returned, _status_mb("VmHWM") - before


def resident_mb() -> float:
    """Resident memory of this process now, in MB, without garbage; NaN on other systems than Linux."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)  # what was freed goes back to the system
    try:
        return _status_mb("VmRSS")
    except OSError:
        return float("nan")
