"""Documents are embedded anew for another collection; the test plays the pods' part and the API's."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from rag_contract.endpoints import API_PORT
from rag_contract.stats import QueueStats, Reindex, Stats
from tests.cluster.kube import MINILM, NAME, Kube, Manifest, pipeline
from tests.cluster.own_operator import OwnOperator
from tests.cluster.pods import serve, told
from tests.patience import eventually

OTHER_MODEL = "BAAI/bge-m3"


@pytest.fixture(autouse=True)
def nobody_else_runs_pods(bare: bool) -> None:
    if not bare:
        pytest.skip("a kubelet writes the state of pods itself, and the operator asks the API itself")


class Api:
    """The pipeline's API, as far as the operator asks it."""

    def __init__(self, pipeline: str, address: str) -> None:
        self.pipeline = pipeline
        self.answer(pipeline, [pipeline], "docs", MINILM)
        api = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = api.stats.model_dump_json(by_alias=True).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None: ...

        self.server = ThreadingHTTPServer((address, API_PORT), Handler)

    def answer(
        self, index: str, indexes: list[str], collection: str, model: str, reindex: Reindex | None = None
    ) -> None:
        """Say from now on which index answers, which there are, and how far the next one is."""
        self.stats = Stats(
            documents={"completed": 67},
            searchable=67,
            collection=collection,
            queue=QueueStats(ingest=0, embed=0),
            embedding_model=model,
            index=index,
            indexes=indexes,
            reindex=reindex,
        )


@pytest.fixture
def api(kube: Kube, operator: float) -> Iterator[Api]:
    """The API of a pipeline whose pods are all ready, at the address of its Service."""
    kube.apply(pipeline())
    service = eventually(lambda: kube.get("service", f"{NAME}-api"))
    api = Api(f"{kube.namespace}.{NAME}", service["spec"]["clusterIP"])
    thread = Thread(target=api.server.serve_forever)
    thread.start()
    eventually(lambda: serve(kube))
    yield api
    api.server.shutdown()
    thread.join()
    api.server.server_close()


def want(kube: Kube, collection: str, model: str = MINILM) -> None:
    """Have the spec name a collection, and a model."""
    change = {"vectorStore": {"collection": collection}, "embedding": {"model": model}}
    kube.patch("ragpipeline", NAME, {"spec": change})


def status(kube: Kube) -> Manifest:
    found = kube.get("ragpipeline", NAME)
    assert found
    known: Manifest = found["status"]
    return known


def following(kube: Kube) -> str:
    """Wait until an index is next whose pods, and the API, are told; return its id."""
    known = eventually(lambda: status(kube)["indexes"].get("next"))
    identity = str(known["id"])
    slot = f"-{known['slot']}" if known["slot"] else ""
    parts = (f"worker{slot}", f"embedding{slot}")
    eventually(lambda: {told_to(kube, part, "PIPELINE") for part in parts} == {identity})
    eventually(lambda: f'"{identity}"' in told_to(kube, "api", "NEXT_INDEX"))
    return identity


def told_to(kube: Kube, component: str, variable: str) -> str:
    """Return what the pods of a component are told by a variable, or nothing."""
    deployment = kube.get("deployment", f"{NAME}-{component}")
    if deployment is None:
        return ""
    variables = deployment["spec"]["template"]["spec"]["containers"][0]["env"]
    return next((each.get("value", "") for each in variables if each["name"] == variable), "")


def gone(kube: Kube, *components: str) -> bool:
    return not any(kube.get("deployment", f"{NAME}-{each}") for each in components)


def events(kube: Kube) -> set[str]:
    found = kube.list("events")
    return {each["reason"] for each in found if each["involvedObject"]["kind"] == "RagPipeline"}


def test_one_collection_takes_the_place_of_another(kube: Kube, api: Api) -> None:
    first = api.pipeline
    want(kube, "new", OTHER_MODEL)
    second = following(kube)
    assert told_to(kube, "embedding-b", "EMBEDDING_MODEL") == OTHER_MODEL
    assert told_to(kube, "embedding", "EMBEDDING_MODEL") == MINILM
    progress = Reindex(origin="docs", target="new", done=12, total=67, failed=0)
    api.answer(first, [first, second], "docs", MINILM, progress)
    eventually(lambda: status(kube).get("reindex"))
    counts = {"done": 12, "total": 67, "failed": 0, "stuck": 0}
    assert status(kube)["reindex"] == {"from": "docs", "to": "new", "waits": "", **counts}
    message = (
        "12 of 67 documents are in collection new; questions are answered from collection docs until all are"
    )
    assert told(kube, "IndexReady", "Reindexing")["message"] == message
    eventually(lambda: serve(kube))

    api.answer(second, [first, second], "new", OTHER_MODEL)
    assert told(kube, "IndexReady", "Current")["message"].startswith(
        "questions are answered from collection new; "
    )
    eventually(lambda: told_to(kube, "api", "PIPELINE") == second)
    assert (status(kube)["collection"]["name"], status(kube)["embeddingModel"]) == ("new", OTHER_MODEL)
    assert "reindex" not in status(kube)
    assert not gone(kube, "worker", "embedding")

    want(kube, "third", OTHER_MODEL)
    told(kube, "IndexReady", "ReindexWaits")
    assert told_to(kube, "worker", "PIPELINE") == first
    api.answer(second, [second], "new", OTHER_MODEL)
    third = following(kube)
    assert told_to(kube, "worker", "PIPELINE") == third
    assert told_to(kube, "worker-b", "PIPELINE") == second
    assert events(kube) >= {"ReindexStarted", "ReindexCompleted"}


def test_what_retired_leaves_nothing_behind(kube: Kube, api: Api) -> None:
    want(kube, "new")
    second = following(kube)
    api.answer(second, [second], "new", MINILM)
    eventually(lambda: gone(kube, "worker", "embedding"))
    left = kube.list(
        "all,serviceaccounts,networkpolicies", "app.kubernetes.io/component in (worker,embedding)"
    )
    assert [each for each in left if "deletionTimestamp" not in each["metadata"]] == []
    eventually(lambda: serve(kube))
    assert status(kube)["components"]["embedding"]["ready"] == "1/1"


def test_setting_the_spec_back_calls_it_off(kube: Kube, api: Api) -> None:
    want(kube, "new")
    second = following(kube)
    api.answer(api.pipeline, [api.pipeline, second], "docs", MINILM)
    want(kube, "docs")
    eventually(lambda: gone(kube, "worker-b", "embedding-b"))
    eventually(lambda: told_to(kube, "api", "NEXT_INDEX") == "")
    assert [each["id"] for each in status(kube)["indexes"]["calledOff"]] == [second]
    api.answer(api.pipeline, [api.pipeline], "docs", MINILM)
    eventually(lambda: status(kube)["indexes"]["calledOff"] == [])
    assert told(kube, "IndexReady", "Current")["message"] == "questions are answered from collection docs"
    assert "ReindexCalledOff" in events(kube)


def test_documents_that_failed_are_told_once_nothing_else_is_left(kube: Kube, api: Api) -> None:
    want(kube, "new")
    indexes = [api.pipeline, following(kube)]
    blocked = Reindex(origin="docs", target="new", done=64, total=67, failed=3)
    api.answer(api.pipeline, indexes, "docs", MINILM, blocked)
    condition = told(kube, "IndexReady", "ReindexBlocked")
    assert "3 failed" in condition["message"]
    assert condition["status"] == "True"
    ready = told(kube, "Ready", "ReindexBlocked")
    assert ready["status"] == "True"


def test_an_operator_that_is_killed_goes_on_with_what_it_began(
    kube: Kube, api: Api, own_operator: OwnOperator
) -> None:
    want(kube, "new")
    known = eventually(lambda: status(kube)["indexes"].get("next"))
    own_operator.kill()
    second = str(known["id"])
    own_operator.start()
    assert following(kube) == second
    own_operator.kill()
    api.answer(second, [api.pipeline, second], "new", MINILM)
    own_operator.start()
    eventually(lambda: told_to(kube, "api", "PIPELINE") == second)
    assert status(kube)["indexes"]["retiring"]["id"] == api.pipeline


@pytest.mark.usefixtures("own_operator")
def test_children_of_a_second_index_have_names_however_long_the_pipelines_is(kube: Kube) -> None:
    name = "a" * 40
    cached = {"model": OTHER_MODEL, "managed": {"cache": {}}}
    kube.apply(pipeline(name=name, embedding=cached))
    eventually(lambda: kube.get("deployment", f"{name}-api"))
    kube.apply(pipeline(name=name, embedding=cached, vectorStore={"collection": "new", "managed": {}}))
    expected = {
        *(
            f"{kind}/{name}-embedding-b"
            for kind in ("Deployment", "Service", "ServiceAccount", "NetworkPolicy")
        ),
        *(f"{kind}/{name}-worker-b" for kind in ("Deployment", "ServiceAccount", "NetworkPolicy")),
        f"PersistentVolumeClaim/{name}-model-cache-b",
    }
    kinds = "deployments,services,serviceaccounts,networkpolicies,persistentvolumeclaims"
    selector = "app.kubernetes.io/component in (worker-b,embedding-b)"
    assert eventually(
        lambda: (
            {f"{each['kind']}/{each['metadata']['name']}" for each in kube.list(kinds, selector)} == expected
        )
    )
