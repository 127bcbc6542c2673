"""Passages: chunks that were found, each widened by its neighbours in the text; pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce

from rag_workloads.jobs.payloads import chunk_id
from rag_workloads.library.points import Hit, StoredChunk
from rag_workloads.text.overlaps import join


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk that was found, and it among its neighbours, in the order of the text."""

    hit: Hit
    chunks: list[StoredChunk]

    @property
    def text(self) -> str:
        """Its chunks' text, without what they repeat of each other."""
        return reduce(join, (chunk.text for chunk in self.chunks))


def widen(hits: list[Hit], near: Mapping[str, StoredChunk], reach: int) -> list[Passage]:
    """A passage for each hit; a neighbour belongs to the best one only, and a hit to none but its own."""
    taken = {hit.chunk_id for hit in hits}
    return [
        Passage(hit, [*_side(hit, near, -reach, taken)[::-1], hit, *_side(hit, near, reach, taken)])
        for hit in hits
    ]


def _side(hit: Hit, near: Mapping[str, StoredChunk], reach: int, taken: set[str]) -> list[StoredChunk]:
    """Its neighbours on one side that are free, the nearest first; those beyond one that is not are left."""
    found = list[StoredChunk]()
    step = 1 if reach > 0 else -1
    for distance in range(step, reach + step, step):
        neighbour = near.get(chunk_id(hit.document_id, hit.chunk_index + distance))
        if neighbour is None or neighbour.chunk_id in taken:
            break
        taken.add(neighbour.chunk_id)
        found.append(neighbour)
    return found
