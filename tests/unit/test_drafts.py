"""Prompt and answer fit the context of the model."""

import pytest

from rag_workloads.api.drafts import CHAT_TOKENS, Draft
from rag_workloads.api.evidence import Source
from rag_workloads.clients.tokens import TokenEstimate

PARTS = {"question": "Why?", "history": "", "refusal": "No."}


def draft(text: str = "A sentence of forty characters, as it is", characters: int = 2000) -> Draft:
    sources = [Source(1, text)] * 50
    return Draft("", "{passages}{question}", PARTS, sources, characters, max_tokens=100)


@pytest.mark.parametrize("context", [150, 1000, 100_000])
@pytest.mark.parametrize("text", ["a" * 100, "图" * 100, "ж" * 100])
def test_what_is_asked_and_answered_is_within_a_known_context(text: str, context: int) -> None:
    estimate = TokenEstimate()
    fitting = draft(text).within(context, estimate.tokens)
    prompt = fitting.written()
    if len(prompt) > 100:  # of a question that fills the context one character is asked about
        assert estimate.tokens(prompt) + fitting.max_tokens + CHAT_TOKENS <= context + 10
    assert fitting.max_tokens == min(100, context // 2)
    assert fitting.characters <= 2000


def test_a_question_that_fills_the_context_is_still_asked() -> None:
    assert draft().within(2, TokenEstimate().tokens).characters == 1


def test_a_prompt_that_was_counted_is_shortened_by_what_is_too_much() -> None:
    long = draft()
    prompt = long.written()
    shorter = long.shortened(len(prompt), tokens=1000, context=700)
    assert shorter
    assert 0.5 < len(shorter.written()) / len(prompt) < 0.6
    assert shorter.max_tokens == 100


@pytest.mark.parametrize(("tokens", "context"), [(None, None), (1000, None), (None, 700), (500, 700)])
def test_a_prompt_that_nobody_counted_is_halved(tokens: int | None, context: int | None) -> None:
    long = draft()
    shorter = long.shortened(len(long.written()), tokens, context)
    assert shorter
    assert shorter.characters == 1000


def test_of_one_character_no_less_can_be_asked() -> None:
    assert draft(characters=1).shortened(30, None, None) is None


def test_no_text_has_more_tokens_than_bytes_over_one_and_a_half_until_the_model_has_counted() -> None:
    estimate = TokenEstimate()
    assert estimate.tokens("图书馆周一闭馆。") == 16
    assert estimate.tokens("The library") == 4
    assert estimate.tokens("\ud83d") == 1
    estimate.learn("a" * 300, 60)
    assert estimate.tokens("b" * 300) == 66
    estimate.learn("a" * 300, 300)
    assert estimate.tokens("b" * 300) == 100, "no more than before"
