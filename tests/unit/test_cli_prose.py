"""What the command line says of pipelines and documents."""

from pathlib import Path
from typing import Any

import pytest

from rag_cli import prose
from rag_cli.answers import Document, Failure, Result, Warned
from rag_cli.resource import Pipeline
from rag_cli.uploading import Outcome
from rag_contract.stats import QueueStats, Reindex, Stats


def pipeline(*conditions: tuple[str, str, str, str], **status: Any) -> Pipeline:
    said = [dict(zip(("type", "status", "reason", "message"), each, strict=True)) for each in conditions]
    return Pipeline.model_validate(
        {"metadata": {"name": "handbook", "namespace": "docs"}, "status": {"conditions": said, **status}}
    )


def stats(searchable: int = 0, **documents: int) -> Stats:
    return Stats(
        documents=documents,
        searchable=searchable,
        collection="manuals",
        queue=QueueStats(ingest=1, embed=2),
        embedding_model="minilm",
    )


def document(**more: Any) -> Document:
    known: dict[str, Any] = {
        "document_id": "doc",
        "task_id": "doc.1",
        "file_name": "policy.pdf",
        "tags": [],
        "size_bytes": 1,
        "sha256": "00",
        "state": "completed",
        "stage": None,
        "progress": 100,
        "pages": 4,
        "pages_done": 4,
        "pages_without_text": 0,
        "chunks": 9,
        "chunks_done": 9,
        "attempts": 1,
        "timings": {"queued": 0.5, "parsing": 2.0, "embedding": None, "indexing": None},
        "warnings": [],
        "warnings_total": 0,
        "error": None,
        "searchable": True,
        "created_at": "2026-11-30T12:00:00Z",
    }
    return Document.model_validate(known | more)


READY = ("Ready", "True", "Ready", "it takes documents and answers questions")


def test_a_pipeline_that_is_ready_says_what_it_holds() -> None:
    lines = [
        *prose.pipeline_status(pipeline(READY, components={"api": {"ready": "1/1"}}), stats(3, completed=3))
    ]
    assert lines[0] == "docs/handbook is ready: it takes documents and answers questions."
    assert "  Pods       api 1/1" in lines
    assert "  Documents  3 can be asked about in manuals (3 completed)" in lines
    assert "  Queues     1 documents to read, 2 batches to embed" in lines
    assert lines[-1] == '  Ask it: ragpipeline ask "QUESTION"'


def test_each_condition_is_told_with_its_reason_where_it_fails() -> None:
    keda = ("AutoscalingReady", "False", "KedaNotInstalled", "KEDA is not installed")
    lines = [*prose.pipeline_status(pipeline(("ApiReady", "True", "Ready", "1 of 1"), keda), None)]
    assert "  ✓ ApiReady          1 of 1" in lines
    assert "  ✗ AutoscalingReady  KedaNotInstalled: KEDA is not installed" in lines
    for mark, kind in (("…", "Reconciling"), ("✗", "Stalled")):
        (line,) = list(prose.pipeline_status(pipeline((kind, "True", "Why", "because")), None))[2:3]
        assert line == f"  {mark} {kind:<16}  Why: because"


@pytest.mark.parametrize(
    ("reason", "step"),
    [
        ("KedaNotInstalled", "Install KEDA"),
        ("Progressing", "kubectl wait --for=condition=Ready ragpipeline/handbook"),
        ("ImagePullBackOff", "ragpipeline logs handbook"),
    ],
)
def test_what_to_do_follows_from_the_reason(reason: str, step: str) -> None:
    lines = [*prose.pipeline_status(pipeline(("Ready", "False", reason, "it is not")), None)]
    assert lines[0] == "docs/handbook is not ready: it is not."
    assert step in lines[-1]


def test_a_pipeline_that_nobody_has_seen_points_to_the_operator() -> None:
    lines = [*prose.pipeline_status(pipeline(), None)]
    assert "has not seen it yet" in lines[0]
    assert "ragpipeline-operator" in lines[-1]


def test_without_the_api_the_resource_has_the_counts() -> None:
    lines = [*prose.pipeline_status(pipeline(READY, documents=7, queue={"depth": 2}), None)]
    assert "  Documents  7 can be asked about" in lines
    assert "  Queue      2 documents and batches" in lines


def test_an_empty_pipeline_asks_for_documents_and_a_failed_one_for_a_look() -> None:
    steps = "\n".join(prose.next_steps([], stats(failed=2)))
    assert "ragpipeline documents --state failed" in steps
    assert "ragpipeline upload PATH" in steps


def test_a_reindex_is_told_with_what_holds_it_up() -> None:
    again = Reindex(origin="old", target="new", done=3, total=9, failed=1)
    lines = [*prose.api_status(stats(9, completed=9).model_copy(update={"reindex": again}))]
    assert "  Re-index   3 of 9 from old to new, 1 failed" in lines


def test_why_a_document_failed_and_what_to_do() -> None:
    error = Failure(code="PDF_CORRUPT", message="It is broken.", page=3, hint="Repair it.")
    found = document(state="failed", error=error, attempts=4, pages_done=2, chunks=None, searchable=False)
    assert [*prose.why(found)] == [
        "policy.pdf (doc) failed; searches do not find it.",
        "2 of 4 pages are read, 9 chunks are embedded.",
        "Why: It is broken. (PDF_CORRUPT on page 3)",
        "What to do: Repair it.",
        "Attempts since it last got further: 4.",
        "It took 0.5 s waiting, 2.0 s reading.",
        "Try it again: ragpipeline retry doc",
    ]


def test_a_document_that_is_worked_on_says_at_what() -> None:
    lines = [*prose.why(document(state="processing", stage="embedding", progress=60, chunks_done=5))]
    assert lines[0] == "policy.pdf (doc) is 60 % done: its chunks are being embedded."
    assert lines[1] == "4 of 4 pages are read, 5 of 9 chunks are embedded."


def test_warnings_are_told_and_how_many_more_there_are() -> None:
    warning = Warned(page=2, code="PARSE_TIMEOUT", message="It took too long.")
    lines = [*prose.why(document(warnings=[warning], warnings_total=3, pages_without_text=1))]
    assert "Warning: page 2: It took too long. (PARSE_TIMEOUT)" in lines
    assert "Not shown: 2 more warnings." in lines
    assert lines[-1] == "Without text, blank or scanned: 1 page."


def test_of_an_upload_each_file_is_named_that_needs_a_look() -> None:
    failed = Failure(code="TEXT_EMPTY", message="There is no text.", hint="Send some.")
    warned = Result(document_id="b", file_name="b", pages=1, chunks=1, warnings_total=1)
    outcomes = [
        Outcome(path=Path("a.txt"), status="failed", error=failed),
        Outcome(path=Path("b.pdf"), status="completed", document_id="b", result=warned),
        Outcome(path=Path("c.pdf"), status="completed", document_id="c", known=True),
        Outcome(path=Path("d.pdf"), status="deleted"),
    ]
    assert [*prose.uploads(outcomes)] == [
        "✗ a.txt: TEXT_EMPTY: There is no text. Send some.",
        "! b.pdf: 1 warning; ragpipeline why b",
        "✗ d.pdf: deleted",
        "1 failed, 2 completed, 1 deleted.",
        "1 file of these had bytes that were known, and not sent again.",
    ]
