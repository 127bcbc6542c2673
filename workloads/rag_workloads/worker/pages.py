"""A page as it is read, in blocks, and the cleaning of its text; pure."""

import re
import unicodedata
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Literal, Protocol

from rag_workloads.library.documents import DocumentError, ErrorCode, PageWarning

# A record holds no more; the rest is only counted.
WARNINGS_KEPT = 100

BLANKS = re.compile(r"[^\S\n]+")
AROUND_LINE_FEED = re.compile(r" ?\n ?")
BLANK_LINES = re.compile(r"\n{3,}")
LINE_ENDS = re.compile(r"\r\n?|[\v\f\x1c-\x1e\x85\u2028\u2029]")
# Where a word may be broken, and where it was.
SOFT_HYPHEN = re.compile("\u00ad\n?")
# Nothing that is read: zero-width spaces, byte order marks.
INVISIBLE = "\u200b\u2060\ufeff"
CONTROLS = {
    at: None for at in range(0x100) if unicodedata.category(chr(at)) == "Cc" and chr(at) not in "\t\n"
}
# What alone makes no text: formats such as joiners, marks without a letter, fillers, what was not decoded.
UNSEEN = frozenset(("Cc", "Cf", "Co", "Cn", "Mn", "Me", "Zs", "Zl", "Zp"))
FILLERS = frozenset("\u115f\u1160\u2800\u3164\uffa0\ufffd")
UNREAD = {**CONTROLS, **dict.fromkeys(map(ord, INVISIBLE)), **dict.fromkeys(range(0xD800, 0xE000), "\ufffd")}


Kind = Literal["heading", "paragraph", "list_item", "table_row", "code"]
# What is a line among its like.
LINES: frozenset[Kind] = frozenset(("list_item", "table_row"))


@dataclass(frozen=True, slots=True)
class Block:
    """A part of a page that stands for itself, in clean text.

    `level` is that of a heading, from 1. The cells of a row are parted by tabs, and `table_header` is the row
    that it stands under. `line` is its first one in the file, from 1, where that has lines.
    """

    kind: Kind
    text: str
    level: int = 0
    table_header: str = ""
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """What was read of a page; `warning` says what was not, and `notes` what else is to be known of it.

    One that is `drawn` has hardly any text, and something else, such as the picture that a scanner makes.
    """

    blocks: tuple[Block, ...] = ()
    warning: PageWarning | None = None
    notes: tuple[PageWarning, ...] = ()
    drawn: bool = False

    @property
    def text(self) -> str:
        """All blocks, with their gaps."""
        first = [block.text for block in self.blocks[:1]]
        others = [gap(above.kind, block.kind) + block.text for above, block in pairwise(self.blocks)]
        return "".join(first + others)


class Pages(Protocol):
    """The pages of a document, by index from 0; each is read when it is asked for, or was before."""

    def __len__(self) -> int:
        """How many there are."""

    def __getitem__(self, index: int, /) -> Page: ...


class Pictures(Pages, Protocol):
    """Pages of which some may be drawn."""

    def recognize(self, index: int) -> Page:
        """A page with the text in its picture."""


@dataclass
class Tally:
    """What a record says of a document's pages."""

    pages: int = 0
    without_text: int = 0
    lost: int = 0
    first_lost: PageWarning | None = None
    warnings: list[PageWarning] = field(default_factory=list)
    warnings_total: int = 0

    def add(self, page: Page) -> None:
        """Count a page; all warnings are counted, and the first are kept."""
        self.pages += 1
        if page.warning is None:
            self.without_text += not page.blocks
        else:
            self.lost += 1
            self.first_lost = self.first_lost or page.warning
            self.warn(page.warning)
        for note in page.notes:
            self.warn(note)

    def warn(self, warning: PageWarning) -> None:
        """Count a warning of a page that is counted."""
        self.warnings_total += 1
        if len(self.warnings) < WARNINGS_KEPT:
            self.warnings.append(warning)

    def fields(self) -> dict[str, Any]:
        """As fields of the record."""
        return {
            "pages_without_text": self.without_text,
            "warnings": [warning.model_dump(mode="json") for warning in self.warnings],
            "warnings_total": self.warnings_total,
        }

    def no_text(self) -> DocumentError:
        """Why there is nothing to ingest: most pages could not be read, or have no text."""
        first = self.first_lost
        if first and self.lost > self.without_text:
            hint = (
                "If this is not the whole file, upload it again; or print it to a new PDF, and upload that."
            )
            return DocumentError(first.code, first.message, first.page, hint)
        hint = (
            "If the pages are scans, set spec.ingestion.ocr in the pipeline, and try the document again;"
            " or run text recognition (OCR) on the file, and upload the result."
        )
        return DocumentError(ErrorCode.PDF_NO_TEXT, "The document has no text.", hint=hint)


def hidden_text(page: int, characters: int) -> PageWarning:
    """What a document says of text that no reader sees."""
    message = f"Page {page} has {characters} characters that no reader sees; they were left out."
    return PageWarning(page=page, code=ErrorCode.TEXT_HIDDEN, message=message)


def clean(text: str) -> str:
    """Text with one blank for many, at most one empty line in a row, and none around it.

    Controls and soft hyphens are left out, the latter with the line feeds after them; and all of a text in
    which nothing can be seen.
    """
    text = LINE_ENDS.sub("\n", text).translate(UNREAD)
    text = AROUND_LINE_FEED.sub("\n", BLANKS.sub(" ", text))
    text = SOFT_HYPHEN.sub("", text)
    text = BLANK_LINES.sub("\n\n", text).strip()
    return text if any(map(_is_seen, text)) else ""


def gap(above: Kind, below: Kind) -> str:
    """What parts two blocks of a page: two empty lines, over which no sentence goes on, where code is one."""
    if above != below and "code" in (above, below):
        return "\n\n\n"
    return "\n" if above == below and above in LINES else "\n\n"


def paragraphs(text: str) -> tuple[Block, ...]:
    """The paragraphs of a clean text: empty lines part them."""
    return tuple(Block("paragraph", paragraph) for paragraph in text.split("\n\n") if paragraph)


def _is_seen(character: str) -> bool:
    return unicodedata.category(character) not in UNSEEN and character not in FILLERS
