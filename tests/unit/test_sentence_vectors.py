"""Sentences' vectors in a byte for each number."""

import numpy as np

from rag_workloads.library.sentence_vectors import SentenceVectors


def test_what_is_stored_is_what_is_read_to_a_hundredth() -> None:
    rows = np.random.default_rng(0).normal(size=(5, 384)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    spans = [(start, start + 7) for start in range(0, 50, 10)]
    payload = SentenceVectors(spans, rows).to_payload()
    read = SentenceVectors.from_payload(payload)
    assert read
    assert read.spans == spans
    assert np.abs(read.vectors @ rows.T - rows @ rows.T).max() < 0.01
    assert np.allclose(np.linalg.norm(read.vectors, axis=1), 1)
    assert len(payload["sentence_vectors"]) == 5 * 384 * 4 / 3


def test_a_point_of_an_earlier_release_has_none() -> None:
    assert SentenceVectors.from_payload({"text": "A sentence."}) is None
