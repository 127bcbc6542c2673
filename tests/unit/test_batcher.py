from tests.unit.records import document

from rag_workloads.jobs.payloads import Chunk
from rag_workloads.worker.process_document import Batcher


def chunks(count: int, first: int = 0) -> list[Chunk]:
    return [Chunk(index, f"chunk {index}", 1, [[1, 0]]) for index in range(first, first + count)]


def test_the_last_batch_is_held_back_even_if_it_is_full() -> None:
    batcher = Batcher(document(), 2)
    given = [*batcher.add(chunks(3)), *batcher.add(chunks(1, first=3))]
    last = batcher.last()
    assert [[chunk.index for chunk in batch.chunks] for batch in given] == [[0, 1]]
    assert last is not None
    assert (last.number, [chunk.index for chunk in last.chunks]) == (1, [2, 3])


def test_no_chunk_no_batch() -> None:
    assert Batcher(document(), 2).last() is None
