"""What clients of event streams are told, of a stream that is played here."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from tests.patience import until

from rag_workloads.library.documents import Standing, State
from rag_workloads.library.events import START, Event, EventId, EventStream, Gap, Told
from rag_workloads.library.listeners import WAITING_EVENTS, Listener, Listeners, TooManyListeners


def event(number: int, document_id: str = "doc") -> Event:
    standing = Standing(document_id=document_id, task=1, state=State.PENDING)
    return Event(EventId(number, 0), standing)


class Played(EventStream):
    """A stream that is played: it has these events, and gives two at a time."""

    def __init__(self, *numbers: int) -> None:
        self.events = [event(number) for number in numbers]
        self.grown = asyncio.Event()
        self.readers = 0

    def grow(self, told: Event) -> None:
        self.events.append(told)
        self.grown.set()

    async def close(self) -> None:
        return

    async def last(self) -> EventId:
        return self.events[-1].id if self.events else START

    async def after(self, place: EventId) -> list[Told]:
        if place != START and place not in [event.id for event in self.events]:
            return [Gap(await self.last())]
        return [*[event for event in self.events if event.id > place][:2]]

    async def wait(self, place: EventId) -> None:
        self.grown.clear()
        self.readers += 1
        await self.grown.wait()
        self.readers -= 1


async def numbers(told: AsyncIterator[Told], count: int) -> list[int]:
    """The next so many, a gap as a negative number."""
    found = [await anext(told) for _ in range(count)]
    return [t.id.milliseconds if isinstance(t, Event) else -t.id.milliseconds for t in found]


async def rest(listener: Listener, told: AsyncIterator[Told]) -> list[Told]:
    """What the client is still told when all ends."""
    listener.end()
    return [t async for t in told]


@pytest.mark.parametrize(
    "text", ["", "1", "-1", "1-", "1-2-3", "x-1", "1-²", f"1-{'9' * 19}", " 1-1", "1-1\n"]
)
def test_what_is_no_id_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="two numbers"):
        EventId.parse(text)


def test_ids_are_written_as_they_are_read_and_ordered_as_numbers() -> None:
    assert str(EventId.parse("1764108000000-12")) == "1764108000000-12"
    assert EventId.parse("9-9") < EventId.parse("9-10") < EventId.parse("10-0")


async def test_what_comes_while_the_stream_is_read_is_told_once() -> None:
    stream = Played(1, 2, 3, 4)
    listener = Listener(stream, None)
    for told in stream.events[1:]:
        listener.tell(told)
    listener.tell(event(5))
    following = listener.follow(EventId(1, 0))
    assert await numbers(following, 4) == [2, 3, 4, 5]
    assert await rest(listener, following) == []


async def test_who_listens_to_a_document_hears_of_no_other() -> None:
    stream = Played(1)
    stream.events += [event(2, "another"), event(3)]
    listener = Listener(stream, "doc")
    assert await listener.missed(EventId(1, 0)) == event(3)
    assert await listener.missed(EventId(3, 0)) is None
    assert await numbers(listener.follow(START), 2) == [1, 3]


async def test_who_is_too_slow_reads_the_stream_and_misses_nothing() -> None:
    stream = Played(1)
    listener = Listener(stream, None)
    following = listener.follow(START)
    assert await numbers(following, 1) == [1]
    listener.tell(event(2))
    last = WAITING_EVENTS + 10
    for number in range(2, last + 1):
        stream.grow(event(number))
        listener.tell(event(number))
    assert await numbers(following, last - 1) == [*range(2, last + 1)]
    listener.tell(event(last + 1))
    assert await numbers(following, 1) == [last + 1]


async def test_after_a_gap_ids_may_begin_anew() -> None:
    stream = Played(7)
    listener = Listener(stream, None)
    following = listener.follow(START)
    assert await numbers(following, 1) == [7]
    stream.events = [event(2)]
    for told in (Gap(EventId(2, 0)), event(3), event(4)):
        listener.tell(told)
    assert await numbers(following, 3) == [-2, 3, 4]


async def test_a_gap_that_is_none_for_a_client_is_not_told() -> None:
    stream = Played(7)
    listener = Listener(stream, None)
    following = listener.follow(EventId(7, 0))
    for told in (Gap(EventId(7, 0)), event(8)):
        listener.tell(told)
    assert await numbers(following, 1) == [8]


async def test_a_process_has_so_many_listeners() -> None:
    listeners = Listeners(Played(), 1)
    async with listeners.listen():
        with pytest.raises(TooManyListeners):
            await listeners.listen("doc").__aenter__()
    async with listeners.listen("doc"):
        pass
    await listeners.close()


async def test_the_stream_is_read_once_for_all_and_only_while_somebody_listens() -> None:
    stream = Played(1)
    listeners = Listeners(stream, 10)

    async def read_once() -> bool:
        return stream.readers == 1

    async def read_no_more() -> bool:
        return stream.readers == 0

    async with listeners.listen() as first, listeners.listen("doc") as second, listeners.listen("x") as third:
        followed = [listener.follow(EventId(1, 0)) for listener in (first, second)]
        hearing = [asyncio.create_task(numbers(following, 2)) for following in followed]
        assert await until(read_once)
        for number in (2, 3):
            stream.grow(event(number))
        assert [await heard for heard in hearing] == [[2, 3], [2, 3]]
        assert await rest(third, third.follow(EventId(1, 0))) == []
        assert await until(read_once)
    stream.grow(event(4))
    assert await until(read_no_more)
    await listeners.close()


async def test_nobody_waits_for_a_reader_that_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Played(1)
    listeners = Listeners(stream, 10)

    async def fails(_: EventId) -> None:
        raise KeyError("a bug")

    async with listeners.listen() as listener:
        monkeypatch.setattr(stream, "wait", fails)
        stream.grow(event(2))
        following = listener.follow(EventId(1, 0))
        assert [told async for told in following] == [event(2)]
    monkeypatch.undo()
    async with listeners.listen() as listener:
        following = listener.follow(EventId(2, 0))
        stream.grow(event(3))
        assert await numbers(following, 1) == [3]
    await listeners.close()


async def test_who_listens_to_a_process_that_stops_is_told_no_more() -> None:
    listeners = Listeners(Played(1), 10)
    async with listeners.listen() as listener:
        listeners.end()
        assert [told async for told in listener.follow(START)] == []
        async with listeners.listen() as late:
            assert [told async for told in late.follow(START)] == []
    await listeners.close()
