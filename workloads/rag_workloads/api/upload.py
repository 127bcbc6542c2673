"""A multipart upload as a stream: the file goes on as it comes in, hashed and counted, never spooled."""

import hashlib
import re
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError, MultipartParseError
from python_multipart.multipart import parse_options_header

from rag_workloads.api.file_names import given_name
from rag_workloads.web.problems import Problem

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

FILE_FIELD, ID_FIELD = "file", "document_id"
# Room for the form around the file: boundaries, headers, fields.
FORM_BYTES = 65_536
MAX_FIELD_BYTES = 4096
UNKNOWN_TYPE = "application/octet-stream"
MEDIA_TYPE = re.compile(rb"[\w!#$&^.+-]+/[\w!#$&^.+-]+[ -~]*")
MAX_MEDIA_TYPE_BYTES = 255
# Transfer encodings that leave a part's bytes as they are.
PLAIN = {b"binary", b"8bit", b"7bit"}


class Upload:
    """One request's form. Iterate `chunks` to its end, then read what came with it."""

    def __init__(self, content_type: str, limit: int) -> None:
        """`content_type` is the request's header, `limit` the most bytes that the file may have."""
        kind, options = parse_options_header(content_type)
        boundary = options.get(b"boundary")
        if kind != b"multipart/form-data" or not boundary:
            raise _invalid("Send multipart/form-data with a part named `file`.")
        self.file_name: str | None = None
        self.content_type = UNKNOWN_TYPE
        self.size = 0
        self.document_id: str | None = None
        self._limit = limit
        self._received = 0
        self._digest = hashlib.sha256()
        self._part = _Part()
        self._arrived: list[bytes] = []
        self._ended = False
        try:
            self._parser = MultipartParser(boundary, self._callbacks())
        except FormParserError as error:
            raise _invalid(f"{error}.") from error

    @property
    def sha256(self) -> str:
        """Of the file, in hex."""
        return self._digest.hexdigest()

    async def chunks(self, body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The file's bytes as they arrive. Problem: 413 too large; 422 malformed, empty or without a file."""
        async for data in body:
            self._received += len(data)
            try:
                self._parser.write(data)
            except MultipartParseError as error:
                raise _invalid(f"The form is malformed: {error}.") from error
            if self._received - self.size > FORM_BYTES:
                raise _invalid(f"The form around the file has more than {FORM_BYTES} bytes.")
            arrived, self._arrived = self._arrived, []
            for chunk in arrived:
                yield chunk
        if not self._ended:
            raise _invalid("The form breaks off before its end.")
        if self.file_name is None:
            raise _invalid("There is no part named `file` with a file name.")
        if self.size == 0:
            raise _invalid("The file is empty.")

    def _callbacks(self) -> "MultipartCallbacks":
        return {
            "on_part_begin": self._begin_part,
            "on_header_field": lambda data, start, end: self._part.add_name(data[start:end]),
            "on_header_value": lambda data, start, end: self._part.add_value(data[start:end]),
            "on_header_end": self._end_header,
            "on_headers_finished": self._open_part,
            "on_part_data": self._take,
            "on_part_end": self._close_part,
            "on_end": self._end,
        }

    def _begin_part(self) -> None:
        self._part = _Part()

    def _end_header(self) -> None:
        self._part.end_header()

    def _open_part(self) -> None:
        part = self._part
        disposition = part.headers.get("content-disposition", b"")
        _, options = parse_options_header(disposition)
        part.name = options.get(b"name", b"").decode("utf-8", "replace")
        file_name = given_name(disposition)
        if part.name == FILE_FIELD and file_name:
            if self.file_name is not None:
                raise _invalid("Send one file a request.")
            if part.headers.get("content-transfer-encoding", b"binary").lower() not in PLAIN:
                raise _invalid("Send the file as it is, without a Content-Transfer-Encoding.")
            part.is_file, self.file_name = True, file_name
            self.content_type = _media_type(part.headers.get("content-type", b""))

    def _take(self, data: bytes, start: int, end: int) -> None:
        chunk = data[start:end]
        if not self._part.is_file:
            self._part.grow(chunk)
            return
        self.size += len(chunk)
        if self.size > self._limit:
            raise too_large(self._limit)
        self._digest.update(chunk)
        self._arrived.append(chunk)

    def _close_part(self) -> None:
        if self._part.name != ID_FIELD:
            return
        if self.document_id is not None:
            raise _invalid(f"Send one `{ID_FIELD}`.")
        self.document_id = self._part.value.decode("utf-8", "replace")

    def _end(self) -> None:
        self._ended = True


class _Part:
    """What is known of the part being read."""

    def __init__(self) -> None:
        self.headers: dict[str, bytes] = {}
        self.name = ""
        self.value = b""
        self.is_file = False
        self._header_name, self._header_value = b"", b""

    def add_name(self, data: bytes) -> None:
        self._header_name += data

    def add_value(self, data: bytes) -> None:
        self._header_value += data

    def end_header(self) -> None:
        self.headers[self._header_name.decode("latin-1").lower()] = self._header_value
        self._header_name, self._header_value = b"", b""

    def grow(self, data: bytes) -> None:
        self.value += data
        if len(self.value) > MAX_FIELD_BYTES:
            raise _invalid(f"The field `{self.name[:100]}` is too long.")


def too_large(limit: int) -> Problem:
    """The file is larger than the pipeline takes."""
    return Problem(
        413, "file-too-large", "The file is too large", f"The limit is {limit} bytes.", limit_bytes=limit
    )


def _media_type(header: bytes) -> str:
    """What the client says that the file is, if it says so in the form of a media type."""
    known = len(header) <= MAX_MEDIA_TYPE_BYTES and MEDIA_TYPE.fullmatch(header)
    return header.decode("ascii") if known else UNKNOWN_TYPE


def _invalid(detail: str) -> Problem:
    return Problem(422, "invalid-upload", "The upload cannot be read", detail)
