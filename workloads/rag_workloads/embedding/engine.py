"""What embeds: the model in this process, or a text-embeddings-inference server elsewhere."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from rag_workloads.embedding.settings import EmbeddingSettings
from rag_workloads.library.vectors import Fingerprint

Direction = Literal["left", "right"]


class Lane(IntEnum):
    """Who goes first when a stream is free."""

    QUERY = 0
    BULK = 1


class Overloaded(Exception):
    """Too many texts wait already."""


class InputTooLong(ValueError):
    """A text has more tokens than the model takes."""


class Unsupported(ValueError):
    """This engine cannot do what was asked."""


@dataclass(frozen=True, slots=True)
class Token:
    """One token of a text; `start` and `stop` in characters, None for a special token."""

    id: int
    text: str
    special: bool
    start: int | None
    stop: int | None


class Engine(Protocol):
    """Made by `start`, ended by `close`."""

    fingerprint: Fingerprint

    async def embed(
        self, texts: list[str], lane: Lane, truncate: bool = True, direction: Direction = "right"
    ) -> NDArray[np.float32]:
        """Unit vectors [texts, fingerprint.dimension], in order."""

    async def tokenize(self, texts: list[str], add_special_tokens: bool) -> list[list[Token]]:
        """The tokens of each text."""

    def info(self) -> dict[str, Any]:
        """What /info says of the engine."""

    async def close(self) -> None:
        """Stop work and free what is held."""


async def start_engine(settings: EmbeddingSettings) -> Engine:
    """The engine that the settings name."""
    # Imported as needed: each brings libraries that the other has no use for, and a new pod must start fast.
    if settings.engine == "tei":
        from rag_workloads.embedding.remote_engine import RemoteEngine  # noqa: PLC0415

        return await RemoteEngine.start(settings)
    from rag_workloads.embedding.local_engine import LocalEngine  # noqa: PLC0415

    return await LocalEngine.start(settings)


def shorten(vectors: NDArray[np.float32], dimension: int) -> NDArray[np.float32]:
    """The first `dimension` numbers of each vector, scaled to unit length again."""
    if dimension == vectors.shape[1]:
        return vectors
    if dimension > vectors.shape[1]:
        raise Unsupported(f"dimensions must be at most {vectors.shape[1]}. Given: {dimension}")
    short = vectors[:, :dimension]
    unit: NDArray[np.float32] = short / np.linalg.norm(short, axis=1, keepdims=True)
    return unit
