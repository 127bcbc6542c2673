"""The API of a pipeline as its users see it: uploads, progress, streamed answers with citations."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import httpx
from httpx_sse import aconnect_sse
from pydantic import BaseModel

from rag_contract.endpoints import STATS_PATH
from rag_contract.stats import Stats

from .errors import DemoError

POLL_SECONDS = 0.5


class Uploaded(BaseModel):
    """The answer to an upload. `changed` is False when these bytes were there already."""

    document_id: str
    task_id: str
    message: str
    changed: bool


class Warned(BaseModel):
    """What was not read of a page of a completed document."""

    page: int
    code: str
    message: str


class Result(BaseModel):
    """What a completed document consists of."""

    document_id: str
    file_name: str
    pages: int
    chunks: int
    warnings: list[Warned] = []


class Failure(BaseModel):
    """Why a document failed: a stable code, a sentence, the page where it applies, and what to do."""

    code: str
    message: str
    page: int | None = None
    hint: str | None = None


class Status(BaseModel):
    """How far the ingestion of a document is; progress runs from 0 to 100."""

    task_id: str
    document_id: str
    status: Literal["pending", "processing", "completed", "failed", "cancelled"]
    progress: float
    stage: str | None = None
    result: Result | None = None
    error: Failure | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to the document."""
        return self.status in ("completed", "failed", "cancelled")


class Citation(BaseModel):
    """A page that an answer rests on, and the sentence of it nearest to the question."""

    document_id: str
    file_name: str
    page: int
    chunk_id: str
    score: float
    quote: str


class Answered(BaseModel):
    """A whole answer; its text is None where the pipeline has no language model."""

    answer: str | None
    citations: list[Citation]


class Chunk(BaseModel):
    """A passage of a document as it was embedded."""

    chunk_id: str
    chunk_index: int
    page: int
    text: str


class Client:
    """A pipeline's API at a base URL.

    Raises httpx.HTTPStatusError for answers of 400 and above, DemoError for one that breaks off.
    """

    def __init__(self, base_url: str) -> None:
        self._http = httpx.AsyncClient(base_url=base_url, timeout=httpx.Timeout(60, read=180))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def upload(self, path: Path, document_id: str | None = None) -> Uploaded:
        """Uploads a file; a document id makes it replace what had that id before."""
        data = {"document_id": document_id} if document_id else {}
        with path.open("rb") as file:
            response = await self._http.post(
                "/api/v1/documents/upload", files={"file": (path.name, file, "application/pdf")}, data=data
            )
        response.raise_for_status()
        return Uploaded(**response.json(), changed=response.status_code == httpx.codes.ACCEPTED)

    async def status(self, task_id: str) -> Status:
        """Returns the state of an upload's task."""
        return Status.model_validate(await self._get(f"/api/v1/documents/upload/status/{task_id}"))

    async def follow(self, task_id: str) -> AsyncIterator[Status]:
        """Yields the status until the document has ended in whatever way; that last status included."""
        while True:
            status = await self.status(task_id)
            yield status
            if status.ended:
                return
            await asyncio.sleep(POLL_SECONDS)

    async def stats(self) -> Stats:
        """Returns documents by state, and the depth of both queues."""
        return Stats.model_validate(await self._get(STATS_PATH))

    async def document_ids(self) -> list[str]:
        """Returns the ids of all documents."""
        ids: list[str] = []
        page = await self._get("/api/v1/documents", limit=100)
        while True:
            ids += [document["document_id"] for document in page["documents"]]
            if page["next_cursor"] is None:
                return ids
            page = await self._get("/api/v1/documents", limit=100, cursor=page["next_cursor"])

    async def chunks(self, document_id: str) -> list[Chunk]:
        """Returns the chunks of a document that questions can find, in order."""
        chunks: list[Chunk] = []
        while page := (
            await self._get(f"/api/v1/documents/{document_id}/chunks", limit=100, offset=len(chunks))
        )["chunks"]:
            chunks += [Chunk.model_validate(chunk) for chunk in page]
        return chunks

    async def delete(self, document_id: str) -> None:
        """Deletes a document with its vectors and its file; one that is gone already is no error."""
        response = await self._http.delete(f"/api/v1/documents/{document_id}")
        if response.status_code != httpx.codes.NOT_FOUND:
            response.raise_for_status()

    async def reindex(self) -> dict[str, Any]:
        """Returns how far the documents are embedded for another index, and which cannot be."""
        return await self._get("/api/v1/reindex")

    async def answer(self, question: str) -> Answered:
        """Returns a whole answer at once."""
        response = await self._http.post("/api/v1/query", json={"query": question})
        response.raise_for_status()
        return Answered.model_validate_json(response.content)

    async def ask(self, question: str) -> AsyncIterator[str | list[Citation]]:
        """Streams an answer: pieces of text as they are generated, then the list of citations."""
        body = {"query": question, "stream": True}
        async with aconnect_sse(self._http, "POST", "/api/v1/query", json=body) as source:
            source.response.raise_for_status()
            async for event in source.aiter_sse():
                data = json.loads(event.data or "null")
                if event.event == "citations":
                    yield [Citation.model_validate(citation) for citation in data["citations"]]
                elif event.event == "message":
                    yield data["chunk"]
                elif event.event == "error":
                    raise DemoError(f"the answer broke off: {data}")

    async def _get(self, path: str, **params: int | str) -> dict[str, Any]:
        response = await self._http.get(path, params=params)
        response.raise_for_status()
        body: dict[str, Any] = response.json()
        return body
