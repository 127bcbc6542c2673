"""The prompt; pure. It holds no worked examples: a small model copies their answers.

What is nearest to the question stands next to it, where a small model finds it most often.
"""

TEMPLATE = """\
{passage}

Answer the question with one sentence from the text above.

Question: {question}
Answer:"""


def build_prompt(question: str, sentences: list[str], budget: int) -> str:
    """Ask about the first `sentences` (nearest first) that fit in `budget` characters; one at least."""
    passage: list[str] = []
    for sentence in sentences:
        if passage and sum(map(len, passage)) + len(sentence) > budget:
            break
        passage.append(sentence[:budget])
    return TEMPLATE.format(passage=" ".join(reversed(passage)), question=question)
