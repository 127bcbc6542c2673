"""How much of a question's wording a sentence has, for scripts that an embedding model may not know; pure.

A model made for English takes most Chinese characters for the same unknown token, and its vectors say little
about them; pairs of letters that question and sentence share do. Latin letters are left to the model.
"""

import math
import re
from collections import Counter

FOREIGN = re.compile(r"[^\W\d_a-zA-Z\u00aa-\u024f\u1e00-\u1eff]+")


def shared_letters(question: str, sentences: list[str]) -> list[float]:
    """For each sentence a share from 0 to 1: of the question's pairs of letters, the rarer weigh more."""
    asked = _pairs(question)
    shared = [asked & _pairs(sentence) for sentence in sentences] if asked else [asked for _ in sentences]
    counts = Counter(pair for pairs in shared for pair in pairs)
    weights = {pair: math.log(1 + len(sentences) / count) for pair, count in counts.items()}
    total = sum(weights.values()) or 1
    return [sum(weights[pair] for pair in pairs) / total for pairs in shared]


def _pairs(text: str) -> set[str]:
    runs = FOREIGN.findall(text)
    return {run[at : at + 2] for run in runs for at in range(max(1, len(run) - 1))}
