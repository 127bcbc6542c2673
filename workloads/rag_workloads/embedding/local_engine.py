"""The engine that runs the model in this process."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag_contract.environment.embedding import EmbeddingSettings
from rag_workloads import tracing
from rag_workloads.embedding.calls import Tokens
from rag_workloads.embedding.cpus import usable_cpus
from rag_workloads.embedding.engine import Direction, EmbeddedSpans, Lane, Token, Unsupported, shorten
from rag_workloads.embedding.lanes import Lanes
from rag_workloads.embedding.model import Model
from rag_workloads.embedding.model_files import ModelFiles
from rag_workloads.embedding.tokenizing import Tokenizing
from rag_workloads.library.collections import Fingerprint
from rag_workloads.library.sentence_vectors import Span


class LocalEngine:
    """The model in this process."""

    def __init__(self, settings: EmbeddingSettings, files: ModelFiles, model: Model) -> None:
        dimension = settings.dimensions or model.dimension
        if dimension > model.dimension:
            raise Unsupported(f"DIMENSIONS is {dimension}, the model's vectors have {model.dimension}")
        self.fingerprint = Fingerprint(
            settings.embedding_model, files.fingerprint(), dimension, files.revision
        )
        self._model, self._description = model, files.description
        self._tokenizing = Tokenizing(files.tokenizer(), files.description.max_tokens)
        self._lanes = Lanes(model, settings.max_batch_tokens, settings.batch_timeout_seconds)
        # One thread: what it explains takes much memory while it does.
        self._explaining = ThreadPoolExecutor(1, "explain")

    @classmethod
    async def start(cls, settings: EmbeddingSettings, revision: str = "") -> "LocalEngine":
        """Load the model off the event loop; one from the hub in `revision`, or the newest if that is ""."""

        def load() -> tuple[ModelFiles, Model]:
            files = ModelFiles.locate(settings.model_path, settings.embedding_model, revision)
            return files, Model(files, settings.precision, usable_cpus())

        return cls(settings, *await asyncio.to_thread(load))

    async def embed(
        self,
        texts: list[str],
        lane: Lane,
        truncate: bool = True,
        direction: Direction = "right",
        prompt_name: str | None = None,
    ) -> NDArray[np.float32]:
        """As `Engine.embed`."""
        prompt = self._description.prompts.text(lane, prompt_name)
        read = partial(self._tokenizing.read, texts, prompt, truncate, direction)
        return (await self._embed(read, lane, len(texts))).vectors

    async def embed_spans(self, texts: list[str], spans: list[list[Span]]) -> EmbeddedSpans:
        """As `Engine.embed_spans`."""
        if not self._model.knows_spans:
            return EmbeddedSpans(await self.embed(texts, Lane.BULK, truncate=False), None)
        read = partial(self._tokenizing.read_spans, texts, spans, self._description.prompts.text(Lane.BULK))
        return await self._embed(read, Lane.BULK, len(texts))

    async def _embed(self, read: Callable[[], list[Tokens]], lane: Lane, texts: int) -> EmbeddedSpans:
        with tracing.embeddings(self.fingerprint.model, "openvino", texts):
            found = await self._lanes.embed(read, lane)
        short = [shorten(vectors, self.fingerprint.dimension) for vectors in found]
        return EmbeddedSpans(np.array([vectors[0] for vectors in short]), [vectors[1:] for vectors in short])

    async def tokenize(self, texts: list[str], add_special_tokens: bool) -> list[list[Token]]:
        """As `Engine.tokenize`."""

        def explain() -> list[list[Token]]:
            return [self._tokenizing.explain(text, add_special_tokens) for text in texts]

        return await asyncio.get_running_loop().run_in_executor(self._explaining, explain)

    async def count_tokens(self, texts: list[str]) -> int:
        """As `Engine.count_tokens`."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._explaining, self._tokenizing.count, texts)

    async def ready(self) -> None:
        """As `Engine.ready`: it can be asked for as long as the process lives."""

    def info(self) -> dict[str, Any]:
        """The model's limits and prompts, and how it runs."""
        return {
            "model_dtype": {"bf16": "bfloat16", "f32": "float32"}[self._model.precision],
            "max_input_length": self._description.max_tokens,
            "prompts": self._description.prompts.texts,
            "streams": self._model.streams,
        }

    async def close(self) -> None:
        """Stop the lanes."""
        await self._lanes.close()
        self._explaining.shutdown()
