"""Cuts a stream of pages into overlapping chunks, counted in the embedding model's tokens; pure.

Every chunk is a slice of the text as it was read, pages joined by a line feed, words that were broken at a
line's end made whole. Cuts fall between sentences if one ends nearby, else between words where the tokenizer
knows words, else between tokens; never within a character.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from tokenizers import Tokenizer

from rag_workloads.jobs.payloads import Chunk
from rag_workloads.worker.hyphens import WordJoiner

PAGE_BREAK = "\n"
# What the tokenizer takes at once: its result is some hundred times as large. No page of a PDF is longer.
SLICE_CHARACTERS = 20_000
# A chunk's tokens are bounded, and so are its characters: some tokenizers take a word of any length for one
# unknown token. Prose has about five characters a token, so it never comes near.
CHARACTERS_A_TOKEN = 16
LEAST_CHARACTERS = 1024
SENTENCE_ENDS, WIDE_SENTENCE_ENDS = ".!?:…؟۔।", "。！？；｡"

# How good a place for a cut is.
WITHIN_CHARACTER, BETWEEN_CHARACTERS, BETWEEN_WORDS, AT_SPACE, BETWEEN_SENTENCES = range(5)


@dataclass(frozen=True, slots=True)
class ChunkerState:
    """What a chunker keeps between two pieces of text.

    `starts`, `ends` and `words` have one entry a token: its characters in `text`, and a number shared by the
    tokens of one word. `pages` and `page_starts` have one a page: its number, and where it begins in `text`.
    """

    text: str = ""
    starts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    words: list[int] = field(default_factory=list)
    pages: list[int] = field(default_factory=list)
    page_starts: list[int] = field(default_factory=list)
    next_word: int = 0
    next_index: int = 0


class Chunker:
    """Takes pages one by one and gives chunks as they fill; keeps only what the next chunk may need."""

    def __init__(
        self,
        tokenizer: Tokenizer,
        size: int,
        overlap: int,
        state: "ChunkerState | None" = None,
        words: Iterable[str] = (),
    ) -> None:
        """`size` and `overlap` in tokens, overlap < size. The tokenizer must neither pad nor truncate.

        With the `state` of an earlier chunker, and all the `words` that it took, it goes on where that was.
        """
        if not 0 <= overlap < size:
            raise ValueError(f"overlap {overlap} must be less than size {size}")
        self._tokenizer, self._size, self._overlap = tokenizer, size, overlap
        self._longest = max(LEAST_CHARACTERS, CHARACTERS_A_TOKEN * size)
        self._joiner = WordJoiner(tokenizer, words)
        state = state or ChunkerState()
        self._text = state.text
        self._starts, self._ends, self._words = state.starts, state.ends, state.words
        self._pages, self._page_starts = state.pages, state.page_starts
        self._next_word, self._next_index = state.next_word, state.next_index

    def state(self) -> "ChunkerState":
        """All that it keeps but the words; its lists must not be changed."""
        return ChunkerState(
            self._text,
            self._starts,
            self._ends,
            self._words,
            self._pages,
            self._page_starts,
            self._next_word,
            self._next_index,
        )

    def take_words(self) -> list[str]:
        """The words that the document has used since the last call, for the first time."""
        return self._joiner.take_new()

    def feed(self, page: int, text: str) -> Iterator[Chunk]:
        """Add a page, or more of it, and give the chunks that are full.

        Exhaust the iterator before the next call. The pieces that `slices` makes of a page give its chunks.
        """
        if page not in self._pages[-1:]:
            self._text += PAGE_BREAK if self._text else ""
            self._pages.append(page)
            self._page_starts.append(len(self._text))
        for piece in slices(self._joiner.join(text)):
            self._append(piece)
            yield from self._full()

    def finish(self) -> Iterator[Chunk]:
        """Give the last chunk: what follows the last cut, and the overlap before it."""
        if self._starts:
            yield self._chunk(0, len(self._starts))

    def _full(self) -> Iterator[Chunk]:
        """Give the chunks that are full, and forget what no later one needs."""
        start = end = 0
        while (limit := self._limit(start)) < len(self._starts):
            if limit <= end:  # an overlap that leaves no room for anything new
                start = end
                continue
            end = self._cut(max(start, end), limit)
            yield self._chunk(start, end)
            start = self._restart(start, end)
        self._forget(start)

    def _append(self, text: str) -> None:
        encoding = self._tokenizer.encode(text, add_special_tokens=False)
        if not encoding.offsets:
            return
        base = len(self._text)
        self._text += text
        words = [self._next_word + (word or 0) for word in encoding.word_ids]
        self._next_word = words[-1] + 1
        offsets = encoding.offsets
        if any(end - start > self._longest // 4 for start, end in offsets):
            offsets, words = self._split(offsets, words)
        self._starts += [base + start for start, _ in offsets]
        self._ends += [base + end for _, end in offsets]
        self._words += words

    def _split(
        self, offsets: list[tuple[int, int]], words: list[int]
    ) -> tuple[list[tuple[int, int]], list[int]]:
        """The tokens with each that is long as several of equal length."""
        short: list[tuple[int, int]] = []
        short_words: list[int] = []
        for (start, end), word in zip(offsets, words, strict=True):
            length = end - start
            parts = 1 + length * 4 // self._longest
            short += [(start + length * i // parts, start + length * (i + 1) // parts) for i in range(parts)]
            short_words += [word] * parts
        return short, short_words

    def _limit(self, start: int) -> int:
        """The first token that is too much for a chunk that begins at token `start`."""
        fitting = (
            bisect_right(self._ends, self._starts[start] + self._longest, lo=start) if self._starts else 0
        )
        return min(start + self._size, max(start + 1, fitting))

    def _cut(self, after: int, limit: int) -> int:
        """Where a full chunk ends, after token `after`: the best place near its limit."""
        nearby = range(limit, max(after, limit - self._size // 4), -1)
        end = max(nearby, key=self._quality, default=limit)
        if self._quality(end) < BETWEEN_WORDS:
            end = max(range(limit, after, -1), key=self._quality)
        return end

    def _restart(self, start: int, end: int) -> int:
        """Where the next chunk begins: the best place in the overlap before `end`, or `end` itself."""
        far = self._ends[end - 1] - self._longest * self._overlap // self._size
        first = max(start + 1, end - self._overlap, bisect_left(self._starts, far, hi=end))
        begin = max(range(first, end), key=self._quality, default=end)
        return begin if self._quality(begin) >= BETWEEN_WORDS else end

    def _quality(self, at: int) -> int:
        """How good a cut before token `at` is."""
        before, after = self._ends[at - 1], self._starts[at]
        if self._words[at] == self._words[at - 1]:
            return BETWEEN_CHARACTERS if after >= before else WITHIN_CHARACTER
        last = self._text[before - 1]
        if last in WIDE_SENTENCE_ENDS or (last in SENTENCE_ENDS and after > before):
            return BETWEEN_SENTENCES
        return AT_SPACE if after > before else BETWEEN_WORDS

    def _chunk(self, start: int, end: int) -> Chunk:
        begin, stop = self._starts[start], self._ends[end - 1]
        first = bisect_right(self._page_starts, begin) - 1
        last = bisect_right(self._page_starts, stop - 1)
        pages = [
            [self._pages[i], max(0, self._page_starts[i] - begin)] for i in range(first, max(last, first + 1))
        ]
        chunk = Chunk(self._next_index, self._text[begin:stop], pages[0][0], pages)
        self._next_index += 1
        return chunk

    def _forget(self, start: int) -> None:
        """Drop the tokens before `start`, with their text and pages."""
        if start == 0:
            return
        base = self._starts[start]
        first = bisect_right(self._page_starts, base) - 1
        self._text = self._text[base:]
        self._starts = [at - base for at in self._starts[start:]]
        self._ends = [at - base for at in self._ends[start:]]
        self._words = self._words[start:]
        self._pages = self._pages[first:]
        self._page_starts = [at - base for at in self._page_starts[first:]]


def slices(text: str) -> Iterator[str]:
    """The text in slices of bounded length, which begin with white space where there is any."""
    start = 0
    while len(text) - start > SLICE_CHARACTERS:
        limit = start + SLICE_CHARACTERS
        end = max(text.rfind(space, start + 1, limit) for space in (" ", "\n"))
        end = end if end > start else limit
        yield text[start:end]
        start = end
    yield text[start:]
