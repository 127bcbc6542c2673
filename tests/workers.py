"""Workers as processes: what they are told, a PDF for them, and what the death of one costs the next."""

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from subprocess import Popen
from typing import NamedTuple

from rag_contract.environment.worker import WorkerSettings
from rag_workloads.library.files import ObjectStore, document_key
from rag_workloads.library.lifecycle import Library
from tests.integration.service_process import running
from tests.patience import PATIENCE_SECONDS, patient, until
from tests.ports import free_port
from tests.records import new_document

DOCUMENT = "document"
NOTES = 5
ROOM_FOR_ALL = {"max_batches_in_flight": 1_000_000, "max_bytes_in_flight": 1 << 40}
PAGES_PARSED = re.compile(r"^pages_parsed_total (\S+)$", re.MULTILINE)


class Killed(NamedTuple):
    """The page that a worker had in hand when it was killed, and how many the next one read again."""

    page: int
    read_again: int


def environment(settings: WorkerSettings) -> dict[str, str]:
    """What a worker with these settings is told."""
    written = settings.model_dump(mode="json", exclude_none=True)
    told = {name.upper(): str(value) for name, value in written.items()}
    return told | {"REDIS_URL": settings.redis_url.get_secret_value()}


async def upload(library: Library, settings: WorkerSettings, path: Path) -> None:
    """Queue a PDF as the document `DOCUMENT`."""

    async def content() -> AsyncIterator[bytes]:
        yield path.read_bytes()

    key = document_key(DOCUMENT, path.stem)
    await ObjectStore(settings.storage_url).put(key, content())
    size = path.stat().st_size
    await library.begin(new_document(document_id=DOCUMENT, size_bytes=size, sha256=path.stem, object_key=key))


async def killed_on_the_way(library: Library, settings: WorkerSettings, path: Path) -> Killed:
    """Have one worker read a PDF, kill it when the queue is full, and have another read the rest.

    Nobody embeds, so that the first comes as far as the settings leave room for batches; the other has room
    for all. The death of a worker never costs more than then: it has the whole of a batch in hand.
    """
    await upload(library, settings, path)
    with _worker(settings) as (process, url):
        await _waits_for_room(library, settings.max_batches_in_flight)
        came_to = _pages_parsed(url) + 1  # it has that one in hand
        process.kill()
        process.wait(PATIENCE_SECONDS)
    with _worker(settings.model_copy(update=ROOM_FOR_ALL)) as (_, url):
        pages = await until(partial(_pages_if_queued, library))
        left_out = pages - _pages_parsed(url)
    return Killed(came_to, came_to - left_out)


@contextmanager
def _worker(settings: WorkerSettings) -> Iterator[tuple[Popen[bytes], str]]:
    """A worker's process, and its URL."""
    url = f"http://127.0.0.1:{(port := free_port())}"
    env = environment(settings) | {"HOST": "127.0.0.1", "PORT": str(port)}
    with running("rag_workloads.worker", env=env, probe=f"{url}/ready") as process:
        yield process, url


async def _waits_for_room(library: Library, room: int) -> None:
    """Return once the worker has noted often that it is alive, with the queue full."""
    notes = set[datetime]()

    async def waits() -> bool:
        document = await library.records.get(DOCUMENT)
        if document and document.batches_queued >= room:
            notes.add(document.updated_at)
        return len(notes) == NOTES

    await until(waits)


async def _pages_if_queued(library: Library) -> int | None:
    """How many pages the document has, once all its batches are queued."""
    document = await library.records.get(DOCUMENT)
    return document.pages if document and document.batches else None


def _pages_parsed(url: str) -> int:
    (value,) = PAGES_PARSED.findall(patient.get(f"{url}/metrics").text)
    return int(float(value))
