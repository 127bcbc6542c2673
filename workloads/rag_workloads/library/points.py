"""Chunks as points of a collection: what is written, and what is read again; pure."""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple, Self

from rag_workloads.jobs import payloads
from rag_workloads.jobs.payloads import Chunk, EmbedBatch
from rag_workloads.library.sentence_vectors import SentenceVectors


@dataclass(frozen=True, slots=True)
class StoredChunk:
    """A chunk as it was written; as `payloads.Chunk`, with defaults for what earlier ones had not.

    `sentences` are None where its point has none.
    """

    chunk_id: str
    document_id: str
    chunk_index: int
    file_name: str
    page: int
    page_starts: list[list[int]]
    text: str
    line_starts: list[list[int]] = field(default_factory=list)
    headings: list[str] = field(default_factory=list)
    table_header: str = ""
    generation: int = 0
    sentences: SentenceVectors | None = None

    @classmethod
    def from_payload(cls, payload: Mapping[str, Any], **more: Any) -> Self:
        """What a point's payload holds of a chunk."""
        written = {name: payload[name] for name in WRITTEN if name in payload}
        return cls(**written, sentences=SentenceVectors.from_payload(payload), **more)

    @property
    def context(self) -> str:
        """What stood before its text when it was embedded."""
        return payloads.lines_above(self.headings, self.table_header)

    @property
    def heading(self) -> str | None:
        """The innermost heading that its beginning stands under."""
        return self.headings[-1] if self.headings else None

    def page_at(self, offset: int) -> int:
        """The page of the character at `offset` of its text."""
        return _last_before(self.page_starts, offset)

    def line_at(self, offset: int) -> int | None:
        """The line of the character at `offset` of its text, in a file that has lines and no pages."""
        return _last_before(self.line_starts, offset) if self.line_starts else None


WRITTEN = [field.name for field in fields(StoredChunk) if field.name != "sentences"]


@dataclass(frozen=True, slots=True)
class Scores:
    """Why a chunk was found: `rank` is its place (from 1) in the search; the others are None where unknown.

    `cosine` is -1 to 1, `bm25` from 0 on; `rerank` is larger for what was ranked higher afterwards.
    """

    rank: int
    cosine: float | None = None
    bm25: float | None = None
    rerank: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit(StoredChunk):
    """A chunk that a search found."""

    scores: Scores


class Version(NamedTuple):
    """The generation that a point belongs to, and whether searches see it."""

    document_id: str
    generation: int
    active: bool


def point_id(batch: EmbedBatch, chunk: Chunk) -> str:
    """The id of a chunk's point."""
    return payloads.point_id(batch.document_id, chunk.index, batch.generation)


def to_payload(batch: EmbedBatch, chunk: Chunk, sentences: SentenceVectors | None) -> dict[str, Any]:
    """All that a point holds beside its vectors."""
    return {
        "chunk_id": payloads.chunk_id(batch.document_id, chunk.index),
        "document_id": batch.document_id,
        "chunk_index": chunk.index,
        "generation": batch.generation,
        "active": False,
        "file_name": batch.file_name,
        "page": chunk.page,
        "page_starts": chunk.page_starts,
        "text": chunk.text,
        "line_starts": chunk.line_starts,
        "headings": chunk.headings,
        "table_header": chunk.table_header,
        **(sentences.to_payload() if sentences else {}),
    }


def _last_before(starts: list[list[int]], offset: int) -> int:
    """The page or line of an offset; `starts` as in `payloads.Chunk`."""
    index = bisect_right(starts, offset, key=lambda start: start[1])
    return starts[max(0, index - 1)][0]
