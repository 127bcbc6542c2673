"""A multipart form as a stream of its parts: their content goes on as it comes in, never spooled."""

from collections import deque
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError, MultipartParseError
from python_multipart.multipart import parse_options_header

from rag_workloads.web.problems import Problem

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks


def invalid_upload(detail: str) -> Problem:
    """What was sent is no form that can be taken."""
    return Problem(422, "invalid-upload", "The upload cannot be read", detail)


class Part:
    """One part of a form: its headers (names in small letters), and its content."""

    def __init__(self, reader: "_Reader") -> None:
        self.headers: dict[str, bytes] = {}
        self._reader = reader
        self._arrived = deque[bytes]()
        self._complete = False

    @property
    def disposition(self) -> bytes:
        """Its Content-Disposition."""
        return self.headers.get("content-disposition", b"")

    @property
    def name(self) -> str:
        """The name of its field."""
        _, options = parse_options_header(self.disposition)
        return options.get(b"name", b"").decode("utf-8", "replace")

    async def content(self) -> AsyncIterator[bytes]:
        """Its bytes as they arrive; whoever stops and asks again gets the rest. Problem: malformed."""
        while True:
            while self._arrived:
                yield self._arrived.popleft()
            if self._complete:
                return
            await self._reader.read()

    def arrive(self, data: bytes) -> None:
        """Add to its content."""
        self._arrived.append(data)

    def complete(self) -> None:
        """Nothing more will arrive."""
        self._complete = True


async def parts(content_type: str, body: AsyncIterator[bytes]) -> AsyncIterator[Part]:
    """The parts of a body whose Content-Type is given; what is not read of a part is passed over.

    Problem: it is no form, malformed, or breaks off. Else the body has been read to its end.
    """
    reader = _Reader(content_type, body)
    while True:
        while reader.opened:
            part = reader.opened.popleft()
            yield part
            async for _ in part.content():
                pass
        if reader.ended:
            break
        await reader.read()
    async for _ in body:
        pass


class _Reader:
    """Feeds the parser piece by piece, and keeps what it found until it is asked for."""

    def __init__(self, content_type: str, body: AsyncIterator[bytes]) -> None:
        kind, options = parse_options_header(content_type)
        boundary = options.get(b"boundary")
        if kind != b"multipart/form-data" or not boundary:
            raise invalid_upload("Send multipart/form-data with a part named `file`.")
        self.opened = deque[Part]()
        self.ended = False
        self._body = body
        self._part = Part(self)
        self._header_name, self._header_value = b"", b""
        try:
            self._parser = MultipartParser(boundary, self._callbacks())
        except FormParserError as error:
            raise invalid_upload(f"{error}.") from error

    async def read(self) -> None:
        """Parse the next piece of the body."""
        data = await anext(self._body, None)
        if data is None:
            raise invalid_upload("The form breaks off before its end.")
        try:
            self._parser.write(data)
        except MultipartParseError as error:
            raise invalid_upload(f"The form is malformed: {error}.") from error

    def _callbacks(self) -> "MultipartCallbacks":
        return {
            "on_part_begin": self._begin_part,
            "on_header_field": self._add_name,
            "on_header_value": self._add_value,
            "on_header_end": self._end_header,
            "on_headers_finished": lambda: self.opened.append(self._part),
            "on_part_data": lambda data, start, end: self._part.arrive(data[start:end]),
            "on_part_end": self._end_part,
            "on_end": self._end,
        }

    def _begin_part(self) -> None:
        self._part = Part(self)

    def _add_name(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def _add_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _end_header(self) -> None:
        self._part.headers[self._header_name.decode("latin-1").lower()] = self._header_value
        self._header_name, self._header_value = b"", b""

    def _end_part(self) -> None:
        self._part.complete()

    def _end(self) -> None:
        self.ended = True
