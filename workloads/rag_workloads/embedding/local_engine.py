"""The engine that runs the model in this process."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag_contract.environment.embedding import EmbeddingSettings
from rag_workloads import tracing
from rag_workloads.embedding.cpus import usable_cpus
from rag_workloads.embedding.engine import Direction, Lane, Token, Unsupported, shorten
from rag_workloads.embedding.lanes import Lanes
from rag_workloads.embedding.model import Model
from rag_workloads.embedding.model_files import ModelFiles
from rag_workloads.library.collections import Fingerprint


class LocalEngine:
    """The model in this process."""

    def __init__(self, settings: EmbeddingSettings, model: Model) -> None:
        dimension = settings.dimensions or model.dimension
        if dimension > model.dimension:
            raise Unsupported(f"DIMENSIONS is {dimension}, the model's vectors have {model.dimension}")
        self.fingerprint = Fingerprint(settings.embedding_model, model.fingerprint, dimension, model.revision)
        self._model = model
        self._lanes = Lanes(model, settings.max_batch_tokens, settings.batch_timeout_seconds)
        # One thread: what it explains takes much memory while it does.
        self._explaining = ThreadPoolExecutor(1, "explain")

    @classmethod
    async def start(cls, settings: EmbeddingSettings, revision: str = "") -> "LocalEngine":
        """Load the model off the event loop; one from the hub in `revision`, or the newest if that is ""."""

        def load() -> Model:
            files = ModelFiles.locate(settings.model_path, settings.embedding_model, revision)
            return Model(files, settings.precision, usable_cpus())

        return cls(settings, await asyncio.to_thread(load))

    async def embed(
        self, texts: list[str], lane: Lane, truncate: bool = True, direction: Direction = "right"
    ) -> NDArray[np.float32]:
        """As `Engine.embed`."""
        with tracing.embeddings(self.fingerprint.model, "openvino", len(texts)):
            vectors = await self._lanes.embed(texts, lane, truncate, direction)
        return shorten(vectors, self.fingerprint.dimension)

    async def tokenize(self, texts: list[str], add_special_tokens: bool) -> list[list[Token]]:
        """As `Engine.tokenize`."""

        def explain() -> list[list[Token]]:
            return [self._model.explain(text, add_special_tokens) for text in texts]

        return await asyncio.get_running_loop().run_in_executor(self._explaining, explain)

    async def count_tokens(self, texts: list[str]) -> int:
        """As `Engine.count_tokens`."""
        loop = asyncio.get_running_loop()
        tokens = await loop.run_in_executor(self._explaining, self._model.tokenize, texts)
        return sum(map(len, tokens))

    def info(self) -> dict[str, Any]:
        """The model's limits, and how it runs."""
        return {
            "model_dtype": {"bf16": "bfloat16", "f32": "float32"}[self._model.precision],
            "max_input_length": self._model.max_tokens,
            "streams": self._model.streams,
        }

    async def close(self) -> None:
        """Stop the lanes."""
        await self._lanes.close()
        self._explaining.shutdown()
