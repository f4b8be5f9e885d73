"""How this package compiles its own functions, and where it keeps the machine code.

`kernel_jit` is for functions called from Python, `inner_jit` for functions only called from other jitted ones. Both
use `error_model="numpy"`, release the GIL, and use neither fastmath nor bounds checks.

numba's own cache looks at the file of the cached function alone: after an edit of a function it calls, in another
file, it serves the old code. So the machine code lies in a directory named by a hash of every source of the package
that reaches jitted code; an edit moves on to a new directory, and all but the last few directories are deleted.
The root is `$BACKTESTER_CACHE_DIR`, else the user's cache directory, else a temporary directory.
"""

from __future__ import annotations

import functools
import hashlib
import os
import re
import shutil
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import llvmlite
import llvmlite.binding
import numba
import numpy as np
from numba.core import caching, sigutils, types
from numba.core.ccallback import CFunc
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler
from numba.core.registry import CPUDispatcher

OPTIONS: dict[str, Any] = {"error_model": "numpy", "nogil": True, "boundscheck": False, "fastmath": False}
PACKAGE = Path(__file__).resolve().parents[1]
KERNEL = PACKAGE / "kernel"  # stands on its own: its code depends on no other file of the package
KEPT_DIRECTORIES = 6  # versions of the sources whose code is kept
_ENVIRONMENT = "_ZN08NumbaEnv"  # what the places of environments are called by
_MINIMUM_AGE = 3600.0  # seconds; a directory used more recently than this is never deleted
_JITTED = re.compile(rb"njit|kernel_jit|inner_jit|@overload|@intrinsic")
_IMPORTS = re.compile(
    rb"^[ \t]*(?:from[ \t]+(\.*)([\w.]*)[ \t]+import[ \t]+(\([^)]*|[^(\n]*)|import[ \t]+([\w.]+))", re.M
)


def kernel_jit(*signature: Any, **options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Return a decorator: compile a function that Python calls, and keep its machine code on disk.

    Parameters
    ----------
    *signature : numba signature, optional
        Compile (or load) at once for these types; otherwise at the first call.
    **options
        Passed to `numba.njit`; they override the options of the package.
    """

    def decorate(function: Callable[..., Any]) -> Any:
        dispatcher = numba.njit(**{**OPTIONS, "no_cfunc_wrapper": True, **options})(function)
        if config.DISABLE_JIT:
            return dispatcher
        root = cache_root()
        if root is not None:
            dispatcher._cache = _KernelCache(function, root)
        for one in signature:
            dispatcher.compile(one)
        if signature:
            dispatcher.disable_compile()
        return dispatcher

    if len(signature) == 1 and callable(signature[0]) and not isinstance(signature[0], types.Type):
        function, signature = signature[0], ()
        return decorate(function)
    return decorate


def inner_jit(function: Callable[..., Any] | None = None, **options: Any) -> Any:
    """Compile a function that only jitted functions call: no Python wrapper, no file of its own."""
    if function is None:
        return functools.partial(inner_jit, **options)
    wrappers = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    dispatcher = numba.njit(**{**OPTIONS, **wrappers, "pipeline_class": _InnerCompiler, **options})(function)
    if isinstance(dispatcher, CPUDispatcher):
        dispatcher.__class__ = _Widening
    return dispatcher


class _InnerLibrary(JITCodeLibrary):
    """The code of a function that only other compiled functions call: optimised and emitted in them, not by itself.

    numba would do both for every function, and then optimise it again in each one that has it linked in. What a
    function may need at run time is its environment, whose place numba asks the engine for.
    """

    def _optimize_final_module(self) -> None:
        pass

    def _finalize_final_module(self) -> None:
        self._finalize_dynamic_globals()
        engine = self.codegen._engine
        names = [one.name for one in self._final_module.global_variables if one.name.startswith(_ENVIRONMENT)]
        rows = [f'@"{name}" = common global i64 0' for name in names if not engine.is_symbol_defined(name)]
        if rows:
            engine.add_module(llvmlite.binding.parse_assembly("\n".join(rows)))
        self._finalized = True


class _InnerCompiler(Compiler):
    """The compiler of such a function."""

    def compile_extra(self, func: Any) -> Any:
        self.state.library = _InnerLibrary(self.state.targetctx.codegen(), func.__qualname__)
        return super().compile_extra(func)


class _Widening(CPUDispatcher):
    """A dispatcher that compiles a function once for int64 instead of once per constant it is called with."""

    def get_call_template(self, args: Any, kws: Any) -> Any:
        widened = tuple(types.unliteral(arg) for arg in args)
        return super().get_call_template(widened, {name: types.unliteral(arg) for name, arg in kws.items()})


@functools.lru_cache(maxsize=1)
def _root(asked: str | None) -> Path | None:
    """Return the first directory that can be written."""
    if asked:
        candidates = [Path(asked)]
    elif sys.platform == "win32":
        candidates = [
            Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "backtester" / "Cache"
        ]
    elif sys.platform == "darwin":
        candidates = [Path("~/Library/Caches/backtester").expanduser()]
    else:
        candidates = [Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "backtester"]
    user = os.getuid() if hasattr(os, "getuid") else "user"
    candidates.append(Path(tempfile.gettempdir()) / f"backtester-{user}")
    for path in candidates:
        try:
            path.mkdir(parents=True, exist_ok=True, mode=0o700)
            owned = not hasattr(os, "getuid") or path.stat().st_uid == os.getuid()
            if owned and os.access(path, os.R_OK | os.W_OK | os.X_OK):
                return path
        except OSError:
            continue
    warnings.warn(
        f"compiled code cannot be kept: none of {', '.join(map(str, candidates))} can be written; "
        "set BACKTESTER_CACHE_DIR to a directory that can",
        stacklevel=2,
    )
    return None


def cache_root() -> Path | None:
    """Return the root directory of all cached machine code, or None where nothing can be written (warns once)."""
    return _root(os.environ.get("BACKTESTER_CACHE_DIR"))


config: Any = numba.config


def platform_key() -> tuple[str, ...]:
    """Return the versions and settings of Python, NumPy, numba and LLVM that machine code depends on."""
    settings = (config.BOUNDSCHECK, config.OPT, config.LOOP_VECTORIZE, config.SLP_VECTORIZE, config.DEBUGINFO_DEFAULT)
    versions = (sys.version, np.__version__, numba.__version__, llvmlite.__version__)
    return (*versions, repr(settings), repr((config.CPU_NAME, config.CPU_FEATURES)))


@functools.cache
def source_hash(package: Path = PACKAGE) -> str:
    """Return a hash of every source that the jitted code of a package (a directory, or one file) may come from.

    In a directory these are the files that compile something, those under `kernel/`, and what they import from it.
    """
    if package.is_file():
        return hashlib.sha256(package.read_bytes()).hexdigest()
    texts = _modules(package)
    kernel = f"{package.name}.kernel."
    pending = [name for name, text in texts.items() if _JITTED.search(text) or name.startswith(kernel)]
    chosen = set(pending)
    while pending:
        importer = pending.pop()
        for match in _IMPORTS.finditer(texts[importer]):
            found = [name for name in _imported(importer, match) if name in texts and name not in chosen]
            chosen.update(found)
            pending += found
    digest = hashlib.sha256()
    for name in sorted(chosen):
        digest.update(name.encode() + b"\0" + hashlib.sha256(texts[name]).digest())
    return digest.hexdigest()


def _modules(package: Path) -> dict[str, bytes]:
    """Return the sources of a package by dotted name; a package's own file is called `name.__init__`."""
    texts = {}
    above = len(str(package.parent)) + 1
    for folder, _, files in os.walk(package):
        prefix = folder[above:].replace(os.sep, ".")
        for file in files:
            if file.endswith(".py"):
                with open(os.path.join(folder, file), "rb") as source:
                    texts[f"{prefix}.{file[:-3]}"] = source.read()
    return texts


def _imported(importer: str, match: re.Match[bytes]) -> list[str]:
    """Return the names under which `_modules` may hold what one import statement names."""
    dots, module, names, plain = (group.decode() if group else "" for group in match.groups())
    base = module or plain
    if dots:
        base = ".".join(filter(None, (*importer.split(".")[: -len(dots)], module)))
    stems = [base, *(f"{base}.{name}" for name in re.findall(r"\w+", names))]
    return [*stems, *(f"{stem}.__init__" for stem in stems)]


@functools.cache
def _package_of(file: str) -> Path:
    """Return the outermost package directory that holds a file, or the file itself where it is in no package."""
    path = Path(file).resolve()
    if not (path.parent / "__init__.py").exists():
        return path
    path = path.parent
    if path == KERNEL:
        return path
    while (path.parent / "__init__.py").exists():
        path = path.parent
    return path


@functools.cache
def _directory(root: Path, package: Path) -> Path:
    """Return the cache directory of the jitted functions of a package, and tidy its neighbours."""
    digest = hashlib.sha256(repr(platform_key()).encode() + source_hash(package).encode())
    if package not in (PACKAGE, KERNEL):
        digest.update(source_hash().encode())
    home = root / "kernel"
    path = home / digest.hexdigest()[:20]
    fresh = not path.exists()
    try:
        path.mkdir(parents=True, exist_ok=True)
        os.utime(path)
    except OSError:
        return path
    if fresh:
        prune(home, KEPT_DIRECTORIES)
    return path


def prune(home: Path, keep: int) -> None:
    """Delete all but the `keep` most recently used entries of a directory; those of the last hour stay."""
    try:
        entries = [(path.stat().st_mtime, path) for path in home.iterdir()]
    except OSError:
        return
    newest_first = sorted(entries, key=lambda entry: entry[0], reverse=True)
    for used, path in newest_first[keep:]:
        if time.time() - used < _MINIMUM_AGE:
            continue
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


class _Locator(caching._CacheLocator):
    """Tells numba's cache which directory to use; that directory's name already stands for the sources."""

    def __init__(self, function: Callable[..., Any], path: Path):
        self._path = str(path)
        self._py_file = function.__code__.co_filename  # numba names it in a warning
        identity = f"{function.__module__}.{function.__qualname__}:{function.__code__.co_firstlineno}"
        self._disambiguator = hashlib.sha256(identity.encode()).hexdigest()[:12]

    def get_cache_path(self) -> str:
        return self._path

    def get_source_stamp(self) -> str:
        return self._disambiguator

    def get_disambiguator(self) -> str:
        return self._disambiguator

    @classmethod
    def from_function(cls, py_func: Callable[..., Any], py_file: str) -> None:
        return None


class _KernelCacheImpl(caching.CompileResultCacheImpl):
    """numba's storage format, with our directory and a name made of module and qualified name."""

    def __init__(self, function: Callable[..., Any], root: Path):
        self._lineno = function.__code__.co_firstlineno
        package = _package_of(function.__code__.co_filename)
        self._locator = _Locator(function, _directory(root, package))
        self._filename_base = self.get_filename_base(function.__qualname__, getattr(sys, "abiflags", ""))


class _KernelCache(caching.FunctionCache):
    """numba's function cache over `_KernelCacheImpl`; a damaged or vanished file means compiling, never an error."""

    def __init__(self, function: Callable[..., Any], root: Path):
        self._name = repr(function)
        self._py_func = function
        self._impl = _KernelCacheImpl(function, root)
        self._cache_path = self._impl.locator.get_cache_path()
        stamp = self._impl.locator.get_source_stamp()
        self._cache_file = caching.IndexDataCacheFile(self._cache_path, self._impl.filename_base, stamp)
        self.enable()

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(sig, target_context)
        except Exception:
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        try:
            super().save_overload(sig, data)
        except Exception:
            self.disable()


def kernel_cfunc(signature: Any) -> Callable[[Callable[..., Any]], Any]:
    """Return a decorator: compile a C function whose `address` compiled code can call, and keep it on disk."""

    def decorate(function: Callable[..., Any]) -> Any:
        compiled: Any = CFunc(
            function, sigutils.normalize_signature(signature), locals={}, options={"error_model": "numpy"}
        )
        root = cache_root()
        if root is not None:
            compiled._cache = _KernelCache(function, root)
        compiled.compile()
        return compiled

    return decorate


def rare_cfunc(signature: Any) -> Callable[[Callable[..., Any]], Any]:
    """Return a decorator like `kernel_cfunc`, for what few runs need: compiled when its address is asked for."""
    return lambda function: _Rare(function, signature)


class _Rare:
    """A C function to come; see `rare_cfunc`."""

    def __init__(self, function: Callable[..., Any], signature: Any):
        functools.update_wrapper(self, function)
        self._signature = signature

    @functools.cached_property
    def address(self) -> int:
        """Return the address, after compiling the function or loading it."""
        self._compiled = kernel_cfunc(self._signature)(self.__wrapped__)  # type: ignore[attr-defined]
        return self._compiled.address


def is_cold() -> bool:
    """Return whether the kernel has to be compiled, because the cache holds none for these sources and this machine."""
    root = cache_root()
    return root is None or not any(_directory(root, KERNEL).glob("fn_match*.nbi"))


def is_disabled() -> bool:
    """Return whether numba is told not to compile (NUMBA_DISABLE_JIT)."""
    return bool(config.DISABLE_JIT)
