"""Which bytes of something a request asks for (RFC 9110, sections 13 and 14); pure."""

import re
from typing import NamedTuple

from rag_workloads.web.problems import Problem

# Numbers beyond these digits are no place in any file.
SINGLE = re.compile(r"bytes=\s*(?:(\d{1,18})-(\d{0,18})|-(\d{1,18}))\s*", re.ASCII | re.IGNORECASE)


class ByteRange(NamedTuple):
    """The bytes from `start` to before `end`."""

    start: int
    end: int


class RangeNotSatisfiable(Problem):
    """416, with the size of what there is."""

    def __init__(self, size: int) -> None:
        headers = {"Content-Range": f"bytes */{size}"}
        detail = f"There are {size} bytes."
        super().__init__(416, "range-not-satisfiable", "Range not satisfiable", detail, headers=headers)


def asked_for(header: str, size: int) -> ByteRange | None:
    """The range that a Range header names of `size` bytes; RangeNotSatisfiable if it is outside of them.

    None for the whole: without a header, with one that is malformed, and with several ranges at once.
    """
    match = SINGLE.fullmatch(header.strip())
    if match is None:
        return None
    first, last, suffix = match.groups()
    if suffix is not None:
        start, end = max(0, size - int(suffix)), size
    else:
        start, end = int(first), min(size, int(last) + 1) if last else size
        if last and int(last) < start:
            return None
    if start >= end:
        raise RangeNotSatisfiable(size)
    return ByteRange(start, end)


def names(header: str, etag: str) -> bool:
    """Whether an If-None-Match header names an entity tag, be it as a weak one, or any by `*`."""
    given = {tag.strip().removeprefix("W/") for tag in header.split(",")}
    return bool(given & {etag, "*"})
