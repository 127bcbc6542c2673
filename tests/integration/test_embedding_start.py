"""How the embedding service starts: what it waits for, what it refuses, and what its probes say meanwhile."""

import json
import shutil
import uuid
from pathlib import Path
from typing import Any

import httpx
import pytest
from qdrant_client import QdrantClient
from qdrant_client.models import PointStruct
from redis import Redis
from tests.data import DATA
from tests.integration.conftest import MODEL
from tests.integration.hub import running_hub
from tests.integration.service_process import last_words, running
from tests.patience import eventually, patient
from tests.ports import free_port
from tests.unit.pipelines import children, made_pod, pipeline, run

from rag_operator.conditions import conditions
from rag_operator.evidence import Evidence, Observed
from rag_operator.indexes import decide
from rag_operator.pod_status import CRASHING

MODULE = "rag_workloads.embedding"
WORKER = "rag_workloads.worker"
QDRANT = "rag_standins.embedded_qdrant"


@pytest.fixture
def url() -> str:
    return f"http://127.0.0.1:{free_port()}"


@pytest.fixture
def settings(redis_server: str, qdrant_url: str, model_folder: Path, url: str) -> dict[str, str]:
    """The environment of a service that has all it needs."""
    return {
        "PIPELINE": "tests.start",
        "REDIS_URL": redis_server,
        "QDRANT_URL": qdrant_url,
        "QDRANT_COLLECTION": f"c-{uuid.uuid4().hex}",
        "EMBEDDING_MODEL": MODEL,
        "MODEL_PATH": str(model_folder),
        "HOST": "127.0.0.1",
        "PORT": url.rpartition(":")[2],
    }


def qdrant(folder: Path, url: str) -> dict[str, str]:
    return {
        "QDRANT__SERVICE__HOST": "127.0.0.1",
        "QDRANT__SERVICE__HTTP_PORT": url.rpartition(":")[2],
        "QDRANT__STORAGE__STORAGE_PATH": str(folder),
    }


def embed(url: str) -> httpx.Response:
    return patient.post(f"{url}/embed", json={"text": "a question"})


def problems(settings: dict[str, str]) -> list[dict[str, Any]]:
    """What the pods of the pipeline say in Redis that keeps them from their work."""
    with Redis.from_url(settings["REDIS_URL"]) as redis:
        return [json.loads(entry)[1] for entry in redis.hvals(f"{settings['PIPELINE']}:problems")]


def test_a_question_is_embedded_without_redis(settings: dict[str, str], url: str) -> None:
    nowhere = {"REDIS_URL": f"redis://127.0.0.1:{free_port()}"}
    with running(MODULE, env=settings | nowhere, probe=f"{url}/ready"):
        assert embed(url).json()["dimension"] == 384
        assert patient.get(f"{url}/live").status_code == 200


def test_qdrant_is_waited_for_and_missed_only_by_documents(
    settings: dict[str, str], url: str, tmp_path: Path
) -> None:
    store = f"http://127.0.0.1:{free_port()}"

    def waits_for_it() -> bool:
        probe = patient.get(f"{url}/ready")
        return probe.status_code == 503 and "Qdrant does not answer" in probe.json()["detail"]

    with running(MODULE, env=settings | {"QDRANT_URL": store}, probe=f"{url}/live"):
        eventually(waits_for_it)
        (told,) = eventually(lambda: problems(settings))
        assert (told["component"], told["reason"], told["starting"]) == ("embedding", "VectorStoreAway", True)
        assert embed(url).json()["error_type"] == "Unhealthy"
        with running(QDRANT, env=qdrant(tmp_path, store), probe=f"{store}/readyz"):
            eventually(lambda: patient.get(f"{url}/ready").status_code == 200)
            eventually(lambda: not problems(settings))
        assert patient.get(f"{url}/ready").status_code == 200
        assert embed(url).json()["dimension"] == 384


def test_a_collection_of_another_model_is_refused_in_words(settings: dict[str, str], url: str) -> None:
    with running(MODULE, env=settings, probe=f"{url}/ready"):
        pass
    words = last_words(MODULE, settings | {"EMBEDDING_MODEL": "another"})
    assert words.startswith(f"collection {settings['QDRANT_COLLECTION']!r} was made by")
    assert "set vectorStore.collection to a new name" in words


def test_vectors_of_another_length_are_refused_by_a_filled_collection_and_conditions_say_so(
    settings: dict[str, str], url: str, qdrant_url: str
) -> None:
    with running(MODULE, env=settings, probe=f"{url}/ready"):
        client = QdrantClient(qdrant_url, check_compatibility=False)
        client.upsert(settings["QDRANT_COLLECTION"], [PointStruct(id=1, vector=[1.0] * 384)], wait=True)
        client.close()
    words = last_words(MODULE, settings | {"DIMENSIONS": "64"})
    assert "was made by dimension 384, this is 64: set vectorStore.collection to a new name" in words
    workload = children()["Deployment", "demo-embedding"]
    ended = {"terminated": {"exitCode": 1, "reason": "Error", "message": words}}
    states = [{"name": "embedding", "state": {"running": {}}, "lastState": ended}]
    seen = pipeline()
    observed = Observed(run([*children().values()]), [made_pod(workload, containerStatuses=states)])
    told = {each.type: each for each in conditions(Evidence(seen, decide(seen), observed))}
    for each in (told["EmbeddingReady"], told["Ready"]):
        assert (each.reason, words in each.message) == (CRASHING, True)


def test_stores_of_another_pipeline_are_refused_in_words(settings: dict[str, str], url: str) -> None:
    env = settings | {"PIPELINE": "tests.owned", "OWNER": "cluster/a/docs"}
    with running(MODULE, env=env, probe=f"{url}/ready"):
        pass
    words = last_words(MODULE, env | {"OWNER": "cluster/b/docs"})
    assert "belongs to the pipeline cluster/a/docs, this is cluster/b/docs" in words
    words = last_words(
        MODULE, env | {"OWNER": "cluster/b/docs", "QDRANT_COLLECTION": f"c-{uuid.uuid4().hex}"}
    )
    assert "this Redis holds the documents of the pipeline cluster/a/docs" in words


def test_more_dimensions_than_the_model_has_are_refused_in_words(settings: dict[str, str]) -> None:
    assert (
        last_words(MODULE, settings | {"DIMENSIONS": "1000"})
        == "DIMENSIONS is 1000, the model's vectors have 384"
    )


def test_a_model_that_cannot_run_is_refused_in_words(settings: dict[str, str], tmp_path: Path) -> None:
    shutil.copytree(DATA / "models" / "bert-cls", tmp_path, dirs_exist_ok=True)
    (tmp_path / "config.json").write_text('{"model_type": "t5"}')
    words = last_words(MODULE, settings | {"MODEL_PATH": str(tmp_path)})
    assert words.startswith("the model is of the family 't5', and weights alone are enough only for bert, ")
    assert words.endswith(f"put an ONNX or OpenVINO graph beside {tmp_path / 'model.safetensors'}")


def test_every_pod_gets_the_commit_that_the_collection_was_made_with(
    settings: dict[str, str], url: str, qdrant_url: str, model_folder: Path, tmp_path: Path
) -> None:
    graph = {f"openvino/{name}": name for name in ("openvino_model.xml", "openvino_model.bin")}
    files = {name: name for name in ("tokenizer.json", "config.json")} | graph
    content = {path: (model_folder / name).read_bytes() for path, name in files.items()}
    with running_hub() as hub:
        first = hub.push(content)
        env = settings | {"EMBEDDING_MODEL": "org/minilm", "HF_ENDPOINT": hub.url}
        del env["MODEL_PATH"]
        with running(MODULE, env=env | {"HF_HOME": str(tmp_path / "first")}, probe=f"{url}/ready"):
            client = QdrantClient(qdrant_url, check_compatibility=False)
            info = client.get_collection(settings["QDRANT_COLLECTION"])
            client.close()
            assert (info.config.metadata or {})["revision"] == first
        second = hub.push({**content, "openvino/openvino_model.bin": b"other weights"})
        hub.asked.clear()
        with running(MODULE, env=env | {"HF_HOME": str(tmp_path / "second")}, probe=f"{url}/ready"):
            assert embed(url).json()["dimension"] == 384
        with running(
            WORKER,
            env=env | {"HF_HOME": str(tmp_path / "third"), "STORAGE_URL": f"file://{tmp_path}"},
            probe=f"{url}/ready",
        ):
            assert patient.get(f"{url}/live").status_code == 200
        assert second != first
        assert set(hub.asked) == {first}
