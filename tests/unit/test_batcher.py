import pytest
from tests.unit.records import document

from rag_workloads.jobs.payloads import Chunk
from rag_workloads.library.documents import Document
from rag_workloads.worker.process_document import Batcher


def taken_up(batch_size: int) -> Document:
    """A document whose layout and collection are frozen."""
    layout = {"chunk_size": 200, "chunk_overlap": 40, "batch_size": batch_size}
    return document(collection="manuals", revision=3, **layout)


def chunks(count: int, first: int = 0) -> list[Chunk]:
    return [Chunk(index, f"chunk {index}", 1, [[1, 0]]) for index in range(first, first + count)]


def test_the_last_batch_is_held_back_even_if_it_is_full() -> None:
    batcher = Batcher(taken_up(batch_size=2))
    given = [*batcher.add(chunks(3)), *batcher.add(chunks(1, first=3))]
    last = batcher.last()
    assert [[chunk.index for chunk in batch.chunks] for batch in given] == [[0, 1]]
    assert last is not None
    assert (last.number, [chunk.index for chunk in last.chunks]) == (1, [2, 3])


def test_a_batch_goes_where_its_generation_was_begun_for() -> None:
    batcher = Batcher(taken_up(batch_size=2))
    (batch,) = batcher.add(chunks(3))
    assert (batch.document_id, batch.generation, batch.number) == ("doc", 1, 0)
    assert (batch.collection, batch.revision, batch.file_name) == ("manuals", 3, "a.pdf")


def test_no_chunk_no_batch() -> None:
    assert Batcher(taken_up(batch_size=2)).last() is None


@pytest.mark.parametrize("missing", ["collection", "batch_size"])
def test_a_document_that_nobody_took_up_has_no_batches(missing: str) -> None:
    with pytest.raises(ValueError, match="has no layout"):
        Batcher(taken_up(batch_size=2).model_copy(update={missing: None}))
