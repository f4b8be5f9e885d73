"""The public names of the design exist, with the parameters it gives them, in the order it gives them.

Each line of the tables below is the design, not our code: a name that is missing, renamed or reordered fails.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
from functools import cached_property

import pytest

import backtester
from backtester import Account, Bars, Costs, Execution, Result, Strategy
from backtester.compiler import CTX_FIELDS
from backtester.context import Context
from backtester.engine.settings import Settings

DATACLASSES = {
    Costs: "commission commission_per_unit commission_per_order commission_min spread slippage impact borrow_rate "
    "cash_rate debit_rate",
    Account: "leverage maintenance allow_short on_shortfall lot_size tick_size multiplier max_drawdown max_gross "
    "max_exposure max_order instruments currency fx settlement delisting",
    Execution: "fill_at same_bar limit_fill max_participation latency_bars",
    Settings: "cash costs account execution benchmark risk_free periods_per_year close_at_end mode seed progress",
}

CHOICES = {
    (Account, "on_shortfall"): ("reduce", "reject"),
    (Execution, "fill_at"): ("next_open", "close"),
    (Execution, "same_bar"): ("stop_first", "target_first", "ohlc", "olhc", "nearest"),
    (Execution, "limit_fill"): ("touch", "through"),
}

FRONT = "Bars Costs Account Execution Instrument Strategy Result run compare constant GTC DAY IOC FOK GTD __version__"

CTX_READS = "t timestamp n_assets open high low close volume adjusted_close cash equity"
CTX_QUESTIONS = "position entry_price unrealized_pnl exposure open_orders ready multiplier balance mark"
CTX_VERBS = {
    "order": "a quantity",
    "limit": "a quantity price",
    "stop": "a quantity price",
    "stop_limit": "a quantity stop_price limit_price",
    "trailing_stop": "a quantity distance",
    "bracket": "a quantity stop_loss take_profit",
    "order_target": "a quantity",
    "order_target_value": "a value",
    "order_target_percent": "a fraction",
    "rebalance": "weights",
    "close_position": "a",
    "scale_out": "a prices fractions",
}
CTX_CHANGES = {
    "oco": "id1 id2",
    "modify": "order_id price quantity",
    "cancel": "order_id",
    "cancel_all": "a",
    "record": "name value",
    "random": "",
    "deposit": "amount",
    "withdraw": "amount",
    "convert": "amount from_a to_a",
    "is_session_start": "",
    "is_session_end": "",
    "is_month_start": "",
    "is_month_end": "",
    "minutes_to_close": "",
    "quantity_for_risk": "a risk_frac stop_price entry_price",
}

RESULT = (
    "equity returns orders fills trades positions cash_flows actions records metrics ambiguous_bars manifest bars "
    "benchmark"
)
RESULT_TABLES = "equity returns orders fills trades positions cash_flows actions records metrics"
RESULT_METHODS = {
    "explain": "order_id",
    "diff": "other rtol",
    "report": "path",
    "plot": "backend width",
    "to_parquet": "directory",
    "load": "directory",
}

BARS = "symbols index open high low close volume extras sessions timestamps n_bars n_assets content_hash name"
BARS_METHODS = (
    "from_frame",
    "from_csv",
    "from_parquet",
    "from_arrays",
    "sample",
    "simulate",
    "align",
    "resample",
    "on",
)

INDICATORS = {
    "sma": "close n",
    "ema": "close n",
    "rma": "close n",
    "rolling_std": "close n",
    "rolling_min": "close n",
    "rolling_max": "close n",
    "rolling_sum": "close n",
    "returns": "close",
    "rsi": "close n",
    "atr": "high low close n",
    "macd": "close fast slow signal",
    "bollinger": "close n k",
    "donchian": "high low n",
    "realised_volatility": "close n",
    "rolling_rank": "x n",
    "rolling_quantile": "x n q",
    "rolling_zscore": "x n ddof",
    "rolling_skew": "x n bias",
    "rolling_correlation": "x y n",
    "rolling_beta": "y x n",
    "rolling_vwap": "high low close volume n",
    "session_vwap": "high low close volume sessions",
    "keltner": "high low close n k n_atr",
    "supertrend": "high low close n k",
    "parkinson": "high low n periods_per_year",
    "garman_klass": "open high low close n periods_per_year",
    "yang_zhang": "open high low close n periods_per_year",
    "drawdown": "x n",
    "cross_rank": "x",
    "cross_zscore": "x ddof",
    "crossed_above": "x y a",
    "crossed_below": "x y a",
}

ARRAYS = ("open", "high", "low", "close", "volume", "sessions", "x", "y", "a")

METRICS = (
    "total_return cagr annual_return annual_volatility sharpe sortino max_drawdown max_drawdown_duration calmar omega "
    "value_at_risk conditional_value_at_risk tail_ratio skew kurtosis alpha beta information_ratio probabilistic_sharpe"
)

STRATEGIES = (
    "BuyAndHold SmaCross BollingerReversion DonchianBreakout RsiReversion Turtle TimeSeriesMomentum "
    "CrossSectionalMomentum PairsTrading GridTrading RiskParity TrendTrailingStop OpeningRangeBreakout "
    "MonthlyContributions"
)

TRADE_COLUMNS = (
    "entry_time exit_time quantity entry_price exit_price pnl return_frac costs bars mae_frac mfe_frac tag open"
)


def parameters(function) -> list[str]:
    """Return the names a caller may use."""
    found = inspect.signature(getattr(function, "py_func", function)).parameters
    return [name for name in found if name not in ("self", "cls")]


@pytest.mark.parametrize("name", FRONT.split())
def test_the_front_door_has(name):
    assert hasattr(backtester, name)
    assert name in backtester.__all__


@pytest.mark.parametrize("kind", DATACLASSES, ids=lambda kind: kind.__name__)
def test_settings_have_the_designs_fields_by_keyword_alone_and_are_frozen(kind):
    found = [field.name for field in dataclasses.fields(kind)]
    assert found[: len(DATACLASSES[kind].split())] == DATACLASSES[kind].split()
    with pytest.raises(TypeError):
        kind(1.0)
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(kind(), found[0], None)


@pytest.mark.parametrize(("kind", "field"), CHOICES, ids=lambda value: getattr(value, "__name__", value))
def test_the_choices_of_a_setting_are_taken_and_the_first_is_the_default(kind, field):
    choices = CHOICES[kind, field]
    for choice in choices:
        assert getattr(kind(**{field: choice}), field) == choice
    assert getattr(kind(), field) == choices[0]


def test_run_takes_strategy_and_bars_first():
    assert parameters(backtester.run)[:2] == ["strategy", "bars"]


class TestContext:
    def test_reads_are_the_same_in_both_modes(self):
        assert set(CTX_FIELDS) == set(CTX_READS.split())
        for name in CTX_READS.split():
            assert name in dir(Context)

    @pytest.mark.parametrize("name", CTX_QUESTIONS.split())
    def test_a_question_is_about_one_asset(self, name):
        assert parameters(getattr(Context, name)) == ["a"]

    @pytest.mark.parametrize("name", CTX_VERBS)
    def test_a_verb_takes_what_the_design_says_and_tif_expire_tag(self, name):
        wanted = CTX_VERBS[name].split()
        found = parameters(getattr(Context, name))
        assert found[: len(wanted)] == wanted
        assert found[-3:] == ["tif", "expire", "tag"]

    @pytest.mark.parametrize("name", CTX_CHANGES)
    def test_changes_and_records(self, name):
        wanted = CTX_CHANGES[name].split()
        found = parameters(getattr(Context, name))
        assert len(found) == len(wanted)
        if name != "oco":
            assert found == wanted

    def test_brackets_know_fractions_and_entry_prices(self):
        wanted = {"stop_loss_frac", "take_profit_frac", "entry_limit", "entry_stop"}
        assert wanted <= set(parameters(Context.bracket))
        assert "distance_frac" in parameters(Context.trailing_stop)

    @pytest.mark.parametrize("name", [*CTX_VERBS, *CTX_CHANGES, *CTX_QUESTIONS.split()])
    def test_compiled_code_has_the_same_verb_with_the_same_parameters(self, name):
        from numba.core.registry import cpu_target

        from backtester.compiler import make_ctx_type
        from backtester.kernel.layout import STATE

        templates = cpu_target.typing_context._get_attribute_templates(make_ctx_type(STATE))
        found = [t for t in templates if getattr(t, "_attr", None) == name]
        assert found, f"ctx.{name} is unknown to compiled code"
        body = found[0]._overload_func
        assert [p for p in parameters(body) if p not in ("ctx", "s")] == parameters(getattr(Context, name))


@pytest.mark.parametrize("name", RESULT.split())
def test_a_result_has(name):
    assert name in dir(Result) or name in Result.__annotations__


@pytest.mark.parametrize("name", RESULT_METHODS)
def test_a_result_can(name):
    assert parameters(getattr(Result, name)) == RESULT_METHODS[name].split()


def test_a_results_tables_are_built_once():
    for name in RESULT_TABLES.split():
        assert isinstance(inspect.getattr_static(Result, name), cached_property), name


def test_the_trade_table_has_the_designs_columns():
    from strategies import BuyAndHold

    result = backtester.run(BuyAndHold(), Bars.sample("sp500")[:50], mode="interpreted")
    assert set(TRADE_COLUMNS.split()) <= set(result.trades.columns)


@pytest.mark.parametrize("name", BARS.split())
def test_bars_have(name):
    assert name in dir(Bars)


@pytest.mark.parametrize("name", BARS_METHODS)
def test_bars_can(name):
    assert callable(getattr(Bars, name))


def test_bars_from_arrays_takes_prices_in_the_order_of_ohlcv():
    assert parameters(Bars.from_arrays)[:6] == ["timestamps", "open", "high", "low", "close", "volume"]


@pytest.mark.parametrize("name", INDICATORS)
def test_an_indicator_takes_arrays_first_and_then_its_periods(name):
    module = importlib.import_module("backtester.indicators")
    found = parameters(getattr(module, name))
    assert len(found) >= len(INDICATORS[name].split())
    wanted = INDICATORS[name].split()
    arrays = sum(word in ARRAYS for word in wanted)
    periods = wanted[arrays:]
    defaults = inspect.signature(getattr(module, name)).parameters.values()
    without = [p.name for p in list(defaults)[:arrays] if p.default is inspect.Parameter.empty]
    assert len(without) == arrays, "an array has no default"
    assert found[arrays : arrays + len(periods)] == periods


@pytest.mark.parametrize("name", METRICS.split())
def test_a_metric_is_a_function_and_a_row_of_the_summary(name):
    module = importlib.import_module("backtester.metrics")
    assert callable(getattr(module, name))
    assert name in module.summary([100.0, 101.0, 100.5], [0, 86_400 * 10**9, 2 * 86_400 * 10**9])


def test_a_strategy_has_the_four_hooks_and_its_parameters():
    assert parameters(Strategy.prepare) == ["bars"]
    assert parameters(Strategy.on_bar) == ["ctx"]
    assert parameters(Strategy.on_fill) == ["ctx", "fill"]
    assert parameters(Strategy.on_reject) == ["ctx", "order"]
    assert Strategy().parameters == {}


@pytest.mark.parametrize("name", STRATEGIES.split())
def test_a_shipped_strategy_is_one_file(name):
    strategies = importlib.import_module("strategies")
    kind = getattr(strategies, name)
    assert issubclass(kind, Strategy)
    assert kind.__module__.startswith("strategies.")


@pytest.mark.parametrize(
    ("call", "wanted"),
    [
        ("Features", "elements hold"),
        ("Features.default", ""),
        ("Features.compute", "bars"),
        ("Features.warmup", "source"),
        ("Features.check_causal", "bars"),
        ("Features.spec", ""),
        ("Features.from_spec", "spec functions external"),
        ("Scaler.fit", "panel end rows names method clip"),
        ("Scaler.transform", "panel"),
        ("Scaler.to_arrays", ""),
        ("Scaler.from_arrays", "arrays names method"),
        ("Scaler.spec", ""),
        ("Scaler.from_spec", "spec"),
    ],
)
def test_features_and_scaler_take(call, wanted):
    kind, _, method = call.partition(".")
    found = getattr(importlib.import_module("backtester.signals"), kind)
    found = getattr(found, method) if method else found
    assert parameters(found)[: len(wanted.split())] == wanted.split()


@pytest.mark.parametrize(
    ("call", "wanted"),
    [
        ("forward_return", "bars horizon entry log"),
        ("direction", "bars horizon threshold entry"),
        ("volatility_scaled", "bars horizon volatility entry"),
        ("triple_barrier", "bars up down horizon volatility side entry"),
        ("meta_label", "bars side horizon"),
        ("average_uniqueness", "label"),
        ("return_attribution", "label bars"),
        ("Label.of", "bars"),
        ("Label.from_spec", "spec bars"),
        ("Label.spans", ""),
        ("WalkForward", "train test step anchored purge embargo"),
        ("PurgedKFold", "n_splits purge embargo"),
        ("CombinatorialPurgedCV", "n_splits n_test purge embargo"),
        ("CombinatorialPurgedCV.paths", ""),
        ("WalkForward.folds", "start end n_bars"),
        ("WalkForward.split", "X y groups"),
        ("WalkForward.get_n_splits", "X y groups"),
        ("training_mask", "start end test_blocks embargo purge"),
        ("check_label_ends", "label bars cuts seed"),
        ("check_pipeline", "model features label bars scheme clean scaler select search weights seed cuts rtol"),
    ],
)
def test_labels_splits_and_checks_take(call, wanted):
    kind, _, method = call.partition(".")
    found = getattr(importlib.import_module("backtester.signals"), kind)
    found = getattr(found, method) if method else found
    assert parameters(found)[: len(wanted.split())] == wanted.split()


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("probabilistic_sharpe", "sharpe n skew kurtosis benchmark_sharpe"),
        ("deflated_sharpe", "sharpe n skew kurtosis trials sharpe_variance"),
        ("min_track_record_length", "sharpe skew kurtosis benchmark_sharpe"),
        ("min_backtest_length", "trials expected_max"),
        ("pbo", "returns n_blocks"),
        ("reality_check", "returns benchmark"),
        ("spa", "returns benchmark"),
    ],
)
def test_overfitting_statistics_take(name, wanted):
    found = parameters(getattr(importlib.import_module("backtester.research.overfitting"), name))
    assert found[: len(wanted.split())] == wanted.split()


def test_time_in_force_has_the_five_names():
    assert len({backtester.GTC, backtester.DAY, backtester.IOC, backtester.FOK, backtester.GTD}) == 5
