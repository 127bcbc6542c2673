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
ID = part('name="document_id"', b"mine")
NOTES = b"".join(part(f'name="note-{n}"', b"x" * 4000) for n in range(20))


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
        assert upload.document_id == "mine"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ('filename="手册.pdf"', "手册.pdf"),
        ("filename*=UTF-8''%e6%89%8b%e5%86%8c%20a.pdf", "手册 a.pdf"),
        ("filename*=iso-8859-1'en'%A3.pdf", "£.pdf"),
        ("filename=plain.pdf; filename*=UTF-8''extended.pdf", "plain.pdf"),
        (r'filename="a \"quoted\" name.pdf"', 'a "quoted" name.pdf'),
        ('filename="a; b=c.pdf"', "a; b=c.pdf"),
        (r'filename="C:\Users\me\a.pdf"', "a.pdf"),
        ('filename="../../etc/a.pdf"', "a.pdf"),
        ("filename*=UTF-8''..%2F..%2Fa.pdf", "a.pdf"),
        ("filename*=UTF-8''a%00b%0d%0ac.pdf", "a b c.pdf"),
        ("filename*=UTF-8''fdp%E2%80%AE.exe", "fdp.exe"),
        ('filename=".."', "unnamed"),
        ('filename=" "', "unnamed"),
        (f'filename="{"手" * 300}.pdf"', "手" * 251 + ".pdf"),
        (f'filename="{"a" * 300}.{"b" * 300}"', "a" * 255),
    ],
)
async def test_a_file_name_is_decoded_and_cleaned(given: str, kept: str) -> None:
    upload = Upload(CONTENT_TYPE, LIMIT)
    await read(upload, part(f'name="file"; {given}', b"x") + END)
    assert upload.file_name == kept


async def test_a_file_name_in_latin_1() -> None:
    upload = Upload(CONTENT_TYPE, LIMIT)
    await read(upload, part('name="file"; filename="fünf.pdf"', b"x").decode().encode("latin-1") + END)
    assert upload.file_name == "fünf.pdf"


@pytest.mark.parametrize(
    ("header", "kept"),
    [
        ("text/plain; charset=UTF-8", "text/plain; charset=UTF-8"),
        ("application/vnd.x+json", "application/vnd.x+json"),
        ("", "application/octet-stream"),
        ("nonsense", "application/octet-stream"),
        ("text/pläin", "application/octet-stream"),
        ("text/plain; " + "x" * 300, "application/octet-stream"),
    ],
)
async def test_a_content_type_is_kept_if_it_is_one(header: str, kept: str) -> None:
    upload = Upload(CONTENT_TYPE, LIMIT)
    await read(upload, part(FILE, b"x", f"Content-Type: {header}") + END)
    assert upload.content_type == kept


@pytest.mark.parametrize(
    ("body", "status", "detail"),
    [
        (part(FILE, b"x" * (LIMIT + 1)) + END, 413, "The limit is 1000 bytes."),
        (part(FILE, b"") + END, 422, "The file is empty."),
        (part('name="other"', b"x") + END, 422, "There is no part named `file`"),
        (part(FILE, b"x"), 422, "The form breaks off before its end."),
        (part(FILE, b"x") + part(FILE, b"y") + END, 422, "Send one file a request."),
        (part('name="note"', b"x" * 5000) + END, 422, "The field `note` is too long."),
        (NOTES, 422, "The form around the file has more than 65536 bytes."),
        (part(FILE, b"x") + NOTES, 422, "The form around the file"),
        (b"not a form at all", 422, "The form is malformed"),
        (b"", 422, "The form breaks off before its end."),
        (part('name="file"', b"x") + END, 422, "There is no part named `file` with a file name."),
        (part('name="file"; filename=""', b"x") + END, 422, "There is no part named `file`"),
        (part(FILE, b"x") + ID + ID + END, 422, "Send one `document_id`."),
        (part(FILE, b"eA==", "Content-Transfer-Encoding: base64") + END, 422, "Send the file as it is"),
        (part(FILE, b"x", "X: " + "y" * 20_000) + END, 422, "Maximum header size exceeded"),
    ],
)
async def test_refusals(body: bytes, status: int, detail: str) -> None:
    with pytest.raises(Problem) as refused:
        await read(Upload(CONTENT_TYPE, LIMIT), body)
    assert refused.value.status == status
    assert detail in refused.value.detail


@pytest.mark.parametrize(
    ("content_type", "detail"),
    [
        ("", "Send multipart/form-data"),
        ("application/json", "Send multipart/form-data"),
        ("multipart/form-data", "Send multipart/form-data"),
        ('multipart/form-data; boundary=""', "Send multipart/form-data"),
        (f"multipart/form-data; boundary={'x' * 300}", "Boundary length 300 exceeds maximum of 256."),
    ],
)
def test_only_forms_are_taken(content_type: str, detail: str) -> None:
    with pytest.raises(Problem, match=detail):
        Upload(content_type, LIMIT)
