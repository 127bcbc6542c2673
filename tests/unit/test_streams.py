"""Event streams as bytes."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from sse_starlette import ServerSentEvent
from starlette.types import Message

from rag_workloads.web import streams


async def quiet() -> AsyncIterator[ServerSentEvent]:
    """An event, and then none for ever."""
    yield streams.event({"chunk": "Grüße\n"}, "greeting", "1-0")
    yield streams.place("2-0")
    await asyncio.Event().wait()


async def test_a_quiet_stream_is_held_open_by_comments(monkeypatch: pytest.MonkeyPatch) -> None:
    assert streams.stream(quiet()).ping_interval == 15
    monkeypatch.setattr(streams, "HEARTBEAT_SECONDS", 0.01)
    sent: list[str] = []
    beat = asyncio.Event()

    async def send(message: Message) -> None:
        sent.append(message.get("body", b"").decode())
        if sent[-1].startswith(":"):
            beat.set()

    async def receive() -> Message:
        await beat.wait()
        return {"type": "http.disconnect"}

    await streams.stream(quiet())({"type": "http", "method": "GET"}, receive, send)
    events = [text for text in sent if text and not text.startswith(":")]
    assert events == [
        'id: 1-0\r\nevent: greeting\r\ndata: {"chunk":"Grüße\\n"}\r\n\r\n',
        "id: 2-0\r\n\r\n",
    ]


async def test_a_reader_that_takes_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "SEND_SECONDS", 0.01)
    sent: list[str] = []

    async def send(message: Message) -> None:
        sent.append(message["type"])
        if message["type"] == "http.response.body":
            await asyncio.Event().wait()

    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError("a client that never says anything")

    await streams.stream(quiet())({"type": "http", "method": "GET"}, receive, send)
    assert sent == ["http.response.start", "http.response.body"]
