"""The children of a pipeline."""

import json
from itertools import chain
from typing import Any

import pytest
from tests.unit.pipelines import (
    AUTOSCALED,
    EXTERNAL_LLM,
    GATEWAY,
    INGRESS,
    KEYS,
    MANAGED_LLM,
    MINILM,
    UID,
    children,
    env_of,
    pipeline,
    pod_of,
    reindexing,
    secret_data,
    site,
)

from rag_contract.limits import EMBEDDING_SECONDS, READY_SECONDS
from rag_operator.children import build
from rag_operator.children.pods import DRAIN_SECONDS, EXIT_SECONDS
from rag_operator.names import Manifest

CACHED = {"model": "BAAI/bge-m3", "managed": {"cache": {"accessMode": "ReadWriteOnce"}}}
FULL: Manifest = {"embedding": AUTOSCALED, "llm": MANAGED_LLM}
REINDEXING: Manifest = {"embedding": AUTOSCALED, "indexes": reindexing(pipeline(embedding=AUTOSCALED))}
SPECS: list[Manifest] = [
    {},
    FULL,
    {"llm": EXTERNAL_LLM},
    {"embedding": CACHED},
    {"suspend": True},
    REINDEXING,
    {"expose": INGRESS},
    {"expose": GATEWAY},
]
POD_KINDS = {"Deployment", "StatefulSet"}


def pods(**spec: Any) -> list[Manifest]:
    return [item for item in build(site(**spec)) if item["kind"] in POD_KINDS]


def test_a_full_pipeline_has_these_children() -> None:
    names = {kind: [] for kind, _ in children(**FULL)}  # type: dict[str, list[str]]
    for kind, name in children(**FULL):
        names[kind].append(name)
    assert names == {
        "Secret": ["demo-queue", "demo-vector-store"],
        "PersistentVolumeClaim": ["demo-objects", "demo-redis-data", "demo-qdrant-data"],
        "ServiceAccount": [
            f"demo-{part}" for part in ("redis", "qdrant", "llm", "embedding", "worker", "api")
        ],
        "Service": [f"demo-{part}" for part in ("redis", "qdrant", "llm", "embedding", "api")],
        "StatefulSet": ["demo-redis", "demo-qdrant"],
        "Deployment": ["demo-llm", "demo-embedding", "demo-worker", "demo-api"],
        "PodDisruptionBudget": ["demo-embedding"],
        "NetworkPolicy": [
            f"demo-{part}" for part in ("api", "worker", "embedding", "llm", "redis", "qdrant")
        ],
        "TriggerAuthentication": ["demo-embedding"],
        "ScaledObject": ["demo-embedding"],
        "PodMonitor": ["demo-monitoring", "demo-qdrant"],
        "PrometheusRule": ["demo-monitoring"],
    }


@pytest.mark.parametrize("spec", SPECS)
def test_every_child_is_found_by_its_labels_and_goes_with_the_pipeline(spec: Manifest) -> None:
    retained = {"demo-objects", "demo-redis-data", "demo-qdrant-data"}
    for item in build(site(**spec)):
        metadata = item["metadata"]
        assert metadata["namespace"] == "team"
        assert metadata["labels"]["app.kubernetes.io/instance"] == "demo"
        assert metadata["labels"]["app.kubernetes.io/managed-by"] == "ragpipeline-operator"
        owners = [owner["uid"] for owner in metadata.get("ownerReferences", [])]
        assert owners == ([] if metadata["name"] in retained else [UID]), metadata["name"]


def test_a_claim_that_is_not_retained_goes_with_the_pipeline() -> None:
    made = children(
        storage={"managed": {"retentionPolicy": "Delete"}},
        queue={"managed": {"retentionPolicy": "Delete"}},
        vectorStore={"collection": "docs", "managed": {"retentionPolicy": "Delete"}},
    )
    for name in ("demo-objects", "demo-redis-data", "demo-qdrant-data"):
        assert made["PersistentVolumeClaim", name]["metadata"]["ownerReferences"][0]["uid"] == UID


@pytest.mark.parametrize("spec", SPECS)
def test_every_pod_meets_the_restricted_standard(spec: Manifest) -> None:
    for item in pods(**spec):
        pod = pod_of(item)
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in (*pod["containers"], *pod.get("initContainers", [])):
            context = container["securityContext"]
            assert context["allowPrivilegeEscalation"] is False
            assert context["capabilities"] == {"drop": ["ALL"]}
            assert context["readOnlyRootFilesystem"] is True
            assert container["resources"]["requests"], container["name"]
            assert container["terminationMessagePolicy"] == "FallbackToLogsOnError"


@pytest.mark.parametrize("spec", SPECS)
def test_no_process_is_the_first_of_its_namespace_which_ignores_an_early_sigterm(spec: Manifest) -> None:
    assert all(pod_of(item)["shareProcessNamespace"] for item in pods(**spec))


@pytest.mark.parametrize("spec", SPECS)
def test_every_container_is_probed_and_every_mount_has_its_volume(spec: Manifest) -> None:
    for item in pods(**spec):
        pod = pod_of(item)
        volumes = {volume["name"] for volume in pod["volumes"]}
        sidecars = [each for each in pod.get("initContainers", []) if "restartPolicy" in each]
        for container in (*pod["containers"], *sidecars):
            assert {"startupProbe", "livenessProbe", "readinessProbe"} <= container.keys(), container["name"]
        mounts = (each["volumeMounts"] for each in (*pod["containers"], *pod.get("initContainers", [])))
        used = {mount["name"] for mount in chain.from_iterable(mounts)}
        assert used == volumes


@pytest.mark.parametrize("spec", SPECS)
def test_no_secret_is_in_a_pod_or_on_a_command_line(spec: Manifest) -> None:
    text = json.dumps(pods(**spec))
    assert "redis-password" not in text
    assert "qdrant-key" not in text


def test_pods_restart_when_a_secret_that_they_use_changes() -> None:
    def hashes(key: str) -> dict[str, Any]:
        made = pods(
            user_secrets={"keys": {"api": key}},
            api={"auth": {"apiKeySecretRef": {"name": "keys", "key": "api"}}},
        )
        return {
            item["metadata"]["name"]: item["spec"]["template"]["metadata"]["annotations"] for item in made
        }

    before, after = hashes("old"), hashes("new")
    assert {name for name in before if before[name] != after[name]} == {"demo-api", "demo-embedding"}


def test_keda_owns_the_number_of_embedding_pods() -> None:
    assert "replicas" not in children(embedding=AUTOSCALED)["Deployment", "demo-embedding"]["spec"]


@pytest.mark.parametrize(
    ("spec", "replicas"),
    [
        ({}, 1),
        ({"embedding": {"model": MINILM, "managed": {"replicas": 3}}}, 3),
        ({"embedding": AUTOSCALED, "keda": False}, 1),
        ({"embedding": AUTOSCALED, "suspend": True}, 0),
    ],
)
def test_otherwise_the_number_of_embedding_pods_is(spec: Manifest, replicas: int) -> None:
    made = children(**spec)
    assert made["Deployment", "demo-embedding"]["spec"]["replicas"] == replicas
    assert ("ScaledObject", "demo-embedding") not in made


def test_the_scaler_counts_the_pipelines_own_queue() -> None:
    made = children(embedding=AUTOSCALED)
    spec = made["ScaledObject", "demo-embedding"]["spec"]
    (trigger,) = spec["triggers"]
    assert trigger["type"] == "redis"
    assert trigger["metadata"] == {
        "listName": "team.demo:embed",
        "listLength": "20",
        "activationListLength": "0",
        "databaseIndex": "0",
    }
    assert spec["fallback"]["replicas"] == 1
    credentials = made["TriggerAuthentication", trigger["authenticationRef"]["name"]]["spec"][
        "secretTargetRef"
    ]
    secret = secret_data(made["Secret", "demo-queue"])
    assert {each["parameter"] for each in credentials} == {"address", "username", "password", "tls"}
    assert all(each["name"] == "demo-queue" and each["key"] in secret for each in credentials)


def test_suspending_stops_every_pod() -> None:
    assert {item["spec"]["replicas"] for item in pods(suspend=True, **FULL)} == {0}


LIMIT: Manifest = {"limits": {"cpu": "3", "memory": "1Gi"}}
LIMITED: Manifest = {
    "api": {"resources": LIMIT},
    "workers": {"resources": LIMIT},
    "queue": {"managed": {"resources": LIMIT}},
    "vectorStore": {"collection": "docs", "managed": {"resources": LIMIT}},
}
LIMITED_LLM: Manifest = {"managed": {**MANAGED_LLM["managed"], "resources": LIMIT, "modelResources": LIMIT}}


@pytest.mark.parametrize(
    "spec",
    [
        {
            "embedding": {"model": MINILM, "modelResources": LIMIT, "managed": {"resources": LIMIT}},
            "llm": {**LIMITED_LLM, "resources": LIMIT},
        },
        {
            "embedding": {
                "model": MINILM,
                "modelResources": LIMIT,
                "external": {"url": "http://tei", "resources": LIMIT},
            },
            "llm": {**EXTERNAL_LLM, "resources": LIMIT},
        },
    ],
    ids=["managed", "external"],
)
def test_the_resources_of_every_container_can_be_set(spec: Manifest) -> None:
    for item in pods(**LIMITED, **spec):
        pod = pod_of(item)
        for container in (*pod["containers"], *pod.get("initContainers", [])):
            assert container["resources"]["limits"] == LIMIT["limits"], (item["metadata"], container["name"])


def test_a_known_model_comes_from_its_image_and_an_unknown_one_from_the_hub() -> None:
    known = children()["Deployment", "demo-embedding"]
    assert pod_of(known)["initContainers"][0]["command"] == ["cp", "-R", "/models/.", "/mnt/models"]
    assert env_of(known)["MODEL_PATH"] == "/models"
    unknown = children(embedding={"model": "BAAI/bge-m3", "managed": {}})["Deployment", "demo-embedding"]
    assert "initContainers" not in pod_of(unknown)
    assert "MODEL_PATH" not in env_of(unknown)
    assert env_of(unknown)["HF_HOME"] == "/var/cache/huggingface"


def test_a_rollout_is_given_the_time_of_its_start() -> None:
    for name, start in (("demo-api", 120), ("demo-embedding", 1800)):
        spec = children(embedding={"model": "BAAI/bge-m3", "managed": {}})["Deployment", name]["spec"]
        assert spec["progressDeadlineSeconds"] == 600 + start


def test_a_cache_on_one_node_lets_the_old_pod_go_first() -> None:
    deployment = children(embedding=CACHED)["Deployment", "demo-embedding"]
    assert deployment["spec"]["strategy"] == {"type": "Recreate"}


def test_pods_that_share_a_volume_of_one_node_share_the_node() -> None:
    one = children()
    many = children(storage={"managed": {"accessMode": "ReadWriteMany"}})
    for name in ("demo-api", "demo-worker"):
        assert "podAffinity" in pod_of(one["Deployment", name])["affinity"]
        assert "affinity" not in pod_of(many["Deployment", name])


@pytest.mark.parametrize(("replicas", "pods"), [({}, 3), ({"replicas": 1}, 1), ({"replicas": 4}, 4)])
def test_as_many_pods_as_the_api_has_stand_before_a_server_elsewhere(replicas: Manifest, pods: int) -> None:
    made = children(
        api={"replicas": 3},
        embedding={"model": MINILM, "external": {"url": "http://tei", **replicas}},
        llm={"external": {**EXTERNAL_LLM["external"], **replicas}},
    )
    for name in ("demo-embedding", "demo-llm"):
        assert made["Deployment", name]["spec"]["replicas"] == pods
        assert (("PodDisruptionBudget", name) in made) == (pods > 1)


def test_what_a_kubelet_would_take_for_a_variable_reaches_the_process_as_it_was_written() -> None:
    template = "$$x$$ {passages} $(HOSTNAME) {question}"
    made = children(llm={"managed": {"model": "$(NAME)", "modelImage": "m"}, "promptTemplate": template})
    assert env_of(made["Deployment", "demo-api"])["ANSWER_TEMPLATE"] == template.replace("$", "$$")
    engine = pod_of(made["Deployment", "demo-llm"])["initContainers"][1]
    assert "$$(NAME)" in engine["args"]


def test_a_budget_never_holds_up_the_drain_of_the_one_node_that_pods_share() -> None:
    budget = ("PodDisruptionBudget", "demo-api")
    shared: Manifest = {"managed": {"accessMode": "ReadWriteMany"}}
    assert budget not in children()
    assert budget in children(storage=shared)
    assert budget not in children(storage=shared, api={"replicas": 1})


@pytest.mark.parametrize(
    ("component", "work", "last"),
    [
        ("worker", "SHUTDOWN_GRACE_SECONDS", READY_SECONDS),
        ("embedding", "SHUTDOWN_GRACE_SECONDS", EMBEDDING_SECONDS),
        ("api", "ANSWER_SECONDS", 0),
        ("llm", "ANSWER_SECONDS", 0),
    ],
)
def test_a_pod_that_stops_has_time_for_its_work_its_last_requests_and_its_end(
    component: str, work: str, last: int
) -> None:
    deployment = children(**FULL)["Deployment", f"demo-{component}"]
    needed = float(env_of(deployment)[work]) + last + DRAIN_SECONDS + EXIT_SECONDS
    assert pod_of(deployment)["terminationGracePeriodSeconds"] >= needed


def test_the_engine_of_a_language_model_outlives_its_service_in_their_pod() -> None:
    pod = pod_of(
        children(llm={"managed": {**MANAGED_LLM["managed"], "resources": {"limits": {"cpu": "1500m"}}}})[
            "Deployment", "demo-llm"
        ]
    )
    (service,), (_, engine) = pod["containers"], pod["initContainers"]
    # The kubelet starts a sidecar before the containers, and ends it after them.
    assert engine["restartPolicy"] == "Always"
    assert "lifecycle" not in engine
    assert engine["args"] == [
        "-m", "/models/model.gguf", "--alias", MANAGED_LLM["managed"]["model"], "--host", "127.0.0.1",
        "--port", "8080", "-c", "4096", "--parallel", "2", "--metrics", "--threads", "2",
    ]  # fmt: skip
    assert {"name": "BACKEND_URL", "value": "http://127.0.0.1:8080/v1"} in service["env"]


def test_a_language_model_without_an_image_makes_no_pods() -> None:
    made = site(llm={"managed": {"model": "someone/unknown"}})
    assert not made.llm_image_known
    assert ("Deployment", "demo-llm") not in children(llm={"managed": {"model": "someone/unknown"}})


@pytest.mark.parametrize("service", ["api", "embedding"])
def test_every_key_is_described_to_who_asks_for_it_and_stays_in_its_secret(service: str) -> None:
    variables = env_of(children(api={"auth": KEYS})["Deployment", f"demo-{service}"])
    assert variables["API_KEY"] == {"secretKeyRef": {"name": "keys", "key": "first"}}
    assert variables["API_KEY_0"] == {"secretKeyRef": {"name": "keys", "key": "second"}}
    assert json.loads(variables["API_KEYS"]) == [
        {"name": "reader", "scopes": ["query"], "requests_per_minute": 60, "variable": "API_KEY_0"}
    ]


@pytest.mark.parametrize("service", ["api", "embedding"])
def test_a_pipeline_without_keys_asks_for_none(service: str) -> None:
    names = env_of(children()["Deployment", f"demo-{service}"]).keys()
    assert not {name for name in names if name.startswith("API_KEY")}


@pytest.mark.parametrize(
    ("ingestion", "image"),
    [({}, "mine/worker:1"), ({"ocr": True}, "mine/worker-ocr:1")],
)
def test_workers_that_recognise_text_have_an_image_of_their_own(
    ingestion: dict[str, bool], image: str
) -> None:
    images = {"worker": "mine/worker:1", "workerOcr": "mine/worker-ocr:1"}
    worker = children(images=images, ingestion=ingestion)["Deployment", "demo-worker"]
    assert pod_of(worker)["containers"][0]["image"] == image
    assert env_of(worker)["OCR"] == str("ocr" in ingestion).lower()


def test_the_pipeline_chooses_images_pull_policy_and_pull_secrets() -> None:
    images = {"api": "mine/api:1", "pullPolicy": "Always", "pullSecrets": [{"name": "registry"}]}
    pod = pod_of(children(images=images)["Deployment", "demo-api"])
    assert (pod["containers"][0]["image"], pod["containers"][0]["imagePullPolicy"]) == (
        "mine/api:1",
        "Always",
    )
    assert pod["imagePullSecrets"] == [{"name": "registry"}]
