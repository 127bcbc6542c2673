"""Files of types that are not read, told by how they begin, and what may be uploaded in their place."""

from rag_workloads.library.documents import DocumentError, ErrorCode

SAVE = "Open it, save it as DOCX or PDF, and upload that."
PICTURE = "Put it into a PDF and upload that: the text in pictures is read where spec.ingestion.ocr is set."
UNPACK = "Unpack it, and upload the files that are in it."
KINDS = {
    b"{\\rtf": ("an RTF file", SAVE),
    b"%!PS-": ("a PostScript file", "Convert it to PDF and upload that."),
    b"\x89PNG\r\n\x1a\n": ("a PNG picture", PICTURE),
    b"\xff\xd8\xff": ("a JPEG picture", PICTURE),
    b"GIF8": ("a GIF picture", PICTURE),
    b"II*\0": ("a TIFF picture", PICTURE),
    b"MM\0*": ("a TIFF picture", PICTURE),
    b"\x1f\x8b": ("a gzip archive", UNPACK),
    b"\xfd7zXZ\0": ("an xz archive", UNPACK),
    b"7z\xbc\xaf\x27\x1c": ("a 7z archive", UNPACK),
    b"Rar!\x1a\x07": ("a RAR archive", UNPACK),
}


def refuse(data: bytes) -> None:
    """DocumentError if a file is of such a type."""
    for begin, (kind, hint) in KINDS.items():
        if data.startswith(begin):
            raise DocumentError(ErrorCode.UNSUPPORTED_TYPE, f"This is {kind}.", hint=hint)
