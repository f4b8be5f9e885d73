"""What trading costs, what the account may do, and how orders execute: `Costs`, `Account`, `Execution`.

The three are frozen, stored raw and checked when they are made; `resolve` turns them into the numbers the kernel reads.
"""

from __future__ import annotations

import math
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from backtester.errors import SettingsError
from backtester.instruments import Instrument, by_symbol, check_currencies, check_instruments, currencies_of
from backtester.kernel.codes import Delisting, FillAt, LimitFill, SameBar, Shortfall

if TYPE_CHECKING:
    from backtester.kernel.memory import Rules

#: a number for every asset, or one per asset in the order of `bars.symbols`, or by symbol
PerAsset = float | Sequence[float] | Mapping[str, float]


def _check(owner: str, name: str, value: Any, low: float, high: float = math.inf, unit: str = "") -> None:
    """Refuse a number, or any of several, that is not finite or outside [low, high]."""
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    if isinstance(value, Mapping):
        items = [(f"{name}[{key!r}]", item) for key, item in value.items()]
    elif isinstance(value, (str, bytes)):
        items = [(name, value)]
    elif isinstance(value, (Sequence, np.ndarray)):
        items = [(f"{name}[{i}]", item) for i, item in enumerate(value)]
    else:
        items = [(name, value)]
    for where, item in items:
        if isinstance(item, (bool, np.bool_)) or not isinstance(item, (int, float, np.integer, np.floating)):
            raise SettingsError(f"{owner}: {where} must be a number, found {item!r} ({type(item).__name__})")
        if not math.isfinite(item) or not low <= item <= high:
            span = f"at least {low:g}" if high == math.inf else f"between {low:g} and {high:g}"
            raise SettingsError(f"{owner}: {where} is {item!r}; it must be finite and {span}{unit}")


def _check_one(owner: str, name: str, value: Any, low: float, high: float = math.inf, unit: str = "") -> None:
    """Refuse what is not one number within [low, high]."""
    if isinstance(value, (Mapping, Sequence, np.ndarray)) and not isinstance(value, (str, bytes)):
        raise SettingsError(f"{owner}: {name} is one number for the account, found {value!r}")
    _check(owner, name, value, low, high, unit)


def _check_choice(owner: str, name: str, value: Any, choices: Sequence[str]) -> None:
    if value not in choices:
        from backtester.errors import did_you_mean

        raise SettingsError(
            f"{owner}: {name} is {value!r}; it must be one of {', '.join(map(repr, choices))}"
            f"{did_you_mean(str(value), choices)}"
        )


@dataclass(frozen=True, kw_only=True)
class Costs:
    """What trading costs. Fractions are fractions (0.001 is 0.1 %), never percents.

    Parameters
    ----------
    commission : float, per asset, or jitted function
        Fraction of the traded value; or a numba-jitted `f(price, quantity)`, both positive, that returns money for a
        fill of one asset with multiplier 1.
    commission_per_unit : float or per asset
        Money per unit traded.
    commission_per_order, commission_min : float or per asset
        Money per order, and the least an order that fills pays in all.
    spread : float or per asset
        Full quoted spread as a fraction of the price; a taker pays half of it.
    slippage : float or per asset
        Fraction of the price a taker pays on top.
    impact : float or per asset
        Coefficient c of the square-root law: c × daily volatility × √(quantity / daily volume), as a fraction of the
        price (Almgren et al., "Direct estimation of equity market impact", 2005).
    borrow_rate : float or per asset
        Annual rate on the value of short positions, ACT/365.
    cash_rate, debit_rate : float
        Annual rates earned on positive and paid on negative free cash (cash less the value of shorts), ACT/365.
    """

    commission: PerAsset | Callable[[float, float], float] = 0.0
    commission_per_unit: PerAsset = 0.0
    commission_per_order: PerAsset = 0.0
    commission_min: PerAsset = 0.0
    spread: PerAsset = 0.0
    slippage: PerAsset = 0.0
    impact: PerAsset = 0.0
    borrow_rate: PerAsset = 0.0
    cash_rate: float = 0.0
    debit_rate: float = 0.0

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if item.name == "commission" and callable(value):
                continue
            limit = 1.0 if item.name in ("commission", "spread", "slippage") else math.inf
            remedy = ": a fraction, not a percent" if limit == 1.0 else ""
            low = -1.0 if item.name == "cash_rate" else 0.0
            check = _check_one if item.name in ("cash_rate", "debit_rate") else _check
            check("Costs", item.name, value, low, limit, remedy)


@dataclass(frozen=True, kw_only=True)
class Account:
    """What the account may do.

    Parameters
    ----------
    leverage : float
        Gross value may be up to this multiple of equity; 1.0 is a cash account.
    maintenance : float
        Positions are liquidated when equity falls below this fraction of gross value; less than 1 / leverage.
    allow_short : bool
        Whether positions may be negative.
    on_shortfall : {"reduce", "reject"}
        What happens to an order the account cannot afford in full.
    lot_size, tick_size : float or per asset
        Smallest quantity step (0: fractional) and price step (0: none).
    multiplier : float or per asset
        Money per price unit and unit of quantity (1 for shares).
    max_drawdown : float
        Where equity falls by more than this fraction from its peak, everything is closed and the strategy stops.
    max_gross, max_exposure : float, and float or per asset
        No order may open more than this multiple of equity, over all assets and in one asset.
    max_order : float
        An order worth more than this multiple of equity is refused, unless it only reduces.
    instruments : sequence of Instrument
        Tick, lot, multiplier, currency and margin of single assets.
    currency : str
        The account's currency, such as "USD"; needed where instruments are in another.
    fx : mapping of str to str
        For each other currency the symbol in the bars whose price is its rate, in the account's currency for one unit:
        {"EUR": "EURUSD"}; with "1/" in front the inverse of the price: {"JPY": "1/USDJPY"}.
    settlement : {"convert", "keep"}
        Whether money in another currency is exchanged at once, or kept in a balance of its own.
    delisting : {"final_price", "last_mark", "worthless"}
        At which price holders of a delisted asset are paid out; "final_price" is the one the bars declare.

    Notes
    -----
    The limits are off at `inf`. Rules 28 to 36: docs/events.md.
    """

    leverage: float = 1.0
    maintenance: float = 0.0
    allow_short: bool = True
    on_shortfall: Literal["reduce", "reject"] = "reduce"
    lot_size: PerAsset = 0.0
    tick_size: PerAsset = 0.0
    multiplier: PerAsset = 1.0
    max_drawdown: float = math.inf
    max_gross: float = math.inf
    max_exposure: PerAsset = math.inf
    max_order: float = math.inf
    instruments: Sequence[Instrument] = ()
    currency: str = ""
    fx: Mapping[str, str] = field(default_factory=dict)
    settlement: Literal["convert", "keep"] = "convert"
    delisting: Literal["final_price", "last_mark", "worthless"] = "final_price"

    def __post_init__(self) -> None:
        _check_one("Account", "leverage", self.leverage, 1e-9)
        _check_one("Account", "maintenance", self.maintenance, 0.0)
        if self.maintenance and self.maintenance >= 1.0 / self.leverage:
            raise SettingsError(
                f"Account: maintenance is {self.maintenance!r} with leverage {self.leverage!r}; it must be below "
                f"1 / leverage = {1.0 / self.leverage:g}, or a full position is liquidated as soon as it is opened"
            )
        if not isinstance(self.allow_short, (bool, np.bool_)):
            raise SettingsError(f"Account: allow_short must be True or False, found {self.allow_short!r}")
        _check_choice("Account", "on_shortfall", self.on_shortfall, ("reduce", "reject"))
        _check("Account", "lot_size", self.lot_size, 0.0)
        _check("Account", "tick_size", self.tick_size, 0.0)
        _check("Account", "multiplier", self.multiplier, 1e-12)
        _check_limit("max_drawdown", self.max_drawdown, 1.0, ": a fraction of the peak")
        _check_limit("max_gross", self.max_gross)
        _check_limit("max_order", self.max_order)
        _check("Account", "max_exposure", _without_inf(self.max_exposure), 1e-12)
        _check_choice("Account", "settlement", self.settlement, ("convert", "keep"))
        _check_choice("Account", "delisting", self.delisting, [member.name.lower() for member in Delisting])
        check_instruments(self.instruments)
        check_currencies(self)


def _without_inf(value: Any) -> Any:
    """Return limits with 1 in the place of `inf`, which is no limit, so that the rest can be checked."""
    if isinstance(value, Mapping):
        return {key: _without_inf(item) for key, item in value.items()}
    if isinstance(value, (Sequence, np.ndarray)) and not isinstance(value, (str, bytes)):
        return [_without_inf(item) for item in value]
    return 1.0 if isinstance(value, float) and value == math.inf else value


def _check_limit(name: str, value: Any, high: float = math.inf, unit: str = "") -> None:
    """Refuse a limit of the account that is not one number above 0; `inf` is no limit."""
    if not (isinstance(value, float) and value == math.inf):
        _check_one("Account", name, value, 1e-12, high, unit)


@dataclass(frozen=True, kw_only=True)
class Execution:
    """How orders meet the market.

    Parameters
    ----------
    fill_at : {"next_open", "close"}
        Whether a market order decided at the close of bar t fills at the open of bar t + 1, or at that very close
        (market-on-close: the decision must not need the close it trades at).
    same_bar : {"stop_first", "target_first", "ohlc", "olhc", "nearest"}
        Which leg of a bracket fills when one bar reaches both.
    limit_fill : {"touch", "through"}
        Whether a limit fills when the price touches it, or only when it trades through.
    max_participation : float
        Largest fraction of a bar's volume the account may trade; the rest of an order stays working. `inf`: no cap.
    latency_bars : int
        Bars every order, cancel and change is late.
    """

    fill_at: Literal["next_open", "close"] = "next_open"
    same_bar: Literal["stop_first", "target_first", "ohlc", "olhc", "nearest"] = "stop_first"
    limit_fill: Literal["touch", "through"] = "touch"
    max_participation: float = math.inf
    latency_bars: int = 0

    def __post_init__(self) -> None:
        _check_choice("Execution", "fill_at", self.fill_at, ("next_open", "close"))
        _check_choice("Execution", "same_bar", self.same_bar, [member.name.lower() for member in SameBar])
        _check_choice("Execution", "limit_fill", self.limit_fill, ("touch", "through"))
        if not (isinstance(self.max_participation, float) and self.max_participation == math.inf):
            remedy = ": a fraction, not a percent"
            _check_one("Execution", "max_participation", self.max_participation, 1e-12, 1.0, remedy)
        if isinstance(self.latency_bars, bool) or not isinstance(self.latency_bars, (int, np.integer)):
            raise SettingsError(f"Execution: latency_bars must be a whole number, found {self.latency_bars!r}")
        if not 0 <= self.latency_bars <= 1_000_000:
            raise SettingsError(f"Execution: latency_bars is {self.latency_bars}; it must be at least 0")


def per_asset(owner: str, name: str, value: Any, symbols: Sequence[str]) -> np.ndarray:
    """Return a setting as one float64 per asset."""
    n = len(symbols)
    if isinstance(value, Mapping):
        unknown = [key for key in value if key not in symbols]
        missing = [symbol for symbol in symbols if symbol not in value]
        if unknown or missing:
            raise SettingsError(
                f"{owner}: {name} by symbol must name every asset once; "
                f"missing {missing[:5]!r}, unknown {unknown[:5]!r} (symbols: {list(symbols)[:10]!r})"
            )
        return np.array([float(value[symbol]) for symbol in symbols])
    values = np.asarray(value, np.float64)
    if values.ndim == 0:
        return np.full(n, float(values))
    if values.shape != (n,):
        found = f"{name} has {values.size} values for {n} assets"
        raise SettingsError(f"{owner}: {found}; give one number, or one per asset")
    return values.copy()


def resolve(
    cash: float, costs: Costs, account: Account, execution: Execution, symbols: Sequence[str], *, negative_prices: bool
) -> tuple[Rules, list[Any]]:
    """Return the settings as the kernel reads them, and the compiled commission functions to keep alive."""
    from backtester.kernel.memory import Rules

    _check_one("run", "cash", cash, 1e-12)
    kept: list[Any] = []
    addresses = np.zeros(len(symbols), np.int64)
    rates: dict[str, np.ndarray] = {}
    for name in ("commission_per_unit", "commission_per_order", "commission_min", "spread", "slippage", "impact"):
        rates[name] = per_asset("Costs", name, getattr(costs, name), symbols)
    rates["borrow_rate"] = per_asset("Costs", "borrow_rate", costs.borrow_rate, symbols)
    if callable(costs.commission):
        compiled = compile_commission(costs.commission)
        kept.append(compiled)
        addresses[:] = compiled.address
        rates["commission"] = np.zeros(len(symbols))
    else:
        rates["commission"] = per_asset("Costs", "commission", costs.commission, symbols)
    rates["max_exposure"] = per_asset("Account", "max_exposure", account.max_exposure, symbols)
    rates |= _instrument_rates(account, symbols)
    margined = [item.margin is not None for item in _described(account, symbols)]
    currencies = currencies_of(account, symbols)
    words = {
        "commission_fn": addresses,
        "margined": np.array(margined, np.int64),
        "currencies": currencies.of_asset,
        "settles": np.where(np.array(margined) | (account.settlement == "keep"), currencies.of_asset, 0),
    }
    scalars = {
        "max_drawdown": float(account.max_drawdown),
        "max_gross": float(account.max_gross),
        "max_order": float(account.max_order),
        "has_limits": int(account.max_gross < math.inf or bool(np.any(rates["max_exposure"] < math.inf))),
        "watches": int(account.maintenance > 0.0 or account.max_drawdown < math.inf),
        "keeps": int(words["settles"].any()),
        "delisting": int(Delisting[account.delisting.upper()]),
        "leverage": float(account.leverage),
        "maintenance": float(account.maintenance),
        "allow_short": int(account.allow_short),
        "on_shortfall": int(Shortfall[account.on_shortfall.upper()]),
        "fill_at": int(FillAt[execution.fill_at.upper()]),
        "same_bar": int(SameBar[execution.same_bar.upper()]),
        "limit_fill": int(LimitFill[execution.limit_fill.upper()]),
        "max_participation": float(execution.max_participation),
        "latency": int(execution.latency_bars),
        "cash_rate": float(costs.cash_rate),
        "debit_rate": float(costs.debit_rate),
        "negative_prices": int(negative_prices),
    }
    return Rules(float(cash), scalars, rates, words, currencies.pairs, currencies.inverse), kept


def _described(account: Account, symbols: Sequence[str]) -> list[Instrument]:
    """Return one instrument per asset, an empty one where the account describes none."""
    instruments = by_symbol(account, symbols)
    return [instruments.get(symbol) or Instrument(symbol) for symbol in symbols]


def _instrument_rates(account: Account, symbols: Sequence[str]) -> dict[str, np.ndarray]:
    """Return lot, tick, contract multiplier and margin weight per asset: the instrument's, else the account's."""
    described = _described(account, symbols)
    found = {}
    for name, column in (("lot_size", "lot_size"), ("tick_size", "tick_size"), ("multiplier", "contracts")):
        values = per_asset("Account", name, getattr(account, name), symbols)
        for a, item in enumerate(described):
            own = getattr(item, name)
            values[a] = values[a] if own is None else float(own)
        found[column] = values
    found["margins"] = np.array([1.0 if item.margin is None else float(item.margin) for item in described])
    return found


def compile_commission(function: Callable[[float, float], float]) -> Any:
    """Return a C function for a commission `f(price, quantity) -> money`, and refuse one that cannot be compiled.

    A function is compiled once: runs of a sweep share it, as long as what it reads has not changed.
    """
    import numba

    python_function = getattr(function, "py_func", function)
    key = _meaning(python_function)
    compiled = _compiled.get(key)
    if compiled is None:
        try:
            compiled = numba.cfunc("float64(float64, float64)", error_model="numpy")(python_function)
        except Exception as error:
            raise SettingsError(
                "Costs: commission is a function that numba cannot compile as f(price, quantity) -> float: "
                f"{_first_line(error)}"
            ) from error
        if key is not None:
            _compiled[key] = compiled
            while len(_compiled) > _KEPT_FUNCTIONS:
                _compiled.pop(next(iter(_compiled)))
    trial = compiled.ctypes(100.0, 1.0)
    if not math.isfinite(trial) or trial < 0.0:
        raise SettingsError(f"Costs: commission(100.0, 1.0) returned {trial!r}; it must be finite and not negative")
    return compiled


_KEPT_FUNCTIONS = 16
_compiled: dict[Any, Any] = {}  # C functions by what they mean, the latest last


def _meaning(function: Any) -> Any:
    """Return a key for a function that reads numbers alone besides its arguments, else None: it is not kept."""
    code = getattr(function, "__code__", None)
    if code is None or any(isinstance(constant, types.CodeType) for constant in code.co_consts):
        return None
    space = function.__globals__
    read = {name: space[name] for name in code.co_names if name in space}
    cells = dict(zip(code.co_freevars, (cell.cell_contents for cell in function.__closure__ or ()), strict=True))
    numbers = (bool, int, float, np.number, types.ModuleType)
    if not all(isinstance(value, numbers) for value in (*read.values(), *cells.values())):
        return None
    modules = [value for value in read.values() if isinstance(value, types.ModuleType)]
    if any(module.__name__ not in ("math", "numpy") for module in modules):
        return None
    values = [(name, type(value), repr(value)) for name, value in (*read.items(), *cells.items())]
    return code, repr(function.__defaults__), tuple(values)


def _first_line(error: Exception) -> str:
    """Return what numba says, without the banner of its pipeline."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    said = [line for line in lines if not line.startswith("Failed in nopython mode pipeline")]
    return (said or lines or [type(error).__name__])[0]
