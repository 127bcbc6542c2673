import msgpack
import pytest

from rag_workloads.jobs import payloads
from rag_workloads.jobs.payloads import Chunk, EmbedBatch


def test_a_batch_survives_the_queue() -> None:
    batch = EmbedBatch("doc", 3, 0, "manuals", 2, "手册.pdf", [Chunk(0, "text 文本", 1, [[1, 0], [2, 5]])])
    assert EmbedBatch.from_payload(msgpack.unpackb(msgpack.packb(batch.to_payload()))) == batch


@pytest.mark.parametrize("document_id", ["doc", "a.b.c", "6ba7b810-9dad-11d1-80b4-00c04fd430c8"])
def test_a_task_id_names_document_and_upload(document_id: str) -> None:
    assert payloads.parse_task_id(payloads.task_id(document_id, 12)) == (document_id, 12)


@pytest.mark.parametrize("task", ["", "doc", ".1", "doc.", "doc.x", "doc.-1", "doc.²"])
def test_other_strings_are_no_task_ids(task: str) -> None:
    with pytest.raises(ValueError, match="not a task id"):
        payloads.parse_task_id(task)


def test_point_ids_are_the_same_for_the_same_work_only() -> None:
    assert payloads.point_id("doc", 1, 2) == payloads.point_id("doc", 1, 2)
    assert (
        len({payloads.point_id("doc", 1, 2), payloads.point_id("doc", 1, 3), payloads.point_id("doc", 2, 2)})
        == 3
    )


def test_job_ids_carry_the_pipeline() -> None:
    assert payloads.ingest_job_id("ns.name", "doc", 1) == "ns.name:ingest:doc.1"
    assert payloads.embed_job_id("ns.name", "doc", 1, 7) == "ns.name:embed:doc.1:7"
