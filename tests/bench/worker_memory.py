"""How much memory a worker needs for a document, which must not grow with its pages."""

import asyncio
import re
import sys
import tempfile
from pathlib import Path

import pymupdf
from demo import corpus

from rag_contract.environment.worker import WorkerSettings
from rag_standins.models.minilm import write_minilm
from rag_workloads.library.lifecycle import Library
from tests import workers
from tests.bench.queue_costs import PIPELINE, consuming
from tests.integration import service_process
from tests.integration.redis_process import redis_process
from tests.ports import free_port

KIB_OF_A_MIB = 1024
# Less than the life of a process that reads ten pages.
POLL_SECONDS = 0.01
# The most that a process ever held, and what it holds now and shares with no other.
PEAK, PRIVATE = re.compile(r"VmHWM:\s+(\d+) kB"), re.compile(r"Private_\w+:\s+(\d+) kB")


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
        await workers.upload(library, settings, await _pdf(folder, pages))
        async with consuming(redis.connection_url, 1):
            peak = await _peak_until_done(library, settings, folder / "bytecode")
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


async def _peak_until_done(library: Library, settings: WorkerSettings, bytecode: Path) -> float:
    """Runs a worker until the document's last batch is queued and done; returns the most that it held.

    It and the server that forks the processes which read stay: of one that reads, what it shares with the
    server is counted there.
    """
    # As in an image, modules are compiled before: it takes more memory than to run them.
    compiled = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(bytecode)}
    env = service_process.environment(workers.environment(settings) | compiled)
    await (
        await _python("-c", "import rag_workloads.worker.main, rag_workloads.worker.parsing", env=env)
    ).wait()
    worker = await _python("-m", "rag_workloads.worker", env=env)
    reading = 0.0
    while (document := await library.records.get(workers.DOCUMENT)) is None or document.unfinished:
        readers = [reader for child in _children(worker.pid) for reader in _children(child)]
        reading = max([reading, *(_mib(reader, "smaps_rollup", PRIVATE) for reader in readers)])
        await asyncio.sleep(POLL_SECONDS)
    staying = sum(_mib(each, "status", PEAK) for each in (worker.pid, *_children(worker.pid)))
    worker.terminate()
    await worker.wait()
    if document.error_code:
        raise RuntimeError(f"{document.error_code}: {document.error_message}")
    return staying + reading


async def _python(*arguments: str, env: dict[str, str]) -> asyncio.subprocess.Process:
    silent = asyncio.subprocess.DEVNULL
    return await asyncio.create_subprocess_exec(sys.executable, *arguments, env=env, stderr=silent)


def _children(pid: int) -> list[int]:
    """The processes that a process has started, from whichever of its threads."""
    try:
        told = [file.read_text() for file in Path(f"/proc/{pid}/task").glob("*/children")]
    except OSError:  # it has ended by now
        return []
    return [int(child) for children in told for child in children.split()]


def _mib(pid: int, file: str, line: re.Pattern[str]) -> float:
    """The sum of the lines of a process's file in /proc, in MiB; 0 for a process that has ended."""
    try:
        return sum(map(int, line.findall(Path(f"/proc/{pid}/{file}").read_text()))) / KIB_OF_A_MIB
    except OSError:
        return 0.0
