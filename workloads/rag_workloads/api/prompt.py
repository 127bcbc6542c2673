"""The prompt; pure. It holds no worked examples: a small model copies their answers.

What is nearest to the question stands next to it, where a small model finds it most often.
"""

import math
from collections.abc import Iterator

TEMPLATE = """\
{passage}

Answer the question with one sentence from the text above.

Question: {question}
Answer:"""

# A model that refuses a prompt may take one with a shorter passage; the last has a sixteenth of the first.
TRIES = 5
# Estimates on the safe side, for a small model that was made for English: of its own text it makes a token of
# four characters, of other scripts one of little more than a byte.
ASCII_PER_TOKEN, BYTES_PER_TOKEN = 3, 1.5
# What the server puts around a prompt: the turns of its chat template, a system message.
CHAT_TOKENS = 64


def prompts(question: str, sentences: list[str], characters: int, tokens: int | None) -> Iterator[str]:
    """Prompts about the first `sentences` (nearest first), each with half the passage of the one before.

    The first has a passage of up to `characters`, and no more than is left of `tokens`, if they are known.
    """
    if tokens is not None:
        left = tokens - CHAT_TOKENS - estimated_tokens(TEMPLATE + question)
        characters = min(characters, _characters_of(sentences, left))
    for _ in range(TRIES):
        passage = choose(sentences, characters)
        yield TEMPLATE.format(passage=" ".join(reversed(passage)), question=question)
        characters = sum(map(len, passage)) // 2
        if not characters:
            return


def choose(sentences: list[str], characters: int) -> list[str]:
    """The first sentences that have so many characters together; of the first one, as much as fits."""
    chosen, length = list[str](), 0
    for sentence in sentences:
        length += len(sentence)
        if chosen and length > characters:
            break
        chosen.append(sentence[:characters])
    return chosen


def estimated_tokens(text: str) -> int:
    """How many tokens a text has at most, as far as that can be told without the model."""
    ascii_characters = sum(map(str.isascii, text))
    other_bytes = len(text.encode(errors="replace")) - ascii_characters
    return math.ceil(ascii_characters / ASCII_PER_TOKEN + other_bytes / BYTES_PER_TOKEN)


def _characters_of(sentences: list[str], tokens: int) -> int:
    """How many characters of these sentences fit in so many tokens; one at least."""
    characters = 0
    for sentence in sentences:
        needed = estimated_tokens(sentence)
        if needed > tokens:
            return max(1, characters or len(sentence) * max(0, tokens) // needed)
        characters, tokens = characters + len(sentence), tokens - needed
    return max(1, characters)
