"""Cuts a document's pages into batches, so that another attempt can go on where this one came; pure."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

import msgpack
from pydantic import ConfigDict, TypeAdapter, ValidationError

from rag_workloads.jobs.payloads import Chunk, EmbedBatch
from rag_workloads.library.documents import Document
from rag_workloads.library.record_reader import Checkpoint
from rag_workloads.worker.chunking import Chunker, ChunkerState
from rag_workloads.worker.measure import Measure
from rag_workloads.worker.pages import Page, Tally
from rag_workloads.worker.pieces import Piece, pieces


class CheckpointUnreadable(Exception):
    """Another release noted it, in another form: the document is to be begun anew."""


@dataclass(frozen=True, slots=True)
class _State:
    """What a cutter keeps between two pieces: how many of `page` were fed, and the next batch."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    page: int = 1
    pieces: int = 0
    number: int = 0
    held: list[Chunk] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)
    chunker: ChunkerState = field(default_factory=ChunkerState)


_STATE = TypeAdapter(_State)


class Cutter:
    """Takes pages in order, piece by piece, and gives batches as they fill; the newest chunk is held back."""

    def __init__(self, document: Document, measure: Measure, checkpoint: Checkpoint | None) -> None:
        """The document must have been taken up. Raises CheckpointUnreadable."""
        if document.layout is None or document.collection is None:
            raise ValueError(f"document {document.document_id} has no layout")
        self._document, self._collection = document, document.collection
        self._batch_size = document.layout.batch_size
        state, words = _read(checkpoint)
        self.page, self._pieces, self.number = state.page, state.pieces, state.number
        self._held, self.tally = state.held, state.tally
        size, overlap = document.layout.chunk_size, document.layout.chunk_overlap
        self._chunker = Chunker(measure, size, overlap, state.chunker, words)

    def pieces(self, page: Page) -> Iterator[Piece]:
        """What to feed of the next page, which is number `page`, one after another."""
        if self._pieces == 0:
            self.tally.add(page)
        elif page.warning:  # an earlier attempt read the beginning
            self.tally.warn(page.warning)
        yield from islice(pieces(page.blocks), self._pieces, None)
        self.page, self._pieces = self.page + 1, 0

    def feed(self, piece: Piece) -> list[EmbedBatch]:
        """Cut a piece of the page, and give the batches that are full."""
        full = list(self._fill(self._chunker.feed(self.page, piece)))
        self._pieces += 1
        return full

    def finish(self) -> tuple[list[EmbedBatch], int]:
        """The last batches, none if there was no text at all, and how many chunks there are in all."""
        last = list(self._fill(self._chunker.finish()))
        if not self._held:
            return [], 0
        count = self._held[-1].index + 1
        return [*last, self._batch()], count

    def checkpoint(self) -> Checkpoint:
        """Where another attempt goes on; of the words, those since the last call."""
        state = _State(self.page, self._pieces, self.number, self._held, self.tally, self._chunker.state)
        words = "".join(f"{word}\n" for word in self._chunker.take_words())
        return Checkpoint(msgpack.packb(_STATE.dump_python(state, mode="json")), words.encode())

    def _fill(self, chunks: Iterator[Chunk]) -> Iterator[EmbedBatch]:
        for chunk in chunks:
            if len(self._held) == self._batch_size:
                yield self._batch()
            self._held.append(chunk)

    def _batch(self) -> EmbedBatch:
        document = self._document
        batch = EmbedBatch(
            document_id=document.document_id,
            generation=document.generation,
            number=self.number,
            collection=self._collection,
            revision=document.revision,
            file_name=document.file_name,
            chunks=self._held,
        )
        self.number, self._held = self.number + 1, []
        return batch


def _read(checkpoint: Checkpoint | None) -> tuple[_State, list[str]]:
    if checkpoint is None:
        return _State(), []
    try:
        state = _STATE.validate_python(msgpack.unpackb(checkpoint.state))
    except (ValidationError, ValueError) as error:
        raise CheckpointUnreadable from error
    return state, checkpoint.words.decode().split()
