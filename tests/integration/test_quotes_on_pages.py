"""Questions to a real manual, asked of a whole pipeline, and its pages read past it."""

from dataclasses import replace

from demo.steps import Steps
from tests.bench.retrieval.asking import MINILM, PASSAGES, library
from tests.bench.retrieval.pages import misplaced, not_verbatim
from tests.bench.retrieval.question_sets import MANUALS

QUESTIONS = 6


async def test_what_is_quoted_stands_word_for_word_on_the_page_that_is_cited() -> None:
    manual = next(each for each in MANUALS if each.name == "r")
    whole = await manual.questions()
    asked = replace(whole, questions=whole.questions[:QUESTIONS])
    async with library(Steps(), asked, MINILM) as pipeline:
        found = [(await pipeline.ask(question, "default")).found for question in asked.questions]
    cited = [citation for each in found for citation in each.citations]
    assert len(cited) == QUESTIONS * PASSAGES
    assert all(citation.quote for citation in cited)
    assert not_verbatim(asked, cited) == []
    assert misplaced(whole) == []
    assert sum(each.recalled(5) for each in found) >= QUESTIONS / 2
