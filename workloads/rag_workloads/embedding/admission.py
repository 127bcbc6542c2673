"""How much of what clients send may be held in memory at once."""

import contextlib
from collections.abc import Iterator, Sequence

from rag_workloads.embedding.engine import Overloaded


class Admission:
    """Counts the texts that are held, and their characters, which bound their bytes and tokens too."""

    def __init__(self, max_texts: int, max_characters: int) -> None:
        self._max_texts, self._max_characters = max_texts, max_characters
        self._texts = self._characters = 0

    @contextlib.contextmanager
    def permit(self, texts: Sequence[str]) -> Iterator[None]:
        """Hold `texts` until the block ends, however it does; Overloaded if there is no room for them.

        Counted before the caller's first await, so that calls that come together see one another.
        """
        characters = sum(map(len, texts))
        if self._texts + len(texts) > self._max_texts or self._characters + characters > self._max_characters:
            raise Overloaded(f"{self._texts} texts of {self._characters} characters wait already")
        self._texts += len(texts)
        self._characters += characters
        try:
            yield
        finally:
            self._texts -= len(texts)
            self._characters -= characters
