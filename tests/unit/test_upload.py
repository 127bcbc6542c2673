"""The multipart form, read as a stream."""

import hashlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from rag_workloads.api.upload import MAX_FILES, MAX_PARTS, Form, FormFile, Refused, UploadFields
from rag_workloads.web.problems import Problem

CONTENT_TYPE = 'multipart/form-data; boundary="XX"'
LIMIT = 1000


def part(disposition: str, value: bytes, *headers: str) -> bytes:
    lines = [f"Content-Disposition: form-data; {disposition}", *headers]
    return b"--XX\r\n" + "\r\n".join(lines).encode() + b"\r\n\r\n" + value + b"\r\n"


END = b"--XX--\r\n"
FILE = 'name="file"; filename="a.pdf"'
ID = part('name="document_id"', b"mine")
ENCODED = "Content-Transfer-Encoding: base64"


async def pieces(body: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]


async def read_all(form: Form, body: bytes, size: int = 7) -> list[tuple[FormFile, bytes]]:
    return [
        (file, b"".join([chunk async for chunk in file.chunks()]))
        async for file in form.files(pieces(body, size))
    ]


async def read(body: bytes, size: int = 7) -> tuple[FormFile, bytes, UploadFields]:
    """A form with one file."""
    form = Form(CONTENT_TYPE, LIMIT)
    ((file, content),) = await read_all(form, body, size)
    return file, content, form.fields()


async def fields(body: bytes) -> UploadFields:
    return (await read(part(FILE, b"x") + body + END))[2]


@pytest.mark.parametrize("size", [1, 7, 10_000])
async def test_file_and_fields_in_any_order_and_pieces(size: int) -> None:
    content = b"--X\r\n\r\n--X is no boundary here" * 5
    for fields_first in (True, False):
        field = ID + part('name="tags"', b"a, b") + part('name="metadata"', b'{"year": 2026}')
        file = part(FILE, content, "Content-Type: application/pdf")
        found, got, said = await read((field + file if fields_first else file + field) + END, size)
        assert got == content
        assert (found.name, found.content_type) == ("a.pdf", "application/pdf")
        assert (found.size, found.sha256) == (len(content), hashlib.sha256(content).hexdigest())
        assert (said.document_id, said.tags, said.metadata) == ("mine", ["a", "b"], {"year": 2026})


@pytest.mark.parametrize("size", [1, 7, 10_000])
async def test_several_files_come_one_after_another(size: int) -> None:
    form, contents = Form(CONTENT_TYPE, LIMIT), [b"first", b"second" * 50, b"third"]
    files = [part(f'name="file"; filename="{n}.txt"', content) for n, content in enumerate(contents)]
    found = await read_all(form, b"".join([files[0], ID, *files[1:], END]), size)
    assert [(file.name, content) for file, content in found] == [
        (f"{n}.txt", content) for n, content in enumerate(contents)
    ]
    assert form.fields().document_id == "mine"


@pytest.mark.parametrize("size", [1, 7, 10_000])
async def test_a_file_that_is_refused_keeps_no_other_from_being_read(size: int) -> None:
    long = b"x" * (2 * LIMIT)
    parts = [part(FILE, long), part(FILE, b""), part(FILE, b"eA==", ENCODED), part(FILE, b"good"), ID, END]
    form, files = Form(CONTENT_TYPE, LIMIT), list[FormFile]()
    found = list[bytes | int]()
    async for file in form.files(pieces(b"".join(parts), size)):
        files.append(file)
        try:
            found.append(b"".join([chunk async for chunk in file.chunks()]))
        except Refused as refused:
            found.append(refused.status)
    assert found == [413, 422, 422, b"good"]
    assert files[0].sha256 == hashlib.sha256(long).hexdigest(), "the same file is known again"
    assert form.fields().document_id == "mine"


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
    file, *_ = await read(part(f'name="file"; {given}', b"x") + END)
    assert file.name == kept


async def test_a_file_name_in_latin_1() -> None:
    file, *_ = await read(part('name="file"; filename="fünf.pdf"', b"x").decode().encode("latin-1") + END)
    assert file.name == "fünf.pdf"


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
    file, *_ = await read(part(FILE, b"x", f"Content-Type: {header}") + END)
    assert file.content_type == kept


@pytest.mark.parametrize(
    ("body", "tags", "metadata"),
    [
        (b"", [], {}),
        (part('name="document_id"', b"") + part('name="metadata"', b"") + part('name="tags"', b""), [], {}),
        (
            part('name="tags"', b"a") + part('name="tags"', "b,,手册   1 , a".encode()),
            ["a", "b", "手册 1"],
            {},
        ),
        (part('name="metadata"', b' {"a": {"b": [1, null]}} '), [], {"a": {"b": [1, None]}}),
    ],
)
async def test_tags_and_metadata(body: bytes, tags: list[str], metadata: dict[str, Any]) -> None:
    found = await fields(body)
    assert (found.document_id, found.tags, found.metadata) == (None, tags, metadata)


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (part('name="tags"', b"t" * 65), "tags.0: String should have at most 64 characters"),
        (
            part('name="tags"', ",".join(map(str, range(33))).encode()),
            "tags: List should have at most 32 items",
        ),
        (part('name="metadata"', b"{"), "metadata: Invalid JSON"),
        (part('name="metadata"', b"[1]"), "metadata: Input should be a valid dictionary"),
        (part('name="metadata"', b'{"a": NaN}'), "metadata: Out of range float values"),
        (part('name="metadata"', b"[" * 5000), "metadata: Invalid JSON"),
        (part('name="metadata"', b'{"a": "%s"}' % (b"x" * 8192)), "is larger than 8192 bytes"),
        (part('name="document_id"', b"../escape"), "A document id has up to 128"),
        (part('name="tags"', b"t") * 101, "Send at most 100 `tags`"),
        (part('name="metadata"', b"{}") * 2, "Send at most 1 `metadata`"),
        (ID + ID, "Send at most 1 `document_id`"),
    ],
)
async def test_fields_have_bounds(body: bytes, detail: str) -> None:
    with pytest.raises(Problem) as refused:
        await fields(body)
    assert refused.value.status == 422
    assert detail in refused.value.detail


@pytest.mark.parametrize(
    ("body", "status", "detail"),
    [
        (part(FILE, b"x" * (LIMIT + 1)) + END, 413, "The limit is 1000 bytes."),
        (part(FILE, b"") + END, 422, "The file is empty."),
        (part('name="other"', b"x") + END, 422, "There is no part named `file`"),
        (part(FILE, b"x"), 422, "The form breaks off before its end."),
        (part(FILE, b"x") * (MAX_FILES + 1) + END, 422, "Send at most 100 files a request."),
        (part('name="note"', b"x" * 20_000) + END, 422, "There is no field `note`: files are `file`."),
        (part('name="tags"', b"x" * 20_000) + END, 422, "The field `tags` is too long."),
        (part('name="note"', b"x") * (MAX_PARTS + 1) + END, 422, "The form has more than 300 parts."),
        (b"not a form at all", 422, "The form is malformed"),
        (b"", 422, "The form breaks off before its end."),
        (part('name="file"', b"x") + END, 422, "A part `file` has no file name: send one as `filename`."),
        (part('name="file"; filename=""', b"") + END, 422, "There is no part named `file`"),
        (part('name="file"; filename=""', b"x") + END, 422, "A part `file` has no file name"),
        (part('name="file"; filename=""', b"x" * 20_000) + END, 422, "A part `file` has no file name"),
        (part(FILE, b"eA==", ENCODED) + END, 422, "Send the file as it is"),
        (part(FILE, b"x", "X: " + "y" * 20_000) + END, 422, "Maximum header size exceeded"),
    ],
)
async def test_refusals(body: bytes, status: int, detail: str) -> None:
    with pytest.raises(Problem) as refused:
        await read_all(Form(CONTENT_TYPE, LIMIT), body)
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
async def test_only_forms_are_taken(content_type: str, detail: str) -> None:
    with pytest.raises(Problem, match=detail):
        await read_all(Form(content_type, LIMIT), part(FILE, b"x") + END)
