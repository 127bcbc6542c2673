"""The collections of a pipeline in Qdrant: which model made their vectors, and whose they are.

A Qdrant server may hold those of many pipelines, and two of one while its documents are embedded anew: what
a collection says of itself is checked before it is used.
"""

import contextlib
import copy
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Self

import httpx
from qdrant_client import AsyncQdrantClient, models
from qdrant_client.http.exceptions import ApiException, ResponseHandlingException, UnexpectedResponse

TIMEOUT_SECONDS = 60
# Servers close what was idle for five seconds, and a request that is just sent with it.
CONNECTIONS = httpx.Limits(max_connections=100, keepalive_expiry=4)
CONFLICT, NOT_FOUND = 409, 404
# The statuses of a request that would be refused again.
REFUSED = {400, CONFLICT, 413, 422}
INDEXES = {
    "document_id": models.PayloadSchemaType.KEYWORD,
    "generation": models.PayloadSchemaType.INTEGER,
    "active": models.PayloadSchemaType.BOOL,
    "chunk_index": models.PayloadSchemaType.INTEGER,
    "file_name": models.PayloadSchemaType.KEYWORD,
    "tags": models.PayloadSchemaType.KEYWORD,
}
# The sparse vector of a chunk's words. Collections of earlier releases have none: their points are found by
# meaning only.
WORDS = "text"


class VectorStoreError(Exception):
    """Qdrant refused a request."""


class VectorStoreAway(VectorStoreError):
    """Qdrant cannot be reached or used now, is too slow or too busy: the same request may succeed later."""


class CollectionRefused(VectorStoreError):
    """The collection belongs to another pipeline, or holds another model's vectors."""


class CollectionTaken(VectorStoreAway):
    """The collection belongs to another index of this pipeline, which is to be dropped first."""


class CollectionMissing(VectorStoreAway):
    """There is no such collection."""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Which model made a collection's vectors: its id, a hash of its weights, and the vectors' length.

    `revision` is the commit of the model's repository on the hub, "" for a model that is in an image.
    """

    model: str
    fingerprint: str
    dimension: int
    revision: str = ""


class Collections:
    """The collections of one pipeline; methods without a collection mean the present one.

    Raises VectorStoreError. A collection that is not there is empty; one of another owner is not touched.
    """

    def __init__(
        self, url: str, api_key: str | None, collection: str, owner: str, index: str | None = None
    ) -> None:
        """`owner` names the pipeline among all that may share the Qdrant server.

        `index` is the id of the pipeline's index that the collection belongs to, None for the first one.
        """
        self._client = AsyncQdrantClient(
            url=url, api_key=api_key, timeout=TIMEOUT_SECONDS, check_compatibility=False, limits=CONNECTIONS
        )
        self.collection, self._owner, self._index = collection, owner, index
        # Those that are known to be ours, with whether their points have words.
        self._owned: dict[str, bool] = {}

    def beside(self, collection: str, index: str | None) -> Self:
        """The same for another index, over the same connections."""
        other = copy.copy(self)
        other.collection, other._index, other._owned = collection, index, {}
        return other

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()

    async def ready(self) -> None:
        """Raise if Qdrant does not answer."""
        with errors():
            await self._client.collection_exists(self.collection)

    async def revision(self) -> str:
        """The hub's revision of the model that the present collection was made with; "" if it names none."""
        return str((await self._metadata(self.collection) or {}).get("revision", ""))

    async def has_words(self, collection: str | None = None) -> bool:
        """Whether the points of a collection of ours have words; True of one that is not there yet."""
        name = collection or self.collection
        return not await self._is_ours(name) or self._owned[name]

    async def ensure(self, fingerprint: Fingerprint, *, create: bool = True) -> None:
        """Create the present collection if it is not there, and check that it is this index's and model's.

        Safe to call from many pods at once. Raises CollectionRefused, CollectionTaken, and without `create`
        CollectionMissing.
        """
        with errors():
            if not await self._client.collection_exists(self.collection):
                if not create:
                    raise CollectionMissing(f"there is no collection {self.collection!r} yet")
                await self._create(fingerprint)
            await self._check(fingerprint)
            for field, schema in INDEXES.items():
                await self._client.create_payload_index(self.collection, field, schema)

    async def drop(self) -> None:
        """Delete the present collection, if it is there and this index's."""
        metadata = await self._metadata(self.collection)
        if metadata and metadata.get("owner") == self._owner and metadata.get("index") == self._index:
            with errors():
                await self._client.delete_collection(self.collection)
        self._owned.pop(self.collection, None)

    async def _create(self, fingerprint: Fingerprint) -> None:
        size, distance = fingerprint.dimension, models.Distance.COSINE
        index = {"index": self._index} if self._index else {}
        try:
            await self._client.create_collection(
                self.collection,
                vectors_config=models.VectorParams(size=size, distance=distance),
                sparse_vectors_config={WORDS: models.SparseVectorParams(modifier=models.Modifier.IDF)},
                metadata={**asdict(fingerprint), "owner": self._owner, **index},
            )
        except UnexpectedResponse as error:
            if error.status_code != CONFLICT:
                raise

    async def _check(self, fingerprint: Fingerprint) -> None:
        self._owned.pop(self.collection, None)
        await self._is_ours(self.collection)
        found = await self._metadata(self.collection) or {}
        for what in ("model", "dimension", "fingerprint"):  # a condition has room for one
            made_by, ours = found.get(what), getattr(fingerprint, what)
            if made_by != ours:
                raise CollectionRefused(
                    f"collection {self.collection!r} was made by {what} {made_by!r}, this is {ours!r}: "
                    "set vectorStore.collection to a new name, or set the model back"
                )
        if "owner" not in found:  # made by a release that named none
            await self._client.update_collection(self.collection, metadata={"owner": self._owner})

    async def _is_ours(self, collection: str) -> bool:
        """Whether the collection is there; CollectionRefused if it is another's. Asked once."""
        if collection in self._owned:
            return True
        config = await self._config(collection)
        if config is None:
            return False
        metadata = config.metadata or {}
        if "fingerprint" not in metadata:
            raise CollectionRefused(
                f"collection {collection!r} was not made by a RagPipeline: "
                "set vectorStore.collection to another name"
            )
        if (owner := metadata.get("owner", self._owner)) != self._owner:
            raise CollectionRefused(
                f"collection {collection!r} belongs to the pipeline {owner}, this is {self._owner}: "
                "set vectorStore.collection to another name"
            )
        if (index := metadata.get("index")) != self._index:
            raise CollectionTaken(
                f"collection {collection!r} belongs to {index or 'the first index'} of this pipeline until "
                "that is dropped; if it is not, set vectorStore.collection to another name"
            )
        self._owned[collection] = WORDS in (config.params.sparse_vectors or {})
        return True

    async def _metadata(self, collection: str) -> dict[str, Any] | None:
        """What a collection says of itself; None if there is no such collection."""
        config = await self._config(collection)
        return None if config is None else config.metadata or {}

    async def _config(self, collection: str) -> models.CollectionConfig | None:
        with errors():
            try:
                return (await self._client.get_collection(collection)).config
            except UnexpectedResponse as error:
                if error.status_code != NOT_FOUND:
                    raise
                return None


@contextlib.contextmanager
def errors() -> Iterator[None]:
    """The client's errors as ours: away, or refused."""
    try:
        yield
    except UnexpectedResponse as error:
        # All others say nothing of the request: a key is wrong, or the collection is gone for now.
        kind = VectorStoreError if error.status_code in REFUSED else VectorStoreAway
        raise kind(f"Qdrant answered {error}") from error
    except (ResponseHandlingException, ApiException, TimeoutError) as error:
        raise VectorStoreAway(f"Qdrant does not answer: {error or type(error).__name__}") from error
