"""How near what was read is to what is true, each from 0 to 1.

Order is NID, the normalised indel similarity of the whole text, as in opendataloader-bench. Tables are TEDS
(Zhong et al., 2020) over rows and cells, where a row is only ever held against a row. Headings are an F1
measure: one is found if its text and its level are right.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from rag_workloads.worker.pages import Block
from tests.bench.parsing.documents import Truth

Rows = list[list[str]]
T = TypeVar("T")


@dataclass(frozen=True)
class Scores:
    """Those of one document."""

    order: float
    tables: float | None
    headings: float


def scores(truth: Sequence[Truth], blocks: Sequence[Block]) -> Scores:
    """Returns all scores; None for tables where there are none and none was found."""
    text = "".join(block.text or "".join(map("".join, block.rows)) for block in truth)
    expected = [block.rows for block in truth if block.kind == "table"]
    found = tables_of(blocks)
    return Scores(
        similarity(_packed(text), _packed("".join(block.text for block in blocks))),
        _aligned(expected, found) if expected or found else None,
        _headings(truth, blocks),
    )


def _packed(text: str) -> str:
    return "".join(text.split())


def tables_of(blocks: Sequence[Block]) -> list[Rows]:
    """Returns the tables that the rows among the blocks make."""
    tables: list[Rows] = []
    above: Block | None = None
    for block in blocks:
        if block.kind == "table_row":
            goes_on = (
                above is not None
                and above.kind == "table_row"
                and (block.table_header or not above.table_header)
            )
            if not goes_on:
                tables.append([])
            tables[-1].append(block.text.split("\t"))
        above = block
    return tables


def similarity(a: str, b: str) -> float:
    """Returns the normalised indel similarity: twice the longest common subsequence over both lengths.

    The subsequence's length is found with the columns of its table as the bits of one number (Hyyrö, 2004).
    """
    if not a or not b:
        return float(a == b)
    places: dict[str, int] = {}
    for at, character in enumerate(a):
        places[character] = places.get(character, 0) | 1 << at
    mask = (1 << len(a)) - 1
    row = mask
    for character in b:
        met = row & places.get(character, 0)
        row = (row + met | row - met) & mask
    common = len(a) - row.bit_count()
    return 2 * common / (len(a) + len(b))


def _aligned(expected: list[Rows], found: list[Rows]) -> float:
    """Returns the mean over the tables, in the pairing that keeps their order and is worth most."""
    best = [[0.0] * (len(found) + 1) for _ in range(len(expected) + 1)]
    for i, true in enumerate(expected):
        for j, read in enumerate(found):
            best[i + 1][j + 1] = max(best[i][j + 1], best[i + 1][j], best[i][j] + teds(true, read))
    return best[-1][-1] / max(len(expected), len(found))


def teds(true: Rows, read: Rows) -> float:
    """Returns one less the share of nodes that must be edited to make one table of the other."""
    nodes = [1 + sum(1 + len(row) for row in table) for table in (true, read)]
    return 1 - _edits(true, read, _row_edits, lambda row: 1 + len(row)) / max(nodes)


def _row_edits(a: list[str], b: list[str]) -> float:
    return _edits(a, b, lambda x, y: 1 - similarity(_packed(x), _packed(y)), lambda _: 1)


def _edits(
    a: Sequence[T], b: Sequence[T], change: Callable[[T, T], float], size: Callable[[T], float]
) -> float:
    """Returns the cost to make one sequence of another, of changing and of adding items."""
    costs = [0.0]
    for item in b:
        costs.append(costs[-1] + size(item))
    for item in a:
        row = [costs[0] + size(item)]
        for at, other in enumerate(b):
            row.append(
                min(costs[at] + change(item, other), costs[at + 1] + size(item), row[-1] + size(other))
            )
        costs = row
    return costs[-1]


def _headings(truth: Sequence[Truth], blocks: Sequence[Block]) -> float:
    true = Counter((_packed(block.text), block.level) for block in truth if block.kind == "heading")
    read = Counter((_packed(block.text), block.level) for block in blocks if block.kind == "heading")
    return 2 * (true & read).total() / (true.total() + read.total())
