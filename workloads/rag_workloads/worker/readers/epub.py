"""Blocks of an EPUB book: its chapters in the order in which they are read."""

import posixpath
from urllib.parse import unquote

from rag_workloads.library.documents import DocumentError, ErrorCode
from rag_workloads.worker.readers import html
from rag_workloads.worker.readers.archive import Archive, Unreadable, encrypted
from rag_workloads.worker.readers.content import Content

CONTAINER, ENCRYPTION = "META-INF/container.xml", "META-INF/encryption.xml"
# Fonts may be obfuscated in any book.
FONTS = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")
PAGES = ("application/xhtml+xml", "text/html", "application/x-dtbook+xml")


def read(archive: Archive) -> Content:
    """All chapters. DocumentError if the book is locked, or does not say what its chapters are."""
    _check_lock(archive)
    try:
        chapters = _chapters(archive)
    except Unreadable as error:
        hint = "Open it in a reader; if it opens, convert it to EPUB anew and upload that."
        raise DocumentError(ErrorCode.FILE_CORRUPT, f"The book is damaged: {error}.", hint=hint) from error
    content = Content()
    for chapter in chapters:
        try:
            data = archive.read(chapter)
        except Unreadable as error:
            content.note(ErrorCode.FILE_CORRUPT, f"A chapter was not read: {error}.")
        else:
            html.read(data, html.encoding_of_page(data), content)
    return content


def _check_lock(archive: Archive) -> None:
    if ENCRYPTION not in archive.names:
        return
    try:
        methods = archive.xml(ENCRYPTION).iter("{*}EncryptionMethod")
    except Unreadable:
        return
    if any(each.get("Algorithm") not in FONTS for each in methods):
        raise encrypted("The book is locked by its seller (DRM).")


def _chapters(archive: Archive) -> list[str]:
    """The names of the parts with the chapters, in order."""
    roots = [each.get("full-path", "") for each in archive.xml(CONTAINER).iter("{*}rootfile")]
    if not roots:
        raise Unreadable("it names no package")
    package = archive.xml(roots[0])
    items = {item.get("id"): item for item in package.iter("{*}item")}
    found = [items[each.get("idref")] for each in package.iter("{*}itemref") if each.get("idref") in items]
    folder = posixpath.dirname(roots[0])
    return [
        posixpath.normpath(posixpath.join(folder, unquote(item.get("href", ""))))
        for item in found
        if item.get("media-type") in PAGES and "nav" not in (item.get("properties") or "").split()
    ]
