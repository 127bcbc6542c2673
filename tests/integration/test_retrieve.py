"""Passages without the language model: by meaning, by words, by both, filtered, widened and ranked anew."""

import dataclasses
import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

import httpx
import numpy as np
import pytest
from qdrant_client import AsyncQdrantClient, models
from tests.integration.api_process import client, lone_api, problem
from tests.integration.conftest import MODEL, OWNER, PIPELINE
from tests.integration.tei_server import TeiServer, running_tei_server
from tests.records import batch, document

from rag_workloads.jobs.payloads import Chunk
from rag_workloads.library.collections import Fingerprint
from rag_workloads.library.documents import Description
from rag_workloads.library.sentence_vectors import SentenceVectors
from rag_workloads.library.vectors import VectorStore

FINGERPRINT = Fingerprint(MODEL, "f", 2)
# What each is like by meaning is told by its vector: the first is what every question is like.
TEXTS = [
    "Nothing of the kind is said by this sentence.",
    "The lighthouse of Hirtshals was lit in 1863.",
    "The keeper of the lighthouse has two dogs, who bark.",
    "Interest rates rose in March.",
]
VECTORS = np.array([[1, 0], [0.8, 0.6], [0.6, 0.8], [0.28, 0.96]], np.float32)
QUESTION = "When was the lighthouse of Hirtshals lit?"


async def fill(
    vectors: VectorStore,
    document_id: str,
    description: Description,
    texts: Sequence[str] = TEXTS,
    **chunk: Any,
) -> None:
    """Let searches see texts as the chunks of a document."""
    its = document(document_id=document_id, file_name=description.file_name, collection=vectors.collection)
    chunks = [Chunk(i, text, 1, [[1, 0]], **chunk) for i, text in enumerate(texts)]
    sentences = [SentenceVectors([(0, len(t))], v[None]) for t, v in zip(texts, VECTORS, strict=True)]
    await vectors.upsert(batch(its, 0, chunks), VECTORS, sentences)
    await vectors.activate(vectors.collection, document_id, its.generation, description, 1)


@pytest.fixture(scope="module")
def tei() -> Iterator[TeiServer]:
    with running_tei_server() as server:
        yield server


@pytest.fixture(scope="module")
def api_settings(tei: TeiServer, collection: str) -> dict[str, str]:
    return {"EMBEDDING_URL": tei.url, "QDRANT_COLLECTION": collection, "RETRIEVAL_TOP_K": "2"}


@pytest.fixture
async def filled(vectors: VectorStore) -> None:
    """The museum's document, again for each test: it is the same."""
    await vectors.ensure(FINGERPRINT)
    description = Description(file_name="a.md", tags=["sea", "old"], metadata={"team": "north", "year": 1863})
    await fill(vectors, "museum", description, headings=["Coast", "Lights"], line_starts=[[7, 0]])


async def found(api: httpx.AsyncClient, **body: Any) -> list[str]:
    """The texts of the passages, best first."""
    answer = await api.post("/api/v1/retrieve", json={"query": QUESTION, **body})
    assert answer.status_code == 200, answer.text
    return [passage["text"] for passage in answer.json()["passages"]]


@pytest.mark.parametrize(
    ("mode", "texts"),
    [
        ("dense", [TEXTS[0], TEXTS[1]]),
        ("sparse", [TEXTS[1], TEXTS[2]]),
        ("hybrid", [TEXTS[1], TEXTS[2]]),
    ],
)
async def test_each_mode_finds_what_it_looks_for(
    api: httpx.AsyncClient, filled: None, mode: str, texts: list[str]
) -> None:
    assert await found(api, mode=mode, rerank=False) == texts


async def test_a_passage_says_where_it_stands_and_why_it_was_found(
    api: httpx.AsyncClient, filled: None
) -> None:
    answer = (await api.post("/api/v1/retrieve", json={"query": QUESTION, "mode": "hybrid"})).json()
    assert answer["retrieval"] == {"mode": "hybrid", "rerank": "sentences", "notes": []}
    assert answer["timings"].keys() == {"embedding", "search", "ranking", "retrieval"}
    first = next(passage for passage in answer["passages"] if passage["text"] == TEXTS[1])
    scores = first.pop("scores")
    assert first == {
        "document_id": "museum",
        "file_name": "a.md",
        "chunk_id": "museum_chunk_1",
        "chunk_ids": ["museum_chunk_1"],
        "page": 1,
        "heading": "Lights",
        "line": 7,
        "text": TEXTS[1],
    }
    assert scores["rank"] == 1
    assert scores["cosine"] == pytest.approx(0.8, abs=0.01)
    assert scores["bm25"] > 0
    assert scores["rerank"] > 0


@pytest.mark.parametrize(
    ("condition", "documents"),
    [
        ({"document_ids": ["museum"]}, {"museum"}),
        ({"document_ids": ["none"]}, set()),
        ({"tags": {"any": ["sea", "new"]}}, {"museum", "harbour"}),
        ({"tags": {"all": ["sea", "new"]}}, {"harbour"}),
        ({"tags": {"any": ["old"], "all": ["new"]}}, set()),
        ({"metadata": {"team": "north"}}, {"museum"}),
        ({"metadata": {"year": 1863}}, {"museum"}),
        ({"metadata": {"a.b [0]": True}}, {"harbour"}),
        ({"metadata": {"lists": "y"}}, {"harbour"}),
        ({"metadata": {"team": "south"}, "document_ids": ["museum"]}, set()),
    ],
)
@pytest.mark.parametrize("mode", ["dense", "sparse", "hybrid"])
async def test_a_filter_holds_in_every_mode(
    api: httpx.AsyncClient,
    vectors: VectorStore,
    filled: None,
    mode: str,
    condition: dict[str, Any],
    documents: set[str],
) -> None:
    metadata = {"team": "south", "a.b [0]": True, "lists": ["x", "y"]}
    description = Description(file_name="b.md", tags=["sea", "new"], metadata=metadata)
    backwards = [" ".join(reversed(text.split())) for text in TEXTS]
    await fill(vectors, "harbour", description, backwards)
    body = {"query": QUESTION, "mode": mode, "filter": condition, "top_k": 8}
    answer = (await api.post("/api/v1/retrieve", json=body)).json()
    assert {passage["document_id"] for passage in answer["passages"]} == documents
    await vectors.delete("harbour", 1)


async def test_what_says_the_same_again_leaves_room_for_others(
    api: httpx.AsyncClient, vectors: VectorStore, filled: None
) -> None:
    await fill(vectors, "copy", Description(file_name="copy.md"))
    assert await found(api, mode="dense", rerank=False, top_k=4) == TEXTS
    await vectors.delete("copy", 1)


async def test_neighbours_are_read_with_a_passage(api: httpx.AsyncClient, filled: None) -> None:
    assert await found(api, mode="sparse", top_k=1, neighbours=1, rerank=False) == ["\n".join(TEXTS[:3])]


async def test_questions_are_searched_for_by_the_same_words(api: httpx.AsyncClient, filled: None) -> None:
    body = {"query": QUESTION, "mode": "sparse", "filter": {"document_ids": ["museum"]}, "top_k": 1}
    answer = (await api.post("/api/v1/query", json=body)).json()
    assert [(c["quote"], c["heading"], c["line"]) for c in answer["citations"]] == [(TEXTS[1], "Lights", 7)]
    assert answer["retrieval"] == {"mode": "sparse", "rerank": "sentences", "notes": []}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"query": QUESTION, "mode": "fuzzy"},
        {"query": QUESTION, "neighbours": 11},
        {"query": QUESTION, "filter": {"document_ids": []}},
        {"query": QUESTION, "filter": {"document_ids": ["x"] * 101}},
        {"query": QUESTION, "filter": {"metadata": {'"': "x"}}},
        {"query": QUESTION, "filter": {"metadata": {"team": ["north"]}}},
        {"query": QUESTION, "filter": {"owner": "x"}},
    ],
)
async def test_what_is_no_search_is_refused(api: httpx.AsyncClient, body: dict[str, Any]) -> None:
    assert problem(await api.post("/api/v1/retrieve", json=body)) == (422, "validation")


async def test_a_server_ranks_anew_and_is_done_without_while_it_is_away(
    api_environment: dict[str, str], filled: None
) -> None:
    with running_tei_server() as reranker:
        settings = {"RERANKER_URL": reranker.url, "RERANKER_BATCH_SIZE": "3", "RETRIEVAL_SCORES": "false"}
        with lone_api(**api_environment | settings) as url, client(url) as asked:
            body = {"query": "Interest rates rose in lighthouse", "mode": "dense", "top_k": 1}
            answer = asked.post("/api/v1/retrieve", json=body).json()
            assert answer["retrieval"] == {"mode": "dense", "rerank": "server", "notes": []}
            (passage,) = answer["passages"]
            assert (passage["text"], passage["scores"]) == (TEXTS[3], None)
            reranker.status = 503
            answer = asked.post("/api/v1/query", json=body).json()
            assert answer["retrieval"]["rerank"] == "sentences"
            assert "did not answer" in answer["retrieval"]["notes"][0]
            assert [(c["quote"], c["score"]) for c in answer["citations"]] == [(TEXTS[0], None)]


@pytest.fixture
async def earlier(qdrant_url: str) -> AsyncIterator[VectorStore]:
    """A collection as the release before made it: without words, and chunks with less."""
    name = f"earlier-{uuid.uuid4().hex}"
    qdrant = AsyncQdrantClient(url=qdrant_url)
    await qdrant.create_collection(
        name,
        vectors_config=models.VectorParams(size=2, distance=models.Distance.COSINE),
        metadata={**dataclasses.asdict(FINGERPRINT), "owner": OWNER},
    )
    vectors = VectorStore(qdrant_url, None, name, OWNER)
    await vectors.ensure(FINGERPRINT)
    await fill(vectors, "museum", Description(file_name="a.md"))
    late = ["sentence_spans", "sentence_vectors", "line_starts", "headings", "table_header"]
    await qdrant.delete_payload(name, late, points=models.Filter())
    yield vectors
    await vectors.close()
    await qdrant.close()


async def test_a_collection_of_an_earlier_release_is_searched_by_meaning(
    api_environment: dict[str, str], earlier: VectorStore
) -> None:
    settings = {"QDRANT_COLLECTION": earlier.collection, "PIPELINE": f"{PIPELINE}-earlier"}
    with lone_api(**api_environment | settings) as url, client(url) as asked:
        answer = asked.post("/api/v1/query", json={"query": QUESTION, "mode": "hybrid"}).json()
        assert asked.get("/api/v1/stats").json()["has_words"] is False
    assert (answer["retrieval"]["mode"], answer["retrieval"]["rerank"]) == ("dense", None)
    assert "no words" in answer["retrieval"]["notes"][0]
    assert [citation["quote"] for citation in answer["citations"]] == TEXTS[:2]
    assert {(citation["heading"], citation["line"]) for citation in answer["citations"]} == {(None, None)}
