"""What becomes of the chunks that a search found: ranked anew, without near-duplicates; pure."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from rag_workloads.library.points import Hit
from rag_workloads.text.near_duplicates import Wording, near_duplicates, wording

# Numbers that differ by less are the same but for rounding.
LEAST_SPREAD = 1e-6


def by_sentences(question: NDArray[np.float32], hits: list[Hit]) -> list[Hit] | None:
    """Ranked by all that is known of them: their cosines, that of their nearest sentences, and their words.

    Each counts as much as the others once it is in standard deviations of these hits, as models differ in how
    far apart cosines lie. None if there are some whose sentences are not stored.
    """
    stored = [hit.sentences.vectors for hit in hits if hit.sentences]
    if len(stored) < len(hits) or not hits:
        return None
    cosines = _standardized([hit.scores.cosine or 0 for hit in hits])
    nearest = _standardized([float((vectors @ question).max()) for vectors in stored])
    words = _standardized([hit.scores.bm25 or 0 for hit in hits])
    return ranked(hits, (cosines + nearest + words).tolist())


def _standardized(values: list[float]) -> NDArray[np.float64]:
    """How many standard deviations each is above the mean; all 0 where none differs."""
    away = np.array(values) - np.mean(values)
    spread = away.std()
    return away / spread if spread > LEAST_SPREAD else np.zeros(len(values))


def ranked(hits: list[Hit], scores: Iterable[float]) -> list[Hit]:
    """The hits with these scores, the largest first; those with the same one stay as they were."""
    scored = [
        replace(hit, scores=replace(hit.scores, rerank=score))
        for hit, score in zip(hits, scores, strict=True)
    ]
    return sorted(scored, key=lambda hit: -(hit.scores.rerank or 0))


def distinct(hits: list[Hit], most: int) -> list[Hit]:
    """The first so many hits, leaving out those that say again what one before them says."""
    kept, wordings = list[Hit](), list[Wording]()
    for hit in hits:
        if len(kept) == most:
            break
        its = wording(hit.text)
        if not any(near_duplicates(its, other) for other in wordings):
            kept.append(hit)
            wordings.append(its)
    return kept
