"""Uploads with an Idempotency-Key, sent again: they are done once, and answered alike."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from tests.integration.api_process import lone_process, problem
from tests.integration.conftest import PIPELINE
from tests.patience import PATIENCE_SECONDS, until

from rag_workloads.api.idempotency import LEASE_SECONDS
from rag_workloads.jobs.queue import Queue

UPLOAD = "/api/v1/documents/upload"
FILE, OTHER, EMPTY = ("a.txt", b"Some text."), ("b.txt", b"Another text."), ("c.txt", b"")
KEYS = [{"name": name, "scopes": ["ingest"], "variable": f"KEY_{name}"} for name in ("one", "two")]
FORM = {"Content-Type": "multipart/form-data; boundary=XX"}
BEGINNING = b'--XX\r\nContent-Disposition: form-data; name="file"; filename="slow.txt"\r\n\r\nSlow'
END = b" text.\r\n--XX--\r\n"


@pytest.fixture(scope="module")
def api_settings() -> dict[str, str]:
    return {"API_KEYS": json.dumps(KEYS), "KEY_one": "one", "KEY_two": "two"}


def headers(key: str, caller: str = "one") -> dict[str, str]:
    return {"Authorization": f"Bearer {caller}", "Idempotency-Key": key}


async def upload(
    api: httpx.AsyncClient, *files: tuple[str, bytes], key: str = "k", caller: str = "one", **data: str
) -> httpx.Response:
    sent = [("file", file) for file in files]
    return await api.post(UPLOAD, files=sent, data=data, headers=headers(key, caller))


async def total(api: httpx.AsyncClient) -> int:
    return int((await api.get("/api/v1/documents", headers=headers(""))).json()["total"])


@pytest.mark.parametrize("files", [[FILE], [FILE, OTHER, EMPTY]])
async def test_the_same_request_gets_the_same_answer(
    api: httpx.AsyncClient, files: list[tuple[str, bytes]]
) -> None:
    first = await upload(api, *files, tags="a,b")
    for key in ("k", '"k"'):
        again = await upload(api, *files, key=key, tags="a,b")
        assert (again.status_code, again.json()) == (202, first.json())
        assert again.headers["location"] == first.headers["location"]
        assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    assert await total(api) == min(2, len(files))


@pytest.mark.parametrize(
    ("file", "data"),
    [(OTHER, {}), (("z.txt", FILE[1]), {}), (FILE, {"tags": "b"}), (FILE, {"metadata": '{"a": 1}'})],
)
async def test_another_request_with_the_same_key_is_refused(
    api: httpx.AsyncClient, file: tuple[str, bytes], data: dict[str, Any]
) -> None:
    await upload(api, FILE)
    assert problem(await upload(api, file, **data)) == (422, "idempotency-key-reused")
    assert await total(api) == 1


async def test_a_key_belongs_to_who_sent_it(api: httpx.AsyncClient) -> None:
    await upload(api, FILE)
    other = await upload(api, OTHER, caller="two")
    assert (other.status_code, "idempotent-replayed" in other.headers) == (202, False)


async def test_what_was_refused_may_be_mended_and_sent_again(api: httpx.AsyncClient) -> None:
    assert (await upload(api, EMPTY)).status_code == 422
    assert (await upload(api, FILE, metadata="{")).status_code == 422
    assert (await upload(api, FILE)).status_code == 202


@pytest.mark.parametrize("key", ["", "two words", 'quo"ted', "k" * 129])
async def test_a_key_has_bounds(api: httpx.AsyncClient, key: str) -> None:
    assert problem(await upload(api, FILE, key=key)) == (422, "invalid-idempotency-key")


class Slow:
    """An upload whose end is not sent before it is told to go on."""

    def __init__(self, api: httpx.AsyncClient, queue: Queue) -> None:
        self._api, self._redis = api, queue.redis
        self._go_on = asyncio.Event()

    async def _body(self) -> AsyncIterator[bytes]:
        yield BEGINNING
        await self._go_on.wait()
        yield END

    async def key(self) -> bytes | None:
        """What it holds in Redis."""
        return next(iter(await self._redis.keys(f"{PIPELINE}:idempotency:*")), None)

    async def begin(self) -> asyncio.Task[httpx.Response]:
        """Begin it, and wait until it holds its key."""
        sent = self._api.post(UPLOAD, content=self._body(), headers={**headers("k"), **FORM})
        task = asyncio.create_task(sent)
        await until(self.key)
        return task

    def go_on(self) -> None:
        self._go_on.set()


async def test_while_the_first_runs_others_are_told_to_wait(api: httpx.AsyncClient, queue: Queue) -> None:
    slow = Slow(api, queue)
    running = await slow.begin()
    meanwhile = await upload(api, FILE)
    assert problem(meanwhile) == (409, "idempotency-key-in-use")
    assert int(meanwhile.headers["retry-after"]) > 0
    slow.go_on()
    first = await running
    assert first.status_code == 202
    again = await upload(api, ("slow.txt", b"Slow text."))
    assert problem(again) == (422, "idempotency-key-reused"), "the type of the file was stated this time"


async def test_a_client_that_leaves_frees_its_key(api: httpx.AsyncClient, queue: Queue) -> None:
    slow = Slow(api, queue)
    running = await slow.begin()
    running.cancel()

    async def free() -> bool:
        return await slow.key() is None

    await until(free)
    assert (await upload(api, FILE)).status_code == 202


async def test_a_process_that_is_killed_blocks_a_key_for_a_minute_at_most(
    api_environment: dict[str, str], queue: Queue
) -> None:
    with lone_process("/ready", **api_environment) as (url, process):
        async with httpx.AsyncClient(base_url=url, timeout=PATIENCE_SECONDS) as api:
            slow = Slow(api, queue)
            running = await slow.begin()
            process.kill()
            process.wait()
            slow.go_on()
            with pytest.raises(httpx.TransportError):
                await running
    held = await slow.key()
    assert held
    assert 0 < await queue.redis.ttl(held) <= LEASE_SECONDS
