"""What in the chunks bears on the question: their sentences by meaning, and a citation of each chunk."""

import asyncio
from bisect import bisect_right
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from rag_workloads.api.retrieval import Found, Retrieval
from rag_workloads.api.shared_letters import shared_letters
from rag_workloads.library.vectors import Hit
from rag_workloads.text.sentences import Sentence, split_sentences

SHORT_CHARACTERS = 60
# Similarities of sentences that a model does not understand differ by less.
LETTERS_WEIGHT = 0.25

# Sentences, each with the chunk that it is from.
Cut = list[tuple[Hit, Sentence]]


class Citation(BaseModel):
    """`quote` is the chunk's sentence that is nearest to the question, `page` (from 1) where it stands."""

    document_id: str
    file_name: str
    page: int
    chunk_id: str
    score: float
    quote: str


@dataclass(frozen=True)
class Evidence:
    """One citation a chunk, best chunk first, and the distinct sentences of all chunks, nearest first."""

    citations: list[Citation]
    sentences: list[str]


async def gather_evidence(retrieval: Retrieval, found: Found) -> Evidence:
    """Rank all sentences of all chunks with one call to the embedding service.

    What grows with their text runs in a thread.
    """
    cut, texts = await asyncio.to_thread(_cut, found.hits)
    vectors = await retrieval.embed(texts)
    return await asyncio.to_thread(_rank, found, cut, vectors)


def _cut(hits: list[Hit]) -> tuple[Cut, list[str]]:
    """The sentences of all chunks, and what is embedded of each."""
    cut = [(hit, sentence) for hit in hits for sentence in split_sentences(hit.text)]
    return cut, [_in_context(sentence) for _, sentence in cut]


def _rank(found: Found, cut: Cut, vectors: NDArray[np.float32]) -> Evidence:
    shares = shared_letters(found.question, [sentence.text for _, sentence in cut])
    scores = vectors @ found.vector + LETTERS_WEIGHT * np.array(shares, np.float32)
    order = np.argsort(-scores, kind="stable")
    nearest = [cut[index] for index in order]
    quotes: dict[str, tuple[Hit, Sentence]] = {}
    for hit, sentence in nearest:  # of each chunk the first, and a heading only where there is nothing else
        if hit.chunk_id not in quotes or (quotes[hit.chunk_id][1].is_heading and not sentence.is_heading):
            quotes[hit.chunk_id] = hit, sentence
    citations = [_citation(*quotes[hit.chunk_id]) for hit in found.hits]
    return Evidence(citations, list(dict.fromkeys(sentence.text for _, sentence in nearest)))


def _in_context(sentence: Sentence) -> str:
    """What a short sentence is about, its heading says: "Entry: 12 EUR." alone is near to no question."""
    short = sentence.heading and len(sentence.text) < SHORT_CHARACTERS
    return f"{sentence.heading}: {sentence.text}" if short else sentence.text


def _citation(hit: Hit, sentence: Sentence) -> Citation:
    return Citation(
        document_id=hit.document_id,
        file_name=hit.file_name,
        page=page_at(hit.page_starts, sentence.start),
        chunk_id=hit.chunk_id,
        score=hit.score,
        quote=sentence.text,
    )


def page_at(page_starts: list[list[int]], offset: int) -> int:
    """The page of the character at `offset` of a chunk's text; `page_starts` as in `payloads.Chunk`."""
    index = bisect_right(page_starts, offset, key=lambda page_start: page_start[1])
    return page_starts[max(0, index - 1)][0]
