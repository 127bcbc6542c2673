"""Texts as tokens that the model takes, and spans of them as tokens."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer

from rag_workloads.embedding.calls import Tokens
from rag_workloads.embedding.engine import Direction, InputTooLong, Token
from rag_workloads.library.sentence_vectors import Span

# Characters that are tokenized together: the tokenizer takes up to 400 bytes for each while it works.
PART_CHARACTERS = 1 << 18


class Tokenizing:
    """Blocking calls, safe from many threads; run them off the event loop."""

    def __init__(self, tokenizer: Tokenizer, max_tokens: int) -> None:
        """A text has at most `max_tokens`, special ones counted."""
        tokenizer.no_padding()
        tokenizer.no_truncation()
        self._tokenizer, self.max_tokens = tokenizer, max_tokens

    def read(self, texts: list[str], prompt: str, truncate: bool, direction: Direction) -> list[Tokens]:
        """Each text behind the prompt; one that is too long loses an end, or InputTooLong."""
        tokens: list[Tokens] = []
        for part in parts(texts, PART_CHARACTERS):
            prompted = [prompt + text for text in part]
            for text, encoding in zip(prompted, self._tokenizer.encode_batch_fast(prompted), strict=True):
                if truncate and len(encoding) > self.max_tokens:
                    encoding = self._truncated(text, direction)  # noqa: PLW2901
                tokens.append(self._tokens(encoding))
        return tokens

    def read_spans(self, texts: list[str], spans: list[list[Span]], prompt: str) -> list[Tokens]:
        """Each text behind the prompt, with its spans; InputTooLong."""
        encodings: list[Encoding] = []
        for part in parts(texts, PART_CHARACTERS):
            encodings += self._tokenizer.encode_batch([prompt + text for text in part])
        return [
            self._tokens(encoding, [(start + len(prompt), end + len(prompt)) for start, end in wanted])
            for encoding, wanted in zip(encodings, spans, strict=True)
        ]

    def explain(self, text: str, add_special_tokens: bool) -> list[Token]:
        """The tokens of a text, for people."""
        encoding: Encoding = self._tokenizer.encode(text, add_special_tokens=add_special_tokens)
        rows = zip(encoding.ids, encoding.tokens, encoding.special_tokens_mask, encoding.offsets, strict=True)
        return [
            Token(
                id,
                token,
                special=bool(special),
                start=None if special else start,
                stop=None if special else stop,
            )
            for id, token, special, (start, stop) in rows
        ]

    def count(self, texts: list[str]) -> int:
        """How many tokens the model reads of all texts together, without a prompt."""
        return sum(map(len, self.read(texts, "", truncate=True, direction="right")))

    def _truncated(self, text: str, direction: Direction) -> Encoding:
        encoding = self._tokenizer.encode(text, add_special_tokens=False)
        special = self._tokenizer.num_special_tokens_to_add(False)
        encoding.truncate(self.max_tokens - special, direction=direction)
        return self._tokenizer.post_process(encoding)

    def _tokens(self, encoding: Encoding, spans: Sequence[Span] = ()) -> Tokens:
        if (length := len(encoding)) > self.max_tokens:
            raise InputTooLong(f"inputs must have at most {self.max_tokens} tokens. Given: {length}")
        return Tokens(np.array(encoding.ids, np.int32), tokens_in(encoding, spans))


def tokens_in(encoding: Encoding, spans: Sequence[Span]) -> NDArray[np.bool_]:
    """Which tokens share a character with each span: [spans, tokens]. A special token has no characters."""
    if not spans:
        return np.empty((0, len(encoding)), np.bool_)
    starts, ends = np.array(encoding.offsets).T
    first, last = np.array(spans).T[:, :, None]
    found: NDArray[np.bool_] = (starts < last) & (ends > first)
    return found


def parts(texts: list[str], characters: int) -> Iterator[list[str]]:
    """`texts` in order, in lists of at most so many characters, or of one text."""
    part: list[str] = []
    room = characters
    for text in texts:
        if part and len(text) > room:
            yield part
            part, room = [], characters
        part.append(text)
        room -= len(text)
    if part:
        yield part
