"""What is said of a pipeline and of a document, in sentences. Pure."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from rag_cli.answers import Document
from rag_cli.resource import Condition, Pipeline
from rag_cli.uploading import Outcome
from rag_contract.stats import Stats

MARKS = {"True": "✓", "False": "✗", "Unknown": "?"}
# Conditions that are there only while they hold, and are no good news.
ABNORMAL = {"Reconciling": "…", "Stalled": "✗"}
# What to do about a condition; the others say it themselves, or the logs do.
ADVICE = {
    "Suspended": "Set spec.suspend to false.",
    "KedaNotInstalled": "Install KEDA (https://keda.sh), or set a fixed number of embedding replicas.",
    "Progressing": "Wait: kubectl wait --for=condition=Ready ragpipeline/{name} --timeout=5m",
    "NotCreated": "Wait: kubectl wait --for=condition=Ready ragpipeline/{name} --timeout=5m",
    "NotSeen": "See whether its operator runs: helm list -A --filter ragpipeline-operator",
}
STAGES = {
    "queued": "waits for a worker",
    "parsing": "its pages are being read",
    "embedding": "its chunks are being embedded",
    "indexing": "it is being made searchable",
}


def pipeline_status(pipeline: Pipeline, stats: Stats | None) -> Iterator[str]:
    """Yield what a pipeline is like: conditions, pods, documents, and what to do next.

    Without what the API counts, which may ask for a key, the resource has the sums.
    """
    ready, status = pipeline.ready, pipeline.status
    name = f"{pipeline.metadata.namespace}/{pipeline.metadata.name}"
    yield f"{name} is {'' if ready.status == 'True' else 'not '}ready: {ready.message}."
    yield ""
    for each in status.conditions:
        if each.type != "Ready":
            mark = ABNORMAL.get(each.type) or MARKS.get(each.status, "?")
            reason = "" if mark == MARKS["True"] else f"{each.reason}: "
            yield f"  {mark} {each.type:<16}  {reason}{each.message}"
    yield ""
    if status.components:
        pods = ", ".join(f"{part} {each.ready}" for part, each in status.components.items())
        yield f"  Pods       {pods}"
    if status.queue and not stats:
        yield f"  Queue      {status.queue.depth} documents and batches"
    if status.documents is not None and not stats:
        yield f"  Documents  {status.documents} can be asked about"
    if stats:
        yield from _counts(stats)
    yield from next_steps(advice(ready, pipeline.metadata.name), stats)


def api_status(stats: Stats) -> Iterator[str]:
    """Yield what an API says of its pipeline."""
    problems = stats.problems
    yield "All parts do their work." if not problems else "Something is wrong."
    yield from (f"  ✗ {each.component:<16}  {each.reason}: {each.message}" for each in problems)
    yield from _counts(stats)
    yield from next_steps([], stats)


def _counts(stats: Stats) -> Iterator[str]:
    states = ", ".join(f"{count} {state}" for state, count in stats.documents.items() if count)
    yield f"  Documents  {stats.searchable} can be asked about in {stats.collection} ({states or 'none yet'})"
    yield f"  Queues     {stats.queue.ingest} documents to read, {stats.queue.embed} batches to embed"
    yield f"  Model      {stats.embedding_model}"
    if again := stats.reindex:
        failed = f", {again.failed} failed" if again.failed else ""
        yield f"  Re-index   {again.done} of {again.total} from {again.origin} to {again.target}{failed}"


def advice(ready: Condition, name: str) -> list[str]:
    """Return what to do about a pipeline that is not ready."""
    if ready.status == "True":
        return []
    return [ADVICE.get(ready.reason, "Look at its logs: ragpipeline logs {name}").format(name=name)]


def next_steps(first: Sequence[str], stats: Stats | None) -> Iterator[str]:
    """Yield what to do next, by what is wrong and by what the pipeline holds."""
    steps = list(first)
    if stats and stats.documents.get("failed"):
        steps.append("See what failed: ragpipeline documents --state failed; then ragpipeline why DOCUMENT")
    if stats and not first:
        steps.append(
            'Ask it: ragpipeline ask "QUESTION"' if stats.searchable else "Upload: ragpipeline upload PATH"
        )
    if steps:
        yield ""
        yield "Next:"
        yield from (f"  {step}" for step in steps)


def uploads(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Yield what became of files: each that needs a look, and how many there are of each kind."""
    for each in outcomes:
        if each.bad:
            yield f"✗ {each.path}: {each.error or each.status}"
        elif each.result and (warnings := each.result.warnings_total):
            yield f"! {each.path}: {_many(warnings, 'warning')}; ragpipeline why {each.document_id}"
    states = Counter(each.status for each in outcomes)
    known = sum(each.known for each in outcomes)
    yield ", ".join(f"{count} {state}" for state, count in states.items()) + "."
    if known:
        yield f"{_many(known, 'file')} of these had bytes that were known, and not sent again."


def left_out(files: Sequence[Path]) -> Iterator[str]:
    """Yield what was not sent of folders, if there is any."""
    if files:
        kinds = ", ".join(sorted({file.suffix.lower() for file in files}))
        yield f"Left out of folders, as they hold no text: {_many(len(files), 'file')} ({kinds})."


def why(document: Document) -> Iterator[str]:
    """Yield how a document came to be as it is."""
    yield f"{document.file_name} ({document.document_id}) {_state(document)}."
    yield _read(document)
    if document.error:
        where = f" on page {document.error.page}" if document.error.page else ""
        yield f"Why: {document.error.message} ({document.error.code}{where})"
        if document.error.hint:
            yield f"What to do: {document.error.hint}"
    if document.attempts > 1:
        yield f"Attempts since it last got further: {document.attempts}."
    if took := _timings(document):
        yield f"It took {took}."
    for each in document.warnings:
        yield f"Warning: page {each.page}: {each.message} ({each.code})"
    if (more := document.warnings_total - len(document.warnings)) > 0:
        yield f"Not shown: {_many(more, 'more warning')}."
    if document.pages_without_text:
        yield f"Without text, blank or scanned: {_many(document.pages_without_text, 'page')}."
    if document.state in ("failed", "cancelled"):
        yield f"Try it again: ragpipeline retry {document.document_id}"


def _state(document: Document) -> str:
    if document.state in ("pending", "processing"):
        doing = STAGES.get(document.stage or "queued", document.stage)
        return f"is {document.progress} % done: {doing}"
    if document.state == "completed":
        return "is completed"
    found = "; searches find it as it was before" if document.searchable else "; searches do not find it"
    return ("failed" if document.state == "failed" else "was cancelled") + found


def _read(document: Document) -> str:
    pages = "No pages" if document.pages is None else f"{document.pages_done} of {document.pages} pages"
    chunks = "" if document.chunks is None else f" of {document.chunks}"
    return f"{pages} are read, {document.chunks_done}{chunks} chunks are embedded."


def _timings(document: Document) -> str:
    """Return how long each stage took that is over."""
    stages = document.timings
    took = {
        "waiting": stages.queued,
        "reading": stages.parsing,
        "embedding the rest": stages.embedding,
        "indexing": stages.indexing,
    }
    return ", ".join(f"{seconds:.1f} s {word}" for word, seconds in took.items() if seconds is not None)


def _many(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
