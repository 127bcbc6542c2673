"""What a chunk stands under, cut to what it may take of the model's room; pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from rag_workloads.jobs.payloads import lines_above
from rag_workloads.worker.measure import Measure
from rag_workloads.worker.pages import Block

MOST_HEADINGS, MOST_CHARACTERS_OF_A_HEADING = 4, 100
MOST_CHARACTERS_OF_A_HEADER = 500


@dataclass(frozen=True, slots=True)
class Context:
    """Headings, outermost first, and a table's header, with the tokens that they take together."""

    headings: tuple[str, ...] = ()
    table_header: str = ""
    tokens: int = 0

    @property
    def text(self) -> str:
        """As it is put before a chunk's."""
        return lines_above(self.headings, self.table_header)


class Contexts:
    """Makes contexts of at most so many tokens: what is nearest to the text is kept."""

    def __init__(self, measure: Measure, most: int) -> None:
        """`most` tokens in all."""
        self._measure, self._most = measure, most
        # Chunk after chunk stands under the same.
        self.of = lru_cache(maxsize=16)(self._of)

    def _of(self, headings: tuple[str, ...], table_header: str) -> Context:
        header = self._fitting(table_header)
        for first in range(len(headings) + 1):
            tokens = self._measure.tokens(lines_above(headings[first:], header))
            if tokens <= self._most:
                return Context(headings[first:], header, tokens)
        return Context()

    def _fitting(self, header: str) -> str:
        """A header without the cells at its end that are too much."""
        header = header[:MOST_CHARACTERS_OF_A_HEADER]
        while header and self._measure.tokens(header) > self._most:
            header = header.rpartition("\t")[0]
        return header


def standing_under(
    block: Block, above: Block | None, headings: Sequence[tuple[int, str]]
) -> list[tuple[int, str]]:
    """The headings, with their levels, of a block that follows another one, which stood under `headings`."""
    under = list(headings)
    if above and above.kind == "heading":
        under = [*under, (above.level, _shortened(above.text))][-MOST_HEADINGS:]
    if block.kind == "heading":
        under = [(level, text) for level, text in under if level < block.level]
    return under


def _shortened(text: str) -> str:
    """A heading in one line of bounded length."""
    line = " ".join(text.split())
    if len(line) <= MOST_CHARACTERS_OF_A_HEADING:
        return line
    start = line[:MOST_CHARACTERS_OF_A_HEADING]
    return start.rpartition(" ")[0] or start
