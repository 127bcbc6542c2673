"""The HTTP contracts: ours, text-embeddings-inference's and OpenAI's.

Requests go ahead of the queue's batches; those to /embed/batch take their turn with them. The texts of
a request are counted before anything is done with them, and refused as overload where too many are in work.
A model's prompts are put before them: the one for documents in /embed/batch, else the one for questions,
unless `prompt_name` names another.
"""

import base64
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import asdict
from typing import Any

import numpy as np
import orjson
from fastapi import APIRouter, FastAPI, Response, Security
from numpy.typing import NDArray

from rag_contract.api_keys import Scope
from rag_contract.endpoints import EMBEDDING_PATH
from rag_contract.environment.embedding import EmbeddingSettings
from rag_workloads.embedding.admission import Admission
from rag_workloads.embedding.engine import Engine, Lane, Unsupported, shorten
from rag_workloads.embedding.schemas import (
    MAX_CHARACTERS,
    MAX_TEXTS,
    BatchRequest,
    OpenAiRequest,
    TeiRequest,
    TextRequest,
    Texts,
    TokenizeRequest,
)
from rag_workloads.embedding.tei_errors import EmbeddingRoute, OpenAiRoute, TeiError, TeiRoute
from rag_workloads.web.auth import authorize
from rag_workloads.web.problems import Problem, responses
from rag_workloads.web.service import check_ready

# Of all requests that are in work on one lane; one of the greatest size has room.
MAX_WAITING_CHARACTERS = 8 << 20
MAX_QUERY_TEXTS = MAX_TEXTS
MAX_BULK_TEXTS = 2 * MAX_TEXTS


class Routes:
    """Handlers over an engine that may still be starting."""

    def __init__(
        self,
        settings: EmbeddingSettings,
        engine: Callable[[], Engine],
        answers: Callable[[], Awaitable[None]],
    ) -> None:
        """`engine` raises TeiError until it is there; `answers` raises whatever keeps it from its work."""
        self._settings, self._engine, self._answers = settings, engine, answers
        self._admission = {
            Lane.QUERY: Admission(MAX_QUERY_TEXTS, MAX_WAITING_CHARACTERS),
            Lane.BULK: Admission(MAX_BULK_TEXTS, MAX_WAITING_CHARACTERS),
        }
        # Of texts that are explained token by token: a kilobyte for each character, at worst.
        self._explained = Admission(MAX_QUERY_TEXTS, MAX_CHARACTERS)

    def install(self, app: FastAPI) -> None:
        """Add the routes to the app: at its root for the pipeline's own, and where others send a key."""
        # A route knows the prefix of its own router alone, and metrics tell requests apart by it.
        asked = {
            "prefix": EMBEDDING_PATH,
            "dependencies": [Security(authorize, scopes=[Scope.QUERY])],
            "responses": responses(401, 403, 429),
        }
        for router in (*self._routers(), *self._routers(**asked)):
            app.include_router(router)

    def _routers(self, **options: Any) -> Iterator[APIRouter]:
        router = APIRouter(route_class=EmbeddingRoute, **options)
        router.post("/embed")(self.embed)
        router.post("/")(self.embed_tei)
        router.post("/embed/batch")(self.embed_batch)
        yield router
        router = APIRouter(route_class=OpenAiRoute, **options)
        router.post("/v1/embeddings")(self.embed_openai)
        yield router
        router = APIRouter(route_class=TeiRoute, **options)
        router.post("/tokenize")(self.tokenize)
        router.get("/info")(self.info)
        router.get("/health")(self.health)
        yield router

    async def embed(self, request: TextRequest | TeiRequest) -> Response:
        """{"text"} → {"vector", "dimension"}; {"inputs"} → [[float, ...], ...]."""
        if isinstance(request, TeiRequest):
            return await self.embed_tei(request)
        with self._admission[Lane.QUERY].permit([request.text]):
            (vector,) = await self._engine().embed([request.text], Lane.QUERY)
            return _json({"vector": vector, "dimension": len(vector)})

    async def embed_tei(self, request: TeiRequest) -> Response:
        """{"inputs"} → [[float, ...], ...]."""
        if not request.normalize:
            raise Unsupported("normalize=false is not supported: vectors have unit length")
        texts = self._checked(request.inputs)
        with self._admission[Lane.QUERY].permit(texts):
            vectors = await self._engine().embed(
                texts, Lane.QUERY, request.truncate, request.direction, request.prompt_name
            )
            return _json(_cut(vectors, request.dimensions))

    async def embed_batch(self, request: BatchRequest) -> Response:
        """{"texts", "batch_size"?} → {"vectors", "count"}."""
        with self._admission[Lane.BULK].permit(request.texts):
            vectors = await self._engine().embed(request.texts, Lane.BULK)
            return _json({"vectors": vectors, "count": len(vectors)})

    async def embed_openai(self, request: OpenAiRequest) -> Response:
        """{"input"} → OpenAI's list of embeddings."""
        texts = self._checked(request.input)
        engine = self._engine()
        with self._admission[Lane.QUERY].permit(texts):
            vectors = _cut(await engine.embed(texts, Lane.QUERY), request.dimensions)
            tokens = await engine.count_tokens(texts)
            encode = _base64 if request.encoding_format == "base64" else _same
            data = [
                {"object": "embedding", "index": at, "embedding": encode(vector)}
                for at, vector in enumerate(vectors)
            ]
            usage = {"prompt_tokens": tokens, "total_tokens": tokens}
            return _json(
                {"object": "list", "data": data, "model": self._settings.embedding_model, "usage": usage}
            )

    async def tokenize(self, request: TokenizeRequest) -> Response:
        """{"inputs", "add_special_tokens"?} → [[{"id", "text", "special", "start", "stop"}, ...], ...]."""
        texts = self._checked(request.inputs)
        if (characters := sum(map(len, texts))) > MAX_CHARACTERS:
            raise TeiError(
                "Validation", f"inputs must have at most {MAX_CHARACTERS} characters. Given: {characters}"
            )
        with self._explained.permit(texts):
            tokens = await self._engine().tokenize(texts, request.add_special_tokens)
            return _json([[asdict(token) for token in text] for text in tokens])

    async def info(self) -> dict[str, Any]:
        """Which model this is, and its limits."""
        engine = self._engine()
        return {
            "model_id": engine.fingerprint.model,
            "model_sha": engine.fingerprint.fingerprint,
            "dimension": engine.fingerprint.dimension,
            "max_batch_tokens": self._settings.max_batch_tokens,
            **engine.info(),
            "max_client_batch_size": self._settings.max_client_batch_size,
        }

    async def health(self) -> Response:
        """200 when the model can be asked and the collection is its own, else 503."""
        try:
            await check_ready(self._answers)
        except Problem as problem:
            return TeiError("Unhealthy", problem.detail).response()
        return _json({"status": "healthy", "model": self._settings.embedding_model})

    def _checked(self, inputs: Texts) -> list[str]:
        texts = [inputs] if isinstance(inputs, str) else inputs
        if not texts or not all(texts):
            raise TeiError("Empty", "`inputs` cannot be empty")
        if len(texts) > (limit := self._settings.max_client_batch_size):
            raise TeiError("Validation", f"batch size {len(texts)} > maximum allowed batch size {limit}")
        return texts


def _cut(vectors: NDArray[np.float32], dimensions: int | None) -> NDArray[np.float32]:
    return vectors if dimensions is None else shorten(vectors, dimensions)


def _same(vector: NDArray[np.float32]) -> NDArray[np.float32]:
    return vector


def _base64(vector: NDArray[np.float32]) -> str:
    return base64.b64encode(np.ascontiguousarray(vector, "<f4").tobytes()).decode()


def _json(content: Any) -> Response:
    """Numpy goes to JSON without a detour by Python's numbers."""
    return Response(orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY), media_type="application/json")
