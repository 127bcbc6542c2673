"""What integration tests run against: a real Redis (Valkey), Qdrant's engine over REST, a real model."""

import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from tests.integration.api_process import lone_api
from tests.integration.redis_process import redis_process
from tests.integration.service_process import running
from tests.patience import PATIENCE_SECONDS
from tests.ports import free_port

from rag_contract.environment.worker import WorkerSettings
from rag_standins.models.minilm import write_minilm
from rag_workloads.jobs.queue import Queue
from rag_workloads.library.files import ObjectStore
from rag_workloads.library.lifecycle import Library
from rag_workloads.library.records import Records, Target
from rag_workloads.library.vectors import VectorStore

PIPELINE = "tests.pipeline"
# Whose the stores are; what the services take too unless they are told another.
OWNER = "local"
MODEL = "all-MiniLM-L6-v2"


@pytest.fixture(scope="session")
def redis_server() -> Iterator[str]:
    with redis_process() as server:
        yield server.connection_url


@pytest.fixture
async def queue(redis_server: str) -> AsyncIterator[Queue]:
    """The pipeline's queue on an empty Redis."""
    queue = Queue.open(redis_server, PIPELINE)
    await queue.redis.flushall()
    yield queue
    await queue.close()


@pytest.fixture
def records(queue: Queue) -> Records:
    return Records(queue.redis, PIPELINE)


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """all-MiniLM-L6-v2 as OpenVINO IR, with its tokenizer."""
    folder = tmp_path_factory.mktemp("minilm")
    write_minilm(folder)
    return folder


@pytest.fixture(scope="session")
def qdrant_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    env = {
        "QDRANT__SERVICE__HOST": "127.0.0.1",
        "QDRANT__SERVICE__HTTP_PORT": str(port),
        "QDRANT__STORAGE__STORAGE_PATH": str(tmp_path_factory.mktemp("qdrant")),
    }
    with running("rag_standins.embedded_qdrant", env=env, probe=f"{url}/readyz"):
        yield url


@pytest.fixture(scope="module")
def collection() -> str:
    return f"c-{uuid.uuid4().hex}"


@pytest.fixture(scope="module")
def embedding_url(redis_server: str, qdrant_url: str, model_folder: Path, collection: str) -> Iterator[str]:
    """The embedding service as a process; it takes the queue's batches while the module's tests run."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    env = {
        "PIPELINE": PIPELINE,
        "REDIS_URL": redis_server,
        "QDRANT_URL": qdrant_url,
        "QDRANT_COLLECTION": collection,
        "EMBEDDING_MODEL": MODEL,
        "MODEL_PATH": str(model_folder),
        "MAX_CLIENT_BATCH_SIZE": "8",
        "HOST": "127.0.0.1",
        "PORT": str(port),
    }
    with running("rag_workloads.embedding", env=env, probe=f"{url}/ready"):
        yield url


@pytest.fixture
async def vectors(qdrant_url: str, collection: str) -> AsyncIterator[VectorStore]:
    vectors = VectorStore(qdrant_url, None, collection, OWNER)
    yield vectors
    await vectors.close()


@pytest.fixture
def files(tmp_path: Path) -> ObjectStore:
    return ObjectStore((tmp_path / "objects").as_uri())


@pytest.fixture
def worker_settings(
    redis_server: str, qdrant_url: str, collection: str, model_folder: Path, tmp_path: Path
) -> WorkerSettings:
    """Those of a worker of the pipeline, whose files are `files`."""
    return WorkerSettings(
        pipeline=PIPELINE,
        redis_url=redis_server,
        qdrant_url=qdrant_url,
        qdrant_collection=collection,
        storage_url=(tmp_path / "objects").as_uri(),
        embedding_model=MODEL,
        model_path=model_folder,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the API keeps files."""
    return tmp_path_factory.mktemp("objects")


@pytest.fixture(scope="module")
def api_settings() -> dict[str, str]:
    """What a module's API is told beside where its stores are."""
    return {}


@pytest.fixture(scope="module")
def api_environment(
    redis_server: str, qdrant_url: str, folder: Path, api_settings: dict[str, str]
) -> dict[str, str]:
    """All that a module's API is told."""
    stores = {"REDIS_URL": redis_server, "QDRANT_URL": qdrant_url, "STORAGE_URL": folder.as_uri()}
    return {"PIPELINE": PIPELINE, **stores, **api_settings}


@pytest.fixture(scope="module")
def process(api_environment: dict[str, str]) -> Iterator[str]:
    """An API without anybody who works on its documents."""
    with lone_api(**api_environment) as url:
        yield url


@pytest.fixture
async def api(process: str, queue: Queue) -> AsyncIterator[httpx.AsyncClient]:
    """That API, without any document."""
    async with httpx.AsyncClient(base_url=process, timeout=PATIENCE_SECONDS) as api:
        yield api


@pytest.fixture
def library(queue: Queue, records: Records, vectors: VectorStore, files: ObjectStore) -> Library:
    """The pipeline's documents, as a worker holds them."""
    return Library(queue, records, vectors, files, Target(vectors.collection, 0))
