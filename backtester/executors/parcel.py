"""What is sent to a worker once: an object as bytes, and its large arrays apart, so that they need not be copied.

Arrays arrive read-only. A worker that can map the memory they lie in (a file of this machine, Ray's object store) holds
no copy of its own.
"""

from __future__ import annotations

import io
import pickle
from dataclasses import dataclass
from typing import Any

import numpy as np

from backtester.errors import WorkerError
from backtester.indicators.memory import never_changes

_LARGE = 1 << 14  # bytes of an array that travels apart


@dataclass
class Parcel:
    """An object in a form that can be sent.

    Attributes
    ----------
    body : bytes
    arrays : list of ndarray
        Those that the body refers to by number.
    """

    body: bytes
    arrays: list[np.ndarray]

    def open(self) -> Any:
        """Return a copy of the object over the very arrays of the parcel."""
        for array in self.arrays:
            array.flags.writeable = False
            never_changes(array)
        return _Unpickler(io.BytesIO(self.body), self.arrays).load()


def pack(value: Any) -> Parcel:
    """Return a parcel with an object in it.

    Raises
    ------
    WorkerError
        Something in it cannot be sent.
    """
    base = _pickler()
    arrays: list[np.ndarray] = []
    places: dict[int, int] = {}

    class Pickler(base):  # type: ignore[misc, valid-type]
        def persistent_id(self, one: Any) -> int | None:
            if type(one) is not np.ndarray or one.dtype.hasobject or one.nbytes < _LARGE or one.flags.writeable:
                return None
            if id(one) not in places:
                places[id(one)] = len(arrays)
                arrays.append(one)
            return places[id(one)]

    file = io.BytesIO()
    try:
        Pickler(file, protocol=5).dump(value)
    except Exception as error:
        raise WorkerError(
            f"this cannot be sent to another process: {error}; keep classes and functions at the top of a module, and "
            "open files, locks and connections out of parameters (or use executor='threads')"
        ) from error
    return Parcel(file.getvalue(), arrays)


def dumps(value: Any) -> bytes:
    """Return an object as bytes; functions and classes of a script or notebook by value, where cloudpickle is there."""
    file = io.BytesIO()
    try:
        _pickler()(file, protocol=5).dump(value)
    except Exception as error:
        raise WorkerError(f"this cannot be sent to another process: {error}") from error
    return file.getvalue()


def _pickler() -> type[Any]:
    try:
        from cloudpickle import Pickler
    except ImportError:
        return pickle.Pickler
    return Pickler  # type: ignore[no-any-return]


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, arrays: list[np.ndarray]):
        super().__init__(file)
        self._arrays = arrays

    def persistent_load(self, number: int) -> np.ndarray:
        return self._arrays[number]
