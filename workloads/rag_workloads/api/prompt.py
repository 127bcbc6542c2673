"""The prompt; pure. Two worked examples, because a small model answers without them from thin air."""

TEMPLATE = """\
Answer the question with one sentence from the passage.

Passage: Reports are due on Friday. Late reports go to the deputy, who may refuse them.
Question: When are reports due?
Answer: Reports are due on Friday.

Passage: The key is kept in /etc/app/key. It must be readable by the owner only.
Question: In which file is the key kept?
Answer: The key is kept in the file /etc/app/key.

Passage: {passage}
Question: {question}
Answer:"""


def build_prompt(question: str, sentences: list[str], budget: int) -> str:
    """Ask about the first `sentences` (nearest first) that fit in `budget` characters; one at least."""
    passage: list[str] = []
    for sentence in sentences:
        if passage and sum(map(len, passage)) + len(sentence) > budget:
            break
        passage.append(sentence[:budget])
    return TEMPLATE.format(passage=" ".join(passage), question=question)
