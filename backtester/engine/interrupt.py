"""Ctrl-C during a run: wait for the end of a bar, so that no bar is half done and no table half grown.

While the kernel runs, Python code runs only where the kernel calls back, to let a table grow. An exception raised there
would be lost, and the table would stay small. So the first Ctrl-C is only noted; the run looks between two chunks of
bars. A second one is raised at once where user code is interpreted, which may be stuck.
"""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType


class Interrupt:
    """Notes Ctrl-C while it is entered; does nothing outside the main thread, or where somebody else handles SIGINT.

    Parameters
    ----------
    raise_second : bool
        Whether a second Ctrl-C raises KeyboardInterrupt at once.
    """

    def __init__(self, raise_second: bool):
        self.raise_second = raise_second
        self.noted = False
        self._installed = False

    def __enter__(self) -> Interrupt:
        main = threading.current_thread() is threading.main_thread()
        if main and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, self._note)
            self._installed = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._installed:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            self._installed = False

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.noted and self.raise_second:
            raise KeyboardInterrupt
        self.noted = True
