"""The prompt; pure. Two worked examples, because a small model answers without them from thin air."""

# Few and near sentences: the demo's model has 135 million parameters and loses the thread in whole chunks.
PASSAGE_CHARACTERS = 800

TEMPLATE = """\
Answer the question with one sentence from the passage.

Passage: The library opens at nine on weekdays. It is closed on Sundays and on public holidays.
Question: When is the library closed?
Answer: It is closed on Sundays and on public holidays.

Passage: Every visitor must sign the book at the desk. Bags larger than 40 cm stay in a locker.
Question: Where do large bags stay?
Answer: Bags larger than 40 cm stay in a locker.

Passage: {passage}
Question: {question}
Answer:"""


def build_prompt(question: str, sentences: list[str], budget: int = PASSAGE_CHARACTERS) -> str:
    """Ask about the first `sentences` (nearest first) that fit in `budget` characters; one at least."""
    passage: list[str] = []
    for sentence in sentences:
        if passage and sum(map(len, passage)) + len(sentence) > budget:
            break
        passage.append(sentence[:budget])
    return TEMPLATE.format(passage=" ".join(passage), question=question)
