"""The multipart form, read as a stream."""

import hashlib
from collections.abc import AsyncIterator

import pytest

from rag_workloads.api.upload import Upload
from rag_workloads.web.problems import Problem

CONTENT_TYPE = 'multipart/form-data; boundary="XX"'
LIMIT = 1000


def part(disposition: str, value: bytes, *headers: str) -> bytes:
    lines = [f"Content-Disposition: form-data; {disposition}", *headers]
    return b"--XX\r\n" + "\r\n".join(lines).encode() + b"\r\n\r\n" + value + b"\r\n"


END = b"--XX--\r\n"
FILE = 'name="file"; filename="a.pdf"'


async def pieces(body: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]


async def read(upload: Upload, body: bytes, size: int = 7) -> bytes:
    return b"".join([chunk async for chunk in upload.chunks(pieces(body, size))])


@pytest.mark.parametrize("size", [1, 7, 10_000])
async def test_file_and_fields_in_any_order_and_pieces(size: int) -> None:
    content = b"--X\r\n\r\n--X is no boundary here" * 5
    for fields_first in (True, False):
        field = part('name="document_id"', b"mine")
        file = part(FILE, content, "Content-Type: application/pdf")
        upload = Upload(CONTENT_TYPE, LIMIT)
        got = await read(upload, (field + file if fields_first else file + field) + END, size)
        assert got == content
        assert (upload.file_name, upload.content_type) == ("a.pdf", "application/pdf")
        assert (upload.size, upload.sha256) == (len(content), hashlib.sha256(content).hexdigest())
        assert upload.fields == {"document_id": "mine"}


async def test_a_file_name_in_another_script() -> None:
    upload = Upload(CONTENT_TYPE, LIMIT)
    await read(upload, part('name="file"; filename="手册.pdf"', b"x") + END)
    assert upload.file_name == "手册.pdf"


@pytest.mark.parametrize(
    ("body", "status", "detail"),
    [
        (part(FILE, b"x" * (LIMIT + 1)) + END, 413, "The limit is 1000 bytes."),
        (part(FILE, b"") + END, 422, "The file is empty."),
        (part('name="other"', b"x") + END, 422, "There is no part named `file`"),
        (part(FILE, b"x"), 422, "The form breaks off before its end."),
        (part(FILE, b"x") + part(FILE, b"y") + END, 422, "Send one file a request."),
        (part('name="note"', b"x" * 5000) + END, 422, "The field `note` is too long."),
        (part('name="note"', b"x" * 4000) * 20, 422, "The form around the file has more than 65536 bytes."),
        (part(FILE, b"x") + part('name="note"', b"x" * 4000) * 20, 422, "The form around the file"),
        (b"not a form at all", 422, "The form is malformed"),
    ],
)
async def test_refusals(body: bytes, status: int, detail: str) -> None:
    with pytest.raises(Problem) as refused:
        await read(Upload(CONTENT_TYPE, LIMIT), body)
    assert refused.value.status == status
    assert detail in refused.value.detail


@pytest.mark.parametrize("content_type", ["", "application/json", "multipart/form-data"])
def test_only_forms_are_taken(content_type: str) -> None:
    with pytest.raises(Problem, match="Send multipart/form-data"):
        Upload(content_type, LIMIT)
