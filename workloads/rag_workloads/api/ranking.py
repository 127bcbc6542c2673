"""What becomes of the chunks that a search found: ranked anew, without near-duplicates; pure."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from rag_workloads.library.points import Hit
from rag_workloads.text.near_duplicates import Wording, near_duplicates, wording

# Beside the cosine of the chunk; both are from questions to four manuals, and little depends on either.
SENTENCE_WEIGHT = 0.5
WORDS_WEIGHT = 0.25


def by_sentences(question: NDArray[np.float32], hits: list[Hit]) -> list[Hit] | None:
    """Ranked by all that is known of them: they, their nearest sentence, and their words.

    None if there are some whose sentences are not stored.
    """
    stored = [hit.sentences.vectors for hit in hits if hit.sentences]
    if len(stored) < len(hits) or not hits:
        return None
    cosines = np.array([hit.scores.cosine or 0 for hit in hits])
    nearest = np.array([(vectors @ question).max() for vectors in stored])
    words = np.array([hit.scores.bm25 or 0 for hit in hits])
    by_words = words / (words.max() or 1)
    return ranked(hits, (cosines + SENTENCE_WEIGHT * nearest + WORDS_WEIGHT * by_words).tolist())


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
