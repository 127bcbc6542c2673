"""What in the chunks bears on the question: their sentences by meaning, and a citation of each chunk."""

import asyncio
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from rag_workloads.api.passages import Passage
from rag_workloads.api.retrieval import Found, Retrieval
from rag_workloads.api.shared_letters import shared_letters
from rag_workloads.library.points import Hit, StoredChunk
from rag_workloads.text.sentences import Sentence, split_sentences

SHORT_CHARACTERS = 60
# A paragraph that ends so says of what is below it what it is, but no heading does.
LEADS_IN = (":", "：")
# Similarities of sentences that a model does not understand differ by less.
LETTERS_WEIGHT = 0.25


class Citation(BaseModel):
    """`quote` is the chunk's sentence that is nearest to the question, `page` (from 1) where it stands.

    `heading` is the one that it stands under, `line` (from 1) where it begins in a file without pages; null
    where there is none. `score` is the chunk's cosine, null where the pipeline gives out no scores.
    """

    document_id: str
    file_name: str
    page: int
    heading: str | None
    line: int | None
    chunk_id: str
    score: float | None
    quote: str


@dataclass(frozen=True, slots=True)
class Source:
    """A sentence, and the number (from 1) of the citation whose chunk it is from."""

    number: int
    text: str


@dataclass(frozen=True)
class Evidence:
    """One citation a chunk, best chunk first, and the distinct sentences of all chunks, nearest first."""

    citations: list[Citation]
    sentences: list[Source]


@dataclass(frozen=True, slots=True)
class _Cut:
    """A chunk's sentences, and their vectors [sentences, dimension] if they are stored with it.

    `number` is that of its passage's citation, which quotes it if it is what was found.
    """

    number: int
    is_quoted: bool
    sentences: list[Sentence]
    vectors: NDArray[np.float32] | None


async def gather_evidence(retrieval: Retrieval, found: Found) -> Evidence:
    """Rank all sentences of all passages; those whose vectors are not stored are embedded, by one call.

    What grows with their text runs in a thread.
    """
    cuts = await asyncio.to_thread(_cuts, found.passages)
    unknown = [_in_context(each) for cut in cuts if cut.vectors is None for each in cut.sentences]
    embedded = await retrieval.embed(unknown) if unknown else None
    return await asyncio.to_thread(_rank, found, cuts, embedded)


def _cuts(passages: list[Passage]) -> list[_Cut]:
    return [
        _cut(number, chunk, chunk is passage.hit)
        for number, passage in enumerate(passages, 1)
        for chunk in passage.chunks
    ]


def _cut(number: int, chunk: StoredChunk, is_quoted: bool) -> _Cut:
    sentences, stored = split_sentences(chunk.text), chunk.sentences
    if stored is None or stored.spans != [(each.start, each.end) for each in sentences]:
        return _Cut(number, is_quoted, sentences, None)  # of an earlier release, or one that cuts otherwise
    return _Cut(number, is_quoted, sentences, stored.vectors)


def _rank(found: Found, cuts: list[_Cut], embedded: NDArray[np.float32] | None) -> Evidence:
    cut = [(each, sentence) for each in cuts for sentence in each.sentences]
    shares = shared_letters(found.search.text, [sentence.text for _, sentence in cut])
    scores = _similarities(found.vector, cuts, embedded) + LETTERS_WEIGHT * np.array(shares, np.float32)
    nearest = [cut[index] for index in np.argsort(-scores, kind="stable")]
    quotes: dict[int, Sentence] = {}
    sources: dict[str, Source] = {}
    for its, sentence in nearest:
        sources.setdefault(sentence.text, Source(its.number, sentence.text))
        quoted = quotes.get(its.number)
        # The first one, and a heading only where there is nothing else.
        if its.is_quoted and (quoted is None or (quoted.is_heading and not sentence.is_heading)):
            quotes[its.number] = sentence
    citations = [
        _citation(hit, quotes[number], found.shows_scores) for number, hit in enumerate(found.hits, 1)
    ]
    return Evidence(citations, [*sources.values()])


def _similarities(
    question: NDArray[np.float32], cuts: list[_Cut], embedded: NDArray[np.float32] | None
) -> NDArray[np.float32]:
    """The cosine of each sentence; `embedded` has the vectors of those that are not stored, in order."""
    parts, at = list[NDArray[np.float32]](), 0
    for cut in cuts:
        if cut.vectors is not None:
            parts.append(cut.vectors)
        elif embedded is not None:
            parts.append(embedded[at : at + len(cut.sentences)])
            at += len(cut.sentences)
    similarities: NDArray[np.float32] = np.concatenate(parts) @ question
    return similarities


def _in_context(sentence: Sentence) -> str:
    """What a short sentence is about, its heading says: "Entry: 12 EUR." alone is near to no question."""
    short = sentence.heading and len(sentence.text) < SHORT_CHARACTERS
    return f"{sentence.heading}: {sentence.text}" if short else sentence.text


def _citation(hit: Hit, sentence: Sentence, shows_scores: bool) -> Citation:
    return Citation(
        document_id=hit.document_id,
        file_name=hit.file_name,
        page=hit.page_at(sentence.start),
        heading=hit.heading if sentence.heading.endswith(LEADS_IN) else sentence.heading or hit.heading,
        line=hit.line_at(sentence.start),
        chunk_id=hit.chunk_id,
        score=hit.scores.cosine if shows_scores else None,
        quote=sentence.text,
    )
