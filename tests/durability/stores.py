"""Compares what Redis, Qdrant and the object store hold with what they should, to the last key."""

import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from qdrant_client import AsyncQdrantClient
from redis.asyncio import Redis

from rag_contract.names import embed_queue, ingest_queue
from rag_workloads.jobs.payloads import chunk_id
from tests.durability.corpus import PREFIX
from tests.expected import expected_chunks

SCROLL = 1000
# What expires within this time is what somebody may still ask for again, and no orphan.
PASSING_SECONDS = 3600
# How to list what is in a key, by its type.
LISTING = {
    "zset": ("ZRANGE", "{key}", "0", "-1"),
    "set": ("SMEMBERS", "{key}"),
    "hash": ("HKEYS", "{key}"),
    "list": ("LRANGE", "{key}", "0", "-1"),
}


class Passage(NamedTuple):
    """What makes a chunk this one and no other."""

    chunk_id: str
    page: int
    text: str


@dataclass(frozen=True)
class Expected:
    """What must be kept of a document: its chunks and its bytes."""

    passages: list[Passage]
    sha256: str

    @classmethod
    def of(cls, path: Path) -> "Expected":
        """Runs the worker's own parsing and chunking on the file."""
        chunks = [Passage(chunk_id(path.stem, c.index), c.page, c.text) for c in expected_chunks(path)]
        return cls(chunks, hashlib.sha256(path.read_bytes()).hexdigest())


@dataclass(frozen=True)
class Stores:
    """The three stores, past every process of ours. `files` gives the digests of all files by their keys."""

    redis: Redis
    qdrant: AsyncQdrantClient
    pipeline: str
    collection: str
    files: Callable[[], Awaitable[Mapping[str, str]]]


@dataclass
class Findings:
    """What is wrong, in words: what is not there, what is there twice, and what nobody owns."""

    lost: list[str] = field(default_factory=list)
    repeated: list[str] = field(default_factory=list)
    orphans: list[str] = field(default_factory=list)

    @property
    def all(self) -> list[str]:
        """Everything, each with its kind."""
        kinds = {"lost": self.lost, "repeated": self.repeated, "orphan": self.orphans}
        return [f"{kind}: {what}" for kind, found in kinds.items() for what in found]


async def compare(stores: Stores, expected: Mapping[str, Expected]) -> Findings:
    """Returns all that differs; with nothing expected, all that a deletion left behind."""
    findings = Findings()
    keys = await _records(stores, expected, findings)
    await _other_keys(stores, expected, findings)
    await _points(stores, expected, findings)
    await _files(stores, expected, keys, findings)
    return findings


async def _records(stores: Stores, expected: Iterable[str], findings: Findings) -> dict[str, str]:
    """Looks at the records; returns the key of each document's file."""
    keys: dict[str, str] = {}
    for document_id in expected:
        state, key = await _command(stores, "HMGET", _record(stores, document_id), "state", "object_key")
        if state != b"completed":
            findings.lost.append(f"{document_id} is {state.decode() if state else 'without a record'}")
        if key:
            keys[document_id] = key.decode()
    return keys


async def _other_keys(stores: Stores, expected: Mapping[str, Expected], findings: Findings) -> None:
    """Looks that only the records and three indexes know documents, and the indexes all of them."""
    names = ("docs", "docs:completed", f"docs:in:{stores.collection}")
    indexes = {f"{stores.pipeline}:{name}" for name in names}
    queues = {ingest_queue(stores.pipeline), embed_queue(stores.pipeline)}
    records = {_record(stores, document_id) for document_id in expected}
    for index in indexes:
        members = set(await _members(stores, index))
        findings.lost += [f"{document_id} in {index}" for document_id in expected.keys() - members]
        findings.orphans += [f"{document_id} in {index}" for document_id in members - expected.keys()]
    async for raw in stores.redis.scan_iter(count=SCROLL):
        if (key := raw.decode()) in indexes | records or await stores.redis.ttl(key) in range(
            PASSING_SECONDS
        ):
            continue
        if PREFIX in key or key in queues:
            findings.orphans.append(f"key {key}")
        findings.orphans += [
            f"{member} in {key}" for member in await _members(stores, key) if PREFIX in member
        ]


async def _members(stores: Stores, key: str) -> list[str]:
    """What a key lists, if it is a collection of some kind."""
    listing = LISTING.get((await stores.redis.type(key)).decode())
    members = await _command(stores, *(part.format(key=key) for part in listing)) if listing else []
    return [member.decode(errors="replace") for member in members]


async def _command(stores: Stores, *command: str) -> Any:
    return await stores.redis.execute_command(*command)  # type: ignore[no-untyped-call]


async def _points(stores: Stores, expected: Mapping[str, Expected], findings: Findings) -> None:
    found = Counter[Passage]()
    async for payload in _payloads(stores):
        found[Passage(payload["chunk_id"], payload["page"], payload["text"])] += 1
    wanted = Counter(passage for each in expected.values() for passage in each.passages)
    findings.lost += [passage.chunk_id for passage in wanted - found]
    for passage in (found - wanted).elements():
        kind = findings.repeated if passage in wanted else findings.orphans
        kind.append(f"point of {passage.chunk_id}")


async def _payloads(stores: Stores) -> AsyncIterator[dict[str, Any]]:
    offset = None
    while True:
        records, offset = await stores.qdrant.scroll(stores.collection, limit=SCROLL, offset=offset)
        for record in records:
            yield record.payload or {}
        if offset is None:
            return


async def _files(
    stores: Stores, expected: Mapping[str, Expected], keys: Mapping[str, str], findings: Findings
) -> None:
    files = await stores.files()
    for document_id, each in expected.items():
        if files.get(keys.get(document_id, "")) != each.sha256:
            findings.lost.append(f"the file of {document_id}")
    findings.orphans += [f"file {key}" for key in files.keys() - set(keys.values())]


def _record(stores: Stores, document_id: str) -> str:
    return f"{stores.pipeline}:doc:{document_id}"


def digests(folder: Path) -> dict[str, str]:
    """Returns the digests of all files below a folder, by their paths in it."""
    return dict(_digests(folder))


def _digests(folder: Path) -> Iterator[tuple[str, str]]:
    for path in folder.rglob("*"):
        if path.is_file():
            yield str(path.relative_to(folder)), hashlib.sha256(path.read_bytes()).hexdigest()
