"""Every code has its sentence, by number and by word."""

import pytest

from backtester.explain.reasons import KINDS, OUTCOMES, REASONS, TIFS, outcome_of, reason_of
from backtester.kernel.codes import ChangeOutcome, OrderKind, Reason, Tif


def test_no_code_is_without_a_sentence():
    assert set(REASONS) == set(Reason)
    assert set(OUTCOMES) == set(ChangeOutcome)
    assert set(KINDS) == set(OrderKind)
    assert set(TIFS) == set(Tif)


@pytest.mark.parametrize("sentence", [*REASONS.values(), *OUTCOMES.values()], ids=lambda s: s.what[:30])
def test_parts_are_clauses_that_fit_into_a_line(sentence):
    assert sentence.what
    for part in sentence:
        assert not part.endswith(".")
        assert "\n" not in part


@pytest.mark.parametrize("reason", [r for r in Reason if Reason.NONE < r <= Reason.PARENT_REJECTED])
def test_every_refusal_at_submission_has_a_rule_and_a_remedy(reason):
    assert REASONS[reason].rule
    assert REASONS[reason].remedy


def test_codes_and_words_find_the_same_sentence():
    assert reason_of(20) is reason_of("insufficient_equity") is reason_of(Reason.INSUFFICIENT_EQUITY)
    assert reason_of("") is REASONS[Reason.NONE]
    assert outcome_of("order_ended") is OUTCOMES[ChangeOutcome.ORDER_ENDED]


def test_a_sentence_as_text():
    assert reason_of("quantity_zero").text == (
        "The quantity is 0. An order needs a quantity: positive buys, negative sells. Test for 0 before ordering."
    )


def test_an_unknown_word_is_an_error_with_a_suggestion():
    with pytest.raises(ValueError, match="'insufficent_equity' is no Reason; did you mean 'insufficient_equity'"):
        reason_of("insufficent_equity")
