"""Blocks of a Markdown text, with their lines; what is within a line stays as it is written."""

import re
from collections.abc import Iterator
from dataclasses import replace

from markdown_it import MarkdownIt
from markdown_it.token import Token

from rag_workloads.worker.pages import Block, Kind, clean
from rag_workloads.worker.readers import html
from rag_workloads.worker.readers.content import Content, table_blocks
from rag_workloads.worker.readers.encodings import Encoding

FRONT_MATTER = re.compile(r"\A---\n(?:[^\n]*\n){1,200}?(?:---|\.\.\.)[ \t]*\n")
COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
# Its tokens take some hundred times the memory of the text; a larger one is read as plain text.
MOST_CHARACTERS = 4_000_000
SIGNS_WITHIN = 1 << 16
# A heading that stands alone, as in no program: there, a line that begins so is a comment.
HEADING = re.compile(r"(?:\A|\n[ \t]*\n)#{1,6} [^\n]+(?=\n[ \t]*(?:\n|\Z)|\Z)")
SIGNS = (
    HEADING,
    re.compile(r"^(?:```|~~~)", re.MULTILINE),
    re.compile(r"\]\([^\s()]+\)"),
    re.compile(r"^\|?[ \t]*:?-{3,}:?[ \t]*\|", re.MULTILINE),
    re.compile(r"\*\*\w[^*\n]{0,200}\*\*"),
)


def is_markdown(text: str, declared: bool) -> bool:
    """Whether a text has the signs of Markdown: one where it is declared so, or it begins with a heading."""
    if len(text) > MOST_CHARACTERS:
        return False
    begin = text[:SIGNS_WITHIN].lstrip("\n")
    needed = 1 if declared or HEADING.match(begin) or FRONT_MATTER.match(begin) else 2
    return sum(bool(sign.search(begin)) for sign in SIGNS) >= needed


def read(text: str, content: Content) -> None:
    """Add the blocks of a text, whose lines end in line feeds."""
    if matter := FRONT_MATTER.match(text):
        content.add(Block("paragraph", clean(matter[0].strip("-.\n \t")), line=2))
        text = "\n" * matter[0].count("\n") + text[matter.end() :]
    parser = MarkdownIt("commonmark").enable("table")
    parser.core.ruler.enableOnly(["normalize", "block"])
    _Reader(content).read(iter(parser.parse(text)))


class _Reader:
    """Makes blocks of the tokens of a text."""

    def __init__(self, content: Content) -> None:
        self._content = content
        self._lists = 0

    def read(self, tokens: Iterator[Token]) -> None:
        """Add all blocks."""
        level = 0
        for token in tokens:
            if token.type in ("list_item_open", "list_item_close"):
                self._lists += token.nesting
            elif token.type in ("heading_open", "heading_close"):
                level = int(token.tag[1:]) if token.nesting > 0 else 0
            elif token.type == "table_open":
                self._read_table(tokens, _line(token))
            elif token.type in ("fence", "code_block"):
                self._content.add(Block("code", clean(token.content), line=_line(token)))
            elif token.type == "html_block":
                self._read_html(token)
            elif token.type == "inline":
                kind: Kind = "heading" if level else "list_item" if self._lists else "paragraph"
                text = clean(COMMENT.sub("", token.content))
                self._content.add(Block(kind, text, level, line=_line(token)))

    def _read_table(self, tokens: Iterator[Token], first_line: int) -> None:
        rows: list[list[str]] = []
        for token in tokens:
            if token.type == "table_close":
                break
            if token.type == "tr_open":
                rows.append([])
            elif token.type == "inline":
                rows[-1].append(COMMENT.sub("", token.content))
        # The line below the header parts it from the rows.
        lines = [first_line, *range(first_line + 2, first_line + len(rows) + 1)]
        self._content.take(table_blocks(rows, has_header=True, lines=lines))

    def _read_html(self, token: Token) -> None:
        inner = Content()
        html.read(token.content.encode(), Encoding("utf-8"), inner)
        self._content.add(*(replace(block, line=_line(token)) for block in inner.blocks))
        self._content.hidden += inner.hidden


def _line(token: Token) -> int:
    return token.map[0] + 1 if token.map else 1
