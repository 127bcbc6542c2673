"""How much memory a worker needs for a document, which must not grow with its pages."""

import asyncio
import os
import re
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pymupdf
from demo import corpus

from rag_contract.environment.worker import WorkerSettings
from rag_standins.models.minilm import write_minilm
from rag_workloads.library.files import ObjectStore, document_key
from rag_workloads.library.lifecycle import Library
from tests.bench.queue_costs import PIPELINE, consuming
from tests.integration.redis_process import redis_process
from tests.ports import free_port
from tests.records import new_document

DOCUMENT = "document"
KIB_OF_A_MIB = 1024
POLL_SECONDS = 0.2


async def peak_mib(pages: int) -> float:
    """Returns the most memory, in MiB, of a worker and its parser while they bring in so many pages."""
    with tempfile.TemporaryDirectory() as name, redis_process() as redis:
        folder = Path(name)
        await asyncio.to_thread(write_minilm, folder)
        settings = WorkerSettings(
            pipeline=PIPELINE,
            redis_url=redis.connection_url,
            qdrant_url="http://127.0.0.1:1",
            qdrant_collection=PIPELINE,
            storage_url=f"file://{folder}/objects",
            embedding_model="all-MiniLM-L6-v2",
            model_path=folder,
            time_limit_seconds=24 * 3600,
            host="127.0.0.1",
            port=free_port(),
        )
        library = Library.open(settings, None)
        await library.claim(settings.owner)
        await _upload(library, settings, await _pdf(folder, pages))
        async with consuming(redis.connection_url, 1):
            peak = await _peak_until_done(library, settings)
        await library.close()
    return round(peak, 1)


async def _pdf(folder: Path, pages: int) -> Path:
    """Writes a PDF of so many pages: the reference of the language R, again from its start where it ends."""
    path = folder / f"{pages}.pdf"
    manual = await corpus.r_manual()
    with pymupdf.open(manual) as source, pymupdf.open() as pdf:
        while (left := pages - len(pdf)) > 0:
            pdf.insert_pdf(source, to_page=min(left, len(source)) - 1, links=False)
        pdf.save(path)
    return path


async def _upload(library: Library, settings: WorkerSettings, path: Path) -> None:
    async def content() -> AsyncIterator[bytes]:
        yield path.read_bytes()

    key = document_key(DOCUMENT, path.stem)
    await ObjectStore(settings.storage_url).put(key, content())
    size = path.stat().st_size
    await library.begin(new_document(document_id=DOCUMENT, size_bytes=size, sha256=path.stem, object_key=key))


async def _peak_until_done(library: Library, settings: WorkerSettings) -> float:
    """Runs a worker until the document's last batch is queued and done; returns the most that it held."""
    written = settings.model_dump(mode="json", exclude_none=True)
    env = {name.upper(): str(value) for name, value in written.items()}
    env |= {"REDIS_URL": settings.redis_url.get_secret_value(), "PYTHONPATH": os.pathsep.join(sys.path)}
    worker = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "rag_workloads.worker", env=os.environ | env, stderr=asyncio.subprocess.DEVNULL
    )
    peaks: dict[int, float] = {}
    while (document := await library.records.get(DOCUMENT)) is None or document.unfinished:
        peaks |= dict(_peaks(worker.pid))
        await asyncio.sleep(POLL_SECONDS)
    worker.terminate()
    await worker.wait()
    if document.error_code:
        raise RuntimeError(f"{document.error_code}: {document.error_message}")
    return sum(peaks.values())


def _peaks(pid: int) -> Iterator[tuple[int, float]]:
    """The most memory that a process and each of its children ever held, in MiB, as the kernel counts it."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    for each in (pid, *map(int, children)):
        if found := re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{each}/status").read_text()):
            yield each, int(found.group(1)) / KIB_OF_A_MIB
