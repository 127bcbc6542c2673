"""A prompt that is to fit the context of a model together with its answer; pure."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Self

from rag_workloads.api import prompt
from rag_workloads.api.evidence import Source

# What a server puts around a prompt: the turns of its chat template, a system message.
CHAT_TOKENS = 64
# What is cut off besides where the length of a refused prompt is known: tokens differ in length.
MARGIN = 0.05


@dataclass(frozen=True)
class Draft:
    """A template's parts, and how much is to be asked about and answered: in characters, and in tokens.

    What a client instructs stands before the template.
    """

    instructions: str
    template: str | None
    parts: dict[str, str]
    sources: list[Source]
    characters: int
    max_tokens: int

    def written(self) -> str:
        """The prompt."""
        return self._about(prompt.passages(prompt.choose(self.sources, self.characters)))

    def within(self, context: int, tokens: Callable[[str], int]) -> Self:
        """The same with as much as fits a context, by an estimate of what texts have.

        Half of the context at most is for the answer: else there were no room to ask about anything.
        """
        max_tokens = min(self.max_tokens, context // 2)
        left = context - max_tokens - CHAT_TOKENS - tokens(self._about(prompt.passages([])))
        fitting = _characters(self.sources, left, tokens)
        return replace(self, characters=min(self.characters, fitting), max_tokens=max_tokens)

    def shortened(self, length: int, tokens: int | None, context: int | None) -> Self | None:
        """What to ask instead, as a prompt of such a length was refused; None if nothing is left.

        Where it is not told how many tokens were too many, half of the sentences.
        """
        chosen = sum(len(source.text) for source in prompt.choose(self.sources, self.characters))
        left, max_tokens = chosen // 2, min(self.max_tokens, context // 2 if context else self.max_tokens)
        if tokens and context and tokens > context - max_tokens:
            fitting = length * (context - max_tokens) / tokens * (1 - MARGIN)
            left = chosen - math.ceil(length - fitting)
        return replace(self, characters=left, max_tokens=max_tokens) if left > 0 else None

    def _about(self, passages: str) -> str:
        filled = prompt.fill(self.template, passages=passages, **self.parts)
        return f"{self.instructions}\n\n{filled}" if self.instructions else filled


def _characters(sources: list[Source], tokens: int, count: Callable[[str], int]) -> int:
    """How many characters of these sentences have no more than so many tokens; one at least."""
    characters = 0
    for source in sources:
        needed = count(source.text)
        if needed > tokens:
            return max(1, characters or len(source.text) * max(0, tokens) // needed)
        characters, tokens = characters + len(source.text), tokens - needed
    return max(1, characters)
