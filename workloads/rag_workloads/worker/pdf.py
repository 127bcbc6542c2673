"""Text of a PDF's pages, with PyMuPDF, which may hang or crash: it runs in a process of its own.

MuPDF repairs what it can and tells the rest as warnings in a buffer of the whole process, which must never be
asked: it hands on what other pages left there. Whether a page is broken or merely has no text is asked of the
page's own objects.
"""

import re
import zlib
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

import pymupdf

from rag_workloads.library.documents import DocumentError, ErrorCode, PageWarning
from rag_workloads.worker import pdf_scan
from rag_workloads.worker.pages import Block, Page, hidden_text
from rag_workloads.worker.pdf_blocks import page_blocks
from rag_workloads.worker.pdf_grids import bordered
from rag_workloads.worker.pdf_headings import Types, types_of
from rag_workloads.worker.pdf_hidden import Visibility, is_scan
from rag_workloads.worker.pdf_lines import FLAGS, Drawn, Line
from rag_workloads.worker.pdf_margins import running
from rag_workloads.worker.pdf_tables import Table

# Pages on each side that tell what runs along the top and bottom of one: headers may be those of every other.
NEIGHBOURS = 2
# Pages, from all over a document, that tell in which sizes it is set.
SAMPLE = 12
# MuPDF keeps what pages share, such as fonts, up to 256 MiB of it; so many pages share it here.
PAGES_A_STORE = 32
# More text than this on a picture of a page is no mark of the scanner.
MARK_CHARACTERS = 80
REFERENCE = re.compile(r"(\d+) \d+ R")
# Every page that a program wrote has some of them, a page with nothing on it too, if it has any content.
OPERATORS = frozenset(
    b"q Q cm w J j M d ri i gs m l c v y h re S s f F f* B B* b b* n W W* BT ET Tc Tw Tz TL Tf Tr Ts Td TD "
    b"Tm T* Tj TJ CS cs SC SCN sc scn G g RG rg K k sh BI Do MP DP BMC BDC EMC BX EX".split()
)

# How MuPDF, numpy and OpenVINO say that they got no memory; MuPDF gives back what it had.
NO_MEMORY = re.compile(r"\b(?:m|c|re)alloc \(.*\) failed|Unable to allocate|bad_alloc|[Ii]nsufficient memory")

pymupdf.TOOLS.mupdf_display_errors(False)
pymupdf.TOOLS.mupdf_display_warnings(False)


class PdfPages:
    """The pages of a PDF, each read when it is asked for; one that cannot be read costs no other."""

    def __init__(self, path: Path, alone: bool = False) -> None:
        """DocumentError if the file cannot be opened.

        What other pages tell of a page is not asked if each is read `alone`: one may end the process.
        """
        self._pdf, self._alone = _open(path), alone
        self._hidden: dict[int, int] = {}
        self._drawn = lru_cache(maxsize=2 * NEIGHBOURS + 1)(self._read)
        self._types = None if alone else types_of(self._sample(), self._outline())

    def __len__(self) -> int:
        """How many pages there really are."""
        return int(self._pdf.page_count)

    def __getitem__(self, index: int) -> Page:
        if index % PAGES_A_STORE == 0:
            pymupdf.TOOLS.store_shrink(100)
        number = index + 1
        try:
            page = self._pdf[index]
            blocks = tuple(page_blocks(*self._structure(page, index), number))
            drawn = _is_drawn(page, blocks)
            damage = "" if blocks or drawn else _damage(self._pdf, page)
        except Exception as error:  # whatever a broken page raises is about this page only
            _unless_memory(error)
            blocks, drawn, damage = (), False, str(error)
        if not damage:
            hidden = self._hidden.get(index, 0)
            return Page(blocks, notes=(hidden_text(number, hidden),) if hidden else (), drawn=drawn)
        message = f"Page {number} cannot be read: {damage}."
        return Page(warning=PageWarning(page=number, code=ErrorCode.PDF_CORRUPT, message=message))

    def recognize(self, index: int) -> Page:
        """A page that is drawn, with the text in the picture."""
        try:
            return pdf_scan.recognized(self._pdf[index], index + 1)
        except Exception as error:  # of whatever is in the picture
            _unless_memory(error)
            message = f"Page {index + 1} is a picture that cannot be recognised ({type(error).__name__})."
            return Page(warning=PageWarning(page=index + 1, code=ErrorCode.PDF_CORRUPT, message=message))

    def _structure(self, page: pymupdf.Page, index: int) -> tuple[list[Line], list[Table], Types]:
        """The lines that are the page's own, its tables, and the document's types."""
        drawn = self._read(index) if self._alone else self._drawn(index)
        lines, tables = drawn.lines, bordered(drawn)
        near = (
            () if self._alone else range(max(0, index - NEIGHBOURS), min(len(self), index + NEIGHBOURS + 1))
        )
        neighbours = [self._readable_lines(other) for other in near if other != index]
        free = [line for line in lines if not any(table.holds(line) for table in tables)]
        dropped = running(free, neighbours, page.rect.height)
        return (
            [line for line in lines if line not in dropped],
            tables,
            self._types or types_of([(index + 1, lines)], []),
        )

    def _read(self, index: int) -> Drawn:
        page = self._pdf[index]
        visibility = Visibility(page)
        drawn = Drawn(page, visibility.seen)
        self._hidden[index] = visibility.hidden
        return drawn

    def _readable_lines(self, index: int) -> list[Line]:
        """Those of another page; none if that is broken."""
        try:
            return self._drawn(index).lines
        except Exception as error:
            _unless_memory(error)
            return []

    def _sample(self) -> Iterator[tuple[int, list[Line]]]:
        count = min(len(self), SAMPLE)
        for index in (at * len(self) // count for at in range(count)):
            yield index + 1, self._readable_lines(index)

    def _outline(self) -> list[tuple[int, str, int]]:
        try:
            return [(level, title, page) for level, title, page in self._pdf.get_toc()]
        except Exception as error:  # it says nothing of the pages
            _unless_memory(error)
            return []


def _open(path: Path) -> pymupdf.Document:
    try:
        pdf = pymupdf.open(path, filetype="pdf")
        if _needs_password(pdf):
            hint = "Remove the password and upload the file again."
            raise DocumentError(ErrorCode.PDF_ENCRYPTED, "The PDF needs a password.", hint=hint)
        _correct_page_count(pdf)
        count = pdf.page_count
    except DocumentError:
        raise
    except Exception as error:  # whatever a broken file raises is about this file only
        _unless_memory(error)
        hint = "Open the file in a PDF reader; if it opens, print it to a new PDF and upload that."
        raise DocumentError(ErrorCode.PDF_CORRUPT, "The PDF cannot be opened.", hint=hint) from error
    if count == 0:
        hint = "Upload the original file again."
        raise DocumentError(ErrorCode.PDF_CORRUPT, "The PDF has no pages.", hint=hint)
    return pdf


def _needs_password(pdf: pymupdf.Document) -> bool:
    """Whether the pages cannot be read without a password.

    MuPDF asks for one also where only attachments are encrypted, and where the owner's is empty: it has found
    the key then. Text that is read tells that it is right.
    """
    if not pdf.needs_pass:
        return False
    pdf.is_encrypted = False
    try:
        pdf.init_doc()
        first = range(min(pdf.page_count, PAGES_A_STORE))
        return not any(pdf[index].get_text("text", flags=FLAGS).strip() for index in first)
    except Exception:  # with a wrong key all may happen
        return True


def _correct_page_count(pdf: pymupdf.Document) -> None:
    """Where the tree of pages has not as many as it says, make it a list of those that it has."""
    root = _references(pdf.xref_get_key(pdf.pdf_catalog(), "Pages"))
    pages = _pages_below(pdf, root)
    if root and len(pages) != pdf.page_count and all(_is_page(pdf, page) for page in pages):
        pdf.xref_set_key(root[0], "Kids", f"[{' '.join(f'{page} 0 R' for page in pages)}]")
        pdf.xref_set_key(root[0], "Count", str(len(pages)))


def _pages_below(pdf: pymupdf.Document, nodes: list[int]) -> list[int]:
    """The leaves of a tree of pages in order, lost ones too, and each once: it may lead back into itself."""
    pages, seen, rest = [], set(), nodes[::-1]
    while rest:
        node = rest.pop()
        if node in seen:
            continue
        seen.add(node)
        kids = _kids(pdf, node)
        if kids[0] == "null":
            pages.append(node)
        rest += _references(kids)[::-1]
    return pages


def _kids(pdf: pymupdf.Document, node: int) -> tuple[str, str]:
    """The kids of a node, which may be an object of their own; ("null", "") for a leaf or a lost node."""
    if _is_lost(pdf, node):
        return "null", ""
    kind, value = pdf.xref_get_key(node, "Kids")
    if kind != "xref":
        return kind, value
    (array,) = _references((kind, value))
    return ("null", "") if _is_lost(pdf, array) else ("array", pdf.xref_object(array, compressed=True))


def _is_page(pdf: pymupdf.Document, node: int) -> bool:
    """Whether a leaf is a page, or is lost; a tree with other leaves is one that we do not understand."""
    return _is_lost(pdf, node) or pdf.xref_get_key(node, "Type")[1] in ("/Page", "null")


def _is_lost(pdf: pymupdf.Document, node: int) -> bool:
    return not 0 < node < pdf.xref_length()


def _references(value: tuple[str, str]) -> list[int]:
    return [int(number) for number in REFERENCE.findall(value[1])]


def _is_drawn(page: pymupdf.Page, blocks: Sequence[Block]) -> bool:
    """Whether what a page says may be in a picture, be it with the mark of a scanner, or a stamp, on it."""
    if not blocks:
        return bool(page.get_bboxlog())
    return sum(len(block.text) for block in blocks) <= MARK_CHARACTERS and is_scan(page)


def _unless_memory(error: Exception) -> None:
    """Raise MemoryError if that is what an error is: more of it may help where nothing is broken."""
    if isinstance(error, MemoryError) or NO_MEMORY.search(str(error)):
        raise MemoryError from error


def _damage(pdf: pymupdf.Document, page: pymupdf.Page) -> str:
    """What is broken in a page on which nothing is drawn, or "" if it is just empty."""
    if pdf.xref_object(page.xref) == "null":
        return "it is lost"
    if pdf.xref_get_key(page.xref, "Type")[1] not in ("/Page", "null"):
        return "it is no page"
    streams = page.get_contents()
    if not all(_decodes(pdf, stream) for stream in streams):
        return "its content is damaged"
    words = b"\n".join(pdf.xref_stream(stream) or b"" for stream in streams).split()
    if words and OPERATORS.isdisjoint(words):
        return "its content draws nothing"
    return "" if words.count(b"BT") == words.count(b"ET") else "its content is cut off"


def _decodes(pdf: pymupdf.Document, stream: int) -> bool:
    """Whether a stream is there and whole; MuPDF gives what it could decode, be it nothing."""
    if not pdf.xref_is_stream(stream):
        return False
    raw = pdf.xref_stream_raw(stream)
    if pdf.xref_get_key(stream, "Filter")[1] != "/FlateDecode":
        return not raw or bool(pdf.xref_stream(stream))
    try:
        zlib.decompress(raw)
    except zlib.error:
        return not raw
    return True
