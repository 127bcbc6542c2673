"""Compares the three stores, and removes what no record names: what a lost Redis or a kill left behind.

Only what is older than an hour counts: something younger may be between two writes.
"""

import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import UTC, datetime
from typing import TypeVar

import structlog
from pydantic import BaseModel

from rag_workloads.library.documents import Document, State, generation_at
from rag_workloads.library.files import StoredFile
from rag_workloads.library.lifecycle import Library
from rag_workloads.library.points import Version
from rag_workloads.library.record_reader import Filter, RecordUnreadable
from rag_workloads.web import metrics

AGE_SECONDS = 3600
PAGE = 500

log = structlog.get_logger(__name__)


class SweepReport(BaseModel):
    """What a sweep found.

    `removed` is False where there was no record at all and nobody asked for the sweep: then rather Redis
    was lost.

    `orphan_files` and `orphan_points` are those that no record names; what belongs to a record that cannot be
    read is none. `incomplete` are completed documents
    whose points are not all there, which are embedded again; `missing_files` have lost their file.
    """

    started_at: datetime
    seconds: float = 0
    orphan_files: int = 0
    orphan_points: int = 0
    incomplete: list[str] = []
    missing_files: list[str] = []
    removed: bool = True


async def sweep(library: Library, *, asked: bool) -> SweepReport:
    """Compare and mend; the report is kept in Redis and shown as metrics."""
    started = time.time()
    report = SweepReport(started_at=datetime.fromtimestamp(started, UTC))
    report.removed = asked or sum((await library.records.counts()).values()) > 0
    versions = Counter[Version]()
    async for version in library.vectors.versions():
        versions[version] += 1
    async for version in _orphan_versions(library, versions, generation_at(started - AGE_SECONDS)):
        report.orphan_points += versions[version]
        if report.removed:
            await library.vectors.delete_version(version)
    # An index that does not answer knows only a part of what its files belong to.
    if library.files and await library.indexes.answers(library.queue.pipeline):
        await library.files.sweep()
        async for file in _orphan_files(library, started - AGE_SECONDS):
            report.orphan_files += 1
            if report.removed:
                await library.files.delete(file.key)
    await _check_completed(library, versions, started - AGE_SECONDS, report)
    report.seconds = round(time.time() - started, 3)
    await library.chores.report_sweep(report.model_dump_json())
    _observe(report)
    return report


async def _orphan_versions(
    library: Library, versions: Iterable[Version], before: int
) -> AsyncIterator[Version]:
    old = [version for version in versions if version.generation < before]
    for page in _pages(old):
        documents = await library.records.look([version.document_id for version in page])
        for version, document in zip(page, documents, strict=True):
            if isinstance(document, RecordUnreadable):
                continue
            if document and document.active_collection is None and _is_active(document, version):
                await library.records.adopt(*version[:2], library.target.collection)
            elif not _names(document, version, library.target.collection):
                yield version


def _names(document: Document | None, version: Version, collection: str) -> bool:
    """Whether a record says that there are points of this version in a collection."""
    if document is None:
        return False
    if document.active_collection == collection and version.generation == document.active_generation:
        return version.active
    return version.generation == document.generation and document.unfinished


def _is_active(document: Document, version: Version) -> bool:
    return version.active and version.generation == document.active_generation


async def _orphan_files(library: Library, before: float) -> AsyncIterator[StoredFile]:
    if library.files is None:
        return
    old = [f async for f in library.files.documents() if f.modified_at.timestamp() < before]
    for page in _pages(old):
        documents = await library.records.look([file.document_id for file in page])
        for file, document in zip(page, documents, strict=True):
            if isinstance(document, RecordUnreadable):
                continue
            if document is None or file.key not in document.object_keys:
                yield file


async def _check_completed(
    library: Library, versions: Counter[Version], before: float, report: SweepReport
) -> None:
    """Find completed documents that have lost their file or points; embed the latter again."""
    async for document in library.records.every(Filter(state=State.COMPLETED)):
        if document.updated_at.timestamp() > before:
            continue
        has_file = library.files is None or await library.files.exists(document.object_key)
        if not has_file:
            report.missing_files.append(document.document_id)
        if document.active_generation and document.active_collection == library.target.collection:
            version = Version(document.document_id, document.active_generation, active=True)
            if versions[version] != document.chunks:
                report.incomplete.append(document.document_id)
                if has_file:
                    await library.embed_again(document)


def _observe(report: SweepReport) -> None:
    found = {
        "orphan_files": report.orphan_files,
        "orphan_points": report.orphan_points,
        "incomplete_documents": len(report.incomplete),
        "missing_files": len(report.missing_files),
    }
    for kind, count in found.items():
        metrics.SWEEP_FOUND.labels(kind).set(count)
    log.info("stores compared", removed=report.removed, seconds=report.seconds, **found)


T = TypeVar("T")


def _pages(items: Sequence[T]) -> Iterable[Sequence[T]]:
    return (items[at : at + PAGE] for at in range(0, len(items), PAGE))
