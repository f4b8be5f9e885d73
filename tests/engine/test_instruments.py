"""Futures, per-asset settings and currencies by hand (rules 34 and 35), and what is refused before a run."""

import math

import numpy as np
import pytest
from tiny import FLAT, ending, equity, filled, market, play

from backtester import Account, Bars, Instrument, Strategy, run
from backtester.errors import SettingsError


def bar(price):
    return (price, price, price, price)


def rows(*columns):
    """Return bars that are flat at each price, an asset per column."""
    return [[bar(price) for price in row] for row in zip(*columns, strict=True)]


FUTURE = [Instrument("A0", multiplier=50.0, margin=0.1, lot_size=1.0)]


class TestMargin:
    def test_a_future_needs_its_margin_alone(self):
        # a contract is worth 10·50 = 500 and needs 50: 1000 of equity carry 20
        result = play([FLAT] * 4, {1: lambda c: c.order(0, 25)}, instruments=FUTURE)
        assert filled(result) == [(1, 2, 20.0, 10.0)]
        assert ending(result, 1) == ("filled", "insufficient_equity")
        # cash has paid 20·500, and the position is worth as much
        assert equity(result) == [1000.0] * 4

    def test_its_value_is_neither_financed_nor_borrowed(self):
        # 0.0001 a day; free cash stays 1000 less what the price does: +1 in bar 3 is 2·50·1 = 100
        script = {1: lambda c: c.order(0, 2)}
        prices = [FLAT, FLAT, FLAT, bar(11), bar(11)]
        result = play(prices, script, instruments=FUTURE, debit_rate=0.365, cash_rate=0.0365, borrow_rate=0.365)
        assert result.cash_flows["kind"].unique().tolist() == ["cash_interest"]
        assert result.cash_flows["amount"].tolist()[-1] == pytest.approx(
            0.0001 * (1100.0 + 0.1 + 0.10001 + 0.100020001)
        )
        short = play(prices, {1: lambda c: c.order(0, -2)}, instruments=FUTURE, borrow_rate=0.365)
        assert len(short.cash_flows) == 0

    def test_maintenance_is_a_fraction_of_the_margin(self):
        # 10 contracts need 500; at 9 equity is 500 and 0.9·0.1·10·450 = 405: kept; at 8.5 it is 250, below 382.5
        script = {1: lambda c: c.order(0, 10)}
        result = play([FLAT, FLAT, FLAT, bar(9), bar(8.5)], script, instruments=FUTURE, maintenance=0.9)
        assert [f[1:] for f in filled(result)] == [(2, 10.0, 10.0), (4, -10.0, 8.5)]
        assert ending(result, 2) == ("filled", "liquidation")

    def test_limits_are_of_the_value_itself(self):
        result = play([FLAT] * 4, {1: lambda c: c.order(0, 20)}, instruments=FUTURE, max_exposure=2.0)
        assert filled(result)[0][2] == 4.0  # 2·1000 / 500

    def test_a_rebalance_is_scaled_by_weighted_values(self):
        # A0 wants 20 contracts (margin 1000), A1 50 shares (500): factor 1000 / 1500
        script = {1: lambda c: c.rebalance((10.0, 0.5))}
        instruments = [Instrument("A0", multiplier=50.0, margin=0.1)]
        result = play([[FLAT, FLAT]] * 4, script, instruments=instruments)
        assert [f[2] for f in filled(result)] == pytest.approx([40.0 / 3.0, 100.0 / 3.0], rel=1e-12)

    def test_an_instrument_comes_before_the_account_and_both_before_nothing(self):
        instruments = [Instrument("A1", lot_size=5.0, tick_size=0.5)]
        script = {1: lambda c: (c.order(0, 13), c.order(1, 13))}
        result = play([[FLAT, FLAT]] * 4, script, instruments=instruments, lot_size=2.0, spread=0.02)
        assert [(f[2], f[3]) for f in filled(result)] == [(12.0, 10.1), (10.0, 10.5)]

    def test_ctx_multiplier_is_the_contracts(self):
        said = []
        play([FLAT] * 3, {1: lambda c: said.append(float(c.multiplier(0)))}, instruments=FUTURE)
        assert said == [50.0]


EURO = {"currency": "USD", "instruments": [Instrument("A0", currency="EUR")], "fx": {"EUR": "A1"}}


class TestCurrencies:
    def test_converted_at_the_open_and_valued_at_the_close(self):
        # 10 at 10 EUR: at the open of bar 2 a euro is 1.5: 150 USD; at its close 2: 850 + 200
        bars = [[FLAT, bar(1.0)], [FLAT, bar(1.0)], [FLAT, (1.5, 2.0, 1.5, 2.0)], [FLAT, bar(2.0)]]
        result = play(bars, {1: lambda c: c.order(0, 10)}, **EURO)
        assert equity(result) == [1000.0, 1000.0, 1050.0, 1050.0]
        assert result.fills["fx"].tolist() == [1.5]
        assert result.trades["pnl"].tolist() == [50.0]
        assert result.currencies == ("USD", "EUR")

    def test_what_the_account_can_carry_is_in_its_own_money(self):
        result = play(rows([10.0] * 4, [2.0] * 4), {1: lambda c: c.order(0, 80)}, **EURO)
        assert filled(result)[0][2] == 50.0  # 1000 / (10·2)

    def test_the_inverse_of_a_pair(self):
        account = {"currency": "USD", "instruments": [Instrument("A0", currency="JPY")], "fx": {"JPY": "1/A1"}}
        result = play(rows([1000.0] * 4, [100.0, 100.0, 125.0, 125.0]), {1: lambda c: c.order(0, 10)}, **account)
        assert result.fills["fx"].tolist() == [1 / 125]
        # the pair is quoted in yen itself: one unit of it costs 125 JPY, one dollar
        pair = play(rows([1000.0] * 4, [100.0] * 4), {1: lambda c: c.order(1, 10)}, **account)
        assert equity(pair) == [1000.0] * 4
        assert pair.fills["fx"].tolist() == [0.01]

    def test_kept_balances_and_their_interest(self):
        # 10 at 10 EUR leave −100 EUR; 1 % a day is paid on it, and earned on 1000 USD
        result = play(
            rows([10.0] * 4, [2.0] * 4), {1: lambda c: c.order(0, 10)},
            **EURO, settlement="keep", cash_rate=3.65, debit_rate=3.65,
        )  # fmt: skip
        flows = result.cash_flows[["bar", "currency", "amount"]]
        assert flows["bar"].tolist() == [1, 2, 3, 3]
        assert flows["currency"].tolist() == ["USD", "USD", "USD", "EUR"]
        assert flows["amount"].tolist() == pytest.approx([10.0, 10.1, 10.201, -1.0])
        assert equity(result)[-1] == pytest.approx(1030.301 - 2 * 101.0 + 2 * 100.0)

    def test_a_future_in_another_currency_earns_in_it_and_is_not_exchanged(self):
        # 10 contracts of margin 0.5 at 10 EUR; the euro goes from 1 to 2, the price not: nothing is gained
        instruments = [Instrument("A0", currency="EUR", margin=0.5)]
        account = {"currency": "USD", "instruments": instruments, "fx": {"EUR": "A1"}}
        still = play(rows([10.0] * 5, [1.0, 1.0, 1.0, 1.5, 2.0]), {1: lambda c: c.order(0, 10)}, **account)
        assert equity(still) == [1000.0] * 5
        # the price gains 1 EUR on each of 10: 10 EUR, 20 USD at the end
        risen = play(
            rows([10.0, 10.0, 10.0, 11.0, 11.0], [1.0, 1.0, 1.0, 1.5, 2.0]), {1: lambda c: c.order(0, 10)}, **account
        )
        assert equity(risen) == [1000.0, 1000.0, 1000.0, 1015.0, 1020.0]
        assert risen.trades["pnl"].tolist() == [20.0]

    def test_convert_pays_half_the_spread_of_its_pair(self):
        # 202 USD buy EUR at 2·(1 + 0.02/2) = 2.02: 100; they are worth 200
        script = {1: lambda c: c.convert(202.0, -1, 0), 3: lambda c: c.record("euros", c.balance(0))}
        result = play(rows([10.0] * 4, [2.0] * 4), script, **EURO, settlement="keep", spread=[0.0, 0.02])
        assert result.records["euros"].tolist()[-1] == pytest.approx(100.0)
        assert equity(result) == pytest.approx([1000.0, 1000.0, 998.0, 998.0])
        assert result.cash_flows["kind"].tolist() == ["conversion"] * 2

    def test_conversions_that_cannot_be(self):
        script = {
            1: lambda c: (c.convert(1.0, 0, 0), c.convert(1.0, 0, 7), c.convert(-1.0, -1, 0), c.convert(1.0, -1, 0)),
        }
        pair = [math.nan, math.nan, math.nan, 2.0]
        bars = [[FLAT, None if math.isnan(price) else bar(price)] for price in pair]
        kept = play(bars, script, **EURO, settlement="keep")
        assert kept.changes["outcome"].tolist() == [
            "nothing_to_change",
            "asset_unknown",
            "amount_invalid",
            "rate_unknown",
        ]
        converted = play(bars, {1: lambda c: c.convert(1.0, -1, 0)}, **EURO)
        assert converted.changes["outcome"].tolist() == ["currency_not_kept"]

    def test_without_a_rate_nothing_opens(self):
        bars = [[FLAT, None], [FLAT, None], [FLAT, None], [FLAT, bar(2)]]
        result = play(bars, {1: lambda c: (c.order(0, 1), c.order_target_percent(0, 0.5))}, **EURO)
        assert ending(result, 1)[0] == "rejected"
        assert ending(result, 2) == ("rejected", "no_mark")
        assert equity(result) == [1000.0] * 4


class Idle(Strategy):
    def on_bar(self, ctx):
        pass


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Instrument(""), "symbol must be a word, found ''"),
        (lambda: Instrument(3), "symbol must be a word"),
        (lambda: Instrument("A0", currency=""), "currency must be a word"),
        (lambda: Instrument("A0", multiplier=0.0), "multiplier is 0.0; it must be finite and at least"),
        (lambda: Instrument("A0", margin=-0.1), "Instrument 'A0': margin is -0.1"),
        (lambda: Instrument("A0", lot_size="1"), r"lot_size must be a number, found '1' \(str\)"),
        (lambda: Account(instruments=Instrument("A0")), r"write instruments=\[Instrument\(…\)\]"),
        (lambda: Account(instruments=["A0"]), "instruments holds 'A0'"),
        (lambda: Account(instruments=[Instrument("A0"), Instrument("A0")]), "names 'A0' twice"),
        (lambda: Account(instruments=[Instrument("A0", currency="EUR")]), "the account has no currency"),
        (
            lambda: Account(currency="USD", instruments=[Instrument("A0", currency="EUR")]),
            "no exchange rate for 'EUR', the currency of 'A0'",
        ),
        (lambda: Account(currency="USD", fx={"EUR": "A1"}), "fx names 'EUR', and no instrument is in it"),
        (lambda: Account(currency="USD", fx={"USD": "A1"}), "the account's own currency"),
        (lambda: Account(**{**EURO, "fx": {"EUR": 3}}), r"fx\['EUR'\] must be the symbol of a pair, found 3"),
        (lambda: Account(**{**EURO, "fx": "A1"}), "fx must map a currency to the symbol"),
        (lambda: Account(currency=1), "currency must be a word"),
        (lambda: Account(settlement="hold"), "settlement is 'hold'; it must be one of 'convert', 'keep'"),
        (lambda: Account(delisting="nothing"), "delisting is 'nothing'"),
        (lambda: Account(max_drawdown=1.5), "max_drawdown is 1.5; it must be finite and between"),
        (lambda: Account(max_drawdown=0.0), "max_drawdown is 0.0"),
        (lambda: Account(max_gross=[1.0, 2.0]), "max_gross is one number for the account"),
        (lambda: Account(max_exposure=[0.5, -1.0]), r"max_exposure\[1\] is -1.0"),
        (lambda: Account(max_order="0.5"), "max_order must be a number"),
    ],
)
def test_bad_settings_say_what_where_and_how(make, message):
    with pytest.raises(SettingsError, match=message):
        make()


@pytest.mark.parametrize(
    ("account", "message"),
    [
        (Account(instruments=[Instrument("B0")]), "describes 'B0', which the bars do not have"),
        (Account(**{**EURO, "fx": {"EUR": "EURUSD"}}), "the rate of 'EUR' is the price of 'EURUSD'"),
        (Account(max_exposure=[0.5]), "max_exposure has 1 values for 2 assets"),
        (Account(max_exposure={"A0": 0.5}), "missing \\['A1'\\]"),
    ],
)
def test_what_does_not_fit_the_bars_is_refused(account, message):
    with pytest.raises(SettingsError, match=message):
        run(Idle, market([[FLAT, FLAT]] * 4), account=account)


def test_an_extra_column_cannot_take_a_name_of_ctx():
    times = (np.arange(4) + 1) * 86_400 * 10**9
    extras = {"mark": np.ones((4, 1))}
    bars = Bars.from_arrays(times, *([np.full((4, 1), 10.0)] * 4), extras=extras)
    with pytest.raises(Exception, match="an extra column 'mark', which is a name of ctx itself"):
        run(Idle, bars)
