"""Answers name the page on which the answer stands, and quote it."""

from pathlib import Path

import httpx
import pymupdf
import pytest
from demo.corpus import MANUAL_ID
from demo.questions import Answer

from rag_cli.client import Client

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_first_citation_names_the_page(answers: list[Answer]) -> None:
    assert len(answers) == 3
    for answer in answers:
        cited = [(citation.document_id, citation.page) for citation in answer.citations]
        assert answer.right_page, f"{answer.question} was answered from {cited}"
        assert cited[0][0] == MANUAL_ID
        assert _letters(answer.question.quote) in _letters(answer.citations[0].quote)


async def test_answers_are_generated_and_streamed(answers: list[Answer]) -> None:
    for answer in answers:
        assert answer.text
        assert len(answer.pieces) > 1


async def test_quotes_stand_on_the_cited_pages(answers: list[Answer], manual: Path) -> None:
    with pymupdf.open(manual) as pdf:
        for citation in (citation for answer in answers for citation in answer.citations):
            # A sentence may run on to the next page; the page is the one on which it begins.
            text = "".join(pdf[number].get_text() for number in range(citation.page - 1, len(pdf))[:2])
            assert _letters(citation.quote)[:60] in _letters(text)


async def test_unstreamed_answer_cites_the_same(answers: list[Answer], client: Client) -> None:
    first = answers[0]
    whole = await client.answer(first.question.question)
    assert [c.chunk_id for c in whole.citations] == [c.chunk_id for c in first.citations]
    # Its words may differ: a model that has a part of the prompt in its cache computes a little otherwise.
    assert whole.answer


async def test_empty_question_is_refused(client: Client) -> None:
    with pytest.raises(httpx.HTTPStatusError) as refusal:
        await client.answer("")
    assert refusal.value.response.status_code == 422
    assert refusal.value.response.headers["content-type"] == "application/problem+json"


def _letters(text: str) -> str:
    """Only letters and digits: line breaks, hyphens at a line's end and ligatures differ between readers."""
    return "".join(character for character in text if character.isalnum())
