"""What every engine does and raises; `local_engine` and `remote_engine` are two, `engines` picks one."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from rag_workloads.library.collections import Fingerprint
from rag_workloads.library.sentence_vectors import Span

Direction = Literal["left", "right"]


class Lane(IntEnum):
    """Who waits for a text: somebody with a question, or a document."""

    QUERY = 0
    BULK = 1


class EngineUnavailable(Exception):
    """No verdict on the texts: the same call may succeed later."""


class Overloaded(EngineUnavailable):
    """Too much waits already."""


class EngineAway(EngineUnavailable):
    """The engine does not answer, or cannot now."""


class Refused(ValueError):
    """A verdict on the texts or on what was asked: the same call fails again."""


class InputTooLong(Refused):
    """A text has more tokens than the model takes."""


class Unsupported(Refused):
    """This engine cannot do what was asked."""


class InferenceFailed(Exception):
    """The model broke off over these texts, or over others in the same inference."""


@dataclass(frozen=True, slots=True)
class Token:
    """One token of a text; `start` and `stop` in characters, None for a special token."""

    id: int
    text: str
    special: bool
    start: int | None
    stop: int | None


@dataclass(frozen=True, slots=True)
class EmbeddedSpans:
    """Unit vectors [texts, dimension], and of each text those of its spans [spans, dimension].

    `spans` is None where the model does not tell of single tokens.
    """

    vectors: NDArray[np.float32]
    spans: list[NDArray[np.float32]] | None


class Engine(Protocol):
    """Started by its class, ended by `close`. Calls raise EngineUnavailable, Refused or InferenceFailed."""

    fingerprint: Fingerprint

    async def embed(
        self,
        texts: list[str],
        lane: Lane,
        truncate: bool = True,
        direction: Direction = "right",
        prompt_name: str | None = None,
    ) -> NDArray[np.float32]:
        """Unit vectors [texts, fingerprint.dimension], in order.

        Before a text stands the prompt of that name, or, if it is None, what the model wants before the
        texts of the lane.
        """

    async def embed_spans(self, texts: list[str], spans: list[list[Span]]) -> EmbeddedSpans:
        """A document's texts, none of which may be too long, and spans of each, in the same inference.

        A span's vector is the mean of its tokens' states, which know all of the text; without a token it is
        the text's vector.
        """

    async def tokenize(self, texts: list[str], add_special_tokens: bool) -> list[list[Token]]:
        """The tokens of each text."""

    async def count_tokens(self, texts: list[str]) -> int:
        """How many tokens the model reads of all texts together."""

    async def ready(self) -> None:
        """Raise EngineUnavailable if it could not be asked now."""

    def info(self) -> dict[str, Any]:
        """What /info says of the engine."""

    async def close(self) -> None:
        """Stop work and free what is held."""


def shorten(vectors: NDArray[np.float32], dimension: int) -> NDArray[np.float32]:
    """The first `dimension` numbers of each vector, scaled to unit length again.

    Unsupported if there are fewer.
    """
    if dimension == vectors.shape[1]:
        return vectors
    if dimension > vectors.shape[1]:
        raise Unsupported(f"dimensions must be at most {vectors.shape[1]}. Given: {dimension}")
    short = vectors[:, :dimension]
    unit: NDArray[np.float32] = short / np.linalg.norm(short, axis=1, keepdims=True)
    return unit
