"""The vectors of a chunk's sentences, kept beside the chunk in a byte for each number; pure.

Each row is scaled by its largest magnitude, which is not kept: rows are of length 1 before and after.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

SPANS, VECTORS = "sentence_spans", "sentence_vectors"
LARGEST = np.iinfo(np.int8).max

# Where a piece of a text begins and ends, in characters.
Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class SentenceVectors:
    """Where a chunk's sentences stand in its text, and their unit vectors [sentences, dimension]."""

    spans: list[Span]
    vectors: NDArray[np.float32]

    def to_payload(self) -> dict[str, Any]:
        """The fields of a point that hold them."""
        scales = np.abs(self.vectors).max(axis=1, keepdims=True)
        rows = np.rint(self.vectors / scales * LARGEST).astype(np.int8)
        flat = [offset for span in self.spans for offset in span]
        return {SPANS: flat, VECTORS: base64.b64encode(rows.tobytes()).decode()}

    @classmethod
    def from_payload(cls, payload: Mapping[str, Any]) -> Self | None:
        """The inverse of `to_payload`, to a hundredth; None for a point that has none."""
        if not payload.get(SPANS):
            return None
        flat = payload[SPANS]
        spans = list(zip(flat[::2], flat[1::2], strict=True))
        rows = np.frombuffer(base64.b64decode(payload[VECTORS]), np.int8).astype(np.float32)
        rows = rows.reshape(len(spans), -1)
        return cls(spans, rows / np.linalg.norm(rows, axis=1, keepdims=True))
