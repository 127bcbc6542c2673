"""Rows of CSV, with their lines and their header."""

import pytest

from rag_workloads.worker.pages import Block
from rag_workloads.worker.readers import tables
from rag_workloads.worker.readers.content import Content

PRICES = 'Plant,Price,Note\nRose,3.50,"red,\nor white"\n\nOak,90,\n'


def test_rows_stand_under_their_header_and_in_their_lines() -> None:
    content = Content()
    tables.read(PRICES, ",", content)
    header = "Plant\tPrice\tNote"
    assert content.blocks == [
        Block("table_row", header, line=1),
        Block("table_row", "Rose\t3.50\tred, or white", table_header=header, line=2),
        Block("table_row", "Oak\t90", table_header=header, line=5),
    ]


def test_a_first_row_with_numbers_is_no_header() -> None:
    content = Content()
    tables.read("2026,3.50\n2027,4.10\n", ",", content)
    assert [block.table_header for block in content.blocks] == ["", ""]


@pytest.mark.parametrize(
    ("text", "declared", "delimiter"),
    [
        (PRICES, False, ","),
        ("a;b,c;d\n1;2,5;3\n4;5,5;6\n", False, ";"),
        ("a\tb\n" * 4, False, "\t"),
        ("a,b\n1,2\n", True, ","),
        ("a,b\n1,2\n", False, None),
        ("a,b,c\n1,2\n3,4,5\n", True, ","),
        ("a,b,c\n1,2\n3,4,5\n" * 9, False, None),
        ("a,b\n1,2,3\n", True, None),
        ("Dear Sir, I write\nto you, as I must\nsay this.\n", False, None),
        ("One line, and no more", False, None),
        ("", True, None),
        ("a,b\n" * 40_000, False, ","),
    ],
)
def test_a_table_is_told_by_rows_of_equal_length(text: str, declared: bool, delimiter: str | None) -> None:
    assert tables.delimiter_of(text, declared) == delimiter


def test_a_cell_may_be_as_long_as_the_file() -> None:
    content = Content()
    tables.read(f"a,b\n{'x' * 1_000_000},c\n", ",", content)
    assert len(content.blocks[1].text) == 1_000_002
