"""One collection: a shard of the engine and the configuration that it was created with, in one folder."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self, TypeVar

import orjson
import qdrant_edge as engine

from rag_standins.embedded_qdrant.errors import bad_request, from_engine

Json = dict[str, Any]
T = TypeVar("T")

CONFIG = "config.json"
DISTANCES = {
    "Cosine": engine.Distance.Cosine,
    "Euclid": engine.Distance.Euclid,
    "Dot": engine.Distance.Dot,
    "Manhattan": engine.Distance.Manhattan,
}
MODIFIERS = {"none": None, "idf": engine.Modifier.Idf}
# These change what is stored or how it compares; everything else that a creation may ask for is tuning.
UNSUPPORTED = ("quantization_config", "multivector_config", "datatype")
# Searches are exact. The binding holds Python's lock while it builds an HNSW graph, so that nothing would be
# answered for seconds per ten thousand points; to scan a hundred thousand vectors takes ten milliseconds.
NO_GRAPH = engine.EdgeOptimizersConfig(indexing_threshold=0)


class Collection:
    """Reads run side by side, changes one after another, all of them off the event loop."""

    def __init__(self, folder: Path, config: Json, shard: engine.EdgeShard) -> None:
        self.config = config
        self._folder, self._shard = folder, shard
        self._changes = asyncio.Lock()
        self._unflushed = False
        self._unoptimized = True

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open what `create_folder` made, and replay the changes that its log holds beyond the last flush."""
        config = orjson.loads((folder / CONFIG).read_bytes())
        return cls(folder, config, engine.EdgeShard.load(str(folder / "shard")))

    @property
    def points(self) -> int:
        """How many points there are; cheap."""
        return self._shard.info().points_count

    async def read(self, request: Callable[[engine.EdgeShard], T]) -> T:
        """Run a query of the engine."""
        return await asyncio.to_thread(self._run, request)

    async def change(self, operations: list[engine.UpdateOperation]) -> None:
        """Apply the operations in order; on return they are in the log on disk and outlive the process."""
        async with self._changes:
            self._unflushed = self._unoptimized = True
            await asyncio.to_thread(self._run, lambda shard: [shard.update(each) for each in operations])

    async def update_metadata(self, changes: Json) -> None:
        """Merge into the metadata; a key whose value is None is removed. On return it is on disk."""
        async with self._changes:
            merged = (self.config["metadata"] or {}) | changes
            metadata = {key: value for key, value in merged.items() if value is not None}
            config = self.config | {"metadata": metadata}
            await asyncio.to_thread(_write_config, self._folder, config)
            self.config = config

    async def maintain(self) -> None:
        """Flush after changes, which cuts the log; clear out deleted points once changes have ceased."""
        async with self._changes:
            if self._unflushed:
                await asyncio.to_thread(self._shard.flush)
                self._unflushed = False
            elif self._unoptimized:
                await asyncio.to_thread(self._shard.optimize)
                self._unoptimized = False

    async def close(self) -> None:
        """Flush and release the files, after the change that may be running."""
        async with self._changes:
            await asyncio.to_thread(self._shard.close)

    def _run(self, request: Callable[[engine.EdgeShard], T]) -> T:
        try:
            return request(self._shard)
        except Exception as error:
            raise from_engine(error) from error


def create_folder(folder: Path, body: Json) -> None:
    """Write an empty collection as PUT /collections/{name} asks for it."""
    vectors = body["vectors"]
    _refuse_unsupported(body)
    one = "size" in vectors
    params = _vector_params(vectors) if one else {name: _vector_params(v) for name, v in vectors.items()}
    sparse = body.get("sparse_vectors") or {}
    sparse_params = {name: _sparse_params(each or {}) for name, each in sparse.items()}
    shard_folder = folder / "shard"
    shard_folder.mkdir(parents=True)
    config = engine.EdgeConfig(params, sparse_params, optimizers=NO_GRAPH)
    engine.EdgeShard.create(str(shard_folder), config).close()
    written = {"vectors": vectors, "sparse_vectors": sparse or None, "metadata": body.get("metadata")}
    _write_config(folder, written)


def _write_config(folder: Path, config: Json) -> None:
    """A process that is killed here leaves the old configuration or the new one, never a half."""
    draft = folder / f"{CONFIG}.draft"
    with draft.open("wb") as file:
        file.write(orjson.dumps(config))
        file.flush()
        os.fsync(file.fileno())
    draft.replace(folder / CONFIG)


def _vector_params(body: Json) -> engine.EdgeVectorParams:
    _refuse_unsupported(body)
    if body["distance"] not in DISTANCES:
        raise bad_request(f"unknown distance: {body['distance']}")
    return engine.EdgeVectorParams(body["size"], DISTANCES[body["distance"]])


def _sparse_params(body: Json) -> engine.EdgeSparseVectorParams:
    modifier = body.get("modifier") or "none"
    if modifier not in MODIFIERS:
        raise bad_request(f"unknown modifier: {modifier}")
    return engine.EdgeSparseVectorParams(modifier=MODIFIERS[modifier])


def _refuse_unsupported(body: Json) -> None:
    for name in UNSUPPORTED:
        if body.get(name) is not None:
            raise bad_request(f"{name} is not supported by the embedded server")
