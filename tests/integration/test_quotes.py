"""From files to what is quoted of them, with the real tokenizer and the real embedding model."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.data import DATA
from tests.expected import PDF, expected_chunks, load_tokenizer
from tests.integration.conftest import MODEL, PIPELINE

from rag_contract.environment.api import ApiSettings
from rag_workloads.api.evidence import Citation, gather_evidence
from rag_workloads.api.passages import widen
from rag_workloads.api.retrieval import Found, Report, Retrieval, Search
from rag_workloads.clients.embedding import EmbeddingClient
from rag_workloads.library.points import Hit, Scores
from rag_workloads.library.vectors import VectorStore

TEXT = "text/plain"
# As station Ulm's log was: a run without spaces between two sentences.
LOG = "The log of station Ulm begins here. {} The night watch at Ulm is kept by Jonas Eber."


class SmallBatches(EmbeddingClient):
    """The service of these tests takes no larger ones."""

    async def embed(self, texts: list[str], **_: Any) -> NDArray[np.float32]:
        return await super().embed(texts, batch_size=8)


@pytest.fixture
async def retrieval(embedding_url: str, vectors: VectorStore, qdrant_url: str) -> AsyncIterator[Retrieval]:
    client = SmallBatches(embedding_url)
    settings = ApiSettings(
        pipeline=PIPELINE,
        redis_url="redis://127.0.0.1",
        qdrant_url=qdrant_url,
        qdrant_collection=vectors.collection,
        storage_url="file:///nowhere",
        embedding_url=embedding_url,
        embedding_model=MODEL,
    )
    yield Retrieval(client, vectors, settings)
    await client.close()


async def cite(retrieval: Retrieval, path: Path, content_type: str, question: str) -> list[Citation]:
    """The citations of the chunks of a file that are nearest to a question."""
    chunks = expected_chunks(path, content_type=content_type)
    vector, *vectors = await retrieval.embed([question, *(chunk.text for chunk in chunks)])
    scores = [float(vector @ other) for other in vectors]
    hits = [
        Hit(
            f"d_chunk_{c.index}",
            "d",
            c.index,
            path.name,
            c.page,
            c.page_starts,
            c.text,
            scores=Scores(1, score),
        )
        for c, score in zip(chunks, scores, strict=True)
    ]
    nearest = sorted(hits, key=lambda hit: -(hit.scores.cosine or 0))[:12]
    return (
        await gather_evidence(
            retrieval, Found(Search(question, 12), vector, widen(nearest, {}, 0), Report(mode="dense"))
        )
    ).citations


@pytest.mark.parametrize(
    ("name", "content_type", "question", "quote"),
    [
        ("38-short.md", TEXT, "How much is the entry to the museum of clocks?", "Entry: 12 EUR."),
        ("38-short.md", TEXT, "What is the fax number of the museum of clocks?", "Fax: 0711."),
        ("38-zh.txt", TEXT, "图书馆哪天闭馆？", "图书馆周一闭馆。"),
        ("38-zh.txt", TEXT, "镇长姓什么？", "镇长姓欧阳。"),
        (
            "37c-two-pages.pdf",
            PDF,
            "Where does the silver of Utne lie?",
            "The silver of Utne lies under the third stone, which the farmer Gunnar Moe marked "
            "with a cross in 1743.",
        ),
        ("13-nul.txt", TEXT, "Who is the night guard?", "The night guard is called Ilse Brandt."),
        ("22-about-pdf.md", TEXT, "Who keeps both kinds?", "The registry of Marlow keeps both kinds."),
    ],
)
async def test_the_sentence_that_answers_is_quoted_with_its_page(
    retrieval: Retrieval, name: str, content_type: str, question: str, quote: str
) -> None:
    (citation,) = await cite(retrieval, DATA / name, content_type, question)
    assert (citation.quote, citation.page) == (quote, 1)


async def test_a_long_run_hides_neither_of_its_neighbours(retrieval: Retrieval, tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    path.write_text(LOG.format("0123456789abcdef" * 7_500))
    chunks = expected_chunks(path, content_type=TEXT)
    assert max(len(chunk.text) for chunk in chunks) <= 16 * 200
    assert max(len(load_tokenizer().encode(chunk.text).ids) for chunk in chunks) <= 202
    for question in ("Where does the log of Ulm begin?", "Who keeps the night watch at Ulm?"):
        citation, *_ = await cite(retrieval, path, TEXT, question)
        assert citation.quote in LOG
        assert citation.quote.split()[-1] == ("here." if "begin" in question else "Eber.")
