"""The form of an upload: files, which go on as they come in, and fields, before or after them."""

import hashlib
import re
from collections.abc import AsyncIterator

from pydantic import BaseModel, Json, ValidationError

from rag_workloads.api.descriptions import Metadata, Tags
from rag_workloads.api.file_names import given_name
from rag_workloads.api.ids import DocumentId
from rag_workloads.api.multipart import Part, invalid_upload, parts
from rag_workloads.web.problems import Problem, said

FILE_FIELD = "file"
MAX_FILES = 100
# All others are passed over. Tags may come in several parts.
FIELDS = {"document_id": 1, "metadata": 1, "tags": 100}
BLANKS = re.compile(" +")
# Metadata of the largest size, written with some blanks.
MAX_FIELD_BYTES = 16_384
MAX_PARTS = MAX_FILES + 200
# A body has room for so many of the largest files, and for the form around them.
LARGEST_FILES, FORM_BYTES = 10, 65_536
UNKNOWN_TYPE = "application/octet-stream"
MEDIA_TYPE = re.compile(rb"[\w!#$&^.+-]+/[\w!#$&^.+-]+[ -~]*")
MAX_MEDIA_TYPE_BYTES = 255
# Transfer encodings that leave a part's bytes as they are.
PLAIN = {b"binary", b"8bit", b"7bit"}


def body_limit(file_limit: int) -> int:
    """The most bytes that a form may have whose files may have `file_limit` each."""
    return LARGEST_FILES * file_limit + FORM_BYTES


class Refused(Problem):
    """One file of the form cannot be taken; the form goes on."""


class UploadFields(BaseModel):
    """What a form says of its files."""

    document_id: DocumentId | None = None
    tags: Tags = []
    metadata: Json[Metadata] = {}


class FormFile:
    """A file of the form. Its size and digest are known once it was read."""

    def __init__(self, name: str, part: Part, limit: int) -> None:
        self.name = name
        self.content_type = _media_type(part.headers.get("content-type", b""))
        self.size = 0
        self._digest = hashlib.sha256()
        self._part, self._limit = part, limit

    @property
    def sha256(self) -> str:
        """Of the file, in hex."""
        return self._digest.hexdigest()

    async def chunks(self) -> AsyncIterator[bytes]:
        """Its bytes as they arrive. Refused: too large, empty or encoded."""
        if self._part.headers.get("content-transfer-encoding", b"binary").lower() not in PLAIN:
            raise _refused("Send the file as it is, without a Content-Transfer-Encoding.")
        async for chunk in self._read():
            if self.size > self._limit:
                raise _too_large(self._limit)
            yield chunk
        if self.size == 0:
            raise _refused("The file is empty.")

    async def read_on(self) -> None:
        """Read what is left: of a file that is refused the digest is to be known too."""
        async for _ in self._read():
            pass

    async def _read(self) -> AsyncIterator[bytes]:
        async for chunk in self._part.content():
            self.size += len(chunk)
            self._digest.update(chunk)
            yield chunk


class Form:
    """One request's form. Iterate `files` to the end, then read the fields."""

    def __init__(self, content_type: str, limit: int) -> None:
        """`content_type` is the request's header, `limit` the most bytes that a file may have."""
        self._content_type, self._limit = content_type, limit
        self._fields: dict[str, list[str]] = {name: [] for name in FIELDS}

    async def files(self, body: AsyncIterator[bytes]) -> AsyncIterator[FormFile]:
        """The files, each to be read before the next. Problem: malformed, without a file, or too long."""
        seen = files = 0
        async for part in parts(self._content_type, body):
            seen += 1
            if seen > MAX_PARTS:
                raise invalid_upload(f"The form has more than {MAX_PARTS} parts.")
            name = given_name(part.disposition) if part.name == FILE_FIELD else None
            if name is None:
                await (_no_file(part) if part.name == FILE_FIELD else self._keep(part))
                continue
            files += 1
            if files > MAX_FILES:
                raise invalid_upload(f"Send at most {MAX_FILES} files a request.")
            yield (file := FormFile(name, part, self._limit))
            await file.read_on()
        if files == 0:
            raise invalid_upload("There is no part named `file` with a file name.")

    def fields(self) -> UploadFields:
        """What came with the files. Problem: out of bounds."""
        single = {
            name: self._fields[name][0] for name in ("document_id", "metadata") if any(self._fields[name])
        }
        tags = [BLANKS.sub(" ", tag.strip(" ")) for value in self._fields["tags"] for tag in value.split(",")]
        try:
            return UploadFields.model_validate({**single, "tags": [tag for tag in tags if tag]})
        except ValidationError as error:
            found = [f"{'.'.join(map(str, e['loc']))}: {said(e)}" for e in error.errors()]
            detail = f"{'; '.join(found)}."
            raise Problem(422, "invalid-description", "The description is not allowed", detail) from error

    async def _keep(self, part: Part) -> None:
        value = b""
        async for data in part.content():
            value += data
            if len(value) > MAX_FIELD_BYTES:
                if part.name in FIELDS:
                    raise invalid_upload(f"The field `{part.name}` is too long.")
                raise invalid_upload(f"There is no field `{part.name[:100]}`: files are `file`.")
        if part.name in FIELDS:
            values = self._fields[part.name]
            values.append(value.decode("utf-8", "replace"))
            if len(values) > FIELDS[part.name]:
                raise invalid_upload(f"Send at most {FIELDS[part.name]} `{part.name}`.")


async def _no_file(part: Part) -> None:
    """Pass over a part without a file's name, which browsers send for a field that was left empty."""
    async for data in part.content():
        if data:
            raise invalid_upload("A part `file` has no file name: send one as `filename`.")


def _refused(detail: str) -> Refused:
    return Refused(422, "invalid-upload", "The upload cannot be read", detail)


def _too_large(limit: int) -> Refused:
    return Refused(
        413, "file-too-large", "The file is too large", f"The limit is {limit} bytes.", limit_bytes=limit
    )


def _media_type(header: bytes) -> str:
    """What the client says that the file is, if it says so in the form of a media type."""
    known = len(header) <= MAX_MEDIA_TYPE_BYTES and MEDIA_TYPE.fullmatch(header)
    return header.decode("ascii") if known else UNKNOWN_TYPE
