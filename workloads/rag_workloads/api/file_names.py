"""The file's name as a part of a form gives it, made fit to be shown and kept, and to be given back; pure."""

import re
import unicodedata
from email.message import Message
from pathlib import PurePosixPath
from urllib.parse import quote

from python_multipart.multipart import parse_options_header

MAX_CHARACTERS = 255
MAX_SUFFIX = 16
UNNAMED = "unnamed"
# They reorder what stands around them, so that "exe.fdp" can look like "pdf.exe".
BIDI_CONTROLS = {*map(chr, range(0x202A, 0x202F)), *map(chr, range(0x2066, 0x206A))}


def given_name(disposition: bytes) -> str | None:
    """The name in a part's Content-Disposition, cleaned; None if it has none, or an empty one.

    `filename="..."` counts before `filename*=UTF-8''...` (RFC 8187), which forms should not use and some do.
    """
    _, options = parse_options_header(disposition)
    given = _plain(options[b"filename"]) if b"filename" in options else _extended(disposition)
    return clean_name(given) if given else None


def _plain(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _extended(disposition: bytes) -> str | None:
    header = Message()
    header["Content-Disposition"] = disposition.decode("latin-1")
    try:
        return header.get_filename()
    except ValueError:  # a charset that Python cannot decode
        return None


def clean_name(given: str) -> str:
    """The name without folders, control characters and breaks of lines, of at most `MAX_CHARACTERS`."""
    shown = "".join(" " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c for c in given if _is_text(c))
    base = shown.replace("\\", "/").rstrip("/ ").rpartition("/")[2]
    name = " ".join(base.split())
    if not name.strip("."):
        return UNNAMED
    if len(name) <= MAX_CHARACTERS:
        return name
    suffix = PurePosixPath(name).suffix
    kept = suffix if len(suffix) <= MAX_SUFFIX else ""
    return name[: MAX_CHARACTERS - len(kept)] + kept


def attachment(name: str) -> str:
    """The Content-Disposition (RFC 6266) of a file to be saved; `filename` is for old clients."""
    plain = re.sub(r'[^ -~]|["\\%]', "_", name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def _is_text(character: str) -> bool:
    """Whether it can be encoded, and does not reorder its neighbours."""
    return unicodedata.category(character) != "Cs" and character not in BIDI_CONTROLS
