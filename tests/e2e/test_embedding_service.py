"""Hugging Face's own client works against the embedding service."""

import numpy as np
import pytest
from demo.pipeline import Pipeline
from huggingface_hub import AsyncInferenceClient

pytestmark = pytest.mark.asyncio(loop_scope="session")

DIMENSION = 384
TEXTS = [
    "A package must have a maintainer.",
    "Every package has to be maintained by someone.",
    "It rains on the sea.",
]


async def test_hugging_face_client_gets_vectors(pipeline: Pipeline) -> None:
    async with pipeline.kube.forward(f"{pipeline.name}-embedding", 8003, pipeline.namespace) as url:
        client = AsyncInferenceClient(model=url)
        vectors = np.concatenate([await client.feature_extraction(text) for text in TEXTS])
    assert vectors.shape == (len(TEXTS), DIMENSION)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-3)
    alike, apart = vectors[0] @ vectors[1], vectors[0] @ vectors[2]
    assert alike > 0.6
    assert apart < 0.3
