"""The operator against a real API server: it makes a pipeline's children, keeps them, and lets them go."""

import base64
import json
import time
from datetime import datetime
from typing import Any

import pytest

from tests.cluster.kube import NAME, Kube, Manifest, pipeline, store
from tests.patience import eventually

CHILDREN = (
    "deployments,statefulsets,services,serviceaccounts,secrets,persistentvolumeclaims,"
    "poddisruptionbudgets,networkpolicies"
)
OURS = f"app.kubernetes.io/instance={NAME},app.kubernetes.io/managed-by=ragpipeline-operator"
REDIS = "app.kubernetes.io/component=redis"
EXTERNAL_QUEUE = {"external": {"urlSecretRef": {"name": "redis", "key": "url"}}}
LLM = {"managed": {"model": "HuggingFaceTB/SmolLM2-135M-Instruct"}}
API = f"{NAME}-api"

pytestmark = pytest.mark.usefixtures("operator")


def names(kube: Kube) -> set[str]:
    return {f"{item['kind']}/{item['metadata']['name']}" for item in kube.list(CHILDREN, OURS)}


def variables(deployment: Manifest) -> dict[str, Any]:
    """Return the variables of a Deployment's first container: values, or references to Secrets."""
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    return {each["name"]: each.get("value", each.get("valueFrom")) for each in container["env"]}


def made(kube: Kube, **spec: Any) -> None:
    """Apply a pipeline and wait until its last child is there."""
    kube.apply(pipeline(**spec))
    eventually(lambda: kube.get("deployment", API))
    eventually(lambda: kube.condition("Ready"))


def test_a_pipeline_gets_its_children_and_a_status(kube: Kube) -> None:
    made(kube, llm=LLM)
    pods = {f"Deployment/{NAME}-{part}" for part in ("api", "worker", "embedding", "llm")}
    stores = {f"StatefulSet/{NAME}-{part}" for part in ("redis", "qdrant")}
    claims = {f"PersistentVolumeClaim/{NAME}-{part}" for part in ("objects", "redis-data", "qdrant-data")}
    secrets = {f"Secret/{NAME}-{part}" for part in ("queue", "vector-store")}
    assert pods | stores | claims | secrets <= names(kube)
    stored = kube.get("ragpipeline", NAME)
    assert stored
    assert stored["status"]["url"] == f"http://{API}.{kube.namespace}:8000"
    assert stored["status"]["observedGeneration"] == 1
    assert {each["observedGeneration"] for each in stored["status"]["conditions"]} == {1}
    assert stored["status"]["components"]["redis"]["ready"].endswith("/1")


def test_data_is_marked_with_its_owner_and_the_revision_of_its_collection(kube: Kube) -> None:
    def revision(generation: int) -> tuple[str, int]:
        """Return the revision in the status of a generation, once the pods have the same."""

        def agreed() -> tuple[str, int] | None:
            stored = kube.get("ragpipeline", NAME)
            api = kube.get("deployment", API)
            if not (stored and api and stored["status"].get("observedGeneration") == generation):
                return None
            found: Manifest = stored["status"]["collection"]
            given = variables(api)
            same = given["COLLECTION_REVISION"] == str(found["revision"])
            return (found["name"], found["revision"]) if same else None

        return eventually(agreed)

    made(kube)
    system = kube.get("namespace", "kube-system")
    api = kube.get("deployment", API)
    assert system
    assert api
    assert variables(api)["OWNER"] == f"{system['metadata']['uid']}/{kube.namespace}/{NAME}"
    stored = kube.get("ragpipeline", NAME)
    assert stored
    born = int(datetime.fromisoformat(stored["metadata"]["creationTimestamp"]).timestamp())
    assert revision(1) == ("docs", born + 1)
    kube.patch("ragpipeline", NAME, {"spec": {"retrieval": {"topK": 9}}})
    assert revision(2) == ("docs", born + 1)
    kube.patch("ragpipeline", NAME, {"spec": {"vectorStore": {"collection": "other"}}})
    assert revision(3) == ("docs", born + 1)  # it answers until all documents are in the other one
    worker = kube.get("deployment", f"{NAME}-worker-b")
    assert worker
    given = variables(worker)
    assert (given["QDRANT_COLLECTION"], given["COLLECTION_REVISION"]) == ("other", str(born + 3))


def test_several_keys_of_the_api_are_waited_for_and_handed_on(kube: Kube) -> None:
    reference = {"name": "keys", "key": "web"}
    web = {"name": "web", "secretKeyRef": reference, "scopes": ["query"], "requestsPerMinute": 60}
    kube("create", "secret", "generic", "keys", "--from-literal=web=")
    kube.apply(pipeline(api={"auth": {"keys": [web]}}))
    condition = eventually(lambda: _with_reason(kube.condition("SecretsResolved"), "SecretKeyNotFound"))
    assert condition["message"].startswith("key web of Secret keys is empty")
    assert names(kube) == set()
    kube.patch("secret", "keys", {"stringData": {"web": "a key"}})
    given = variables(eventually(lambda: kube.get("deployment", API)))
    assert json.loads(given["API_KEYS"]) == [
        {"name": "web", "scopes": ["query"], "requests_per_minute": 60, "variable": "API_KEY_0"}
    ]
    assert given["API_KEY_0"] == {"secretKeyRef": reference}


@pytest.mark.usefixtures("unruled")
def test_a_spec_that_breaks_a_bound_that_is_younger_gets_a_status(kube: Kube) -> None:
    store(kube, pipeline(api={"replicas": 0}))
    condition = eventually(lambda: _with_reason(kube.condition("Ready"), "InvalidSpec"))
    assert condition["status"] == "False"
    assert condition["message"].startswith("spec.api.replicas cannot be used: ")
    kube.patch("ragpipeline", NAME, {"spec": {"api": {"replicas": 1}}})
    eventually(lambda: kube.get("deployment", API))


def test_the_operator_leaves_no_finalizer_and_no_annotation(kube: Kube) -> None:
    made(kube)
    stored = kube.get("ragpipeline", NAME)
    assert stored
    annotations = stored["metadata"].get("annotations", {})
    assert annotations.keys() <= {"kubectl.kubernetes.io/last-applied-configuration"}
    assert "finalizers" not in stored["metadata"]


def test_an_event_tells_why_a_pipeline_is_not_ready(kube: Kube) -> None:
    kube.apply(pipeline(queue=EXTERNAL_QUEUE))

    def event() -> Manifest | None:
        reasons = (each for each in kube.list("events") if each["involvedObject"]["kind"] == "RagPipeline")
        return next(reasons, None)

    found = eventually(event)
    assert (found["type"], found["reason"]) == ("Warning", "SecretNotFound")
    assert found["message"] == "Secret redis does not exist"
    assert found["involvedObject"]["name"] == NAME


def test_a_deleted_child_comes_back(kube: Kube) -> None:
    made(kube)
    before = kube.get("service", API)
    assert before
    kube.delete("service", API)

    def back() -> bool:
        now = kube.get("service", API)
        return now is not None and now["metadata"]["uid"] != before["metadata"]["uid"]

    assert eventually(back)


def test_an_edited_child_comes_back(kube: Kube) -> None:
    made(kube)
    kube("set", "image", f"deployment/{API}", "api=somebody/else:1")
    kube("scale", f"deployment/{NAME}-worker", "--replicas=7")

    def restored() -> bool:
        api, worker = kube.get("deployment", API), kube.get("deployment", f"{NAME}-worker")
        assert api
        assert worker
        image: str = api["spec"]["template"]["spec"]["containers"][0]["image"]
        count: int = worker["spec"]["replicas"]
        return image != "somebody/else:1" and count == 1

    assert eventually(restored)


def test_a_key_that_is_added_to_a_selector_goes(kube: Kube) -> None:
    made(kube)
    kube.patch("service", API, {"spec": {"selector": {"stray": "yes"}}})
    kube.patch("networkpolicy", f"{NAME}-redis", {"spec": {"podSelector": {"matchLabels": {"stray": "yes"}}}})

    def restored() -> bool:
        service, policy = kube.get("service", API), kube.get("networkpolicy", f"{NAME}-redis")
        assert service
        assert policy
        return "stray" not in {*service["spec"]["selector"], *policy["spec"]["podSelector"]["matchLabels"]}

    assert eventually(restored)


def test_a_claim_that_is_larger_than_the_spec_stays_as_large(kube: Kube) -> None:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "5Gi"}}}
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "spec": spec}
    labels = dict(each.split("=") for each in OURS.split(","))
    kube.apply({**claim, "metadata": {"name": f"{NAME}-redis-data", "labels": labels}})
    made(kube)
    taken = kube.get("pvc", f"{NAME}-redis-data")
    assert taken
    assert "ragpipeline.dev/applied-hash" in taken["metadata"]["annotations"]
    assert taken["spec"]["resources"]["requests"]["storage"] == "5Gi"


def test_what_the_spec_drops_is_pruned(kube: Kube) -> None:
    made(kube, llm=LLM)
    kube("patch", "ragpipeline", NAME, "--type=json", "--patch", '[{"op": "remove", "path": "/spec/llm"}]')
    eventually(lambda: not any(name.endswith(f"/{NAME}-llm") for name in names(kube)))
    assert f"Deployment/{API}" in names(kube)
    eventually(lambda: kube.condition("LLMReady") is None)


def test_a_steady_pipeline_is_written_to_by_nobody(kube: Kube, operator: float) -> None:
    made(kube, llm=LLM)

    def versions() -> dict[str, str]:
        items = kube.list(f"{CHILDREN},ragpipelines", "")
        return {
            f"{item['kind']}/{item['metadata']['name']}": item["metadata"]["resourceVersion"]
            for item in items
        }

    def steady() -> bool:
        """Over two of the operator's own periods; a slow machine has it easier, not harder."""
        before = versions()
        time.sleep(2.5 * operator)
        return before == versions()

    assert eventually(steady)


def test_passwords_are_kept(kube: Kube, operator: float) -> None:
    made(kube)
    before = kube.get("secret", f"{NAME}-queue")
    kube.patch("ragpipeline", NAME, {"spec": {"retrieval": {"topK": 9}}})
    eventually(lambda: (kube.condition("Ready") or {}).get("observedGeneration") == 2)
    time.sleep(operator)
    after = kube.get("secret", f"{NAME}-queue")
    assert before
    assert after
    assert before["data"] == after["data"]


def test_a_password_outlives_the_labels_of_its_secret(kube: Kube) -> None:
    made(kube)
    before = kube.get("secret", f"{NAME}-queue")
    kube("label", "secret", f"{NAME}-queue", "app.kubernetes.io/managed-by-")
    after = eventually(lambda: next(iter(kube.list("secrets", f"{OURS},{REDIS}")), None))
    assert before
    assert after["data"] == before["data"]


def test_no_pod_is_made_before_its_password_can_be_kept(kube: Kube) -> None:
    none = {"count/secrets": "0"}
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "none"},
        "spec": {"hard": none},
    }
    kube.apply(quota)
    counted = json.dumps({"status": {"hard": none, "used": none}})  # no controller counts in a bare server
    kube("patch", "resourcequota", "none", "--subresource=status", "--type=merge", "--patch", counted)
    kube.apply(pipeline())
    condition = eventually(lambda: _with_reason(kube.condition("QueueReady"), "ApplyFailed"))
    assert "exceeded quota" in condition["message"]
    assert names(kube) == set()
    kube("delete", "resourcequota", "none")
    eventually(lambda: kube.get("deployment", API))


def test_a_secret_of_somebody_else_is_left_alone(kube: Kube) -> None:
    kube("create", "secret", "generic", f"{NAME}-queue", "--from-literal=password=theirs")
    kube.apply(pipeline())
    condition = eventually(lambda: _with_reason(kube.condition("SecretsResolved"), "SecretConflict"))
    assert f"Secret {NAME}-queue exists" in condition["message"]
    assert names(kube) == set()
    kube.delete("secret", f"{NAME}-queue")
    eventually(lambda: kube.get("deployment", API))


def test_a_missing_secret_is_named_and_found_when_it_comes(kube: Kube) -> None:
    kube.apply(pipeline(queue=EXTERNAL_QUEUE))
    condition = eventually(lambda: _with_reason(kube.condition("SecretsResolved"), "SecretNotFound"))
    assert condition["message"] == "Secret redis does not exist"
    assert names(kube) == set()
    kube("create", "secret", "generic", "redis", "--from-literal=url=redis://:secret@elsewhere:6380/1")
    secret = eventually(lambda: kube.get("secret", f"{NAME}-queue"))
    decoded = {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}
    assert decoded == {
        "url": "redis://:secret@elsewhere:6380/1",
        "address": "elsewhere:6380",
        "username": "",
        "password": "secret",
        "tls": "disable",
    }
    assert f"StatefulSet/{NAME}-redis" not in names(kube)


def test_suspending_stops_the_pods_and_resuming_starts_them(kube: Kube) -> None:
    made(kube)

    def replicas() -> set[int]:
        return {item["spec"]["replicas"] for item in kube.list("deployments,statefulsets", OURS)}

    kube.patch("ragpipeline", NAME, {"spec": {"suspend": True}})
    eventually(lambda: replicas() == {0})
    assert eventually(lambda: _with_reason(kube.condition("Ready"), "Suspended"))["status"] == "False"
    kube.patch("ragpipeline", NAME, {"spec": {"suspend": False}})
    eventually(lambda: 0 not in replicas())


def test_a_pod_that_never_got_ready_is_replaced(kube: Kube) -> None:
    def image() -> str:
        pod = kube.get("pod", f"{NAME}-redis-0")
        return str(pod["spec"]["containers"][0]["image"]) if pod else ""

    made(kube, images={"redis": "redis:no-such-tag"})
    eventually(lambda: image() == "redis:no-such-tag")
    kube.patch("ragpipeline", NAME, {"spec": {"images": {"redis": "redis:7.2-bookworm"}}})
    assert eventually(lambda: image() == "redis:7.2-bookworm")


def test_deleting_a_pipeline_leaves_only_what_is_retained(kube: Kube) -> None:
    made(kube)
    kube("delete", "ragpipeline", NAME)
    retained = {f"PersistentVolumeClaim/{NAME}-{part}" for part in ("objects", "redis-data", "qdrant-data")}
    assert eventually(lambda: names(kube) == retained)


@pytest.mark.parametrize("labels", ["whole", "lost"])
def test_a_pipeline_made_again_takes_its_retained_claims(kube: Kube, labels: str) -> None:
    made(kube)
    before = kube.get("pvc", f"{NAME}-qdrant-data")
    kube("delete", "ragpipeline", NAME)
    eventually(lambda: kube.get("deployment", API) is None)
    if labels == "lost":
        kube("label", "pvc", f"{NAME}-qdrant-data", "app.kubernetes.io/managed-by-")
    kube.apply(pipeline(vectorStore={"collection": "docs", "managed": {"retentionPolicy": "Delete"}}))

    def owned() -> Manifest | None:
        claim = kube.get("pvc", f"{NAME}-qdrant-data")
        return claim if claim and "ownerReferences" in claim["metadata"] else None

    after = eventually(owned)
    assert before
    assert after["metadata"]["uid"] == before["metadata"]["uid"]


def _with_reason(condition: Manifest | None, reason: str) -> Manifest | None:
    return condition if condition and condition["reason"] == reason else None
