"""From chunks to citations and their sentences, which are cut in test_sentences."""

import threading
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.unit.threads import threads_of

from rag_workloads.api import evidence
from rag_workloads.api.evidence import Evidence, gather_evidence
from rag_workloads.api.passages import widen
from rag_workloads.api.retrieval import Found, Report, Retrieval, Search
from rag_workloads.library.points import Hit, Scores, StoredChunk


@pytest.mark.parametrize(("offset", "page"), [(0, 3), (9, 3), (10, 4), (19, 4), (20, 7), (99, 7)])
def test_the_page_of_an_offset(offset: int, page: int) -> None:
    chunk = StoredChunk("d_chunk_0", "d", 0, "f.pdf", 3, [[3, 0], [4, 10], [7, 20]], "")
    assert (chunk.page_at(offset), chunk.line_at(offset)) == (page, None)


class WordEmbedding(Retrieval):
    """Texts that share the word are near."""

    def __init__(self, word: str) -> None:
        self._word = word

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.array([[float(self._word in text), 1.0] for text in texts], np.float32)


def texts(evidence: Evidence) -> list[str]:
    return [source.text for source in evidence.sentences]


def found(hits: list[Hit]) -> Found:
    """Chunks that were found for a question that has the word."""
    search = Search("Why?", len(hits))
    passages = widen(hits, {}, 0)
    return Found(search, np.array([1.0, 0.0], np.float32), passages, Report(mode=search.mode))


async def test_a_citation_quotes_the_nearest_sentence_on_its_own_page() -> None:
    text = "An opening of this text.\nThe answer stands in here."
    second = "Nothing of the kind is here. It would answer nothing."
    hits = [
        Hit(
            "d_chunk_0", "d", 0, "f.pdf", 4, [[4, 0], [5, text.index("\n") + 1]], text, scores=Scores(1, 0.9)
        ),
        Hit("d_chunk_1", "d", 1, "f.pdf", 6, [[6, 0]], second, scores=Scores(1, 0.5)),
    ]
    gathered = await gather_evidence(WordEmbedding("answer"), found(hits))
    assert [(c.page, c.quote, c.score) for c in gathered.citations] == [
        (5, "The answer stands in here.", 0.9),
        (6, "It would answer nothing.", 0.5),
    ]
    assert texts(gathered)[:2] == ["The answer stands in here.", "It would answer nothing."]


@pytest.mark.parametrize(
    ("above", "heading"),
    [("Getting there", "Getting there"), ("You need:", "Garden"), ("所需如下：", "Garden")],
)
async def test_a_citation_names_a_heading_and_not_what_leads_in(above: str, heading: str) -> None:
    text = f"{above}\n\nThe answer stands in here."
    hit = Hit("d_chunk_0", "d", 0, "f.pdf", 4, [[4, 0]], text, headings=["Garden"], scores=Scores(1, 0.9))
    gathered = await gather_evidence(WordEmbedding("answer"), found([hit]))
    assert gathered.citations[0].heading == heading


async def test_no_text_of_a_document_is_read_on_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    threads = threads_of(monkeypatch, evidence, "split_sentences", "shared_letters")
    hits = [Hit("d_chunk_0", "d", 0, "f.md", 1, [[1, 0]], "This is the answer.", scores=Scores(1, 0.9))]
    await gather_evidence(WordEmbedding("answer"), found(hits))
    assert len(threads) == 2
    assert threading.current_thread() not in threads


async def test_a_heading_is_quoted_only_where_there_is_nothing_else() -> None:
    hits = [
        Hit(
            "d_chunk_0", "d", 0, "f.md", 1, [[1, 0]], "# The answer\n\nEntry: 12 EUR.", scores=Scores(1, 0.9)
        ),
        Hit("d_chunk_1", "d", 1, "f.md", 1, [[1, 0]], "# Another answer", scores=Scores(1, 0.5)),
    ]
    gathered = await gather_evidence(WordEmbedding("answer"), found(hits))
    assert [citation.quote for citation in gathered.citations] == ["Entry: 12 EUR.", "Another answer"]
    assert texts(gathered) == ["The answer", "Entry: 12 EUR.", "Another answer"]


async def test_a_short_sentence_is_near_to_what_its_heading_is_about() -> None:
    long = "This sentence is so long that it says itself what it is about."
    text = f"# Answers\n\nEntry: 12 EUR.\n{long}\n\n# Other\n\nEntry: 13 EUR."
    hits = [Hit("d_chunk_0", "d", 0, "f.md", 1, [[1, 0]], text, scores=Scores(1, 0.9))]
    gathered = await gather_evidence(WordEmbedding("Answers"), found(hits))
    assert texts(gathered) == ["Answers", "Entry: 12 EUR.", long, "Other", "Entry: 13 EUR."]
    assert gathered.citations[0].quote == "Entry: 12 EUR."
