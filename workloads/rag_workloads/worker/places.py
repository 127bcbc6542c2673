"""How good a place for a cut the beginning of a token is; pure."""

from enum import IntEnum

from rag_workloads.worker.pages import Block

SENTENCE_ENDS, WIDE_SENTENCE_ENDS = frozenset(".!?:…؟۔।"), frozenset("。！？；｡")
# The share of a paragraph's longest line that its last one has where it is cut by the end of a page.
FULL = 0.7
# A paragraph in Chinese that has so many characters fills a line.
WIDE_LINE = 30
CLOSERS = frozenset("\"'”’»)]」』）】》")


class Place(IntEnum):
    """From the worst to the best."""

    WITHIN_CHARACTER = 0
    BETWEEN_CHARACTERS = 1
    WITHIN_ROW = 2
    BETWEEN_CELLS = 3
    # Of a heading and what it heads, of a table's header and its first row, neither is good alone.
    HELD_TOGETHER = 4
    BETWEEN_WORDS = 5
    AT_SPACE = 6
    BETWEEN_SENTENCES = 7
    BEFORE_BLOCK = 8
    BEFORE_HEADING = 9


def before_block(block: Block, above: Block | None) -> Place:
    """The place where a block begins, below another one of its document."""
    if above is None:
        return Place.BEFORE_BLOCK
    if above.kind == "heading":
        return Place.HELD_TOGETHER
    if block.kind == "heading":
        return Place.BEFORE_HEADING
    if block.table_header and above.kind == "table_row" and not above.table_header:
        return Place.HELD_TOGETHER
    return Place.BEFORE_BLOCK


def runs_on(above: str, below: str) -> bool:
    """Whether a paragraph goes on in the one that begins the next page, and not after a sentence's end."""
    if not above or _last_mark(above, len(above)) in SENTENCE_ENDS | WIDE_SENTENCE_ENDS:
        return False
    if _is_wide(above[-1]):  # their lines are one by now
        return len(above) >= WIDE_LINE
    *lines, last = above.split("\n")
    return below[:1].islower() or (bool(lines) and len(last) > FULL * max(map(len, lines)))


def between_words(text: str, before: int, after: int, block: Block) -> Place:
    """The place between two words of a block: one ends at `before`, and the next begins at `after`."""
    if block.kind == "table_row":
        return Place.BETWEEN_CELLS if "\t" in text[before:after] else Place.WITHIN_ROW
    if block.kind == "heading":
        return Place.HELD_TOGETHER
    if block.kind == "code" and "\n" in text[before:after]:
        return Place.BETWEEN_SENTENCES
    mark = _last_mark(text, before)
    if mark in WIDE_SENTENCE_ENDS or (mark in SENTENCE_ENDS and after > before):
        return Place.BETWEEN_SENTENCES
    return Place.AT_SPACE if after > before else Place.BETWEEN_WORDS


def within_word(text: str, before: int, after: int, block: Block) -> Place:
    """The place between two tokens of what the tokenizer takes for one word."""
    if _is_wide(text[before - 1]) or _is_wide(text[after]):
        return between_words(text, before, after, block)
    return Place.BETWEEN_CHARACTERS


def _last_mark(text: str, end: int) -> str:
    """The last character before `end` that closes nothing."""
    at = end - 1
    while at > 0 and text[at] in CLOSERS:
        at -= 1
    return text[at]


def _is_wide(character: str) -> bool:
    """Whether it is of China or Japan, where no spaces part the words, or one of their marks."""
    return "\u2e80" <= character <= "\u9fff" or "\uff00" <= character <= "\uffef"
