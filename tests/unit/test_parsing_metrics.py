"""How the benchmark of parsing scores what was read."""

import pytest
from tests.bench.parsing.documents import Truth
from tests.bench.parsing.metrics import scores, similarity, tables_of, teds

from rag_workloads.worker.pages import Block

TABLE = [["Clock", "Winds"], ["Tower", "daily"], ["Hall", ""]]


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [("clock", "clock", 1), ("abcd", "", 0), ("", "", 1), ("abcd", "abxd", 6 / 8), ("abcd", "cdab", 4 / 8)],
)
def test_similarity_is_twice_what_is_common_over_both_lengths(a: str, b: str, expected: float) -> None:
    assert similarity(a, b) == pytest.approx(expected)


def test_a_table_loses_what_must_be_edited() -> None:
    assert teds(TABLE, TABLE) == 1
    assert teds(TABLE, TABLE[:2]) == pytest.approx(1 - 3 / 10)
    assert teds(TABLE, [["Clock", "Winds"], ["Tower", "daily"], ["Hall", "x"]]) == pytest.approx(1 - 1 / 10)


def test_scores_of_a_document() -> None:
    rows = ["\t".join(row) for row in TABLE]
    truth = [Truth("heading", "Clocks", 1), Truth("heading", "Bells", 2), Truth("table", rows=TABLE)]
    read = [
        Block("heading", "Clocks", level=1),
        Block("heading", "Bells", level=3),
        Block("table_row", rows[0]),
        *(Block("table_row", row, table_header=rows[0]) for row in rows[1:]),
    ]
    assert tables_of(read) == [TABLE]
    found = scores(truth, read)
    assert (found.order, found.tables, found.headings) == (1, 1, 0.5)
