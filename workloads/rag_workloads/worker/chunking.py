"""Cuts a stream of blocks into overlapping chunks, counted in the embedding model's tokens; pure.

Every chunk is a slice of the text as it was read, with the words made whole that were broken at a line's end,
and a line feed between pages over which a sentence may run. It begins with a heading where one is near, else
cuts fall between blocks, sentences or words, the best that is near enough. A row of a table is cut only if it
is longer than a chunk, and then between its cells. What a chunk stands under is told beside it, and counts
towards the model's limit.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from rag_workloads.jobs.payloads import Chunk
from rag_workloads.worker.context import Context, Contexts, standing_under
from rag_workloads.worker.hyphens import WordJoiner
from rag_workloads.worker.measure import Measure
from rag_workloads.worker.pages import Block, gap
from rag_workloads.worker.pieces import Piece
from rag_workloads.worker.places import Place, before_block, between_words, runs_on
from rag_workloads.worker.tokens import Tokens

PAGE_BREAK = "\n"
# A chunk's tokens are bounded, and so are its characters: some tokenizers take a word of any length for one
# unknown token. Prose has about five characters a token, so it never comes near.
CHARACTERS_A_TOKEN = 16
LEAST_CHARACTERS = 1024
# Of the tokens that a chunk may have, what is put before its text takes at most so many.
CONTEXT_SHARE = 1 / 3
# What share of a chunk may be given up to end it at a place so good, or better; tried in this order.
REACH = (
    (Place.BEFORE_HEADING, 1 / 2),
    (Place.BEFORE_BLOCK, 1 / 2),
    (Place.BETWEEN_SENTENCES, 1 / 2),
    (Place.BETWEEN_WORDS, 1 / 4),
    *((place, 1) for place in sorted(Place, reverse=True) if place <= Place.BETWEEN_WORDS),
)


@dataclass(frozen=True, slots=True)
class Begun:
    """A block that begins at `start` in the chunker's text, and the headings, with levels, that it is under.

    Only a heading has its text here, too.
    """

    start: int
    block: Block
    headings: list[tuple[int, str]]


@dataclass(slots=True)
class ChunkerState:
    """What a chunker keeps between two blocks: the newest tokens, and what they are of.

    `pages` and `page_starts` have one entry a page: its number, and where it begins in the tokens' text.
    """

    tokens: Tokens = field(default_factory=Tokens)
    pages: list[int] = field(default_factory=list)
    page_starts: list[int] = field(default_factory=list)
    blocks: list[Begun] = field(default_factory=list)
    next_index: int = 0


class Chunker:
    """Takes blocks one by one and gives chunks as they fill; keeps only what the next chunk may need."""

    def __init__(
        self,
        measure: Measure,
        size: int,
        overlap: int,
        state: ChunkerState | None = None,
        words: Iterable[str] = (),
    ) -> None:
        """`size` and `overlap` in tokens of text, overlap < size.

        With the `state` of an earlier chunker, and all the `words` that it took, it goes on where that was.
        """
        if not 0 <= overlap < size:
            raise ValueError(f"overlap {overlap} must be less than size {size}")
        self._measure, self._room = measure, measure.room
        self._size = min(size, self._room)
        self._overlap = min(overlap, self._size - 1)
        self._contexts = Contexts(measure, int(self._size * CONTEXT_SHARE))
        self._longest = max(LEAST_CHARACTERS, CHARACTERS_A_TOKEN * size)
        self._joiner = WordJoiner(measure.tokenizer, words)
        self.state = state or ChunkerState()
        """All that it keeps, but the words."""
        self._tokens = self.state.tokens

    def take_words(self) -> list[str]:
        """The words that the document has used since the last call, for the first time."""
        return self._joiner.take_new()

    def feed(self, page: int, piece: Piece) -> Iterator[Chunk]:
        """Add a piece of a page, and give the chunks that are full.

        Exhaust the iterator before the next call.
        """
        for block in piece.blocks:
            text = self._joiner.join(block.text)
            if piece.goes_on:
                self._append(text)
            else:
                self._begin(page, block, text)
            yield from self._chunks()

    def finish(self) -> Iterator[Chunk]:
        """Give the last chunks: what follows the last cut, and the overlap before it."""
        yield from self._chunks(last=True)

    def _begin(self, page: int, block: Block, text: str) -> None:
        """Add a block that follows another one of its page, or one of a page before."""
        state, tokens = self.state, self._tokens
        above = state.blocks[-1] if state.blocks else None
        over = above.block if above else None
        place = before_block(block, over)
        between = gap(over.kind, block.kind) if over else ""
        if page not in state.pages[-1:]:
            if tokens.text and above and over and over.kind == block.kind == "paragraph":
                if state.pages[-1] == page - 1 and runs_on(tokens.text[max(0, above.start) :], text):
                    between = PAGE_BREAK
                place = between_words(tokens.text, len(tokens.text), len(tokens.text) + 1, block)
            state.pages.append(page)
            state.page_starts.append(len(tokens.text) + len(between))
        start = len(tokens.text) + len(between)
        headings = standing_under(block, over, above.headings if above else [])
        kept = block if block.kind == "heading" else replace(block, text="")
        state.blocks.append(Begun(start, kept, headings))
        self._append(between + text)
        tokens.open_block(start, place)

    def _append(self, text: str) -> None:
        """Add text of the newest block."""
        encoding = self._measure.tokenizer.encode(text, add_special_tokens=False)
        self._tokens.append(text, encoding, self.state.blocks[-1].block, self._longest // 4)

    def _chunks(self, last: bool = False) -> Iterator[Chunk]:
        """Give the chunks that are full, or all that there are, and forget what no later one needs."""
        start = end = 0
        while end < len(self._tokens) and (last or self._limit(start) < len(self._tokens)):
            reached, context = self._fit(start, end)
            if reached > end:
                end = reached
                yield self._chunk(start, end, context)
                start = self._restart(start, end)
            else:  # an overlap that leaves no room for anything new
                start = end
        if 0 < start < len(self._tokens):
            self._forget(start)

    def _limit(self, start: int) -> int:
        """The first token that is too much for a chunk that begins at token `start`."""
        tokens = self._tokens
        fitting = bisect_right(tokens.ends, tokens.starts[start] + self._longest, lo=start)
        size = min(self._size, self._room - self._context(start).tokens)
        return min(start + size, max(start + 1, fitting))

    def _fit(self, start: int, after: int) -> tuple[int, Context]:
        """Where a chunk ends, which is `after` if it has no room, and what may be put before it.

        A text that is cut out may have more tokens than it had before: what the model reads is counted.
        """
        context, limit = self._context(start), self._limit(start)
        while limit > after:
            end = self._cut(start, after, limit) if limit < len(self._tokens) else limit
            excess = self._measure.excess(context.text + self._text(start, end))
            if excess <= 0:
                return end, context
            if end > start + 1:
                limit = max(start + 1, end - excess)
            elif not self._tokens.halve(start):
                return end, Context()
        return after, context

    def _cut(self, start: int, after: int, limit: int) -> int:
        """The best place for a cut after token `after`, and near enough to the `limit`."""
        places = self._tokens.places
        for place, share in REACH:
            first = max(after, limit - int((limit - start) * share))
            for at in range(limit, first, -1):
                if places[at] >= place:
                    return at
        return limit

    def _restart(self, start: int, end: int) -> int:
        """Where the next chunk begins: the best place in the overlap before `end`, or `end` itself."""
        tokens = self._tokens
        if end == len(tokens) or tokens.places[end] == Place.BEFORE_HEADING:
            return end
        far = tokens.ends[end - 1] - self._longest * self._overlap // self._size
        first = max(start + 1, end - self._overlap, bisect_left(tokens.starts, far, hi=end))
        begin = max(range(first, end), key=tokens.places.__getitem__, default=end)
        return begin if tokens.places[begin] >= Place.BETWEEN_WORDS else end

    def _text(self, start: int, end: int) -> str:
        return self._tokens.text[self._tokens.starts[start] : self._tokens.ends[end - 1]]

    def _context(self, start: int) -> Context:
        """What the beginning of a chunk stands under."""
        at = bisect_right(self.state.blocks, self._tokens.starts[start], key=lambda begun: begun.start) - 1
        begun = self.state.blocks[max(0, at)]
        return self._contexts.of(tuple(text for _, text in begun.headings), begun.block.table_header)

    def _chunk(self, start: int, end: int, context: Context) -> Chunk:
        state, begin, stop = self.state, self._tokens.starts[start], self._tokens.ends[end - 1]
        pages = _starts_within(zip(state.page_starts, state.pages, strict=True), begin, stop)
        lines = ((begun.start, begun.block.line) for begun in state.blocks if begun.block.line is not None)
        chunk = Chunk(
            state.next_index,
            self._text(start, end),
            pages[0][0],
            pages,
            _starts_within(lines, begin, stop),
            list(context.headings),
            context.table_header,
        )
        state.next_index += 1
        return chunk

    def _forget(self, start: int) -> None:
        """Drop the tokens before `start`, with their pages and blocks."""
        state, base = self.state, self._tokens.forget(start)
        first = bisect_right(state.page_starts, base) - 1
        state.pages = state.pages[first:]
        state.page_starts = [at - base for at in state.page_starts[first:]]
        first = bisect_right(state.blocks, base, key=lambda begun: begun.start) - 1
        state.blocks = [replace(begun, start=begun.start - base) for begun in state.blocks[max(0, first) :]]


def _starts_within(starts: Iterable[tuple[int, int]], begin: int, stop: int) -> list[list[int]]:
    """The numbers of what is between two characters, each with its offset from the first."""
    within: list[list[int]] = []
    for start, number in starts:
        if start <= begin:
            within = [[number, 0]]
        elif start < stop:
            within.append([number, start - begin])
    return within
