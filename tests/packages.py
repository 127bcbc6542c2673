"""Word documents, books and other ZIP files, made of their parts."""

import io
import zipfile

WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
# The namespace of documents in the form that the standard calls strict.
STRICT = "http://purl.oclc.org/ooxml/wordprocessingml/main"
RELATIONS = (
    '<?xml version="1.0"?>'
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    "<Relationship"
    ' Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"'
    ' Target="word/document.xml"/></Relationships>'
)
CONTAINER = (
    '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
    '<rootfile full-path="OEBPS/book.opf" media-type="application/oebps-package+xml"/>'
    "</rootfiles></container>"
)


def zipped(parts: dict[str, str | bytes]) -> bytes:
    """A ZIP file of parts by their names."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def docx(body: str, styles: str = "", *, namespace: str = WORD, **more: str | bytes) -> bytes:
    """A Word document with this body, and these styles; `more` are parts of the folder word."""
    parts: dict[str, str | bytes] = {
        "_rels/.rels": RELATIONS,
        "word/document.xml": f'<w:document xmlns:w="{namespace}"><w:body>{body}</w:body></w:document>',
        "word/styles.xml": f'<w:styles xmlns:w="{namespace}">{styles}</w:styles>',
    }
    return zipped(parts | {f"word/{name}.xml": data for name, data in more.items()})


def paragraph(text: str, properties: str = "", run: str = "") -> str:
    """A paragraph of one run, with what is said of the paragraph and of the run."""
    return f"<w:p><w:pPr>{properties}</w:pPr><w:r><w:rPr>{run}</w:rPr><w:t>{text}</w:t></w:r></w:p>"


def epub(*chapters: str | None, **more: str | bytes) -> bytes:
    """A book with these chapters; None is one that is listed and missing. `more` are parts of META-INF."""
    items = "".join(
        f'<item id="c{number}" href="a%20{number}.xhtml" media-type="application/xhtml+xml"/>'
        for number in range(len(chapters))
    )
    order = "".join(f'<itemref idref="c{number}"/>' for number in range(len(chapters)))
    parts: dict[str, str | bytes] = {
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": CONTAINER,
        "OEBPS/book.opf": f'<package xmlns="http://www.idpf.org/2007/opf"><manifest>{items}</manifest>'
        f"<spine>{order}</spine></package>",
    }
    for number, chapter in enumerate(chapters):
        if chapter is not None:
            parts[f"OEBPS/a {number}.xhtml"] = chapter
    return zipped(parts | {f"META-INF/{name}.xml": data for name, data in more.items()})
