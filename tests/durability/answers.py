"""Questions whose answers must be the same whatever happened on the way."""

import random
from collections.abc import Mapping

from rag_cli.answers import Citation
from rag_cli.client import Client
from tests.durability.stores import Expected

QUESTIONS = 20
WORDS = 20
# Texts of one inference are padded to one length, and which meet there differs from run to run.
NOISE = 0.01

Answers = dict[str, list[Citation]]


def questions(expected: Mapping[str, Expected], seed: int) -> list[str]:
    """Returns runs of words out of chunks that a generator of this seed chooses."""
    texts = [passage.text for each in expected.values() for passage in each.passages]
    chosen = random.Random(seed).sample(texts, QUESTIONS)
    return [" ".join(text.split()[:WORDS]) for text in chosen]


async def ask(client: Client, asked: list[str]) -> Answers:
    """Returns the citations of every question, best first."""
    return {question: (await client.answer(question)).citations for question in asked}


def differences(undisturbed: Answers, disturbed: Answers) -> list[str]:
    """Returns the questions whose answers differ by more than the noise of the last place."""
    return [
        f"{question!r}: {_shown(before)} became {_shown(after)}"
        for question, before in undisturbed.items()
        if not same(before, after := disturbed[question])
    ]


def same(before: list[Citation], after: list[Citation]) -> bool:
    """Whether what stands firmly in one answer stands in the other, with the same quote and score."""
    floor = max(min((_score(c) for c in each), default=0.0) for each in (before, after)) + NOISE
    return len(before) == len(after) and _firm(before, floor, after) and _firm(after, floor, before)


def _firm(these: list[Citation], floor: float, those: list[Citation]) -> bool:
    others = {c.chunk_id: c for c in those}
    return all(
        (other := others.get(c.chunk_id)) is not None
        and other.quote == c.quote
        and abs(_score(other) - _score(c)) <= NOISE
        for c in these
        if _score(c) > floor
    )


def _score(citation: Citation) -> float:
    """A pipeline that gives out no scores is none of those that are tested."""
    assert citation.score is not None
    return citation.score


def _shown(citations: list[Citation]) -> str:
    return ", ".join(f"{c.chunk_id} ({_score(c):.3f})" for c in citations) or "nothing"
