"""What in the chunks bears on the question: their sentences by meaning, and a citation of each chunk."""

from bisect import bisect_right
from dataclasses import dataclass

import numpy as np
from pydantic import BaseModel

from rag_workloads.api.retrieval import Found, Retrieval
from rag_workloads.api.sentences import Sentence, split_sentences
from rag_workloads.library.vectors import Hit


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
    """Rank all sentences of all chunks with one call to the embedding service."""
    cut = [(hit, sentence) for hit in found.hits for sentence in split_sentences(hit.text)]
    vectors = await retrieval.embed([sentence.text for _, sentence in cut])
    order = np.argsort(-(vectors @ found.vector), kind="stable")
    nearest = [cut[index] for index in order]
    # Of each chunk the first in this order, that is, the nearest: later ones must not replace it.
    quotes = {hit.chunk_id: (hit, sentence) for hit, sentence in reversed(nearest)}
    citations = [_citation(*quotes[hit.chunk_id]) for hit in found.hits]
    return Evidence(citations, list(dict.fromkeys(sentence.text for _, sentence in nearest)))


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
