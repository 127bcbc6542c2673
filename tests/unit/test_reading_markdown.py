"""What a Markdown text is made of, with its lines."""

from pathlib import Path

import pytest

from rag_workloads.worker.pages import Block
from rag_workloads.worker.readers import markdown
from rag_workloads.worker.readers.content import Content

TEXT = """---
title: Garden
---
# The *garden*

It grows <!-- fast -->
slowly, see [the book](book.md).

- Dig
- Sow
  - beans

| Plant | Price |
|-------|-------|
| Rose  | 3.50  |
| Oak   | 90    |

```python
# no heading
dig()
```

Tools
-----
<div hidden>Secret</div>
<p>A spade</p>
"""


def read(text: str) -> Content:
    content = Content()
    markdown.read(text, content)
    return content


def test_blocks_have_the_lines_that_they_stand_in() -> None:
    content = read(TEXT)
    assert content.blocks == [
        Block("paragraph", "title: Garden", line=2),
        Block("heading", "The *garden*", 1, line=4),
        Block("paragraph", "It grows\nslowly, see [the book](book.md).", line=6),
        Block("list_item", "Dig", line=9),
        Block("list_item", "Sow", line=10),
        Block("list_item", "beans", line=11),
        Block("table_row", "Plant\tPrice", line=13),
        Block("table_row", "Rose\t3.50", table_header="Plant\tPrice", line=15),
        Block("table_row", "Oak\t90", table_header="Plant\tPrice", line=16),
        Block("code", "# no heading\ndig()", line=18),
        Block("heading", "Tools", 2, line=23),
        Block("paragraph", "A spade", line=25),
    ]
    assert content.hidden == len("Secret")


@pytest.mark.parametrize(
    ("text", "declared", "is_markdown"),
    [
        (TEXT, False, True),
        ("# Garden\n\nIt grows.", False, True),
        ("Prices\n\n| a | b |\n|---|---|\n\nsee **there**", False, True),
        ("It grows. See [it](a.md).", True, True),
        ("It grows. See [it](a.md).", False, False),
        ("#!/bin/sh\n# A comment\nset -e\n\n# Another\necho '**'\n", False, False),
        ("It grows. [sic]", True, False),
    ],
)
def test_a_text_is_told_by_its_signs(text: str, declared: bool, is_markdown: bool) -> None:
    assert markdown.is_markdown(text, declared) is is_markdown


def test_the_project_reads_its_own_pages() -> None:
    readme = (Path(__file__).resolve().parents[2] / "README.md").read_text()
    blocks = read(readme).blocks
    source = readme.split("\n")
    headings = [block for block in blocks if block.kind == "heading"]
    assert len(headings) > 5
    assert all(source[(block.line or 0) - 1] == f"{'#' * block.level} {block.text}" for block in headings)
