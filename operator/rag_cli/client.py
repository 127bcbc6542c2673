"""The API of a pipeline as its users see it: uploads, progress, events, streamed answers with citations."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self
from urllib.parse import quote

import httpx
from httpx_sse import aconnect_sse

from rag_cli.answers import Answered, Chunk, Citation, Document, Documents, Event, Status, Uploaded
from rag_cli.errors import CliError
from rag_cli.files import Steady, shown
from rag_contract.endpoints import STATS_PATH
from rag_contract.stats import Stats

POLL_SECONDS = 0.5
# No proxy of the environment leads there.
LOOPBACK = ("127.0.0.1", "localhost", "::1")
DOCUMENTS, EVENTS, QUERY = "/api/v1/documents", "/api/v1/events", "/api/v1/query"


class Told(NamedTuple):
    """A line of the stream of events: an event, or only a place in it; `lost` are some before that."""

    place: str
    event: Event | None = None
    lost: bool = False


class Client:
    """A pipeline's API at a base URL.

    Raises httpx.HTTPStatusError for answers of 400 and above, CliError for one that breaks off.
    """

    def __init__(
        self, base_url: str, api_key: str = "", transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._http = httpx.AsyncClient(
            base_url=base_url,
            headers={"X-API-Key": api_key} if api_key else None,
            # Thousands of documents may be asked for at once, and wait for one of the connections.
            timeout=httpx.Timeout(60, read=180, pool=None),
            transport=transport,
            trust_env=httpx.URL(base_url).host not in LOOPBACK,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def upload(self, path: Path, document_id: str | None = None) -> Uploaded:
        """Upload a file; a document id makes it replace what had that id before."""
        data = {"document_id": document_id} if document_id else {}
        with Steady(path) as file:
            named = (shown(Path(path.name)), file)
            response = await self._http.post(f"{DOCUMENTS}/upload", files={"file": named}, data=data)
        response.raise_for_status()
        return Uploaded(**response.json(), changed=response.status_code == httpx.codes.ACCEPTED)

    async def status(self, task_id: str) -> Status:
        """Return the state of an upload's task."""
        return Status.model_validate(await self._get(f"{DOCUMENTS}/upload/status/{task_id}"))

    async def follow(self, task_id: str) -> AsyncIterator[Status]:
        """Yield the status until the document has ended in whatever way; that last status included."""
        while True:
            status = await self.status(task_id)
            yield status
            if status.ended:
                return
            await asyncio.sleep(POLL_SECONDS)

    @asynccontextmanager
    async def events(self, place: str = "") -> AsyncIterator[AsyncIterator[Told]]:
        """Listen to the changes of all documents, from now on or after a place."""
        headers = {"Last-Event-ID": place} if place else {}
        async with aconnect_sse(self._http, "GET", EVENTS, headers=headers) as source:
            await _check(source.response)

            async def told() -> AsyncIterator[Told]:
                async for line in source.aiter_sse():
                    event = (
                        Event.model_validate_json(line.data)
                        if line.event == "message" and line.data
                        else None
                    )
                    yield Told(line.id, event, lost=line.event == "reset")

            yield told()

    async def stats(self) -> Stats:
        """Return documents by state, and the depth of both queues."""
        return Stats.model_validate(await self._get(STATS_PATH))

    async def document(self, document_id: str) -> Document | None:
        """Return a document, None if there is none of that id."""
        response = await self._http.get(_path(document_id))
        if response.status_code == httpx.codes.NOT_FOUND:
            return None
        return Document.model_validate_json(response.raise_for_status().content)

    async def documents(self, limit: int, **wanted: str) -> Documents:
        """Return as many of the documents that a filter finds; a page of the API's may have fewer."""
        page = Documents.model_validate(await self._get(DOCUMENTS, limit=limit, **wanted))
        while page.next_cursor and (rest := limit - len(page.documents)):
            more = await self._get(DOCUMENTS, limit=rest, **{**wanted, "cursor": page.next_cursor})
            page.documents += Documents.model_validate(more).documents
            page.next_cursor = more["next_cursor"]
        return page

    async def every_document(self, **wanted: str) -> AsyncIterator[Document]:
        """Yield all documents that a filter finds."""
        place: dict[str, str] = {}
        while True:
            page = await self.documents(limit=100, **wanted, **place)
            for document in page.documents:
                yield document
            if page.next_cursor is None:
                return
            place = {"cursor": page.next_cursor}

    async def document_ids(self) -> list[str]:
        """Return the ids of all documents."""
        return [each.document_id async for each in self.every_document()]

    async def chunks(self, document_id: str) -> list[Chunk]:
        """Return the chunks of a document that questions can find, in order."""
        chunks: list[Chunk] = []
        while page := (await self._get(_path(document_id, "/chunks"), limit=100, offset=len(chunks)))[
            "chunks"
        ]:
            chunks += [Chunk.model_validate(chunk) for chunk in page]
        return chunks

    async def retry(self, document_id: str) -> Document:
        """Try a document again that failed or was cancelled."""
        response = await self._http.post(_path(document_id, "/retry"))
        return Document.model_validate_json(response.raise_for_status().content)

    async def delete(self, document_id: str) -> None:
        """Delete a document with its vectors and its file; one that is gone already is no error."""
        response = await self._http.delete(_path(document_id))
        if response.status_code != httpx.codes.NOT_FOUND:
            response.raise_for_status()

    async def reindex(self) -> dict[str, Any]:
        """Return how far the documents are embedded for another index, and which cannot be."""
        return await self._get("/api/v1/reindex")

    async def answer(self, question: str, **more: int) -> Answered:
        """Return a whole answer at once; `more` is `top_k`, the number of passages."""
        response = await self._http.post(QUERY, json={"query": question, **more})
        response.raise_for_status()
        return Answered.model_validate_json(response.content)

    async def ask(self, question: str, **more: int) -> AsyncIterator[str | list[Citation]]:
        """Stream an answer: pieces of text as they are generated, then the list of citations."""
        body = {"query": question, "stream": True, **more}
        async with aconnect_sse(self._http, "POST", QUERY, json=body) as source:
            await _check(source.response)
            async for event in source.aiter_sse():
                data = json.loads(event.data or "null")
                if event.event == "citations":
                    yield [Citation.model_validate(citation) for citation in data["citations"]]
                elif event.event == "message":
                    yield data["chunk"]
                elif event.event == "error":
                    raise CliError(f"The answer broke off. {data['title']}: {data['detail']}")

    async def _get(self, path: str, **params: int | str) -> dict[str, Any]:
        response = await self._http.get(path, params=params)
        response.raise_for_status()
        body: dict[str, Any] = response.json()
        return body


def _path(document_id: str, rest: str = "") -> str:
    """Return the path of a document, whatever stands in the id: of dots alone, it would lead elsewhere."""
    return f"{DOCUMENTS}/{quote(document_id, safe='').replace('.', '%2E')}{rest}"


async def _check(streamed: httpx.Response) -> None:
    """Raise httpx.HTTPStatusError for an error; its body says why, and is read before."""
    if streamed.is_error:
        await streamed.aread()
    streamed.raise_for_status()
