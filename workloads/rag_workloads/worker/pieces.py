"""The blocks of a page in pieces of bounded length: what is cut, and noted, at once; pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from rag_workloads.worker.pages import Block

# The tokenizer's result is some hundred times as large as what it takes. No page of a PDF is longer.
PIECE_CHARACTERS = 20_000


@dataclass(frozen=True, slots=True)
class Piece:
    """Blocks, or a part of one that is longer than a piece; if it `goes_on`, one that is not the first."""

    blocks: tuple[Block, ...]
    goes_on: bool = False


def pieces(blocks: Iterable[Block]) -> Iterator[Piece]:
    """All blocks in order."""
    held: list[Block] = []
    room = PIECE_CHARACTERS
    for block in blocks:
        if held and len(block.text) > room:
            yield Piece(tuple(held))
            held, room = [], PIECE_CHARACTERS
        if len(block.text) > room:
            yield from _parts(block)
        else:
            held.append(block)
            room -= len(block.text)
    if held:
        yield Piece(tuple(held))


def _parts(block: Block) -> Iterator[Piece]:
    """A long block in parts, which begin with white space where there is any."""
    start = 0
    while start < len(block.text):
        limit = start + PIECE_CHARACTERS
        end = limit
        if limit < len(block.text):
            space = max(block.text.rfind(white, start + 1, limit) for white in " \n\t")
            end = space if space > start else limit
        yield Piece((replace(block, text=block.text[start:end]),), goes_on=start > 0)
        start = end
